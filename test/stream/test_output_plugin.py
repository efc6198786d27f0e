"""What a consumer of converge_output reads, by pg_recvlogical and by a replication connection."""
import base64
import json
import struct
import subprocess
import time
import uuid

import psycopg2
import psycopg2.extras
import pytest
from google.protobuf import json_format

from cluster import wait_until
from servers import TENANT, many_changes
from wire import Payload, StreamFrame


class Slot:
    """A slot of converge_output, for one test."""

    def __init__(self, notes):
        self.notes = notes
        self.name = "test_" + uuid.uuid4().hex[:12]
        notes.session.run("SELECT pg_create_logical_replication_slot(%s, 'converge_output')", self.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wait_until_free()
        self.notes.session.run("SELECT pg_drop_replication_slot(%s)", self.name)

    def wait_until_free(self):
        """Who has ended a connection that read the slot may have it a moment later."""
        wait_until_free(self.notes.session, self.name)

    def recvlogical(self, *options):
        """What pg_recvlogical writes for all that is there."""
        end = self.notes.session.value("SELECT pg_current_wal_flush_lsn()")
        # The end is reached at the first record from there on.
        self.notes.session.run("SELECT pg_logical_emit_message(true, 'test', 'end')")
        server = self.notes.server
        command = [server.bin / "pg_recvlogical", "-h", server.address["host"],
                   "-p", server.address["port"], "-U", "postgres", "-d", self.notes.database,
                   "--slot", self.name, "--start", "--no-loop", "--endpos", end, "-f", "-"]
        for option in options:
            command += ["-o", option]
        self.wait_until_free()
        done = subprocess.run(command, capture_output=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())
        return done.stdout

    def frames(self, *options):
        """The frames as pg_recvlogical writes them, each as its bytes."""
        return split(self.recvlogical("framing=length", *options))

    def peek(self, *options):
        self.wait_until_free()
        values = [part for option in options for part in option.split("=", 1)]
        return [bytes(data) for data, in self.notes.session.run(
            "SELECT data FROM pg_logical_slot_peek_binary_changes(%s, NULL, NULL, "
            "VARIADIC %s::text[])", self.name, values)]


def wait_until_free(session, slot):
    wait_until(lambda: not session.run("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active", slot),
               "the slot to be free")


def split(output):
    """Takes frames with framing=length apart; pg_recvlogical puts a newline behind each."""
    frames = []
    while output:
        length = struct.unpack(">I", output[:4])[0]
        frames.append(output[4:4 + length])
        assert output[4 + length:5 + length] == b"\n"
        output = output[5 + length:]
    return frames


def parsed(frames):
    return [StreamFrame.FromString(frame) for frame in frames]


def log(notes, document, replica, count=1, payload=None, tenant=TENANT):
    """Rows of the log as append_change() writes them; payloads of our own making."""
    notes.session.run(
        "INSERT INTO converge.change (tenant, document, replica, seq, hlc, principal, xid, epoch, "
        "recorded_at, payload, hash) "
        "SELECT %s, %s, %s, g, 1 << 20, 'ann', pg_current_xact_id(), 1, now(), %s, '\\x00' "
        "FROM generate_series(1, %s) g", tenant, document, replica, payload, count)


A_PAYLOAD = Payload(fields=[{"field": "props", "delta": b"\x11\x00\xff"}]).SerializeToString()


def test_pg_recvlogical_reads_what_was_committed(notes):
    document = notes.document("read")
    with Slot(notes) as slot:
        notes.edit("read")
        notes.session.run("BEGIN")
        notes.edit("read")
        notes.session.run("ROLLBACK")
        notes.session.run("CREATE TABLE IF NOT EXISTS unrelated_to_converge (x int)")
        notes.session.run("INSERT INTO unrelated_to_converge VALUES (1)")
        with notes.session.transaction():
            notes.edit("read")
            notes.edit("read")
        frames = parsed(slot.frames())
        # Empty transactions give nothing.
        assert [len(f.changes) for f in frames] == [1, 2]
        assert all(f.last for f in frames)
        assert frames[0].commit_lsn < frames[1].commit_lsn
        for frame in frames:
            assert abs(frame.commit_time / 1e6 - time.time()) < 60
            for change in frame.changes:
                assert (change.tenant, change.document) == (TENANT, document)
                assert (change.ref.collection, change.ref.key) == ("note", "read")
                row = notes.session.run(
                    "SELECT hlc, principal, payload FROM converge.change WHERE tenant = %s AND "
                    "document = %s AND replica = %s AND seq = %s", change.tenant, change.document,
                    change.change.replica, change.change.seq)[0]
                assert (change.change.hlc, change.change.principal, change.change.payload) == \
                    (row[0], row[1], bytes(row[2]))
        # Confirmed: it does not come again.
        assert slot.frames() == []


def test_a_document_made_in_the_transaction_itself_has_its_name(notes):
    with Slot(notes) as slot:
        with notes.session.transaction():
            document = notes.document("newborn")
            notes.edit("newborn")
        changes = [c for f in parsed(slot.frames()) for c in f.changes]
        assert changes and all((c.document, c.ref.key) == (document, "newborn") for c in changes)


def test_a_refused_number_comes_without_payload(notes):
    document = notes.document("refused")
    with Slot(notes) as slot:
        log(notes, document, 501, payload=None)
        change = parsed(slot.frames())[0].changes[0]
        assert (change.change.replica, change.change.seq, change.change.payload) == (501, 1, b"")


def test_pruned_and_changed_rows_of_the_log_are_no_changes(notes):
    document = notes.document("pruned")
    log(notes, document, 502, 3, A_PAYLOAD)
    with Slot(notes) as slot:
        notes.session.run("UPDATE converge.change SET payload = NULL WHERE replica = 502 AND seq = 1")
        notes.session.run("DELETE FROM converge.change WHERE replica = 502")
        assert slot.frames() == []


def test_a_payload_above_a_frame_comes_in_pieces(notes):
    document = notes.document("pieces of payload")
    before, large, after = A_PAYLOAD, bytes(range(256)) * 12000, A_PAYLOAD
    with Slot(notes) as slot:
        with notes.session.transaction():
            log(notes, document, 503, payload=before)
            log(notes, document, 504, payload=large)
            log(notes, document, 505, payload=after)
        encoded = slot.peek()
        assert all(len(frame) <= 1 << 20 for frame in encoded)
        frames = parsed(encoded)
        assert [f.last for f in frames] == [False] * (len(frames) - 1) + [True]
        payloads = {}
        for position, frame in enumerate(frames):
            for index, change in enumerate(frame.changes):
                key = (change.change.replica, change.change.seq)
                payloads[key] = payloads.get(key, b"") + change.change.payload
                if change.continues:
                    # The last of its frame, and the next frame begins with the same number.
                    following = frames[position + 1].changes[0]
                    assert index == len(frame.changes) - 1
                    assert (following.change.replica, following.change.seq) == key
        assert payloads == {(503, 1): before, (504, 1): large, (505, 1): after}

        # And in JSON, where a piece is base64.
        lines = [json.loads(line) for line in slot.peek("format=json")]
        joined = b"".join(base64.b64decode(c["change"]["payload"]) for line in lines
                          for c in line["changes"] if c["change"]["replica"] == "504")
        assert joined == large


@pytest.mark.parametrize("size", [1048300, 1048319, 1048320, 1048400, 1048576, 1048577])
def test_frames_keep_their_bound_at_its_edge(notes, size):
    document = notes.document("edge")
    replica = 10_000_000 + size
    with Slot(notes) as slot:
        with notes.session.transaction():
            log(notes, document, replica, payload=b"x" * size)
            log(notes, document, replica + 5_000_000, payload=b"y")
        for options in ((), ("format=json",)):
            assert all(len(frame) <= 1 << 20 for frame in slot.peek(*options))
        changes = [c for f in parsed(slot.peek()) for c in f.changes]
        assert b"".join(c.change.payload for c in changes) == b"x" * size + b"y"


def test_json_is_the_same_frame(notes):
    document = notes.document('a "quoted"\n key with ünïcode')
    with Slot(notes) as slot:
        with notes.session.transaction():
            log(notes, document, 506, 2, A_PAYLOAD)
            log(notes, document, 507, payload=None)
            log(notes, document, 508, payload=b"no Payload \xff\xff")
        binary, = parsed(slot.peek())
        line, = slot.recvlogical("format=json").decode().splitlines()
        frame = json.loads(line)
        # Every payload back to its bytes; the rest is protobuf's own mapping.
        assert frame["changes"][0]["change"]["payload"] == {
            "operation": "OPERATION_UPDATE",
            "fields": [{"field": "props", "delta": base64.b64encode(b"\x11\x00\xff").decode()}]}
        assert "payload" not in frame["changes"][2]["change"]
        for change in frame["changes"]:
            payload = change["change"].get("payload")
            if isinstance(payload, dict):
                encoded = json_format.ParseDict(payload, Payload()).SerializeToString()
                change["change"]["payload"] = base64.b64encode(encoded).decode()
        assert json_format.ParseDict(frame, StreamFrame()) == binary


def test_filters_by_tenant_collection_and_document(notes):
    notes.session.run("CREATE TABLE IF NOT EXISTS task (tenant text, id text, "
                      "props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id))")
    first, second = notes.document("f1"), notes.document("f2")
    foreign = notes.document("f1", tenant="globex")
    with Slot(notes) as slot:
        for document, tenant in ((first, TENANT), (second, TENANT), (foreign, "globex")):
            log(notes, document, 509, payload=A_PAYLOAD, tenant=tenant)

        def documents(*options):
            return [c.document for f in parsed(slot.peek(*options)) for c in f.changes]

        assert documents() == [first, second, foreign]
        assert documents("tenant=acme") == [first, second]
        assert documents("tenant=globex") == [foreign]
        assert documents("tenant=globex", "tenant=acme") == [first, second, foreign]
        assert documents("tenant=nobody") == []
        assert documents("collection=note") == [first, second, foreign]
        assert documents("collection=task") == []
        assert documents(f"document={second}") == [second]
        assert documents(f"document={second}", f"document={foreign}", "tenant=acme") == [second]


@pytest.mark.parametrize("options, message", [
    (["colour=red"], 'unrecognized option "colour" of output plugin converge_output'),
    (["format=xml"], 'invalid value "xml" for option "format"'),
    (["framing=newline"], 'invalid value "newline" for option "framing"'),
    (["document=one"], 'invalid value "one" for option "document"'),
    (["document=-1"], 'invalid value "-1" for option "document"'),
    (["document=99999999999999999999"], 'invalid value "99999999999999999999"'),
    (["format=json", "format=json"], 'option "format" of output plugin converge_output is given twice'),
    (["format=json", "framing=length"], 'cannot be "length" with format "json"'),
])
def test_an_option_that_is_wrong_is_named(notes, options, message):
    with Slot(notes) as slot:
        with pytest.raises(psycopg2.errors.InvalidParameterValue, match=message) as raised:
            slot.peek(*options)
        assert raised.value.diag.message_hint is not None or "twice" in message
        with pytest.raises(RuntimeError, match=message):
            slot.recvlogical(*options)


def test_recvlogical_replication_connection_and_worker_give_the_same_bytes(notes):
    """With the options that a bridge's replication connection has, and the worker too."""
    documents = [notes.document(f"same {n}") for n in range(3)]
    with Slot(notes) as slot, Slot(notes) as other, notes.attach() as bridge:
        for n in range(3):
            notes.watch(bridge, f"same {n}")
        with notes.session.transaction():
            for document in documents:
                log(notes, document, 510, 700, b"z" * 1000)
        with notes.session.transaction():
            notes.edit("same 0")
            notes.session.run("SELECT converge.set_permission(%s, 'bob', 'read')", TENANT)
            notes.edit("same 1")
        for n in range(3):
            notes.edit(f"same {n}")
        expected = slot.frames("access=on")
        assert len(expected) > 5
        with_access = [frame for frame in parsed(expected) if frame.access]
        assert [[len(frame.changes), frame.access[0].tenant] for frame in with_access] == [[2, TENANT]]

        forwarded = []
        while len(forwarded) < len(expected):
            reply = bridge.read(60)
            assert reply.WhichOneof("message") == "frame"
            if not bridge.is_news(reply):
                continue
            # Behind the tag of WorkerReply.frame and its length, a varint.
            start = 1
            while bridge.message[start] >= 0x80:
                start += 1
            forwarded.append(bridge.message[start + 1:])
        assert forwarded == expected
        assert replicated(notes, other, len(expected), access="on") == expected


def replicated(notes, slot, count, **options):
    connection = psycopg2.connect(dbname=notes.database, **notes.server.address,
                                  connection_factory=psycopg2.extras.LogicalReplicationConnection)
    frames = []
    slot.wait_until_free()
    with connection.cursor() as cursor:
        cursor.start_replication(slot_name=slot.name, decode=False, options=options)
        deadline = time.monotonic() + 60
        while len(frames) < count and time.monotonic() < deadline:
            message = cursor.read_message()
            if message is None:
                time.sleep(0.01)
            else:
                frames.append(bytes(message.payload))
    connection.close()
    return frames


def test_a_consumer_goes_on_where_it_was_after_a_restart(own_server):
    from servers import Notes
    server = own_server()
    notes = Notes(server)
    document = notes.document("on and on")
    name = "consumer"
    notes.session.run("SELECT pg_create_logical_replication_slot(%s, 'converge_output')", name)
    slot = Slot.__new__(Slot)
    slot.notes, slot.name = notes, name
    log(notes, document, 511, 2, A_PAYLOAD)
    assert len(slot.frames()) == 1
    notes.session.run("CHECKPOINT")
    log(notes, document, 512, 2, A_PAYLOAD)
    notes.close()
    server.crash()
    server.start()
    slot.notes = notes = Notes(server, create=False)
    log(notes, document, 513, 1, A_PAYLOAD)
    frames = parsed(slot.frames())
    # At least once: what was confirmed before the crash may come again.
    replicas = [c.change.replica for f in frames for c in f.changes]
    assert replicas[-3:] == [512, 512, 513]
    assert all(c.ref.key == "on and on" for f in frames for c in f.changes)
    notes.close()


def test_what_is_left_to_read_of_a_dropped_extension_comes_without_names(server, notes):
    from servers import Notes
    notes.session.run("CREATE DATABASE left_over")
    other = Notes(server, "left_over")
    document = other.document("gone")
    slot = Slot(other)
    log(other, document, 514, 1, A_PAYLOAD)
    other.session.run("DROP EXTENSION converge CASCADE")
    frame, = parsed(slot.peek())
    assert frame.changes[0].document == document
    assert not frame.changes[0].HasField("ref")

    # Created again: the same numbers are other documents.
    other.session.run("DROP TABLE note")
    other.create()
    again = other.document("new")
    log(other, again, 515, 1, A_PAYLOAD)
    last = parsed(slot.peek())[-1]
    assert (last.changes[0].document, last.changes[0].ref.key) == (again, "new")
    slot.__exit__()
    other.close()


def test_a_transaction_of_many_changes_is_decoded_in_bounded_memory(notes):
    """The reorder buffer spills, the plugin holds one frame: the walsender does not grow."""
    document = notes.document("many")
    with Slot(notes) as slot:
        total = many_changes()
        notes.server.set(max_slot_wal_keep_size="-1")
        log(notes, document, 516, total, b"m" * 300)
        connection = psycopg2.connect(dbname=notes.database, **notes.server.address,
                                      connection_factory=psycopg2.extras.LogicalReplicationConnection)
        count, peak = 0, 0
        with connection.cursor() as cursor:
            cursor.start_replication(slot_name=slot.name, decode=False,
                                     options={})
            pid = notes.session.value(
                "SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", slot.name)
            while count < total:
                message = cursor.read_message()
                if message is None:
                    time.sleep(0.005)
                    continue
                frame = StreamFrame.FromString(message.payload)
                count += len(frame.changes)
                peak = max(peak, private_kilobytes(pid))
            assert frame.last
        connection.close()
        # 64 MB of logical_decoding_work_mem and some; the transaction itself has 60 MB of payload at least.
        assert peak < 110_000, f"{peak} kB"


def private_kilobytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
