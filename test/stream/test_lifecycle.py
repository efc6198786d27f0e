"""Databases and extensions that come and go while the worker runs, and servers that stop."""
import os
import signal
import threading
import time

import psycopg2
import pytest

from cluster import wait_until
from servers import Notes
from worker_client import Closed


def slots(session):
    return [name for name, in session.run(
        "SELECT slot_name::text FROM pg_replication_slots WHERE slot_name LIKE 'converge%%' "
        "ORDER BY 1")]


def slot_of(session, database):
    return session.run("SELECT slot_name::text FROM pg_replication_slots WHERE database = %s",
                       database)


def test_each_database_with_the_extension_has_a_worker_of_its_own(server, notes):
    notes.session.run("CREATE DATABASE second")
    notes.session.run("CREATE DATABASE without")
    second = Notes(server, "second")
    assert second.status()["pid"] != notes.status()["pid"]
    assert second.status()["slot"] != notes.status()["slot"]
    notes.document("same"), second.document("same")
    with notes.attach() as here, second.attach() as there:
        notes.watch(here, "same")
        number, ticket = notes.ticket("same")
        second.watch(there, "same")
        second.edit("same")
        assert there.frame() is not None
        assert here.frame(0.3) is None
    second.close()
    assert slot_of(notes.session, "without") == []


def test_a_database_can_be_dropped_while_its_worker_runs(server, notes):
    notes.session.run("CREATE DATABASE doomed")
    doomed = Notes(server, "doomed")
    doomed.document("d")
    with doomed.attach() as bridge:
        doomed.watch(bridge, "d")
        doomed.edit("d")
        assert bridge.frame() is not None
        path = doomed.session.value("SELECT converge.worker_socket()")
        doomed.close()
        notes.session.run("DROP DATABASE doomed")
        assert bridge.is_closed()
    assert slot_of(notes.session, "doomed") == []
    assert not os.path.exists(path)
    assert notes.status()["state"] == "running"


def test_a_failed_drop_brings_the_worker_back(server, notes):
    notes.session.run("CREATE DATABASE staying")
    staying = Notes(server, "staying")          # its session stays, so that the drop fails
    pid = staying.status()["pid"]
    with pytest.raises(psycopg2.errors.ObjectInUse):
        notes.session.run("DROP DATABASE staying")
    staying.wait_for_worker(other_than=pid)
    staying.close()


def test_somebody_who_may_not_drop_the_database_does_not_stop_its_worker(server, notes):
    notes.session.run("CREATE ROLE stranger LOGIN")
    pid = notes.status()["pid"]
    stranger = server.connect()
    stranger.run("SET SESSION AUTHORIZATION stranger")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        stranger.run("DROP DATABASE postgres")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        stranger.run("ALTER DATABASE postgres RENAME TO mine")
    stranger.close()
    time.sleep(0.2)
    assert notes.status()["pid"] == pid


def test_renaming_and_copying_a_database_work_while_its_worker_runs(server, notes):
    notes.session.run("CREATE DATABASE original")
    original = Notes(server, "original")
    original.document("kept")
    original.close()
    notes.session.run("ALTER DATABASE original RENAME TO renamed")
    renamed = Notes(server, "renamed", create=False)
    renamed.wait_for_worker()
    renamed.close()
    notes.session.run("CREATE DATABASE copied TEMPLATE renamed")
    for database in ("renamed", "copied"):
        again = Notes(server, database, create=False)
        again.wait_for_worker()
        with again.attach() as bridge:
            again.watch(bridge, "kept")
            again.edit("kept")
            assert bridge.frame() is not None
        again.close()


