"""push(): changes a second in one backend, committed, with policies on, and what
one costs in WAL."""
import itertools
import pathlib
import sys
import time

import psycopg2

from harness import alter, cpu_seconds, database, figure, medians, run, token, trust, value

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test/support"))
from wire_schema import converge_pb2 as wire  # noqa: E402  (the path comes first)

PUSHES = 20  # in one measurement
SMALL_PUSHES = 500

SETUP = """
CREATE TABLE note (tenant text, id text, body crdt_text NOT NULL DEFAULT '', props lww_map NOT NULL DEFAULT '',
                   PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = current_tenant()) WITH CHECK (tenant = current_tenant());
SELECT track('note', 'tenant', '{body}');
DROP ROLE IF EXISTS bench_app;
CREATE ROLE bench_app IN ROLE converge_client;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO bench_app;
INSERT INTO note (tenant, id) SELECT 'acme', 'document ' || n FROM generate_series(0, %(documents)s - 1) n;
CREATE TABLE plain (tenant text COLLATE "C", document bigint, replica bigint, seq bigint, payload bytea,
                    PRIMARY KEY (tenant, document, replica, seq));
VACUUM ANALYZE
"""

# One edit after the other, as deltas: a character typed, a key of a map set.
EDITS = """
CREATE OR REPLACE FUNCTION pg_temp.typed(times int) RETURNS SETOF bytea LANGUAGE plpgsql AS $$
DECLARE
    was crdt_text := new_text('');
    now crdt_text;
BEGIN
    FOR i IN 1 .. times LOOP
        now := insert(was, i - 1, 'x');
        RETURN NEXT difference(was, now)::bytea;
        was := now;
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION pg_temp.set(times int) RETURNS SETOF bytea LANGUAGE plpgsql AS $$
DECLARE
    was lww_map := new_map('{}');
    now lww_map;
BEGIN
    FOR i IN 1 .. times LOOP
        now := set(was, 'key ' || i % 10, to_jsonb(i));
        RETURN NEXT difference(was, now)::bytea;
        was := now;
    END LOOP;
END $$
"""


class Clients:
    """A client for each document, who makes one change after the other."""

    def __init__(self, connection, documents, field, changes, collection="note"):
        self.field = field
        self.collection = collection
        self.token = token()
        self.keys = [f"document {n}" for n in range(documents)]
        run(connection, EDITS)
        made = run(connection, f"SELECT pg_temp.{'typed' if field == 'body' else 'set'}({changes})")
        self.deltas = [bytes(delta) for delta, in made]
        # The same edits in each document: a document knows nothing of the others.
        self.replica = next(replicas)
        self.numbers = dict.fromkeys(self.keys, 0)

    def request(self, documents, each):
        """A request of `each` changes of each of the first `documents` documents."""
        request = wire.PushRequest(whole=True)  # as bridges ask first
        group = request.groups.add(token=self.token)
        hlc = int(time.time() * 1000) << 16
        for key in self.keys[:documents]:
            document = group.documents.add(document=wire.DocumentRef(collection=self.collection, key=key))
            for _ in range(each):
                delta = self.deltas[self.numbers[key] % len(self.deltas)]
                self.numbers[key] += 1
                payload = wire.Payload(fields=[wire.FieldDelta(field=self.field, delta=delta)])
                document.changes.add(replica=self.replica, seq=self.numbers[key], hlc=hlc,
                                     payload=payload.SerializeToString(deterministic=True))
        return request.SerializeToString()


class Crowd:
    """Many clients, each a principal with a token of its own, spread over the documents: what
    a bridge gathers into one call when all of them write at once."""

    def __init__(self, connection, clients, documents):
        run(connection, EDITS)
        self.delta = bytes(value(connection, "SELECT pg_temp.typed(1)"))
        self.tokens = [token(f"client {n}") for n in range(clients)]
        self.replicas = [next(replicas) for _ in range(clients)]
        self.keys = [f"document {n % documents}" for n in range(clients)]
        self.seq = 0

    def request(self):
        """One change of each of them."""
        self.seq += 1
        request = wire.PushRequest(whole=True)
        hlc = int(time.time() * 1000) << 16
        # The same character again and again. Its identifier is one that SQL minted, so that each
        # time it is asked whose it is, which clients' own do not cost.
        payload = wire.Payload(fields=[wire.FieldDelta(field="body", delta=self.delta)])
        for credential, replica, key in zip(self.tokens, self.replicas, self.keys):
            group = request.groups.add(token=credential)
            document = group.documents.add(document=wire.DocumentRef(collection="note", key=key))
            document.changes.add(replica=replica, seq=self.seq, hlc=hlc,
                                 payload=payload.SerializeToString(deterministic=True))
        return request.SerializeToString()


replicas = itertools.count(1000)


def push(connection, request):
    """How long a push takes, as its client sees it; every change has to be applied."""
    begin = time.perf_counter()
    answer = value(connection, "SELECT converge.push(%s)", psycopg2.Binary(request))
    spent = time.perf_counter() - begin
    response = wire.PushResponse.FromString(bytes(answer))
    codes = {verdict.code for group in response.groups for document in group.documents for verdict in document.verdicts}
    assert codes == {0}, codes
    return spent


def rate(connection, clients, documents, each):
    """Changes a second."""
    requests = [clients.request(documents, each) for _ in range(PUSHES)]
    return PUSHES * documents * each / sum(push(connection, request) for request in requests)


