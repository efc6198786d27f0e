"""Too much, too wild, or not set up: what the worker makes of it."""
import os
import random
import re
import signal
import subprocess
import threading
import time

import psycopg2

from cluster import wait_until
from servers import Notes, many_changes
from test_forwarding import flood
from wire import WorkerRequest
from worker_client import Closed, WorkerClient


def private_kilobytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_large_transaction_takes_bounded_memory_and_others_are_served_meanwhile(notes):
    """More than the reorder buffer and the queues hold, to a bridge that reads."""
    pid = notes.status()["pid"]
    document = notes.document("large transaction")
    total, peak = many_changes(), 0
    notes.server.set(max_slot_wal_keep_size="-1", **{"converge.slow_bridge_timeout": "'60s'"})
    with notes.attach() as bridge:
        notes.watch(bridge, "large transaction")
        writer = threading.Thread(target=flood, args=(notes, document, total))
        writer.start()
        count, others = 0, []
        while count < total:
            frame = bridge.frame(60 + total / 5000)
            assert frame.ByteSize() <= 1 << 20
            count += len(frame.changes)
            if count % 10 == 0:
                peak = max(peak, private_kilobytes(pid))
            if count > total / 3 and not others:
                # The transaction is being forwarded, and a new bridge gets an answer.
                others.append(threading.Thread(target=attach_and_watch, args=(notes, others)))
                others[0].start()
        assert frame.last
        writer.join()
        others[0].join()
        assert others[1:] == ["watching"]
    # logical_decoding_work_mem is 64 MB, a queue 8 MB; the payloads are 200 MB.
    assert peak < 130_000, f"{peak} kB"
    assert notes.status()["pid"] == pid
    notes.server.set(**{"converge.slow_bridge_timeout": "DEFAULT"})


def attach_and_watch(notes, answers):
    with notes.attach("newcomer") as newcomer:
        number, ticket = notes.ticket("large transaction")
        answers.append(newcomer.watch(number, ticket).WhichOneof("message"))


def test_an_idle_worker_takes_no_processor_time(notes):
    """Beside the second in which it confirms; nobody writes."""
    pid = notes.status()["pid"]
    with notes.attach() as bridge:
        notes.document("idle")
        notes.watch(bridge, "idle")

        def idle():
            before = processor_seconds(pid)
            time.sleep(5)
            return processor_seconds(pid) - before <= 0.05
        wait_until(idle, "five seconds in which it does nothing")


def test_decoding_is_done_once_for_any_number_of_bridges(notes):
    document = notes.document("fan-out")
    bridges = [notes.attach(f"bridge {n}") for n in range(8)]
    for bridge in bridges:
        notes.watch(bridge, "fan-out")
    before = notes.status()["frames"]
    for n in range(20):
        notes.edit("fan-out", str(n))
    for bridge in bridges:
        assert len(bridge.changes(20)) == 20
    # (The document's making may have come while it was watched.)
    assert wait_until(lambda: notes.status()["frames"] - before >= 20 and
                      notes.status()["frames"] - before, "the count") <= 21
    assert document
    for bridge in bridges:
        bridge.close()


def test_random_bytes_on_the_socket_harm_nobody(notes):
    pid = notes.status()["pid"]
    random.seed(7)
    document = notes.document("bystander")
    with notes.attach("bystander") as bystander:
        notes.watch(bystander, "bystander")
        for round in range(150):
            client = notes.attach("wild", attach=random.random() < 0.7)
            try:
                for _ in range(random.randrange(1, 6)):
                    body = random.randbytes(random.randrange(0, 200))
                    if random.random() < 0.5:
                        body = bytes([0x12, len(body) & 0x7f]) + body
                    length = len(body) if random.random() < 0.9 else random.randrange(1 << 32)
                    client.socket.sendall(length.to_bytes(4, "big") + body)
                if random.random() < 0.3:
                    client.read(0.01)
            except (Closed, OSError):
                pass
            client.close()
        notes.edit("bystander")
        assert {c[0] for c in bystander.changes(1)} == {document}
    assert notes.status()["pid"] == pid
    wait_until(lambda: notes.status()["bridges"] == notes.status()["watches"] == 0, "everybody to be gone")


def test_watches_of_a_bridge_that_has_gone_are_forgotten(notes):
    keys = [f"many {n}" for n in range(300)]
    for key in keys:
        notes.document(key)
    for _ in range(3):
        with notes.attach() as bridge:
            for key in keys:
                notes.watch(bridge, key)
            wait_until(lambda: notes.status()["watches"] == len(keys), "the watches")
        wait_until(lambda: notes.status()["watches"] == 0, "the watches to go")


def test_what_waits_for_a_transaction_goes_with_its_bridge(own_server):
    """The number of watches that wait is bounded for each bridge, not for all that come and go."""
    notes = Notes(own_server())
    notes.document("hole")
    pid = notes.status()["pid"]
    writer = notes.server.connect()
    with notes.attach() as witness:
        notes.watch(witness, "hole")
        number, ticket = notes.ticket("hole")
        request = WorkerRequest(watch={"document": number, "ticket": ticket}).SerializeToString()
        requests = (len(request).to_bytes(4, "big") + request) * 10_000
        with notes.server.commits_unseen():
            thread = threading.Thread(target=notes.edit, args=("hole",), kwargs={"session": writer})
            thread.start()
            assert witness.frame() is not None

            def come_and_go(times):
                for _ in range(times):
                    with notes.attach("passing") as passing:
                        passing.socket.sendall(requests)
                        # The first answer is that of a request behind all of them.
                        passing.send(WorkerRequest())
                        assert passing.reply().WhichOneof("message") == "problem"
                return private_kilobytes(pid)
            before = come_and_go(3)
            # 40 bytes each: 16 MB.
            assert come_and_go(40) < before + 2000
        thread.join(60)
    writer.close()
    notes.close()


