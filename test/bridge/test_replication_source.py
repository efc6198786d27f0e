"""--source replication: the stream from a slot of the bridge's own. That clients get
the same from it as from the background worker, the tests marked `sources` say."""
import threading
import urllib.error
import urllib.request

import pytest

from database import Database, Server, run, value, wait_until
from replication import replicating
from test_subscribe import edit, numbers_in, version_of


def slots(database):
    return run(database.session, "SELECT slot_name, temporary, active FROM pg_replication_slots "
               "WHERE database = current_database() AND plugin = 'converge_output' "
               "AND slot_name !~ '^converge_[0-9]+_' ORDER BY slot_name")


def ready(bridge):
    try:
        return urllib.request.urlopen(f"http://{bridge.address}/readyz", timeout=60).status == 200
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return False


def has_everything(database, peer, key):
    """Reads until the peer has the whole log, by what it pulled or was sent."""
    log = set(database.log(key))
    has, live = {}, set()
    while any(seq > has.get(replica, 0) for replica, seq in log - live):
        message = peer.next()
        if message.WhichOneof("message") == "subscribed":
            live |= set(numbers_in(message.subscribed.pull.changes))
            for replica, seq in version_of(database, message.subscribed.pull.log_version).items():
                has[replica] = max(has.get(replica, 0), seq)
        else:
            live |= set(numbers_in(message.changes.changes))
    return True


def test_a_role_without_the_attribute_is_refused_in_words(database, start_bridge):
    bridge = start_bridge(database, "--source", "replication")
    wait_until(lambda: "cannot attach" in bridge.log(), "a refusal")
    assert 'the role "bridge" has not the attribute REPLICATION (ALTER ROLE bridge REPLICATION)' in bridge.log()
    assert not ready(bridge)
    # Granted, it needs no restart.
    run(database.session, "ALTER ROLE bridge REPLICATION")
    try:
        wait_until(lambda: ready(bridge), "the bridge to be ready")
    finally:
        run(database.session, "ALTER ROLE bridge NOREPLICATION")
    assert bridge.log().count("cannot attach") == 1


def test_a_server_without_logical_wal_is_refused_in_words(start_bridge):
    server = Server(wal_level="replica")
    try:
        database = Database(server)
        bridge = start_bridge(database, *replicating(database))
        wait_until(lambda: "cannot attach" in bridge.log(), "a refusal")
        assert 'the server has wal_level "replica", where "logical" is needed' in bridge.log()
        assert not ready(bridge)
        bridge.stop()
        database.close()
    finally:
        server.remove()


def test_a_temporary_slot_goes_with_the_bridge(database, start_bridge):
    bridge = start_bridge(database, *replicating(database), "--workers", "2")
    wait_until(lambda: len(slots(database)) == 2, "a slot for each worker")
    assert all(temporary and active for _, temporary, active in slots(database))
    bridge.process.kill()
    bridge.process.wait()
    wait_until(lambda: slots(database) == [], "the slots to go")


def test_a_slot_with_a_name_stays_and_is_used_again(database, start_bridge, connect):
    database.insert("plan")
    options = (*replicating(database), "--slot", "elsewhere")
    bridge = start_bridge(database, *options)
    wait_until(lambda: ready(bridge), "the bridge")
    assert slots(database) == [("elsewhere", False, True)]
    confirmed = "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'elsewhere'"
    before = value(database.session, confirmed)
    edit(database, "plan", "n", 1)
    wait_until(lambda: value(database.session, confirmed) != before, "the slot to move on")
    bridge.stop()
    wait_until(lambda: slots(database) == [("elsewhere", False, False)], "the slot to be free")
    edit(database, "plan", "n", 2)
    again = start_bridge(database, *options)
    peer = connect(again, document="plan")
    edit(database, "plan", "n", 3)
    peer.next("changes")
    again.stop()
    wait_until(lambda: slots(database) == [("elsewhere", False, False)], "the slot to be free")
    run(database.session, "SELECT pg_drop_replication_slot('elsewhere')")


def test_a_slot_of_something_else_is_left_alone(database, start_bridge):
    run(database.session, "SELECT pg_create_logical_replication_slot('taken', 'test_decoding')")
    bridge = start_bridge(database, *replicating(database), "--slot", "taken")
    wait_until(lambda: '"taken" is not of converge_output' in bridge.log(), "a refusal")
    bridge.stop()
    run(database.session, "SELECT pg_drop_replication_slot('taken')")


def test_a_lost_slot_is_made_anew_and_clients_miss_nothing(own_database, start_bridge, connect):
    database = own_database
    database.insert("plan")
    bridge = start_bridge(database, *replicating(database), "--slot", "elsewhere")
    peer = connect(bridge, document="plan")
    run(database.session, "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    run(database.session, "SELECT pg_reload_conf()")
    bridge.process.send_signal(19)  # SIGSTOP: it reads nothing
    try:
        status = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'elsewhere'"
        number = 0
        while value(database.session, status) != "lost":
            number += 1
            assert number < 50, "the slot keeps its WAL"
            edit(database, "plan", "n", number)
            run(database.session, "SELECT pg_logical_emit_message(true, 'filler', repeat('x', 8000000))")
            run(database.session, "SELECT pg_switch_wal()")
            run(database.session, "CHECKPOINT")
    finally:
        bridge.process.send_signal(18)
    wait_until(lambda: "is made anew" in bridge.log(), "the slot made anew")
    edit(database, "plan", "after", 1)
    assert has_everything(database, peer, "plan")
    assert [name for name, _, _ in slots(database)] == ["elsewhere"]


@pytest.mark.sources("worker", "replication")
def test_a_commit_that_nobody_sees_yet_is_no_hole(own_database, start_bridge, connect, source):
    """It waits for a standby: in the WAL, and decoded, before any snapshot shows it. Who
    subscribes meanwhile was not sent it, and would not pull it either."""
    database = own_database
    database.insert("plan")
    database.insert("other")
    bridge = start_bridge(database)
    witness = connect(bridge, document="other")
    writer = database.connect()
    log = len(database.log("plan"))

    def write():
        run(writer, "BEGIN")
        edit(database, "plan", "n", 1, session=writer)
        edit(database, "other", "n", 1, session=writer)
        run(writer, "COMMIT")

    thread = threading.Thread(target=write)
    with database.server.commits_unseen():
        thread.start()
        witness.next("changes")                       # it has come, and the part of "plan" was passed over
        assert len(database.log("plan")) == log       # which nobody sees
        late = connect(bridge)
        late.ask_to_follow("note", "plan")
        assert late.quiet(0.7, "subscribed"), "subscribed without the change, which will not come again"
    thread.join(60)
    subscribed = late.next("subscribed")
    assert sum(version_of(database, subscribed.pull.log_version).values()) == len(database.log("plan")) == log + 1
    late.channel = subscribed.channel
    edit(database, "plan", "n", 2)
    late.next("changes")
    writer.close()
