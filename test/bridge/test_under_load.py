"""A bridge whose thread is busy gathers (gather_window.h): nothing is lost by that,
nothing comes twice or in another order, and it ends with the load."""
import contextlib
import threading

import pytest

from database import token, wait_until
from frames import PING, RawClient, frame
from test_metrics import values
from test_push import transactions
from test_several import spread


@contextlib.contextmanager
def load(database, bridge):
    """Keeps the bridge's thread busy with pings, until it gathers; the others are served."""
    client = RawClient(bridge.address, timeout=60)
    client.upgrade()
    client.say_hello(token("acme", "noisy", database.secret))
    ended = threading.Event()
    pings = frame(PING) * 10000

    def send():
        with contextlib.suppress(OSError):
            while not ended.is_set():
                client.socket.sendall(pings)

    def receive():
        with contextlib.suppress(OSError):
            while client.socket.recv(1 << 20):
                pass

    threads = [threading.Thread(target=each) for each in (send, receive)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: values(bridge)["gather_window_seconds"] > 0.0005, "the load")
        yield
    finally:
        ended.set()
        client.socket.shutdown(2)
        for thread in threads:
            thread.join()
        client.close()


def receives_all(peer, peers, count):
    """The first `count` changes of each of the others, in order, each once; and the
    acknowledgement of its own."""
    got = {other.replica: 0 for other in peers}
    acknowledged = 0
    while acknowledged < count or any(got[other.replica] < count for other in peers if other is not peer):
        message = peer.next()
        acknowledged = max(acknowledged, message.ack.seq)
        for change in message.changes.changes:
            assert change.seq == got[change.replica] + 1 or change.replica == peer.replica, "out of order, or twice"
            got[change.replica] = change.seq


@pytest.mark.sources("worker", "replication")
def test_nothing_is_lost_and_order_is_kept(database, start_bridge, connect):
    database.insert("shared")
    bridge = start_bridge(database, "--gather", "100ms", "--push-connections", "3")
    peers = spread(connect, [bridge], 8, "shared")
    with load(database, bridge):
        for _ in range(10):
            for peer in peers:
                peer.push()
                peer.push(2)
        for peer in peers:
            receives_all(peer, peers, 30)
    wait_until(lambda: values(bridge)["gather_window_seconds"] < 0.0005, "the end of gathering")
    assert {(peer.replica, seq) for peer in peers for seq in range(1, 31)} <= set(database.log("shared"))


def test_what_is_gathered_is_pushed_in_one_call(database, start_bridge, connect):
    database.insert("shared")
    bridge = start_bridge(database, "--gather", "1s")
    peers = spread(connect, [bridge], 10, "shared")
    with load(database, bridge):
        before = transactions(database, "shared")
        pushed = [peer.push() for peer in peers]
        for peer, seq in zip(peers, pushed):
            assert peer.next("ack").seq == seq
        assert transactions(database, "shared") - before < len(peers)


def test_an_orderly_shutdown_under_load(database, start_bridge, connect):
    database.insert("shared")
    bridge = start_bridge(database, "--gather", "500ms")
    peers = spread(connect, [bridge], 5, "shared")
    with load(database, bridge):
        pushed = [peer.push(3) for peer in peers]
        for peer in peers:
            peer.ping()  # the bridge has read them
        bridge.process.terminate()
        for peer, seq in zip(peers, pushed):
            acknowledged = 0
            while acknowledged < seq:
                acknowledged = peer.next("ack").seq
            assert peer.next("problem").fatal
            assert peer.closed_with() == 1001
            peer.close()
    assert bridge.process.wait(60) == 0
    assert {(peer.replica, seq) for peer in peers for seq in range(1, 4)} <= set(database.log("shared"))
