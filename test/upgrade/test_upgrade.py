"""ALTER EXTENSION converge UPDATE: a database of an old version ends as a fresh
install of the new one, and its data as they were.

src/extension/upgrade/ holds the install script of 0.1 as it was, and a script from
each version to the next. data-0.1.sql is the dump (pg_dump) of a database that
data.sql made with the library of that version."""
import contextlib
import pathlib
import re
import subprocess

import pytest

from catalog import Catalog, differences
from cluster import ROOT, Server

HERE = pathlib.Path(__file__).parent
FIRST = "0.1"
CURRENT = re.search(r"default_version = '(.*)'", (ROOT / "converge.control").read_text())[1]


@contextlib.contextmanager
def new_server():
    server = Server()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def restored():
    """The old version's database, in its version."""
    # pg_dump does not tell an extension's version.
    dump, found = re.subn(r"^(CREATE EXTENSION .* converge .*);$", rf"\1 VERSION '{FIRST}';",
                          (HERE / f"data-{FIRST}.sql").read_text(), flags=re.MULTILINE)
    assert found == 1
    with new_server() as server:
        subprocess.run([server.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres"],
                       env=server.environment, check=True, input=dump, text=True,
                       stdout=subprocess.DEVNULL)
        yield server


@pytest.fixture(scope="module")
def upgraded(restored):
    with restored.connect() as session:
        session.run("ALTER EXTENSION converge UPDATE")
    return restored


def dumped(table):
    """A table's lines in the old version's dump, and its columns."""
    dump = (HERE / f"data-{FIRST}.sql").read_text()
    columns, lines = re.search(rf"^COPY {re.escape(table)} \(([^)]*)\) FROM stdin;\n(.*?)^\\\.$", dump,
                               re.MULTILINE | re.DOTALL).groups()
    return columns, sorted(lines.splitlines())


def lines_of(server, table, columns):
    return sorted(subprocess.run(
        [server.bin / "psql", "-X", "-q", "-d", "postgres", "-c",
         f"COPY {table} ({columns}) TO STDOUT"],
        env=server.environment | {"PGOPTIONS": "-c search_path="},  # as pg_dump has it
        check=True, capture_output=True, text=True).stdout.splitlines())


def test_the_catalog_is_that_of_a_fresh_install(upgraded):
    with new_server() as server:
        with server.connect() as session:
            session.run("CREATE EXTENSION converge")
            fresh = Catalog(session, "converge")
    with upgraded.connect() as session:
        found = differences(Catalog(session, "converge"), fresh)
    assert not found, (
        f"src/extension/upgrade/converge--{FIRST}--{CURRENT}.sql.in lacks something:\n" + "\n".join(found))


def test_every_earlier_version_leads_to_the_current_one(upgraded):
    with upgraded.connect() as session:
        assert session.value(
            "SELECT extversion FROM pg_extension WHERE extname = 'converge'") == CURRENT
        assert session.run(
            "SELECT source FROM pg_extension_update_paths('converge') "
            "WHERE target = %s AND source < target AND path IS NULL", CURRENT) == []


# The log too, in the columns that it had.
@pytest.mark.parametrize("table", ["public.doc", "public.note", "converge.document",
                                   "converge.change", "converge.replica", "converge.collection",
                                   "converge.jwt_key"])
def test_every_state_and_log_row_is_as_it_was(upgraded, table):
    columns, lines = dumped(table)
    assert lines and lines_of(upgraded, table, columns) == lines


def test_indexes_and_casts_of_old_states_work(upgraded):
    with upgraded.connect() as session:
        session.run("SET search_path = public, converge")
        session.run("SET enable_seqscan = off")
        assert session.run("SELECT id FROM doc WHERE s @> '{語}'") == [("small",)]
        assert session.run("SELECT id FROM doc WHERE m ? 'ключ'") == [("small",)]
        assert session.value("SELECT t::text FROM doc WHERE id = 'small'") == "Zwölf Boxkämpfer 😀 語"
        assert session.value("SELECT count(*) FROM doc a JOIN doc b ON a.t = b.t") == 4


def test_documents_live_on(upgraded):
    with upgraded.connect() as session:
        session.run("SET search_path = public, converge")
        for key in ("a", "b"):
            assert session.value("SELECT rebuild('note', 'acme', %s)", key) is False
        logged = session.value("SELECT count(*) FROM change")
        session.run("UPDATE note SET body = insert(body, 0, '>'), tags = remove(tags, 'x') "
                    "WHERE tenant = 'acme' AND id = 'a'")
        assert session.value("SELECT count(*) FROM change") == logged + 1
        assert session.run("SELECT body::text, props::jsonb, tags::text[] FROM note "
                           "WHERE tenant = 'acme' AND id = 'a'") == [
            (">rst second 😀", {"title": "Ä", "n": 1}, ["y"])]
        assert session.value("SELECT rebuild('note', 'acme', 'a')") is False
