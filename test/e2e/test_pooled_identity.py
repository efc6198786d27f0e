"""An identity lasts for its transaction: what the next user of a pooled connection,
or the same session, sees of it."""
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

import psycopg2
import pytest

from database import run, value, wait_until

PRESENT = "SELECT converge.current_tenant(), converge.current_principal(), pg_backend_pid()"


@pytest.fixture
def pooled(database):
    """connect() gives a client of PgBouncer, in transaction mode with one connection to the server."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="converge-pool-"))
    directory.chmod(0o755)
    settings = directory / "pgbouncer.ini"
    settings.write_text(f"""
[databases]
app = host={database.server.host} port={database.server.port} dbname={database.name} user=bridge
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {directory}
auth_type = any
pool_mode = transaction
default_pool_size = 1
logfile = {directory}/log
pidfile = {directory}/pid
""")
    command = [shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin"), str(settings)]
    if os.geteuid() == 0:  # which it refuses to run as
        shutil.chown(directory, "postgres")
        command = ["runuser", "-u", "postgres", "--", *command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made = []

    def connect():
        connection = psycopg2.connect(host=str(directory), port=6432, dbname="app", user="bridge")
        connection.autocommit = True
        made.append(connection)
        return connection

    def listens():  # its socket is there before that
        try:
            psycopg2.connect(host=str(directory), port=6432, dbname="app", user="bridge").close()
            return True
        except psycopg2.OperationalError:
            return False

    wait_until(listens, "PgBouncer")
    yield connect
    for connection in made:
        connection.close()
    process.terminate()
    process.wait(60)
    shutil.rmtree(directory)


def test_the_next_user_of_a_connection_is_nobody(database, pooled):
    ann, bob = pooled(), pooled()
    run(ann, "BEGIN")
    run(ann, "SELECT converge.authenticate(%s)", database.token("acme", "ann"))
    tenant, principal, backend = run(ann, PRESENT)[0]
    assert (tenant, principal) == ("acme", "ann")
    run(ann, "COMMIT")
    assert run(bob, PRESENT)[0] == (None, None, backend)
    run(ann, "BEGIN")
    run(ann, "SELECT converge.authenticate(%s)", database.token("acme", "ann"))
    with pytest.raises(psycopg2.Error):
        run(ann, "SELECT 1 / 0")
    run(ann, "ROLLBACK")
    assert run(bob, PRESENT)[0] == (None, None, backend)
    # Outside a transaction block it is over at once.
    run(ann, "SELECT converge.authenticate(%s)", database.token("acme", "ann"))
    assert run(ann, PRESENT)[0] == (None, None, backend)
    assert run(bob, PRESENT)[0] == (None, None, backend)


def test_many_principals_over_one_connection(database, pooled):
    principals = [("acme", "ann"), ("acme", "bob"), ("globex", "ann"), (None, None)]
    clients = [(pooled(), *principal) for principal in principals]
    tokens = {pair: database.token(*pair) for pair in principals if pair[0]}
    chance = random.Random(1)
    backends = set()
    for _ in range(200):
        connection, tenant, principal = chance.choice(clients)
        run(connection, "BEGIN")
        if tenant:
            run(connection, "SELECT converge.authenticate(%s)", tokens[tenant, principal])
        *seen, backend = run(connection, PRESENT)[0]
        assert seen == [tenant, principal]
        backends.add(backend)
        run(connection, chance.choice(["COMMIT", "ROLLBACK"]))
    assert len(backends) == 1


def test_nothing_that_a_session_may_say_changes_who_it_is(database):
    session = database.connect("bridge")
    run(session, "BEGIN")
    run(session, "SELECT converge.authenticate(%s)", database.token("acme", "ann"))
    for statement in ("SET ROLE converge_client", "RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT", "RESET ALL",
                      "SET LOCAL search_path = public", "SAVEPOINT s", "ROLLBACK TO s", "DISCARD PLANS", "DISCARD TEMP"):
        run(session, statement)
        assert run(session, PRESENT)[0][:2] == ("acme", "ann"), statement
    run(session, "COMMIT")
    run(session, "DISCARD ALL")
    assert run(session, PRESENT)[0][:2] == (None, None)
    for name in ("tenant", "principal", "permissions", "identity_end"):
        for statement in (f"SET converge.{name} = 'x'", f"SET LOCAL converge.{name} = 'x'", f"RESET converge.{name}",
                          f"SELECT set_config('converge.{name}', 'x', false)",
                          f"ALTER ROLE bridge SET converge.{name} = 'x'",
                          f"CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SET converge.{name} = 'x' AS 'SELECT 1'; "
                          "SELECT pg_temp.f()"):
            with pytest.raises(psycopg2.Error):
                run(session, statement)
    assert run(session, PRESENT)[0][:2] == (None, None)
    assert value(session, "SELECT current_setting('converge.tenant')") == ""
    session.close()


def test_a_start_up_packet_sets_no_identity(database):
    with pytest.raises(psycopg2.Error):
        psycopg2.connect(database.conninfo() + " options='-c converge.tenant=acme'")
