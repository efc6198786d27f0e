"""What SQL makes easy to get wrong, from two sessions at once: nothing is lost,
nothing doubled."""
import threading

import psycopg2
import pytest

from database import run, value, wait_until

BODY = "SELECT body::text FROM note WHERE tenant = 'acme' AND id = 'session'"


@pytest.fixture
def sessions(database):
    """Two sessions with transactions of their own."""
    database.insert("session", body="base")
    pair = [database.connect(), database.connect()]
    for session in pair:
        session.autocommit = False
    yield pair
    for session in pair:
        session.close()


def at_once(sessions, statement):
    """Runs a statement in both sessions: the second waits for the first's row lock."""
    first, second = sessions
    run(first, statement)
    waiting = threading.Thread(target=lambda: (run(second, statement), second.commit()))
    waiting.start()
    # Until it waits for the lock, or the test would not be of two at once.
    wait_until(lambda: value(first, "SELECT count(*) FROM pg_locks WHERE NOT granted"), "the second's wait")
    first.commit()
    waiting.join(60)
    assert not waiting.is_alive()


def replay_holds(database):
    return database.replayed_text("session") == database.text("session")


def test_the_same_new_map_joined_twice(database, sessions):
    at_once(sessions, """UPDATE note SET props = props || converge.new_map('{"n": 1}')
                         WHERE tenant = 'acme' AND id = 'session'""")
    assert value(database.session, "SELECT props::jsonb FROM note") == {"n": 1}
    assert replay_holds(database)


def test_the_same_new_text_joined_twice(database, sessions):
    at_once(sessions, """UPDATE note SET body = body || converge.new_text('+')
                         WHERE tenant = 'acme' AND id = 'session'""")
    # Two acts of writing, so two plus signs: the constructor ran in each.
    assert sorted(value(database.session, BODY)) == sorted("base++")
    assert replay_holds(database)


def test_upsert_joins_what_it_excluded(database, sessions):
    at_once(sessions, """INSERT INTO note (tenant, id, body)
                         VALUES ('acme', 'session', converge.new_text('!'))
                         ON CONFLICT (tenant, id) DO UPDATE SET body = note.body || EXCLUDED.body""")
    assert sorted(value(database.session, BODY)) == sorted("base!!")
    assert replay_holds(database)


def test_upsert_of_a_new_row_from_both(database, sessions):
    at_once(sessions, """INSERT INTO note (tenant, id, body)
                         VALUES ('acme', 'fresh', converge.new_text('x'))
                         ON CONFLICT (tenant, id) DO UPDATE SET body = note.body || EXCLUDED.body""")
    assert database.text("fresh") == "xx"
    assert database.replayed_text("fresh") == "xx"


def test_edits_of_one_base_in_one_statement_both_stay(database):
    database.insert("session", body="base")
    run(database.session, """UPDATE note SET body =
        converge.insert(body, 0, 'A') || converge.insert(body, 4, 'B') WHERE id = 'session'""")
    assert database.text("session") == "AbaseB"
    assert replay_holds(database)


def test_a_rolled_back_edit_leaves_no_identifier_to_be_reused(database, sessions):
    first, second = sessions
    # The delta of an edit that is rolled back escapes to somebody else.
    escaped = value(first, """UPDATE note SET body = converge.insert(body, 0, 'ghost ')
                              WHERE id = 'session' RETURNING body""")
    first.rollback()
    run(first, "UPDATE note SET body = converge.insert(body, 0, 'real ') WHERE id = 'session'")
    first.commit()
    run(second, "UPDATE note SET body = body || %s::converge.crdt_text WHERE id = 'session'", escaped)
    second.commit()
    text = database.text("session")
    assert sorted(text.split()) == ["base", "ghost", "real"]
    assert replay_holds(database)


def test_a_savepoint_rolled_back_is_the_same(database, sessions):
    first, _ = sessions
    run(first, "UPDATE note SET body = converge.insert(body, 4, '1') WHERE id = 'session'")
    run(first, "SAVEPOINT here")
    run(first, "UPDATE note SET body = converge.insert(body, 5, 'gone') WHERE id = 'session'")
    run(first, "ROLLBACK TO here")
    run(first, "UPDATE note SET body = converge.insert(body, 5, '2') WHERE id = 'session'")
    first.commit()
    assert database.text("session") == "base12"
    assert replay_holds(database)


def test_an_assignment_of_an_old_state_loses_nothing(database):
    database.insert("session", body="base")
    old = value(database.session, "SELECT body FROM note WHERE id = 'session'")
    run(database.session, "UPDATE note SET body = converge.insert(body, 4, ' more')")
    changes = len(database.log("session"))
    run(database.session, "UPDATE note SET body = %s", old)
    assert database.text("session") == "base more"
    run(database.session, "UPDATE note SET body = ''")
    assert database.text("session") == "base more"
    assert len(database.log("session")) == changes, "nothing new was logged"
    assert replay_holds(database)


def test_a_literal_state_cannot_be_a_parse_time_constructor(database):
    with pytest.raises(psycopg2.errors.InvalidTextRepresentation) as refusal:
        run(database.session, "SELECT converge.crdt_text 'hello'")
    assert "new_text" in refusal.value.diag.message_hint


def test_a_prepared_statement_mints_at_each_execution(database):
    database.insert("session")
    run(database.session, """PREPARE add AS UPDATE note
        SET body = body || converge.new_text('z') WHERE id = 'session'""")
    for _ in range(7):
        run(database.session, "EXECUTE add")
    assert database.text("session") == "z" * 7
    assert replay_holds(database)