def small_push_us(connection, clients, documents):
    """Backend's processor time of a push of one change to each of a few documents, as the
    bridge makes them; its commit and the wire's protocol included."""
    requests = [clients.request(documents, 1) for _ in range(SMALL_PUSHES)]
    begin = cpu_seconds(connection)
    for request in requests:
        push(connection, request)
    return (cpu_seconds(connection) - begin) * 1e6 / SMALL_PUSHES


def group_us(connection, crowd):
    """Backend's processor time of a call of one change of each client of the crowd, by change;
    its commit and the wire's protocol included."""
    requests = [crowd.request() for _ in range(PUSHES)]
    begin = cpu_seconds(connection)
    for request in requests:
        push(connection, request)
    return (cpu_seconds(connection) - begin) * 1e6 / PUSHES / len(crowd.tokens)


def small_floor_us(connection, clients):
    """A row of the same payload inserted and committed."""
    payload = wire.Payload(fields=[wire.FieldDelta(field="body", delta=clients.deltas[0])]).SerializeToString()
    replica = next(replicas)
    begin = cpu_seconds(connection)
    for number in range(SMALL_PUSHES):
        run(connection, "INSERT INTO plain VALUES ('acme', 1, %s, %s, %s)", replica, number, psycopg2.Binary(payload))
    return (cpu_seconds(connection) - begin) * 1e6 / SMALL_PUSHES


def floor_rate(connection, clients):
    """The same payloads inserted into a table with the log's key and nothing else, a thousand at a time."""
    payload = wire.Payload(fields=[wire.FieldDelta(field="body", delta=clients.deltas[0])]).SerializeToString()
    spent = 0
    for number in range(PUSHES):
        begin = time.perf_counter()
        run(connection, "INSERT INTO plain SELECT 'acme', n %% 100, %s, n / 100, %s FROM generate_series(1, 1000) n",
            next(replicas), psycopg2.Binary(payload))
        spent += time.perf_counter() - begin
    return PUSHES * 1000 / spent


def wal_bytes(connection, clients):
    """Of a change, at batches of a hundred over a hundred documents."""
    before = value(connection, "SELECT pg_current_wal_insert_lsn()")
    for _ in range(PUSHES):
        push(connection, clients.request(100, 1))
    return int(value(connection, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", before)) / PUSHES / 100


MULTIXACTS = "SELECT mxid_age('1'::xid)"  # so far

# Nothing but what is called, and no checkpoints that come in between.
QUIET = {"converge.fold_quiet": "'1d'", "converge.fold_latest": "'1d'", "converge.fold_changes": "1000000000"}


def prepare(connection, documents):
    """The table with so many documents, for the role bench_app."""
    for statement in SETUP.split(";"):
        run(connection, statement % {"documents": documents})
    trust(connection)
    run(connection, "ALTER SYSTEM SET max_wal_size = '4GB'")
    alter(connection, **QUIET)


def as_client(connection, measured, *arguments):
    run(connection, "SET ROLE bench_app")
    run(connection, "SELECT set_config('lock_timeout', current_setting('converge.push_lock_timeout'), false)")
    try:
        return measured(connection, *arguments)
    finally:
        run(connection, "RESET lock_timeout")
        run(connection, "RESET ROLE")


def measure(server):
    with database(server, "bench_push") as connection:
        prepare(connection, 10000)
        typing = Clients(connection, 10000, "body", 5000)
        setting = Clients(connection, 10000, "props", 1000)
        as_client(connection, rate, typing, 100, 10)
        as_client(connection, rate, setting, 100, 10)
        deferred, immediate, floor, spread = medians([
            lambda: as_client(connection, rate, typing, 100, 10),
            lambda: as_client(connection, rate, setting, 100, 10),
            lambda: floor_rate(connection, typing),
            lambda: as_client(connection, rate, typing, 1000, 1),
        ])
        figure("push_deferred_per_s", deferred, "changes/s")
        figure("push_immediate_per_s", immediate, "changes/s")
        figure("push_floor_per_s", floor, "rows/s")
        figure("push_1000_documents_per_s", spread, "changes/s")
        crowd = Crowd(connection, 1000, 100)
        as_client(connection, group_us, crowd)
        group = medians([lambda: as_client(connection, group_us, crowd)])[0]
        figure("push_1000_groups_per_s", 1e6 / group, "changes/s")
        figure("push_group_us", group, "us")
        multixacts = value(connection, MULTIXACTS)
        one, ten, one_immediate, small_floor = medians([
            lambda: as_client(connection, small_push_us, typing, 1),
            lambda: as_client(connection, small_push_us, typing, 10),
            lambda: as_client(connection, small_push_us, setting, 1),
            lambda: small_floor_us(connection, typing),
        ])
        figure("push_1_us", one, "us")
        figure("push_10_us", ten, "us")
        figure("push_1_immediate_us", one_immediate, "us")
        figure("push_1_floor_us", small_floor, "us")
        # What locks a row and changes it in different subtransactions makes one each time.
        figure("push_multixacts", value(connection, MULTIXACTS) - multixacts, "")
        alter(connection, full_page_writes="off")
        figure("wal_bytes_per_change", medians([lambda: as_client(connection, wal_bytes, typing)])[0], "bytes")
        alter(connection, full_page_writes=None)
        alter(connection, **dict.fromkeys(QUIET))
