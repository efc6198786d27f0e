"""Plain columns that a collection includes, and soft deletions, as live clients see them."""
import json
import os
import subprocess

import pytest

from clients import BUILD, Refused, converge
from database import run, value, wait_until


@pytest.fixture
def documents(database):
    run(database.session, """
        ALTER TABLE note ADD title text, ADD due date, ADD deleted_at timestamptz;
        SELECT converge.track('note', 'tenant', include => '{title,due}', deletion_column => 'deleted_at')""")
    database.insert("session", body="text")
    return database


def test_clients_see_what_sql_sets(documents, bridge, clients):
    run(documents.session, "UPDATE note SET title = 'First', due = '2026-12-24'")
    alice = clients(bridge, "note/session", principal="alice")
    alice.do("reach", {})
    wait_until(lambda: alice.do("columns") == {"due": "2026-12-24", "title": "First"}, "the columns")
    run(documents.session, "UPDATE note SET title = 'Second'")
    wait_until(lambda: alice.do("columns")["title"] == "Second", "a live value")
    # While it is away, and after the log was compacted.
    alice.do("offline")
    run(documents.session, "UPDATE note SET title = NULL")
    alice.do("online")
    wait_until(lambda: alice.do("columns")["title"] is None, "what it missed")
    alice.do("offline")
    run(documents.session, "UPDATE note SET title = 'Third'")
    run(documents.session, "SELECT converge.compact('note', 'acme', 'session')")
    alice.do("insert", "body", 0, "late ")
    alice.do("online")
    wait_until(lambda: alice.do("columns") == {"due": "2026-12-24", "title": "Third"}, "the state")
    alice.do("settle")
    assert documents.text("session") == "late text"


def test_tail_shows_them(documents, bridge):
    run(documents.session, "UPDATE note SET title = 'First'")
    tail = subprocess.Popen([BUILD / "converge", "--url", bridge.url, "tail", "note/session"], text=True,
                            env={**os.environ, "CONVERGE_TOKEN": documents.token()},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        first = json.loads(tail.stdout.readline())
        assert first["columns"] == {"due": None, "title": "First"}
        run(documents.session, "UPDATE note SET title = 'Second'")
        assert json.loads(tail.stdout.readline())["columns"] == {"title": "Second"}
    finally:
        tail.terminate()
        tail.wait()
        tail.stdout.close()


def test_a_softly_deleted_document_is_gone_and_comes_back(documents, bridge, clients):
    alice = clients(bridge, "note/session", principal="alice")
    alice.do("insert", "body", 4, " of alice")
    alice.do("settle")
    run(documents.session, "UPDATE note SET deleted_at = now()")

    def deleted():
        try:
            alice.do("insert", "body", 0, "")
            return False
        except Refused as refusal:
            return "deleted" in str(refusal)
    wait_until(deleted, "the deletion")
    gone = converge(bridge, documents.token(), "edit", "note/session", "body", "insert", "0", "x")
    assert gone.returncode != 0 and "does not exist" in gone.stderr
    run(documents.session, "UPDATE note SET deleted_at = NULL")
    wait_until(lambda: not deleted(), "the return")
    alice.do("insert", "body", 0, "again ")
    alice.do("settle")
    assert documents.text("session") == "again text of alice"
    assert value(documents.session, "SELECT deleted_at FROM note") is None