def test_dropping_and_creating_the_extension(server, notes):
    notes.session.run("CREATE DATABASE changing")
    changing = Notes(server, "changing")
    changing.document("d")
    first = changing.status()["slot"]
    bridge = changing.attach()
    changing.watch(bridge, "d")
    changing.session.run("DROP EXTENSION converge CASCADE")
    assert bridge.is_closed()
    wait_until(lambda: slot_of(notes.session, "changing") == [], "the slot to go")

    # A new one has a new slot, and its documents' numbers start anew.
    changing.session.run("DROP TABLE note")
    changing.create()
    assert changing.status()["slot"] != first
    changing.document("e")
    with changing.attach() as bridge:
        changing.watch(bridge, "e")
        changing.edit("e")
        assert bridge.frame().changes[0].ref.key == "e"

    # In one transaction: the worker only sees that it is another one.
    before = changing.status()
    with changing.session.transaction():
        changing.session.run("DROP EXTENSION converge CASCADE")
        changing.session.run("DROP TABLE note")
        changing.session.run("CREATE EXTENSION converge")
    changing.create()
    wait_until(lambda: changing.status()["state"] == "running" and
               changing.status()["slot"] != before["slot"], "the new extension's slot")
    assert slot_of(notes.session, "changing") == [(changing.status()["slot"],)]

    # A rolled back one changes nothing.
    before = changing.status()
    changing.session.run("BEGIN")
    changing.session.run("DROP EXTENSION converge CASCADE")
    changing.session.run("ROLLBACK")
    time.sleep(0.3)
    assert changing.status()["pid"] == before["pid"]
    changing.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_terminated_worker_comes_back(notes, number):
    pid = notes.status()["pid"]
    notes.document("back")
    bridge = notes.attach()
    notes.watch(bridge, "back")
    if number == signal.SIGTERM:
        notes.session.run("SELECT pg_terminate_backend(%s)", pid)
    else:
        # As a cancel, which is nothing to a worker, and then the end of it.
        notes.session.run("SELECT pg_cancel_backend(%s)", pid)
        notes.edit("back")
        assert bridge.frame() is not None
        os.kill(pid, signal.SIGTERM)
    assert bridge.is_closed()
    notes.wait_for_worker(other_than=pid)
    with notes.attach() as bridge:
        notes.watch(bridge, "back")
        notes.edit("back")
        assert bridge.frame() is not None


