"""What goes wrong around the stream, end to end: each receiver's changes are compared
with the log afterwards."""
import copy
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

from database import Database, run, value, wait_until
from receivers import Receiver
from test_subscribe import edit

both = pytest.mark.sources("worker", "replication")
KEYS = ("plan", "memo")


class Load:
    """Edits documents in SQL until stop(), over lost connections too."""

    def __init__(self, database, keys=KEYS):
        self.database, self.keys, self.stopping, self.done = database, keys, False, 0
        self.thread = threading.Thread(target=self.write, daemon=True)
        self.thread.start()

    def write(self):
        session = None
        while not self.stopping:
            try:
                session = session or self.database.connect()
                edit(self.database, self.keys[self.done % len(self.keys)], f"k{self.done % 50}", self.done, session=session)
                self.done += 1
            except psycopg2.Error:
                session = None
                time.sleep(0.05)
            time.sleep(0.002)

    def stop(self):
        self.stopping = True
        self.thread.join(60)
        assert not self.thread.is_alive()


@pytest.fixture
def follow(start_bridge):
    """follow(database, bridge, key) gives a Receiver that ends with the test."""
    made = []

    def follow(*arguments, **more):
        made.append(Receiver(*arguments, **more))
        return made[-1]

    yield follow
    for receiver in made:
        receiver.stopping = True
    for receiver in made:
        receiver.stop()


def nothing_is_missing(receivers, after="", timeout=60):
    wait_until(lambda: not any(receiver.missing() for receiver in receivers),
               f"every receiver to have what the log has; {after}", timeout)
    for receiver in receivers:
        assert receiver.invented() == set() and receiver.order_is_kept()


def worker_pid(database):
    rows = run(database.session, "SELECT pid FROM converge.worker_status() WHERE state = 'running'")
    return rows[0][0] if rows else None


def kill_worker(database):
    """SIGKILL: the server ends every session and starts anew."""
    os.kill(wait_until(lambda: worker_pid(database), "the worker"), signal.SIGKILL)
    database.wait_for_crash()


def restart(mode):
    def restart(database):
        database.close()
        database.server.stop(mode)
        time.sleep(0.5)
        database.server.start()
    return restart


