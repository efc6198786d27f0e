"""What a bridge is forwarded, and what it is refused."""
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from cluster import wait_until
from servers import Notes
from wire import WorkerRequest
from worker_client import Closed, WorkerClient, numbers


def test_a_commit_wakes_the_worker(notes):
    """By itself it would look 200 ms after the change before."""
    with notes.attach() as bridge:
        notes.document("awake")
        notes.watch(bridge, "awake")

        def comes_soon():
            start = time.monotonic()
            notes.edit("awake")
            bridge.frame()
            return time.monotonic() - start < 0.1
        wait_until(comes_soon, "a change that comes sooner than that")


def test_a_committed_change_is_forwarded(notes):
    with notes.attach() as bridge:
        document = notes.document("prompt")
        notes.watch(bridge, "prompt")
        notes.edit("prompt")
        frame = bridge.frame()
        assert set(numbers(frame)) <= notes.logged(document)
        change = frame.changes[0]
        assert (change.tenant, change.ref.collection, change.ref.key) == ("acme", "note", "prompt")
        assert frame.last and frame.commit_lsn > 0 and frame.xid > 0
        assert abs(frame.commit_time / 1e6 - time.time()) < 60


def test_only_watched_documents_are_forwarded(notes):
    with notes.attach() as bridge:
        watched, other = notes.document("watched"), notes.document("other")
        notes.watch(bridge, "watched")
        notes.edit("other")
        with notes.session.transaction():
            notes.edit("other")
            notes.edit("watched")
            notes.edit("other")
        notes.edit("watched")
        changes = bridge.changes(2)
        assert {c[0] for c in changes} == {watched}
        assert len(changes) == 2
        assert other != watched and bridge.read(0.3) is None


def test_after_unwatch_nothing_more_comes(notes):
    with notes.attach() as bridge:
        document = notes.document("left")
        notes.document("kept")
        notes.watch(bridge, "left")
        bridge.unwatch(document)
        notes.watch(bridge, "kept")     # answered after the Unwatch was read
        notes.edit("left")
        notes.edit("kept")
        assert all(c[0] != document for c in bridge.changes(1))
        wait_until(lambda: notes.status()["watches"] == 1, "the count of watches")


def test_an_aborted_edit_is_not_forwarded(notes):
    with notes.attach() as bridge:
        document = notes.document("aborted")
        notes.watch(bridge, "aborted")
        notes.session.run("BEGIN")
        notes.edit("aborted")
        notes.session.run("ROLLBACK")
        notes.edit("aborted")
        frame = bridge.frame()
        assert set(numbers(frame)) <= notes.logged(document)
        assert bridge.read(0.3) is None


def test_each_of_two_bridges_gets_its_own_documents_of_one_transaction(notes):
    with notes.attach("left") as left, notes.attach("right") as right:
        one, two, both = (notes.document(key) for key in ("one", "two", "both"))
        notes.watch(left, "one")
        notes.watch(left, "both")
        notes.watch(right, "two")
        notes.watch(right, "both")
        with notes.session.transaction():
            for key in ("one", "two", "both"):
                notes.edit(key)
        left_frame, right_frame = left.frame(), right.frame()
        assert [c.document for c in left_frame.changes] == [one, both]
        assert [c.document for c in right_frame.changes] == [two, both]
        assert left_frame.last and right_frame.last
        assert left_frame.commit_lsn == right_frame.commit_lsn


def test_a_watch_without_a_valid_ticket_is_refused(notes):
    with notes.attach() as bridge:
        document, ticket = notes.document("guarded"), None
        other = notes.document("unguarded")
        _, ticket = notes.ticket("guarded")
        forged = bytes([ticket[0] ^ 1]) + ticket[1:]
        for number, wrong in [(document, b""), (document, b"\0" * len(ticket)), (document, forged),
                              (document, ticket[:-1]), (other, ticket)]:
            reply = bridge.watch(number, wrong)
            assert reply.WhichOneof("message") == "refused", reply
            assert reply.refused.document == number
            assert "ticket is not valid" in reply.refused.message
        notes.edit("guarded")
        assert bridge.read(0.3) is None
        assert notes.watch(bridge, "guarded") == document   # the connection lives on


def test_watching_waits_for_a_decoded_transaction_that_is_still_running(own_server):
    """A commit that waits for a standby is in the WAL, and decoded, before any snapshot sees it."""
    notes = Notes(own_server())
    document = notes.document("hole")
    with notes.attach() as witness, notes.attach() as bridge:
        notes.watch(witness, "hole")
        before = notes.logged(document)
        writer = notes.server.connect()
        thread = threading.Thread(target=notes.edit, args=("hole",), kwargs={"session": writer})
        with notes.server.commits_unseen():
            thread.start()
            assert witness.frame() is not None          # the worker has decoded it
            assert notes.logged(document) == before     # nobody sees it yet
            number, ticket = notes.ticket("hole")
            request = WorkerRequest()
            request.watch.document = number
            request.watch.ticket = ticket
            bridge.send(request)
            assert bridge.reply(1) is None              # no Watching yet
        thread.join(60)
        reply = bridge.reply()
        assert reply.WhichOneof("message") == "watching"
        assert len(notes.logged(document)) == len(before) + 1
        writer.close()