def test_a_terminated_launcher_comes_back(server, notes):
    launcher = notes.session.value(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'converge launcher'")
    pid = notes.status()["pid"]
    notes.session.run("SELECT pg_terminate_backend(%s)", launcher)
    wait_until(lambda: notes.session.run(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'converge launcher' AND pid <> %s",
        launcher), "a new launcher")
    assert notes.status()["pid"] == pid         # its workers do not care
    notes.session.run("SELECT pg_terminate_backend(%s)", pid)
    notes.wait_for_worker(other_than=pid)


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate", "crash"])
def test_the_server_restarts(own_server, mode):
    server = own_server()
    notes = Notes(server)
    document = notes.document("d")
    with notes.attach() as bridge:
        notes.watch(bridge, "d")
        notes.edit("d")
        assert bridge.frame() is not None
    slot = notes.status()["slot"]
    notes.close()
    server.crash() if mode == "crash" else server.stop(mode)
    server.start()
    notes = Notes(server, create=False)
    notes.wait_for_worker()
    assert notes.status()["slot"] == slot
    with notes.attach() as bridge:
        notes.watch(bridge, "d")
        before = notes.logged(document)
        notes.edit("d")
        new = notes.logged(document) - before
        seen = set()
        while not new <= seen:
            seen |= set(bridge.changes(1))
    notes.close()


def test_a_killed_worker_restarts_the_server_and_then_itself(own_server):
    server = own_server()
    notes = Notes(server)
    notes.document("d")
    pid = notes.signal_worker(signal.SIGKILL)
    wait_until(lambda: "terminated by signal 9" in server.log(), "the crash")
    notes.reconnect()
    notes.wait_for_worker(other_than=pid)
    with notes.attach() as bridge:
        notes.watch(bridge, "d")
        notes.edit("d")
        assert bridge.frame() is not None
    notes.close()


def test_a_slot_that_is_gone_or_has_lost_its_wal_is_made_anew(own_server):
    server = own_server(max_slot_wal_keep_size="1MB", min_wal_size="32MB", max_wal_size="32MB",
                        **{"converge.max_bridges": "4"})
    notes = Notes(server)
    document = notes.document("d")
    slot = notes.status()["slot"]

    # Gone: dropped while the worker is kept away.
    server.stop()
    server.settings["shared_preload_libraries"] = ""
    server.start()
    session = server.connect()
    session.run("SELECT pg_drop_replication_slot(%s)", slot)
    session.close()
    server.stop()
    del server.settings["shared_preload_libraries"]
    server.start()
    notes = Notes(server, create=False)
    notes.wait_for_worker()
    assert slots(notes.session) == [slot]

    # Without its WAL: much was written while the worker was kept away.
    server.stop()
    server.settings["shared_preload_libraries"] = ""
    server.start()
    session = server.connect()
    for _ in range(4):
        session.run("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 10000)")
        session.run("DROP TABLE filler")
        session.run("SELECT pg_switch_wal()")
    session.run("CHECKPOINT")
    assert session.value("SELECT wal_status FROM pg_replication_slots") == "lost"
    session.close()
    server.stop()
    del server.settings["shared_preload_libraries"]
    server.start()
    notes = Notes(server, create=False)
    notes.wait_for_worker()
    assert notes.session.value("SELECT wal_status FROM pg_replication_slots") == "reserved"
    assert "is made anew" in server.log()
    with notes.attach() as bridge:
        notes.watch(bridge, "d")
        notes.edit("d")
        assert bridge.frame().changes[0].document == document
    notes.close()


def test_a_slot_from_which_decoding_fails_is_made_anew(own_server):
    """As it does, in PostgreSQL itself, of what a transaction that runs while the slot
    is created does to a table that another one made meanwhile."""
    server = own_server()
    notes = Notes(server, create=False)
    early, maker, late, user = (server.connect() for _ in range(4))

    def creation_waits_for(*sessions):
        xids = [session.value("SELECT pg_current_xact_id()::text") for session in sessions]
        wait_until(lambda: notes.session.value("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' "
                                               "AND transactionid::text = ANY (%s) AND NOT granted", xids),
                   "the creation of the slot to wait", 60)

    early.run("BEGIN")
    early.run("SELECT pg_current_xact_id()")
    notes.session.run("CREATE EXTENSION converge")
    creation_waits_for(early)
    maker.run("BEGIN")
    maker.run("CREATE TABLE made (n int)")
    late.run("BEGIN")
    late.run("SELECT pg_current_xact_id()")
    early.run("COMMIT")
    creation_waits_for(maker, late)
    maker.run("COMMIT")
    user.run("BEGIN")
    user.run("INSERT INTO made VALUES (1)")
    late.run("COMMIT")
    notes.wait_for_worker()
    user.run("COMMIT")
    wait_until(lambda: "Decoding from it raised an error" in server.log(), "a new slot")
    notes.create()
    document = notes.document("d")
    with notes.attach() as bridge:
        notes.watch(bridge, "d")
        notes.edit("d")
        assert bridge.frame().changes[0].document == document
    for session in (early, maker, late, user, notes):
        session.close()


def test_a_plugin_that_is_not_allowed_is_named_and_not_tried_in_a_loop(own_server):
    server = own_server()
    with server.connect() as session:
        if not session.run("SELECT 1 FROM pg_settings WHERE name = 'output_plugin_libraries'"):
            pytest.skip("this server allows every output plugin")
    server.settings["output_plugin_libraries"] = "pgoutput"
    server.stop()
    server.start()
    notes = Notes.__new__(Notes)
    notes.server, notes.database, notes.session = server, "postgres", server.connect()
    notes.session.run("CREATE EXTENSION converge")
    problem = wait_until(lambda: notes.status()["problem"], "the problem")
    assert "converge_output" in problem and "output plugin" in problem
    time.sleep(5)
    assert server.log().count("may not be used as an output plugin") <= 4
    assert "output_plugin_libraries" in server.log()        # the hint names the setting

    # A reload is enough.
    server.set(output_plugin_libraries="pgoutput, converge_output")
    notes.wait_for_worker()
    notes.close()


def test_what_an_interrupted_drop_has_left_is_not_tried(own_server):
    server = own_server()
    with server.connect() as session:
        session.run("CREATE DATABASE torn")
        session.run("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'torn'")
    server.stop()
    before = len(server.log())
    server.start()
    # The launcher looks at the databases in the order in which they came.
    with server.connect() as session:
        session.run("CREATE DATABASE later")
    later = Notes(server, "later")
    assert "torn" not in server.log()[before:]
    later.session.run("DROP DATABASE torn")
    later.close()


def test_the_slot_moves_on_while_the_tables_are_idle(notes):
    def confirmed():
        return notes.session.value(
            "SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = %s",
            notes.status()["slot"])

    notes.session.run("CREATE TABLE IF NOT EXISTS unrelated (x text)")
    for _ in range(2):
        notes.session.run(
            "INSERT INTO unrelated SELECT repeat('x', 100) FROM generate_series(1, 5000)")
        target = notes.session.value("SELECT pg_current_wal_flush_lsn() - '0/0'")
        wait_until(lambda: confirmed() >= target, "the confirmation")
    # Its restart position too, at the next snapshot of running transactions.
    before = notes.session.value(
        "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = %s", notes.status()["slot"])

    def moved():
        notes.session.run("SELECT pg_log_standby_snapshot()" if
                          notes.session.run("SELECT 1 FROM pg_proc WHERE proname = 'pg_log_standby_snapshot'")
                          else "CHECKPOINT")
        return notes.session.value(
            "SELECT restart_lsn > %s FROM pg_replication_slots WHERE slot_name = %s",
            before, notes.status()["slot"])
    wait_until(moved, "restart_lsn to move")


def test_the_slot_waits_for_open_transactions_and_can_be_interrupted(server, notes):
    """Its creation waits for every transaction with an xid; DROP DATABASE goes through all the same."""
    notes.session.run("CREATE DATABASE waiting")
    blocker = server.connect()
    blocker.run("BEGIN")
    blocker.run("SELECT pg_current_xact_id()")
    session = server.connect("waiting")
    session.run("CREATE EXTENSION converge")
    wait_until(lambda: session.value("SELECT state FROM converge.worker_status()") == "creating slot",
               "the worker to wait")
    time.sleep(0.3)
    assert session.value("SELECT state FROM converge.worker_status()") == "creating slot"
    session.close()
    notes.session.run("DROP DATABASE waiting")
    blocker.run("ROLLBACK")
    blocker.close()
    assert slot_of(notes.session, "waiting") == []


def test_a_prepared_transaction_is_forwarded_at_its_commit(own_server):
    notes = Notes(own_server(max_prepared_transactions="5"))
    document = notes.document("two-phase")
    with notes.attach() as bridge:
        notes.watch(bridge, "two-phase")
        notes.session.run("BEGIN")
        notes.edit("two-phase")
        notes.session.run("PREPARE TRANSACTION 'p'")
        assert bridge.frame(0.3) is None
        notes.session.run("COMMIT PREPARED 'p'")
        assert [c[0] for c in bridge.changes(1)] == [document]
    notes.close()


def test_changes_are_forwarded_completely_and_in_order_though_the_worker_ends_in_between(notes):
    """A reader that fills up from the log after each loss has everything, in the log's order."""
    document = notes.document("marathon")
    total = 1000
    done = threading.Event()

    def write():
        with notes.server.connect(notes.database) as session:
            for n in range(total):
                if n in (300, 600):
                    terminate_worker(notes)
                notes.edit("marathon", str(n), session=session)
        done.set()

    before = notes.logged(document)
    writer = threading.Thread(target=write)
    writer.start()
    seen, losses = [], 0
    with notes.server.connect(notes.database) as reader:
        own = Notes.__new__(Notes)
        own.server, own.database, own.session = notes.server, notes.database, reader
        while not (done.is_set() and set(seen) >= own.logged(document) - before):
            try:
                with wait_until(lambda: try_to_attach(own), "the worker") as bridge:
                    own.watch(bridge, "marathon")
                    # What was lost meanwhile, as pull() would give it, then what comes.
                    fill_up(own, document, before, seen)
                    while not (done.is_set() and set(seen) >= own.logged(document) - before):
                        frame = bridge.frame(1)
                        take(seen, [] if frame is None else
                             [(c.document, c.change.replica, c.change.seq) for c in frame.changes],
                             before)
            except (Closed, ConnectionError, AssertionError, FileNotFoundError):
                losses += 1
                assert losses < 50
    writer.join()
    assert losses >= 2
    assert set(seen) == notes.logged(document) - before
    assert len(seen) == len(set(seen)) == total
    for replica in {c[1] for c in seen}:
        numbers = [c[2] for c in seen if c[1] == replica]
        assert numbers == sorted(numbers)


def terminate_worker(notes):
    """Once somebody is attached, so that it is a loss."""
    with notes.server.connect(notes.database) as session:
        wait_until(lambda: session.run("SELECT 1 FROM converge.worker_status() WHERE watches > 0"),
                   "a watch")
        session.run("SELECT pg_terminate_backend(pid) FROM converge.worker_status()")


def try_to_attach(notes):
    try:
        return notes.attach("marathon")
    except (OSError, Closed, AssertionError):
        return None


def fill_up(notes, document, before, seen):
    rows = notes.session.run(
        "SELECT document, replica, seq FROM converge.change WHERE document = %s "
        "ORDER BY replica, seq", document)
    take(seen, rows, before)


def take(seen, changes, before):
    """Appends what is new; a stream may repeat."""
    have = set(seen) | before
    for change in changes:
        if change not in have:
            seen.append(change)
            have.add(change)
