"""converge yjs import and export: what y-leveldb, Hocuspocus and files hold, read back
by real Yjs."""
import fcntl
import json
import sqlite3
import subprocess

import pytest

from clients import BUILD
from database import ROOT, run, value

STORES = ROOT / "test/yjs/stores"


def node(*arguments):
    subprocess.run([ROOT / "scripts/npm-packages", STORES], check=True, timeout=300)
    result = subprocess.run(["node", *map(str, arguments)], cwd=STORES, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def content():
    """The documents by name, as real Yjs has them."""
    return json.loads(node("write.mjs", "content"))


@pytest.fixture(scope="module")
def kept_by_hocuspocus():
    """What Hocuspocus runs: statements with their parameters."""
    return [json.loads(line) for line in node("write.mjs", "hocuspocus").splitlines()]


@pytest.fixture
def pages(database):
    run(database.session, """
        CREATE TABLE page (
            tenant text, id text, body converge.ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
        ALTER TABLE page ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON page USING (tenant = converge.current_tenant());
        GRANT SELECT, INSERT, UPDATE ON page TO converge_client;
        SELECT converge.track('page', 'tenant')""")
    return database


def yjs(database, command, *arguments, user="postgres", token=None):
    return subprocess.run(
        [BUILD / "converge", *(["--token", token] if token else []), "yjs", command, "--collection", "page",
         "--tenant", "acme", "--database", database.conninfo(user), *map(str, arguments)],
        capture_output=True, text=True, timeout=60)


def imported(database, *arguments):
    result = yjs(database, "import", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def exported(database, folder, *arguments):
    """What real Yjs reads from the exported files, by the file's name."""
    result = yjs(database, "export", *arguments, folder)
    assert result.returncode == 0, result.stderr
    return json.loads(node("read.mjs", *sorted(folder.iterdir())))


def changes(database):
    return value(database.session, "SELECT count(*) FROM converge.change")


def check_import(database, content, folder, *arguments):
    assert imported(database, *arguments, "--dry-run") == (
        "2 documents would be imported: 2 new, 0 changed, 0 unchanged")
    assert value(database.session, "SELECT count(*) FROM page") == 0
    assert imported(database, *arguments) == "2 documents: 2 new, 0 changed, 0 unchanged"
    before = changes(database)
    assert before == 2
    assert imported(database, *arguments) == "2 documents: 0 new, 0 changed, 2 unchanged"
    assert changes(database) == before
    assert exported(database, folder) == {
        "home.v1": content["home"], "a%2Fb%20%D0%9A%D0%BB%D1%8E%D1%87.v1": content["a/b Ключ"]}


def test_from_y_leveldb(pages, content, tmp_path):
    node("write.mjs", "leveldb", tmp_path / "level")
    check_import(pages, content, tmp_path / "out", "--from", "leveldb", tmp_path / "level")


def files_in(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_y_leveldb_s_folder_stays_as_it_is(pages, tmp_path, monkeypatch):
    node("write.mjs", "leveldb", tmp_path / "level")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    before = files_in(tmp_path / "level")
    imported(pages, "--from", "leveldb", tmp_path / "level")
    assert files_in(tmp_path / "level") == before
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_y_leveldb_that_a_server_has_open_is_refused(pages, tmp_path):
    node("write.mjs", "leveldb", tmp_path / "level")
    with open(tmp_path / "level/LOCK", "r+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as LevelDB does
        result = yjs(pages, "import", "--from", "leveldb", tmp_path / "level")
    assert result.returncode != 0
    assert "it is open elsewhere: stop that server first" in result.stderr, result.stderr
    assert imported(pages, "--from", "leveldb", tmp_path / "level") == "2 documents: 2 new, 0 changed, 0 unchanged"


def test_from_hocuspocus_in_sqlite(pages, content, kept_by_hocuspocus, tmp_path):
    with sqlite3.connect(tmp_path / "db.sqlite") as store:
        for statement, kept in kept_by_hocuspocus:
            store.execute(statement, {**kept, "data": bytes.fromhex(kept.get("data", ""))})
    check_import(pages, content, tmp_path / "out", "--from", "sqlite", tmp_path / "db.sqlite")


def test_rows_without_data_are_no_documents(pages, tmp_path):
    with sqlite3.connect(tmp_path / "db.sqlite") as store:
        store.execute("CREATE TABLE documents (name, data)")
        store.execute("INSERT INTO documents VALUES ('never stored', NULL), ('home', ?)",
                      [bytes.fromhex("01010100040104626f6479016100")])
    assert imported(pages, "--from", "sqlite", tmp_path / "db.sqlite") == "1 documents: 1 new, 0 changed, 0 unchanged"


def test_from_hocuspocus_in_postgresql(pages, content, kept_by_hocuspocus, tmp_path):
    run(pages.session, "CREATE SCHEMA old; CREATE TABLE old.documents (name varchar PRIMARY KEY, state bytea)")
    for _, kept in kept_by_hocuspocus[1:]:
        run(pages.session, "INSERT INTO old.documents VALUES (%s, %s)", kept["name"], bytes.fromhex(kept["data"]))
    run(pages.session, "INSERT INTO old.documents VALUES ('never stored', NULL)")
    check_import(pages, content, tmp_path / "out", "--from", "postgres", "--source-table", "old.documents",
                 "--data-column", "state", pages.conninfo("postgres"))


def test_from_files_of_both_formats(pages, content, tmp_path):
    node("write.mjs", "files", tmp_path / "in")
    assert imported(pages, tmp_path / "in") == "3 documents: 3 new, 0 changed, 0 unchanged"
    there = exported(pages, tmp_path / "out", "--format", "v2")
    assert there["whole.v2"] == there["home.v2"] == content["home"]
    # What was exported is the same document again, also where nothing tells its format.
    file = tmp_path / "out/whole.v2"
    assert imported(pages, file.rename(tmp_path / "whole.bin")) == "1 documents: 0 new, 0 changed, 1 unchanged"


def test_it_merges_into_what_is_there(pages, content, tmp_path):
    node("write.mjs", "files", tmp_path / "in")
    run(pages.session, "INSERT INTO page VALUES ('acme', 'home', converge.yjs_insert('', 'body', 0, 'Mine. '))")
    assert imported(pages, tmp_path / "in") == "3 documents: 2 new, 1 changed, 0 unchanged"
    body = value(pages.session, "SELECT converge.yjs_text(body, 'body') FROM page WHERE id = 'home'")
    assert body in ("Mine. Hello 😀", "Hello 😀Mine. ")


def test_a_token_counts_and_the_policies_hold(pages, tmp_path):
    node("write.mjs", "files", tmp_path / "in")
    stranger = yjs(pages, "import", tmp_path / "in", user="bridge", token=pages.token("globex"))
    assert stranger.returncode == 1
    assert stranger.stderr.count("row-level security") == 3, stranger.stderr
    member = yjs(pages, "import", tmp_path / "in", user="bridge", token=pages.token("acme"))
    assert member.returncode == 0, member.stderr
    assert value(pages.session, "SELECT count(*) FROM page") == 3


def test_a_prefix_chooses_documents_and_is_no_part_of_the_key(pages, tmp_path):
    node("write.mjs", "leveldb", tmp_path / "level")
    assert imported(pages, "--prefix", "a/", "--from", "leveldb", tmp_path / "level") == (
        "1 documents: 1 new, 0 changed, 0 unchanged")
    assert run(pages.session, "SELECT id FROM page") == [("b Ключ",)]


def test_what_is_no_update_is_named_and_the_others_are_imported(pages, tmp_path):
    (tmp_path / "good.v1").write_bytes(bytes.fromhex("01010100040104626f64790161" "00"))
    (tmp_path / "bad.v1").write_bytes(b"\x01\x01nonsense")
    result = yjs(pages, "import", tmp_path)
    assert result.returncode == 1
    assert 'document "bad"' in result.stderr and "malformed" in result.stderr, result.stderr
    assert result.stdout.strip() == "1 documents: 1 new, 0 changed, 0 unchanged; 1 failed"


def test_a_name_too_long_for_a_file_is_named_and_the_others_are_exported(pages, tmp_path):
    longest = 255 - len(".v1")
    for key in ["home", "k" * longest, "l" * (longest + 1), "Ж" * 100]:
        run(pages.session, "INSERT INTO page VALUES ('acme', %s, converge.yjs_insert('', 'body', 0, 'x'))", key)
    result = yjs(pages, "export", tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr.count("File name too long") == 2, result.stderr
    assert f'document "{"l" * (longest + 1)}"' in result.stderr and f'document "{"Ж" * 100}"' in result.stderr
    assert result.stdout.strip() == f"2 documents in {tmp_path / 'out'}; 2 failed"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["home.v1", "k" * longest + ".v1"]


def test_updates_that_are_missing_are_told(pages, tmp_path):
    node("write.mjs", "files", tmp_path / "in")
    (tmp_path / "in/home/0.v1").unlink()
    result = yjs(pages, "import", tmp_path / "in")
    assert result.returncode == 0, result.stderr
    assert 'document "home" lacks updates' in result.stderr
    assert result.stdout.strip().endswith("1 incomplete")


@pytest.mark.parametrize("arguments, message", [
    (["nowhere"], "there is no nowhere"),
    (["--from", "leveldb", "."], "is no LevelDB database"),
    (["--field", "title", "."], "has no column title of type ydoc, only body"),
    (["--from", "sqlite", __file__], "file is not a database"),
])
def test_what_cannot_be_is_said(pages, arguments, message):
    result = yjs(pages, "import", *arguments)
    assert result.returncode != 0
    assert message in result.stderr, result.stderr
