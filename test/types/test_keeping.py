"""States leave a database and come into another as they were, byte for byte: by
pg_dump, COPY, CREATE TABLE AS and logical replication."""
import io
import subprocess

import pytest

from cluster import wait_until
from states import COLUMNS, bytes_of, make_table


@pytest.fixture
def target(server):
    """A session in an empty database of the same cluster, with the extension."""
    with server.connect() as postgres:
        postgres.run("DROP DATABASE IF EXISTS target")
        postgres.run("CREATE DATABASE target")
    with server.connect("target") as session:
        yield session


def test_every_type_has_its_column(states):
    assert {name for name, in states.run(
        "SELECT typname FROM pg_type WHERE typnamespace = 'converge'::regnamespace "
        "AND typtype = 'b' AND typelem = 0")} - {"secret"} == set(COLUMNS.values())  # not for storing


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_a_dump_restores_every_state(server, states, target, form):
    dump = subprocess.run([server.bin / "pg_dump", "-d", "postgres", f"--format={form}"],
                          env=server.environment, check=True, capture_output=True).stdout
    restore = ([server.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "target"]
               if form == "plain" else
               [server.bin / "pg_restore", "--exit-on-error", "-d", "target"])
    subprocess.run(restore, env=server.environment, check=True, input=dump,
                   stdout=subprocess.DEVNULL)
    assert bytes_of(target) == bytes_of(states)


@pytest.mark.parametrize("options", ["", "(FORMAT csv)", "(FORMAT binary)"])
def test_copy_brings_every_state(states, target, options):
    target.run("CREATE EXTENSION converge")
    make_table(target)
    copied = io.BytesIO()
    with states.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY doc TO STDOUT {options}", copied)
    copied.seek(0)
    with target.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY doc FROM STDIN {options}", copied)
    assert bytes_of(target) == bytes_of(states)


@pytest.mark.parametrize("storage", ["plain", "external", "extended", "main"])
@pytest.mark.parametrize("compression", ["pglz", "lz4"])
def test_a_table_made_from_another_holds_the_same(states, storage, compression):
    with states.transaction():
        states.run("CREATE TABLE copy AS SELECT * FROM doc WITH NO DATA")
        for column, kind in COLUMNS.items():
            if kind != "hlc":
                states.run(f"ALTER TABLE copy ALTER {column} SET STORAGE {storage}, "
                           f"ALTER {column} SET COMPRESSION {compression}")
        # What is stored inline must fit a page.
        states.run("INSERT INTO copy SELECT * FROM doc WHERE %s <> 'plain' OR id <> 'large'", storage)
        expected = bytes_of(states)
        if storage == "plain":
            del expected["large"]
        assert bytes_of(states, "copy") == expected
        states.run("DROP TABLE copy")


@pytest.mark.parametrize("binary", [False, True])
def test_logical_replication_brings_every_state(server, other_server, states, binary):
    states.run("CREATE PUBLICATION docs FOR TABLE doc")
    with other_server.connect() as subscriber:
        subscriber.run("CREATE EXTENSION IF NOT EXISTS converge")
        make_table(subscriber)
        address = " ".join(f"{name}={value}" for name, value in server.address.items())
        subscriber.run(f"CREATE SUBSCRIPTION docs CONNECTION '{address} dbname=postgres' "
                       f"PUBLICATION docs WITH (binary = {binary})")
        wait_until(lambda: bytes_of(subscriber) == bytes_of(states), "the first copy")
        # Edits: one that leaves large columns as they are, new rows, a deletion.
        states.run("UPDATE doc SET c = increment(c, 1) WHERE id IN ('large', 'conflict')")
        states.run("UPDATE doc SET t = insert(t, 0, '😀'), m = set(m, 'neu', '\"ü\"') "
                   "WHERE id IN ('large', 'empty')")
        states.run(f"INSERT INTO doc SELECT id || %s, {', '.join(COLUMNS)} FROM doc "
                   "WHERE id IN ('large', 'waiting')", f" again {binary}")
        states.run("DELETE FROM doc WHERE id = 'null'")
        wait_until(lambda: bytes_of(subscriber) == bytes_of(states), "the edits")
        subscriber.run("DROP SUBSCRIPTION docs")
        subscriber.run("DROP TABLE doc")
    states.run("DROP PUBLICATION docs")