def terminate_launcher(database):
    run(database.session, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type ~ 'converge.*launcher'")


def terminate_streams(database):
    """Worker, walsenders and the bridges' own connections."""
    run(database.session, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE (backend_type ~ 'converge.*stream' OR backend_type = 'walsender' OR usename LIKE 'bridge%%') "
        "AND pid <> pg_backend_pid()")


def drop_slot(database):
    """Makes the stream's slot vanish while its reader is away."""
    database.close()
    database.server.stop()
    for folder in slot_folders(database.server):
        shutil.rmtree(folder)
    database.server.start()


def slot_folders(server):
    folders = [path for path in pathlib.Path(server.environment["CLUSTER_DATA"], "pg_replslot").iterdir() if path.is_dir()]
    assert folders
    return folders


FAULTS = {"restart": restart("fast"), "crash": restart("immediate"), "worker killed": kill_worker,
          "launcher ended": terminate_launcher, "streams ended": terminate_streams, "slot gone": drop_slot}


@both
def test_receivers_have_what_the_log_has(own_database, start_bridge, follow, source):
    """After each fault in turn, with edits going on through it."""
    database = own_database
    for key in KEYS:
        database.insert(key)
    bridges = [start_bridge(database, *(("--slot", slot) if source == "replication" else ()))
               for slot in ("elsewhere", "yonder")]
    receivers = [follow(database, bridge, key) for bridge in bridges for key in KEYS for _ in range(2)]
    wait_until(lambda: all(receiver.pulled for receiver in receivers), "everybody to follow")
    for name, fault in FAULTS.items():
        load = Load(database)
        wait_until(lambda: load.done > 30, f"edits before: {name}")
        fault(database)
        database.reconnect()
        before = load.done
        wait_until(lambda: load.done > before + 30, f"edits after: {name}", 60)
        load.stop()
        nothing_is_missing(receivers, name)
        # And it goes on, live.
        seen = [len(receiver.live) for receiver in receivers]
        for key in KEYS:
            edit(database, key, "after", 1)
        wait_until(lambda: all(len(receiver.live) > n for receiver, n in zip(receivers, seen)),
                   f"live changes after: {name}")


def test_a_database_is_dropped_under_its_bridge(server, database, start_bridge, follow):
    """The slot goes with it, and another database's clients notice nothing. (While a bridge
    replicates, PostgreSQL refuses: that one's slot is not the worker's to release.)"""
    other = Database(server)
    other.insert("plan")
    database.insert("plan")
    bridges = [start_bridge(database), start_bridge(other)]
    doomed, rest = (follow(each, bridge, "plan") for each, bridge in zip((database, other), bridges))
    wait_until(lambda: doomed.pulled and rest.pulled, "both to follow")
    edit(database, "plan", "n", 1)
    wait_until(lambda: doomed.live, "a change")
    load = Load(other, ("plan",))
    connections = rest.connections
    database.session.close()
    run(other.session, f"DROP DATABASE {database.name} WITH (FORCE)")
    assert value(other.session, "SELECT count(*) FROM pg_replication_slots WHERE database IS NOT NULL "
                 "AND database NOT IN (SELECT datname FROM pg_database)") == 0
    assert value(other.session, "SELECT count(*) FROM pg_replication_slots WHERE database = %s", database.name) == 0
    wait_until(lambda: load.done > 100, "edits in the other one")
    load.stop()
    nothing_is_missing([rest])
    assert rest.connections == connections
    assert bridges[0].process.poll() is None        # it waits for the database to come
    postgres = server.connect()
    run(postgres, f"CREATE DATABASE {database.name}")   # which the fixture drops
    postgres.close()
    other.drop()


@both
def test_the_extension_is_dropped_and_created_under_its_bridge(own_database, start_bridge, follow, source):
    database = own_database
    database.insert("plan")
    bridge = start_bridge(database)
    receiver = follow(database, bridge, "plan")
    wait_until(lambda: receiver.pulled, "it to follow")
    edit(database, "plan", "n", 1)
    wait_until(lambda: receiver.live, "a change")
    receiver.stop()
    run(database.session, "DROP TABLE note")
    run(database.session, "DROP EXTENSION converge CASCADE")
    run(database.session, "CREATE EXTENSION converge")
    # The same again, under the same names, with nothing of before.
    database.create_note()
    database.insert("plan")
    again = follow(database, bridge, "plan")
    wait_until(lambda: again.pulled, "it to follow again", 60)
    edit(database, "plan", "n", 1)
    wait_until(lambda: again.live, "a change")
    nothing_is_missing([again])


@both
def test_several_databases_stay_apart(server, database, start_bridge, follow, source):
    """The same document in each: every receiver has its own database's changes only."""
    databases = [database, Database(server), Database(server)]
    bridges, receivers = [], []
    for each in databases:
        each.insert("plan")
        bridges.append(start_bridge(each))
        receivers.append(follow(each, bridges[-1], "plan"))
    wait_until(lambda: all(receiver.pulled for receiver in receivers), "everybody to follow")
    loads = [Load(each, ("plan",)) for each in databases]
    wait_until(lambda: all(load.done > 50 for load in loads), "edits everywhere")
    for load in loads:
        load.stop()
    nothing_is_missing(receivers)
    for each, bridge in list(zip(databases, bridges))[1:]:
        bridge.stop()
        each.drop()


@both
def test_a_bridge_that_hangs_holds_back_nobody(own_database, start_bridge, follow, source):
    """It does not read; the others, and their slot, go on. Come to itself, it fills up."""
    database = own_database
    database.insert("plan")
    hanging, other = (start_bridge(database, *(("--slot", slot) if source == "replication" else ()))
                      for slot in ("elsewhere", "yonder"))
    receivers = [follow(database, bridge, "plan") for bridge in (hanging, other)]
    wait_until(lambda: all(receiver.pulled for receiver in receivers), "both to follow")
    dropped = "SELECT bridges_dropped FROM converge.worker_status()"
    confirmed = "SELECT confirmed_lsn FROM converge.worker_status()" if source == "worker" else \
        "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'yonder'"

    def edit_much(numbers):
        for number in numbers:  # half a megabyte each
            run(database.session, "UPDATE note SET props = converge.set(props, 'large', to_jsonb(%s || repeat(md5(%s), 16000))) "
                "WHERE id = 'plan'", str(number), str(number))

    hanging.process.send_signal(signal.SIGSTOP)
    try:
        before = value(database.session, confirmed)
        edit_much(range(10))
        nothing_is_missing(receivers[1:])
        # Its queue, of 8 MiB, has room yet; and nobody has waited for it.
        assert value(database.session, dropped) == 0
        edit_much(range(10, 40))
        nothing_is_missing(receivers[1:])
        if source == "worker":
            wait_until(lambda: value(database.session, dropped) >= 1, "the bridge that hangs to be dropped")
        wait_until(lambda: value(database.session, confirmed) > before, "the slot to move on")
    finally:
        hanging.process.send_signal(signal.SIGCONT)
    nothing_is_missing(receivers)


@both
def test_a_transaction_of_many_changes_takes_bounded_memory_in_the_bridge(own_database, start_bridge, follow, source):
    """A transaction of 100,000 changes (`make large-transaction` has a million), to clients that read."""
    database = own_database
    count = int(os.environ.get("CONVERGE_MANY_CHANGES", 100_000))
    run(database.session, "ALTER SYSTEM SET max_slot_wal_keep_size = -1")
    run(database.session, "SELECT pg_reload_conf()")
    database.insert("plan")
    bridge = start_bridge(database)
    receivers = [follow(database, bridge, "plan") for _ in range(2)]
    wait_until(lambda: all(receiver.pulled for receiver in receivers), "both to follow")
    decoder = decoder_pid(database, source)
    processes = (bridge.process.pid, decoder)
    before = [resident_kilobytes(pid) for pid in processes]
    peak = list(before)
    # Changes of one replica, straight into the log. They say again what the document has:
    # who does not read fast enough is given its state instead of them.
    edit(database, "plan", "k", '"' + "x" * 600 + '"')
    run(database.session, "INSERT INTO converge.replica (tenant, document, replica, principal) VALUES ('acme', %s, 77, 'ann')",
        database.document("plan"))
    run(database.session, """
        INSERT INTO converge.change (tenant, document, replica, seq, hlc, principal, xid, epoch, recorded_at, payload, hash)
        SELECT tenant, document, 77, g, hlc, 'ann', pg_current_xact_id(), epoch, now(), payload, hash
        FROM converge.change, generate_series(1, %s) g
        WHERE tenant = 'acme' AND document = %s AND length(payload) > 600""", count, database.document("plan"))
    deadline = time.monotonic() + 60 + count / 2000
    while not all(receiver.has(77, count) for receiver in receivers):
        assert time.monotonic() < deadline, [len(receiver.live) for receiver in receivers]
        peak = [max(most, resident_kilobytes(pid)) for most, pid in zip(peak, processes)]
        time.sleep(0.02)
    grown = dict(zip(("bridge", "decoder"), (most - first for most, first in zip(peak, before))))
    # The payloads have 64 MB for each 100,000. A bridge queues 1 MB for a client; who decodes has
    # logical_decoding_work_mem, 64 MB, and a worker a queue of 8.
    assert grown["bridge"] < 30_000 and grown["decoder"] < 110_000, grown
    assert decoder_pid(database, source) == decoder
    print(f"a transaction of {count} changes: {grown} kB")


def decoder_pid(database, source):
    return worker_pid(database) if source == "worker" else value(
        database.session, "SELECT active_pid FROM pg_replication_slots WHERE slot_name LIKE 'converge_bridge_%%'")


def resident_kilobytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


@both
def test_a_dump_is_restored_while_a_worker_runs(own_database, start_bridge, follow, source):
    """The worker of the restored database is there as soon as the extension is, before the
    rows of the log are; who follows a document there has it all, and what comes."""
    database = own_database
    for key in KEYS:
        database.insert(key)
        for number in range(20):
            edit(database, key, f"k{number}", number)
    log = {key: database.log(key) for key in KEYS}
    server = database.server
    address = ["-h", server.host, "-p", str(server.port), "-U", "postgres"]
    dump = pathlib.Path(server.directory, "dump")
    with open(dump, "wb") as output:
        subprocess.run([server.bin / "pg_dump", *address, "-Fc", database.name], stdout=output, check=True)
    restored = copy.copy(database)
    restored.name = "restored"
    run(database.session, "CREATE DATABASE restored")
    restored.session = restored.connect()
    run(restored.session, "ALTER DATABASE restored SET search_path = public, converge")
    restored.session.close()
    # The schema first, with the extension; then, with its worker at work, the data.
    for part in ("pre-data", "data", "post-data"):
        subprocess.run([server.bin / "pg_restore", *address, "-d", "restored", f"--section={part}", "--exit-on-error", dump],
                       check=True)
        restored.session = restored.connect()
        wait_until(lambda: worker_pid(restored), "the restored database's worker")
        restored.session.close()
    restored.session = restored.connect()
    assert {key: restored.log(key) for key in KEYS} == log
    bridge = start_bridge(restored)
    receivers = [follow(restored, bridge, key) for key in KEYS]
    wait_until(lambda: all(receiver.pulled for receiver in receivers), "everybody to follow")
    load = Load(restored)
    wait_until(lambda: load.done > 50, "some edits")
    load.stop()
    nothing_is_missing(receivers)
    for key in KEYS:
        run(restored.session, "BEGIN")
        run(restored.session, "SELECT converge.authenticate(%s)", restored.token())
        assert value(restored.session, "SELECT converge.verify('note', %s)", key)
        run(restored.session, "COMMIT")
        assert {each: restored.log(key)[each] for each in log[key]} == log[key]     # no number was given twice
    assert {key: database.log(key) for key in KEYS} == log
    restored.close()


def test_a_bridge_ends_in_order_while_the_database_does_not_answer(database, start_bridge, connect):
    """Questions are under way, and others wait for a connection."""
    database.insert("plan")
    bridge = start_bridge(database, "--workers", "2", "--drain-timeout", "500ms")
    peers = [connect(bridge, document="plan") for _ in range(12)]
    session = database.connect()
    session.autocommit = False
    run(session, "LOCK TABLE note IN ACCESS EXCLUSIVE MODE")
    for peer in peers:
        peer.ask_to_follow("note", "other")
    time.sleep(0.2)
    bridge.stop()
    assert bridge.process.returncode == 0
    session.rollback()
    session.close()
