"""The stream goes and comes back, with the background worker or with the connection
that replicates: the bridge refills from the log."""
import pytest

from database import value, wait_until

from test_subscribe import edit, numbers_in, version_of

pytestmark = pytest.mark.sources("worker", "replication")


def stop_stream(database, source):
    kind = "backend_type LIKE 'converge%%stream%%'" if source == "worker" else "backend_type = 'walsender'"
    return value(database.session, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                 f"WHERE datname = current_database() AND {kind}")


def attached(bridge):
    return bridge.log().count("attached to ")


def hear_all(database, peer, answer=None):
    """Until the whole log of the document has come: with `answer`, live, or in one that fills up."""
    log = set(database.log("plan"))
    has = version_of(database, answer.pull.log_version) if answer else {}
    live = set()
    while any(s > has.get(r, 0) for r, s in log - live):
        message = peer.next()
        if message.WhichOneof("message") == "subscribed":
            pull = message.subscribed.pull
            assert message.subscribed.channel == peer.channel
            live |= set(numbers_in(pull.changes))
            for replica, seq in version_of(database, pull.log_version).items():
                has[replica] = max(has.get(replica, 0), seq)
        else:
            live |= set(numbers_in(message.changes.changes))


def test_clients_miss_nothing_while_the_stream_is_away(database, bridge, connect, source):
    database.insert("plan")
    database.insert("quiet")
    peers = [connect(bridge, document="plan") for _ in range(3)]
    author = connect(bridge, document="plan")
    bystander = connect(bridge, document="quiet")
    author.push_and_wait()
    for round in range(3):
        before = attached(bridge)
        assert stop_stream(database, source) == 1
        for number in range(5):
            edit(database, "plan", f"r{round}-{number}", number)
            author.push_and_wait()
        wait_until(lambda: attached(bridge) > before, "the stream")
        edit(database, "plan", f"r{round}-after", 1)
    for peer in peers:
        hear_all(database, peer)
    edit(database, "quiet", "still", 1)
    bystander.next("changes")


def test_subscribing_while_the_stream_is_away_waits_for_it(database, bridge, connect, source):
    database.insert("plan")
    connect(bridge, document="plan")
    assert stop_stream(database, source) == 1
    peer = connect(bridge)
    answer = peer.follow("note", "plan")
    edit(database, "plan", "n", 1)
    # It may have been answered before the loss was noticed: then it is filled up.
    hear_all(database, peer, answer)
