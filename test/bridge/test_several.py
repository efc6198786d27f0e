"""Several bridges on one database, and several workers in one bridge: a change
that comes in through one goes out through all, as if there were one."""
import pytest

from database import wait_until
from test_metrics import values
from test_subscribe import version_of


def spread(connect, bridges, count, document):
    return [connect(bridges[i % len(bridges)], document=document, principal=f"user{i}") for i in range(count)]


def edits_reach_all(peers):
    """Each peer edits; everybody else gets every edit, in the order of its numbers, once.
    (The author may get its own, where they come with others'. And where a bridge's stream
    begins anew it pulls what it may have missed, which may come live as well.)"""
    wanted = {}
    for peer in peers:
        wanted[peer.replica] = peer.push_and_wait(3)
    for peer in peers:
        got = {}
        pulled = {}
        while any(got.get(replica, 0) < seq for replica, seq in wanted.items() if replica != peer.replica):
            message = peer.next()
            if message.HasField("subscribed"):
                pulled = version_of(peer.database, message.subscribed.pull.log_version)
                got.update({replica: max(got.get(replica, 0), seq) for replica, seq in pulled.items()})
            for change in message.changes.changes:
                if change.replica == peer.replica or change.seq <= pulled.get(change.replica, 0):
                    continue
                assert change.seq == got.get(change.replica, 0) + 1, "out of order, or twice"
                got[change.replica] = change.seq


@pytest.mark.sources("worker", "replication")
def test_two_bridges(database, start_bridge, connect):
    database.insert("shared")
    edits_reach_all(spread(connect, [start_bridge(database), start_bridge(database)], 6, "shared"))
    log = database.log("shared")
    assert len({replica for replica, _ in log}) >= 6


@pytest.mark.sources("worker", "replication")
def test_a_bridge_that_dies_holds_up_nobody(database, start_bridge, connect):
    database.insert("shared")
    first, second = start_bridge(database), start_bridge(database)
    doomed = spread(connect, [first], 2, "shared")
    rest = spread(connect, [second], 3, "shared")
    first.process.kill()
    first.process.wait()
    assert all(peer.closed_with() is None for peer in doomed)
    edits_reach_all(rest)


@pytest.mark.sources("worker", "replication")
@pytest.mark.parametrize("workers", [2, 4])
def test_workers_of_one_bridge(database, start_bridge, connect, workers):
    database.insert("shared")
    bridge = start_bridge(database, "--workers", str(workers))
    wait_until(lambda: values(bridge)["worker_attached"] == workers, "every worker's stream")
    peers = spread(connect, [bridge], 8 * workers, "shared")
    counted = values(bridge)
    # The kernel spreads the connections: that all go to one worker is as good as impossible.
    assert counted["documents"] > 1, "one worker has all the clients"
    assert counted["subscriptions"] == len(peers)
    edits_reach_all(peers[:6] + peers[-2:])


def test_bounds_hold_for_all_workers_together(database, start_bridge, connect):
    import websocket
    bridge = start_bridge(database, "--workers", "3", "--max-connections", "4")
    for _ in range(4):
        connect(bridge)
    with pytest.raises((websocket.WebSocketException, ConnectionError)):
        connect(bridge)


@pytest.mark.sources("worker", "replication")
def test_an_orderly_shutdown_of_all_workers(database, start_bridge, connect):
    database.insert("shared")
    bridge = start_bridge(database, "--workers", "3")
    peers = spread(connect, [bridge], 9, "shared")
    numbers = [(peer.replica, peer.push(4)) for peer in peers]
    bridge.process.terminate()
    for peer, (_, seq) in zip(peers, numbers):
        acknowledged = 0
        while True:
            message = peer.receive_message()
            if message is None:
                break
            if message.WhichOneof("message") == "ack":
                acknowledged = message.ack.seq
        # What was read was committed and acknowledged; what was not read, not.
        kept = max((s for r, s in database.log("shared") if r == peer.replica), default=0)
        assert acknowledged == kept and acknowledged in (0, seq)
        peer.close()
    assert bridge.process.wait(60) == 0