def test_without_file_descriptors_the_worker_tries_once_a_second(notes):
    """And is not kept busy by those who wait."""
    wait_until(lambda: tries_once_a_second(notes, notes.wait_for_worker()), "a worker that is there all the while")
    with notes.attach():
        pass


def tries_once_a_second(notes, pid):
    """False where the worker ended, as it does if it wants a file meanwhile."""
    with open(f"/proc/{pid}/limits") as limits:
        limit = re.search("Max open files +([0-9]+)", limits.read()).group(1)
    failed = notes.server.log().count("could not accept a bridge's connection")
    path = notes.session.value("SELECT converge.worker_socket()")
    try:
        limit_files(pid, 3)
        try:
            with WorkerClient(path, attach=False):
                spent = processor_seconds(pid)
                time.sleep(1.5)
                assert processor_seconds(pid) - spent <= 0.3
                attempts = lambda: notes.server.log().count("could not accept a bridge's connection") - failed
                assert attempts() <= 5
                wait_until(lambda: attempts() > 0 or not is_there(pid), "an attempt")
        finally:
            limit_files(pid, limit)
    except (FileNotFoundError, subprocess.CalledProcessError):
        if is_there(pid):
            raise
        return False
    return True


def is_there(pid):
    return os.path.exists(f"/proc/{pid}")


def limit_files(pid, number):
    """As the server's user, who may: a root without all capabilities may not."""
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*user, "prlimit", "--pid", str(pid), f"--nofile={number}:"], check=True)


def without_worker(server):
    notes = Notes.__new__(Notes)
    notes.server, notes.database, notes.session = server, "postgres", server.connect()
    notes.session.run("CREATE EXTENSION converge")
    return notes


def test_without_wal_level_logical_the_worker_says_what_to_set(own_server):
    server = own_server(wal_level="replica", max_replication_slots="0")
    notes = without_worker(server)
    problem = wait_until(lambda: notes.status()["problem"], "the problem")
    assert problem == 'the stream worker needs wal_level "logical"'
    assert "HINT:  Set wal_level to" in server.log()
    # It tries again, ever more rarely.
    time.sleep(4)
    assert 1 <= server.log().count(problem) <= 4
    server.stop()
    server.settings["wal_level"] = "logical"
    server.start()
    notes = Notes.__new__(Notes)
    notes.server, notes.database, notes.session = server, "postgres", server.connect()
    problem = wait_until(lambda: notes.status()["problem"], "the next problem")
    assert problem == "the stream worker needs a replication slot"


def test_without_preloading_the_status_says_so(own_server):
    notes = without_worker(own_server(shared_preload_libraries=""))
    status = notes.status()
    assert (status["state"], status["problem"]) == \
        ("absent", "converge is not in shared_preload_libraries")


def test_without_a_free_process_the_launcher_says_what_to_set(own_server):
    # One process is the launcher's, one the logical replication launcher's.
    server = own_server(max_worker_processes="2")
    notes = without_worker(server)
    wait_until(lambda: "could not start the converge stream worker" in server.log(), "the message")
    assert "HINT:  Increase max_worker_processes" in server.log()
    wait_until(lambda: notes.status()["state"] == "waiting", "the state")
    notes.session.close()


def test_acknowledged_changes_reach_a_reader_though_the_server_crashes_again_and_again(own_server):
    """SIGKILL to the worker, which restarts the server; the reader fills up from the log."""
    server = own_server()
    notes = Notes(server)
    document = notes.document("ledger")
    before = notes.logged(document)
    acknowledged, stop = 0, threading.Event()

    def write():
        nonlocal acknowledged
        session = None
        while not stop.is_set():
            try:
                session = session or server.connect()
                notes.edit("ledger", str(acknowledged), session=session)
                acknowledged += 1
            except psycopg2.Error:
                session = None
                time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    killed = None
    try:
        for _ in range(4):
            wait_until(lambda: running_again(notes, killed), "the worker")
            try:
                with notes.attach() as bridge:
                    notes.watch(bridge, "ledger")
                    seen |= notes.logged(document) - before         # as pull() does
                    pid = notes.status()["pid"]
                    enough = acknowledged + 50
                    while acknowledged < enough:
                        seen |= set(bridge.changes(1, timeout=1))
                    killed = pid
                    notes.signal_worker(signal.SIGKILL)
                    while bridge.read(60) is not None:
                        pass
            except (Closed, psycopg2.Error, OSError):
                pass
    finally:
        stop.set()
        writer.join()
    wait_until(lambda: running_again(notes, killed), "the worker")
    log = notes.logged(document) - before
    with notes.attach() as bridge:
        notes.watch(bridge, "ledger")
        seen |= notes.logged(document) - before
    assert acknowledged >= 50
    # What was acknowledged is there, once; what the reader saw was committed.
    assert len(log) >= acknowledged
    assert seen == log
    notes.close()


def running_again(notes, killed=None):
    """Whether a worker runs that is not the killed one, in a server that may be about to crash."""
    try:
        status = notes.status()
        return status["state"] == "running" and status["pid"] != killed
    except psycopg2.Error:
        notes.reconnect()
        return False