def test_a_running_transaction_that_an_earlier_worker_decoded_is_not_lost(own_server):
    """It is neither forwarded again nor visible, if the slot was confirmed beyond it."""
    notes = Notes(own_server())
    document = notes.document("hole")
    with notes.attach() as witness:
        notes.watch(witness, "hole")
        writer = notes.server.connect()
        thread = threading.Thread(target=notes.edit, args=("hole",), kwargs={"session": writer})
        with notes.server.commits_unseen():
            thread.start()
            change, = numbers(witness.frame())
            time.sleep(1.5)                             # the slot is confirmed once a second
            pid = notes.signal_worker()
            notes.wait_for_worker(other_than=pid)
            with notes.attach() as bridge:
                number, ticket = notes.ticket("hole")
                bridge.send(WorkerRequest(watch={"document": number, "ticket": ticket}))
                reply = bridge.reply(1)
                forwarded = {c for frame in bridge.frames for c in numbers(frame)}
                assert reply is None or change in forwarded
                assert change not in notes.logged(document)
        thread.join(60)
        writer.close()
    notes.close()


def test_bad_requests_end_the_connection_with_a_reason(notes):
    def last_words(client):
        reply = client.reply()
        assert reply.WhichOneof("message") == "problem", reply
        with pytest.raises(Closed):
            client.reply()
        return reply.problem.message

    path = notes.session.value("SELECT converge.worker_socket()")
    watch_first = WorkerClient(path, attach=False)
    watch_first.send(WorkerRequest(watch={"document": 1}))
    assert last_words(watch_first) == "the first request is not Attach"

    wrong_protocol = WorkerClient(path, attach=False)
    wrong_protocol.send(WorkerRequest(attach={"protocol": 9}))
    assert last_words(wrong_protocol) == "protocol 9 is not spoken here, 1 is"

    twice = WorkerClient(path)
    twice.send(WorkerRequest(attach={"protocol": 1}))
    assert last_words(twice) == "the bridge is attached already"

    garbage = WorkerClient(path)
    garbage.socket.sendall(b"\0\0\0\x05hello")
    assert last_words(garbage) == "a request is not a WorkerRequest"

    empty = WorkerClient(path)
    empty.socket.sendall(b"\0\0\0\0")
    assert last_words(empty) == "a request has no message"

    huge = WorkerClient(path)
    huge.socket.sendall(b"\x7f\xff\xff\xff")
    assert "bytes, of at most" in last_words(huge)

    assert notes.status()["state"] == "running"


def test_requests_may_come_in_any_pieces(notes):
    document = notes.document("pieces")
    with notes.attach() as bridge:
        number, ticket = notes.ticket("pieces")
        data = WorkerRequest(watch={"document": number, "ticket": ticket}).SerializeToString()
        for byte in len(data).to_bytes(4, "big") + data:
            bridge.socket.sendall(bytes([byte]))
        assert bridge.reply().watching.document == document


def test_no_more_bridges_and_watches_than_the_settings_allow(notes):
    notes.server.set(**{"converge.max_bridges": 2, "converge.max_watches": 2})
    try:
        wait_until(lambda: notes.session.value("SHOW converge.max_bridges") == "2", "the setting")
        with notes.attach("first") as first, notes.attach("second") as second:
            for key in ("w0", "w1", "w2", "w3"):
                notes.document(key)
            notes.watch(second, "w0")
            notes.watch(first, "w1")

            def third():
                with notes.attach("third", attach=False) as client:
                    reply = client.reply(0.2)       # none: the worker has not reloaded yet
                    return reply and reply.problem.message
            assert wait_until(third, "a refusal") == \
                "2 bridges are attached, of at most 2 (converge.max_bridges)"
            notes.watch(first, "w2")
            notes.watch(first, "w2")     # again: the same watch
            number, ticket = notes.ticket("w3")
            reply = first.watch(number, ticket)
            assert "converge.max_watches" in reply.refused.message
            notes.edit("w1")
            assert first.frame() is not None
            # A bridge that has shown no ticket does not keep the place of one that may.
            second.close()
            idle = wait_until(lambda: try_to_attach(notes, "idle"), "the place")
            with notes.attach("newcomer") as newcomer:
                notes.watch(newcomer, "w3")
                assert idle.is_closed()
    finally:
        notes.server.set(**{"converge.max_bridges": "DEFAULT", "converge.max_watches": "DEFAULT"})


def try_to_attach(notes, name):
    try:
        return notes.attach(name)
    except (OSError, Closed, AssertionError):
        return None


