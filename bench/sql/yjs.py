"""push() of what Yjs providers send of a large document, whose field is deferred:
updates that need not be compared with the document, and one that has to be."""
import itertools
import pathlib
import random
import sys

import psycopg2

from harness import alter, cpu_seconds, database, figure, medians, run, token, trust, value
from push import QUIET, as_client

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test/support"))
from wire_schema import converge_pb2 as wire  # noqa: E402  (the path comes first)

PIECES = 3000  # of 30 characters, typed at random places
PUSHES = 100

SETUP = """
CREATE TABLE page (tenant text, id text, body ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
ALTER TABLE page ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON page USING (tenant = current_tenant());
SELECT track('page', 'tenant', '{body}');
DROP ROLE IF EXISTS bench_app;
CREATE ROLE bench_app IN ROLE converge_client;
GRANT SELECT, UPDATE ON page TO bench_app
"""

clients = itertools.count(10_000)


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def piece(client, clock, text, left=None):
    """Yjs's update, format 1: a text behind the unit `left`, or in the root `body`."""
    place = b"\x04\x01\x04body" if left is None else b"\x84" + number(left[0]) + number(left[1])
    return b"\x01\x01" + number(client) + number(clock) + place + number(len(text)) + text + b"\x00"


def deletion(client, clock):
    return b"\x00\x01" + number(client) + b"\x01" + number(clock) + b"\x01"


def fill(connection):
    """The document, by one Yjs client; its state is folded into the row."""
    writer = next(clients)
    choose = random.Random(1)
    updates = [piece(writer, 0, b"a" * 30)]
    updates += [piece(writer, 30 * n, b"a" * 30, (writer, choose.randrange(30 * n))) for n in range(1, PIECES)]
    run(connection, "INSERT INTO page SELECT 'acme', 'large', merge_agg(new_ydoc(u)) FROM unnest(%s) u",
        [psycopg2.Binary(update) for update in updates])
    return writer


def request(connection, update, is_new):
    delta = bytes(value(connection, "SELECT new_ydoc(%s)::bytea", psycopg2.Binary(update)))
    payload = wire.Payload(fields=[wire.FieldDelta(field="body", delta=delta)]).SerializeToString()
    made = wire.PushRequest()
    document = made.groups.add(token=token()).documents.add(document=wire.DocumentRef(collection="page", key="large"))
    document.changes.add(replica=7, payload=payload, is_new=is_new)
    return made.SerializeToString()


def push_us(connection, requests, code):
    begin = cpu_seconds(connection)
    for made in requests:
        answer = wire.PushResponse.FromString(bytes(value(connection, "SELECT converge.push(%s)", psycopg2.Binary(made))))
        assert answer.groups[0].documents[0].verdicts[0].code == code, answer
    return (cpu_seconds(connection) - begin) * 1e6 / len(requests)


def measure(server):
    with database(server, "bench_yjs") as connection:
        for statement in SETUP.split(";"):
            run(connection, statement)
        trust(connection)
        alter(connection, **QUIET)
        writer = fill(connection)
        clock = itertools.count()
        choose = random.Random(2)

        def pushed(updates, is_new, code=wire.CODE_OK):
            requests = [request(connection, update, is_new) for update in updates]
            return as_client(connection, push_us, requests, code)

        def typed():
            client = next(clients)
            return pushed([piece(client, n, b"x", (client, n - 1) if n else (writer, 5)) for n in range(PUSHES)], True)

        def first():
            # At different places: what those who have not seen each other write at one is compared in pairs.
            return pushed([piece(next(clients), 0, b"x", (writer, choose.randrange(30 * PIECES))) for _ in range(PUSHES)],
                          False)

        def deleted():
            return pushed([deletion(writer, next(clock)) for _ in range(PUSHES)], True)

        def compared():
            return pushed([deletion(writer, 0)] * (PUSHES // 10), False, wire.CODE_DUPLICATE)

        typed()
        deleted()
        for name, spent in zip(("typed", "first", "deleted", "compared"), medians([typed, first, deleted, compared])):
            figure(f"yjs_push_{name}_us", spent, "us")
        alter(connection, **dict.fromkeys(QUIET))
