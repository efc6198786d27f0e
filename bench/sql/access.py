"""What policies cost: push() and pull() with them and without, by turns, and asking
again for 10,000 clients of one tenant after a grant."""
import concurrent.futures
import contextlib
import statistics
import time

import psycopg2

from harness import SECRET, cpu_seconds, database, figure, medians, ms_each, run, sign, token, trust, value
from push import QUIET, Clients, alter, as_client, push, wire

DOCUMENTS = 100
PUSHES = 4
SMALL_PUSHES = 100
PULLS = 100
RUNS = 31  # short ones, by turns: a WAL segment that is made is some of them
CLIENTS = 10_000
AT_ONCE = 1_000  # questions in a call, as bridges ask, and calls at the same time
CALLS = 2

SETUP = """
CREATE TABLE {table} (tenant text, id text, body crdt_text NOT NULL DEFAULT '', props lww_map NOT NULL DEFAULT '',
                      PRIMARY KEY (tenant, id));
SELECT track('{table}', 'tenant', '{{body}}');
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO bench_app;
INSERT INTO {table} (tenant, id) SELECT 'acme', kind || ' ' || n FROM unnest('{{document,quiet}}'::text[]) kind, generate_series(0, {documents} - 1) n;
"""
# Without policies; with the standard ones; with one that joins a table of members.
TABLES = ("bare", "isolated", "joined")
POLICIES = """
SELECT isolate('isolated');
SELECT set_permission('acme', 'role:writers', 'write', 'isolated'), add_member('acme', 'ann', 'writers');
CREATE TABLE team_member (tenant text, person text, PRIMARY KEY (tenant, person));
INSERT INTO team_member VALUES ('acme', 'ann');
GRANT SELECT ON team_member TO bench_app;
ALTER TABLE joined ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_team ON joined USING (tenant = current_tenant() AND EXISTS (
    SELECT FROM team_member m WHERE m.tenant = joined.tenant AND m.person = current_principal()));
SELECT recheck_on('joined', 'team_member');
"""


def spent(connection, work):
    """What a piece of work takes, in seconds: of the backend's processor time, and of its client's time."""
    begin, cpu = time.perf_counter(), cpu_seconds(connection)
    work()
    return cpu_seconds(connection) - cpu, time.perf_counter() - begin


def pushes(connection, clients, count, documents, changes):
    """So many pushes of so many changes to each of so many documents, each committed."""
    requests = [clients.request(documents, changes) for _ in range(count)]
    return spent(connection, lambda: [push(connection, request) for request in requests])


def pulls(connection, table):
    """Of documents that hold nothing, each under its token and in a transaction, as bridges do it."""
    shown = token()
    return spent(connection, lambda: [run(connection, "SELECT converge.authenticate(%s); SELECT converge.pull(%s, %s)",
                                          shown, table, f"quiet {n % DOCUMENTS}") for n in range(PULLS)])


def pull_ms(connection, table):
    """Of one document that holds nothing, in a transaction with a client's identity."""
    run(connection, "BEGIN")
    run(connection, "SELECT authenticate(%s)", token())
    spent = ms_each(connection, f"PERFORM converge.pull('{table}', 'quiet ' || i % {DOCUMENTS})", 3000)
    run(connection, "COMMIT")
    return spent


class Subscribers:
    """So many principals, each with a token of its own, who follow documents."""

    def __init__(self, table):
        expires = int(time.time()) + 36000
        self.requests = []
        for begin in range(0, CLIENTS, AT_ONCE):
            request = wire.AccessRequest(tickets=True)
            for n in range(begin, begin + AT_ONCE):
                question = request.questions.add(
                    token=sign({"tenant": "acme", "sub": f"reader {n}", "exp": expires}, SECRET, key_id="k"))
                question.documents.add(collection=table, key=f"quiet {n % DOCUMENTS}")
            self.requests.append(psycopg2.Binary(request.SerializeToString()))

    def check(self, connection, request):
        answer = wire.AccessResponse.FromString(bytes(value(connection, "SELECT converge.check_access(%s)", request)))
        assert all(one.code == 0 and one.documents[0].code == 0 for one in answer.answers)

    def recheck_ms(self, owner, connections):
        """From a grant to the last answer, over as many connections as a bridge uses for it."""
        begin = time.perf_counter()
        run(owner, "SELECT set_permission('acme', 'role:everyone', 'read', 'isolated')")
        with concurrent.futures.ThreadPoolExecutor(len(connections)) as pool:
            parts = [self.requests[n::len(connections)] for n in range(len(connections))]
            for done in [pool.submit(lambda c, part: [self.check(c, request) for request in part], *work)
                         for work in zip(connections, parts)]:
                done.result()
        return (time.perf_counter() - begin) * 1000


def measure(server):
    with database(server, "bench_access") as connection, contextlib.ExitStack() as stack:
        run(connection, "DROP ROLE IF EXISTS bench_app")
        run(connection, "CREATE ROLE bench_app LOGIN IN ROLE converge_client")
        for table in TABLES:
            run(connection, SETUP.format(table=table, documents=DOCUMENTS))
        run(connection, POLICIES)
        trust(connection)
        alter(connection, **QUIET)
        clients = {(table, field): Clients(connection, DOCUMENTS, field, 1000, table)
                   for table in TABLES for field in ("body", "props")}
        for subject in clients.values():
            as_client(connection, pushes, subject, PUSHES, DOCUMENTS, 10)
        measures = {
            "push": lambda table: as_client(connection, pushes, clients[table, "body"], PUSHES, DOCUMENTS, 10),
            "push_immediate": lambda table: as_client(connection, pushes, clients[table, "props"], PUSHES, DOCUMENTS, 10),
            "push_1": lambda table: as_client(connection, pushes, clients[table, "body"], SMALL_PUSHES, 1, 1),
            "pull_1": lambda table: as_client(connection, pulls, table),
            "pull": lambda table: (as_client(connection, pull_ms, table), None),
        }
        for name, measured in measures.items():
            taken = [[measured(table) for table in TABLES] for _ in range(RUNS)]
            for kind, column in (("overhead", 0), ("elapsed", 1)):
                if taken[0][0][column] is None:
                    continue
                bare, isolated, joined = (statistics.median(row[n][column] for row in taken) for n in range(len(TABLES)))
                figure(f"access_{kind}_ratio_{name}", isolated / bare, "")
                figure(f"access_{kind}_ratio_{name}_joined", joined / bare, "")
        alter(connection, **dict.fromkeys(QUIET))

        run(connection, "INSERT INTO team_member SELECT 'acme', 'reader ' || n FROM generate_series(0, %s) n", CLIENTS)
        bridge = [stack.enter_context(contextlib.closing(server.connect("bench_access", "bench_app"))) for _ in range(CALLS)]
        for table in ("isolated", "joined"):
            readers = Subscribers(table)
            figure(f"access_recheck_{CLIENTS}_ms" + ("" if table == "isolated" else "_joined"),
                   medians([lambda: readers.recheck_ms(connection, bridge)])[0], "ms")