@pytest.mark.parametrize("reads", ["nothing", "a little"])
def test_nobody_waits_for_a_bridge_that_did_not_read_before_its_queue_was_full(notes, reads):
    document = notes.document("tide " + reads)
    dropped = notes.status()["bridges_dropped"]
    notes.server.set(**{"converge.slow_bridge_timeout": "'100ms'"})
    with notes.attach("deaf") as deaf, notes.attach("quick") as quick, ExitStack() as stack:
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        notes.watch(deaf, "tide " + reads)
        notes.watch(quick, "tide " + reads)
        if reads == "a little":
            stack.enter_context(trickle(deaf))
        # Not more than a queue holds: all of it is forwarded, and both are there.
        flood(notes, document, 6000)
        assert len(quick.changes(6000)) == 6000
        assert notes.status()["bridges_dropped"] == dropped and notes.status()["bridges"] == 2
        time.sleep(0.5)
        flood(notes, document, 3000, first=6001)
        assert [c[2] for c in quick.changes(3000)] == list(range(6001, 9001))
        wait_until(lambda: notes.status()["bridges"] == 1, "the count of bridges")
    assert "dropped bridge \"deaf\": it does not read fast enough, the others have waited 0 ms for it\n" in \
        last_drop(notes)
    notes.server.set(**{"converge.slow_bridge_timeout": "DEFAULT"})


def last_drop(notes):
    return [line for line in notes.server.log().splitlines(keepends=True) if "dropped bridge" in line][-1]


@contextmanager
def trickle(client):
    """Reads some 400 kB a second, where a bridge has to read 8 MiB in twice the timeout."""
    stop = threading.Event()

    def read():
        client.socket.settimeout(60)
        while not stop.wait(0.01):
            if client.socket.recv(4096) == b"":
                return

    thread = threading.Thread(target=read)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_a_bridge_that_stops_reading_in_the_middle_of_much_is_dropped(own_server):
    # Who reads, on a machine that is busy with other things, is not to be taken for deaf.
    notes = Notes(own_server(**{"converge.slow_bridge_timeout": "5s"}))
    document = notes.document("flood")
    dropped = notes.status()["bridges_dropped"]
    with notes.attach("deaf") as deaf, notes.attach("quick") as quick:
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        notes.watch(deaf, "flood")
        notes.watch(quick, "flood")
        total = 30000
        writer = threading.Thread(target=flood, args=(notes, document, total))
        writer.start()
        seen = quick.changes(total)
        writer.join()
        assert [c[2] for c in seen] == list(range(1, total + 1))
        wait_until(lambda: notes.status()["bridges_dropped"] == dropped + 1, "the drop")
        with pytest.raises(Closed):
            while deaf.read(60) is not None:
                pass
    assert "dropped bridge \"deaf\": it does not read fast enough" in notes.server.log()
    notes.close()


def flood(notes, document, total, first=1):
    """Log rows of 1 kB in one transaction, as a replica of its own."""
    with notes.server.connect(notes.database) as session:
        session.run(
            "INSERT INTO converge.change (tenant, document, replica, seq, hlc, principal, xid, "
            "epoch, recorded_at, payload, hash) "
            "SELECT 'acme', %s, 77, g, 1, 'flood', pg_current_xact_id(), 1, now(), "
            "convert_to(repeat('x', 1000), 'UTF8'), '\\x00' FROM generate_series(%s, %s) g",
            document, first, first + total - 1)


def test_who_takes_the_place_of_a_bridge_that_has_gone_gets_nothing_of_its(notes):
    """It goes while the worker, with a frame for it at hand, waits for another to read."""
    document, other = notes.document("theirs"), notes.document("own")
    dropped = notes.status()["bridges_dropped"]
    with notes.attach("deaf") as deaf:
        leaving = notes.attach("leaving")
        for bridge in (deaf, leaving):
            notes.watch(bridge, "theirs")
        flood(notes, document, 20_000)
        time.sleep(0.25)
        leaving.close()
        wait_until(lambda: notes.status()["bridges_dropped"] > dropped, "the deaf one to be dropped")
    wait_until(lambda: notes.status()["bridges"] == 0, "both to be gone")
    with notes.attach("first") as first, notes.attach("second") as second:
        for bridge in (first, second):
            notes.watch(bridge, "own")
        notes.edit("own")
        for bridge in (first, second):
            assert {change[0] for change in bridge.changes(1)} == {other}


def test_a_large_transaction_comes_in_frames_of_at_most_a_mebibyte(notes):
    document = notes.document("large")
    with notes.attach() as bridge:
        notes.watch(bridge, "large")
        flood(notes, document, 5000)
        frames, count = [], 0
        while count < 5000:
            frame = bridge.frame()
            assert frame.ByteSize() <= 1 << 20
            frames.append(frame)
            count += len(frame.changes)
        assert len(frames) > 1
        assert [f.last for f in frames] == [False] * (len(frames) - 1) + [True]
        assert len({f.commit_lsn for f in frames}) == 1
        assert [c.change.seq for f in frames for c in f.changes] == list(range(1, 5001))
