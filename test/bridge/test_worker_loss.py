"""The background worker goes and comes back: the bridge refills from the log."""
from database import run, value, wait_until

from test_subscribe import edit, numbers_in, version_of


def stop_worker(database):
    return value(database.session, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND backend_type LIKE 'converge%%stream%%'")


def test_clients_miss_nothing_while_the_worker_is_away(database, bridge, connect):
    database.insert("plan")
    database.insert("quiet")
    peers = [connect(bridge, document="plan") for _ in range(3)]
    author = connect(bridge, document="plan")
    bystander = connect(bridge, document="quiet")
    author.push_and_wait()
    for round in range(3):
        attached = bridge.log().count("attached to the background worker")
        assert stop_worker(database) == 1
        for number in range(5):
            edit(database, "plan", f"r{round}-{number}", number)
            author.push_and_wait()
        wait_until(lambda: bridge.log().count("attached to the background worker") > attached, "the worker")
        edit(database, "plan", f"r{round}-after", 1)
    log = set(database.log("plan"))
    for peer in peers:
        has = {}
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
    edit(database, "quiet", "still", 1)
    bystander.next("changes")


def test_subscribing_while_the_worker_is_away_waits_for_it(database, bridge, connect):
    database.insert("plan")
    connect(bridge, document="plan")
    assert stop_worker(database) == 1
    peer = connect(bridge)
    peer.follow("note", "plan")
    edit(database, "plan", "n", 1)
    assert peer.next("changes").channel == peer.channel
