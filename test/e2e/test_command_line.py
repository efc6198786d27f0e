"""The command line client's own commands."""
import json
import subprocess
import time

from clients import BUILD, converge
from cluster import in_time
from database import SOON, run


def test_replay_makes_the_recorded_text(database, bridge, own_session):
    database.insert("session")
    result = converge(bridge, database.token(), "replay", own_session, "note/session", "body",
                      "--clients", "2", "--verify")
    assert result.returncode == 0, result.stderr
    assert "edits by 2 clients" in result.stdout
    assert database.replayed_text("session") == database.text("session")


def test_a_keystroke_costs_at_most_200_bytes(database, bridge, own_session):
    database.insert("session")
    result = converge(bridge, database.token(), "replay", own_session, "note/session", "body",
                      "--clients", "2", "--turn", "1", "--limit", "300")
    assert result.returncode == 0, result.stderr
    words = result.stdout.split()
    assert float(words[words.index("bytes") - 1]) <= 200, result.stdout


def test_edit_is_acknowledged_and_in_the_row(database, bridge):
    database.insert("session", body="one two")
    result = converge(bridge, database.token(), "edit", "note/session", "body", "insert", "3", " and")
    assert result.returncode == 0, result.stderr
    assert database.text("session") == "one and two"


def test_an_edit_that_expects_what_it_has_read_is_made(database, bridge):
    database.insert("session", body="one")
    for text in (" two", " three"):
        result = converge(bridge, database.token(), "edit", "--expect", "note/session", "body", "insert", "3", text)
        assert result.returncode == 0, result.stderr
    assert database.text("session") == "one three two"


def test_a_place_beyond_the_text_is_refused_and_named(database, bridge, clients):
    database.insert("session", body="short")
    result = converge(bridge, database.token(), "edit", "note/session", "body", "insert", "99", "x")
    assert result.returncode != 0
    assert "99" in result.stderr and "5" in result.stderr, result.stderr
    assert database.text("session") == "short"


def test_tail_prints_the_document_and_each_change(database, bridge):
    database.insert("session", body="one")
    process = subprocess.Popen([BUILD / "converge", "--url", bridge.url, "--token", database.token(),
                                "tail", "note/session"], stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline())
        run(database.session, "UPDATE note SET body = converge.insert(body, 3, ' two')")
        assert "two" in process.stdout.readline()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_tail_follows_a_document_with_fields_that_it_does_not_show(database, bridge):
    run(database.session, """
        CREATE TABLE page (tenant text, id text, tags converge.or_set NOT NULL DEFAULT '',
                           doc converge.ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
        GRANT SELECT, UPDATE ON page TO converge_client;
        SELECT converge.track('page', 'tenant');
        INSERT INTO page (tenant, id) VALUES ('acme', 'home');
        """)
    process = subprocess.Popen([BUILD / "converge", "--url", bridge.url, "--token", database.token(),
                                "tail", "page/home"], stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline()) == {"document": {"tags": []}}
        run(database.session, "UPDATE page SET doc = converge.yjs_insert(doc, 'text', 0, 'x'), tags = converge.add(tags, 'new')")
        assert json.loads(process.stdout.readline())["fields"] == {"doc": None, "tags": ["new"]}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_presence_prints_who_comes_changes_and_goes(database, bridge):
    database.insert("session")

    def start(principal, *options):
        return subprocess.Popen(
            [BUILD / "converge", "--url", bridge.url, "--token", database.token(principal=principal),
             "presence", "note/session", *options], stdout=subprocess.PIPE, text=True)

    watching = start("ann")
    shown = []
    try:
        for state in ('{"cursor": 3}', '"away"'):
            other = start("bob", "--show", state, "--field", "body")
            shown.append(json.loads(watching.stdout.readline()))
            other.terminate()
            assert other.wait(60) == 0
            other.stdout.close()
            shown.append(json.loads(watching.stdout.readline()))
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()
    assert [line["state"] for line in shown] == [{"cursor": 3}, None, "away", None]
    assert all(line["principal"] == "bob" and line["field"] == "body" for line in shown)
    bad = converge(bridge, database.token(), "presence", "note/session", "--show", "{")
    assert bad.returncode == 2 and "JSON" in bad.stderr


def test_a_shell_waits_for_a_bridge_that_is_not_there_yet(database, bridge, clients):
    database.insert("session", body="one")
    bridge.stop()
    early = clients(bridge, "note/session")
    early.send("value", "body")
    bridge.start()
    assert early.answer() == "one"


def test_changes_that_are_buffered_share_a_transaction(database, bridge, clients):
    def attempt(limit):
        key = f"buffered for {limit} s"
        database.insert(key)
        writer = clients(bridge, f"note/{key}", options=("--push", "buffered", "--buffer", str(round(1000 * limit))))
        for place in range(5):
            writer.do("insert", "body", place, "x")
        assert database.text(key) == ""
        writer.do("settle")
        assert database.text(key) == "xxxxx"
        logged = run(database.session, "SELECT count(DISTINCT xmin::text), count(*) FROM converge.change "
                     "WHERE principal = 'alice' AND document = %s", database.document(key))
        assert logged == [(1, 5)]
    in_time(attempt, 0.3, 2, 10)


def test_what_waited_through_an_absence_is_one_change(database, bridge, clients):
    database.insert("session", body="kept")
    writer = clients(bridge, "note/session", options=("--reconcile-after", "0"))
    writer.do("offline")
    for place in range(5):
        writer.do("insert", "body", place, "x")
    writer.do("online")
    writer.do("settle")
    assert database.text("session") == "xxxxxkept"
    replica, = run(database.session, "SELECT count(*) FROM converge.change WHERE principal = 'alice'")
    assert replica == (1,)


def test_an_unknown_document_is_named(database, bridge):
    result = converge(bridge, database.token(), "edit", "note/nowhere", "body", "insert", "0", "x")
    assert result.returncode != 0
    assert "nowhere" in result.stderr or "unknown" in result.stderr.lower(), result.stderr


def test_a_token_file_is_read_again_before_its_token_ends(database, bridge, tmp_path):
    """The first token ends after some seconds, with what clocks may differ by; the tail goes on."""
    database.insert("session")

    def attempt(lifetime):
        file = tmp_path / f"token for {lifetime} s"
        file.write_text(database.token(lifetime=lifetime) + "\n")
        ended = time.monotonic() + lifetime + 5
        tail = subprocess.Popen([BUILD / "converge", "--url", bridge.url, "--token-file", file, "tail", "note/session"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert json.loads(tail.stdout.readline())
            file.write_text(database.token() + "\n")
            time.sleep(max(0, ended + 1 - time.monotonic()))
            before = bridge.log().count("refused")
            run(database.session, "UPDATE note SET body = insert(body, 0, 'late') WHERE id = 'session'")
            assert "late" in tail.stdout.readline()
            assert bridge.log().count("refused") == before
        finally:
            tail.kill()
            tail.communicate()
    in_time(attempt, SOON, 20)
