"""The stream of changes: the worker's socket without tickets that are one's own, and
what the output plugin lets through of its options."""
import os
import stat

import psycopg2
import psycopg2.extras
import pytest

from cluster import wait_until
from database import run, value
from peer import Peer
from wire import WorkerRequest
from worker_client import Closed, WorkerClient
from world import HIDDEN, KEY, Attacker

pytestmark = pytest.mark.globex_writes


def edit(world, key=KEY, tenant="globex"):
    run(world.session, "UPDATE note SET props = converge.set(props, %s, to_jsonb(clock_timestamp()::text))"
        " WHERE tenant = %s AND id = %s", world.canary if tenant == "globex" else "x", tenant, key)


def ticket(world, tenant, principal="ann"):
    with psycopg2.connect(world.conninfo("insider")) as session, session.cursor() as cursor:
        cursor.execute("SELECT converge.authenticate(%s)", (world.token(tenant, principal),))
        cursor.execute("SELECT document, ticket FROM converge.subscribe('note', %s)", (KEY,))
        document, bytes_of_it = cursor.fetchone()
    session.close()
    return document, bytes(bytes_of_it)


@pytest.fixture
def worker(world):
    with WorkerClient(value(world.session, "SELECT converge.worker_socket()"), "attack") as worker:
        yield worker


def test_only_the_servers_user_reaches_the_socket(world):
    path = value(world.session, "SELECT converge.worker_socket()")
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o007 == 0 or stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) & 0o007 == 0


def test_tickets_that_are_not_for_the_document(world, worker):
    own, good = ticket(world, "acme")
    foreign = world.document(KEY, "globex")
    flipped = [good[:place] + bytes([good[place] ^ 1]) + good[place + 1:] for place in range(len(good))]
    moved = good[:5] + foreign.to_bytes(8, "big") + good[13:]
    for tried in (b"", good, moved, good[:-1], good + b"\0", bytes(len(good)), os.urandom(64), *flipped):
        assert worker.watch(foreign, tried).WhichOneof("message") == "refused"
        assert not worker.known
    for tried in flipped:
        assert worker.watch(own, tried).WhichOneof("message") == "refused"
    # Renewing and presence without a watch.
    request = WorkerRequest()
    request.presence.document = foreign
    request.presence.wanted = True
    worker.send(request)
    assert worker.watch(own, good).WhichOneof("message") == "watching"
    for _ in range(20):
        edit(world)
    edit(world, tenant="acme")
    heard = b""
    while True:
        try:
            reply = worker.read(60)
        except Closed:
            pytest.fail("the worker ended the connection")
        heard += worker.message
        if reply.WhichOneof("message") == "frame" and any(change.document == own for change in reply.frame.changes):
            assert all(change.tenant == "acme" for change in reply.frame.changes)
            break
    assert not world.tells(heard) and b"globex" not in heard


def test_a_ticket_of_another_database(world, worker):
    """Its number and its tenant may be the same."""
    own, good = ticket(world, "globex")
    run(world.session, "CREATE DATABASE beside")
    try:
        beside = world.server.connect("beside")
        run(beside, "CREATE EXTENSION converge")
        path = wait_until(lambda: value(beside, "SELECT state FROM converge.worker_status()") == "running"
                          and value(beside, "SELECT converge.worker_socket()"), "the other worker", 60)
        with WorkerClient(path, "attack") as other:
            assert other.watch(own, good).WhichOneof("message") == "refused"
        beside.close()
    finally:
        run(world.session, "DROP DATABASE beside WITH (FORCE)")


@pytest.mark.parametrize("user", ["insider", "outsider", "bridge"])
def test_the_replication_protocol_is_not_for_clients(world, user):
    for kind in (psycopg2.extras.LogicalReplicationConnection, psycopg2.extras.PhysicalReplicationConnection):
        with pytest.raises(psycopg2.Error):
            psycopg2.connect(world.conninfo(user), connection_factory=kind)


@pytest.fixture
def slot(world):
    run(world.session, "SELECT pg_create_logical_replication_slot('attack', 'converge_output')")
    yield "attack"
    run(world.session, "SELECT pg_drop_replication_slot('attack')")


def test_what_the_plugin_lets_through(world, slot):
    """Who reads a slot is trusted with all of it; its options keep what they say."""
    edit(world)
    edit(world, tenant="acme")
    run(world.session, "SELECT converge.set_permission('globex', %s, 'read')", world.canary + "-more")
    def peek(*options):
        rows = run(world.session, "SELECT data FROM pg_logical_slot_peek_binary_changes('attack', NULL, NULL, VARIADIC %s)",
                   list(options))
        return b"".join(bytes(data) for data, in rows)
    assert world.tells(peek("access", "on"))
    for more in ([], ["access", "on"], ["collection", "note"], ["framing", "length"]):
        narrow = peek("tenant", "acme", *more)
        assert narrow and not world.tells(narrow) and b"globex" not in narrow, more
    assert not world.tells(peek("tenant", "acme", "format", "json"))
    for tenant in ("", "ACME", "acme\0", "%", "*", "acme' OR true"):
        if "\0" not in tenant:
            assert not world.tells(peek("tenant", tenant, "access", "on")), tenant


def fold_after(world, time):
    for name in ("fold_quiet", "fold_latest"):
        run(world.session, f"ALTER SYSTEM SET converge.{name} = '{time}'")
    run(world.session, "SELECT pg_reload_conf()")


def test_what_ails_the_fold_is_not_for_clients(world, bridge):
    """What a trigger said of a row is its problem, and every client may ask for the status."""
    run(world.session, f"""
        CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.tenant = 'globex' THEN RAISE EXCEPTION USING ERRCODE = 'XX000', MESSAGE = '{world.canary}'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fails BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION fails()""")
    fold_after(world, "100ms")
    peer = Peer(bridge, timeout=60)
    peer.say_hello(world.token("globex", "ann"))
    peer.follow("note", HIDDEN)
    world.write(peer)
    peer.close()
    problem = "SELECT problem FROM converge.maintenance_status()"
    wait_until(lambda: value(world.session, problem) == world.canary, "the fold's problem", 60)
    attacker = Attacker(world, "insider", world.token("acme", "ann"))
    assert attacker.attempt(problem)[0] == [("see the server's log",)]
    attacker.close()
    run(world.session, "DROP TRIGGER fails ON note; DROP FUNCTION fails")
    wait_until(lambda: value(world.session, problem) is None, "the fold", 60)
    fold_after(world, "1h")


def test_nobody_else_is_told_who_waits(world, bridge):
    """Statuses are for clients too, and name nobody."""
    attacker = Attacker(world, "insider", world.token("acme", "ann"))
    for function in ("worker_status", "maintenance_status", "worker_socket"):
        _, error, heard = attacker.hear(f"SELECT * FROM converge.{function}()")
        assert error is None and not any(world.tells(part) or "globex" in part for part in heard), function
    attacker.close()
