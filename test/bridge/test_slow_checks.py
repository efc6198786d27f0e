"""Asking again who may still read, where the database takes long to say so."""
import time

import pytest

from cluster import in_time
from database import run, value, wait_until
from test_access import grant, isolated  # noqa: F401  (a fixture)
from test_subscribe import edit
from wire import code_name


@pytest.fixture
def slowable(isolated):  # noqa: F811
    """The notes, whose policies take as long for a row as the table slow says."""
    run(isolated.session, """
        CREATE TABLE slow (id text PRIMARY KEY, seconds float8 NOT NULL);
        CREATE FUNCTION in_time(note text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
            SET search_path = public, pg_temp AS $$
        BEGIN
            PERFORM pg_sleep(seconds) FROM slow WHERE id = note;
            RETURN true;
        END $$;
        CREATE POLICY in_time ON note AS RESTRICTIVE FOR SELECT USING (in_time(id))""")
    return isolated


def test_a_document_that_takes_too_long_ends_alone(slowable, start_bridge, connect):
    """What is asked of the others is answered still, and the one that nobody can say
    anything about is not followed for ever."""
    def attempt(limit):
        bridge = start_bridge(slowable, "--statement-timeout", f"{round(1000 * limit)}ms", "--recheck-interval", "300ms")
        names = [f"{number} of {limit} s" for number in range(20)]
        for name in names:
            slowable.insert(name)
            grant(slowable, "alice", "read", name)
        alice = connect(bridge)
        requests = {name: alice.follow("note", name).request for name in names}
        run(slowable.session, "INSERT INTO slow VALUES (%s, %s)", names[7], 10 * limit)
        problem = alice.next("problem")
        assert (code_name(problem.code), problem.request) == ("CODE_UNAVAILABLE", requests[names[7]])
        run(slowable.session, "ALTER TABLE note DISABLE TRIGGER USER; DELETE FROM note WHERE id = %s; "
            "ALTER TABLE note ENABLE TRIGGER USER", names[3])  # of which the stream tells nothing
        problem = alice.next("problem")
        assert (code_name(problem.code), problem.request) == ("CODE_UNKNOWN_DOCUMENT", requests[names[3]])
        edit(slowable, names[9], "n", 1)
        assert alice.next("changes")
        assert not [message for message in alice.waiting if message.WhichOneof("message") == "problem"]
    in_time(attempt, 0.5, 3, 10)


def test_an_answer_as_of_before_a_revocation_does_not_count(slowable, start_bridge, connect):
    """A check is under way, which has asked already about the first document and not yet
    about the last, when the permission for both ends."""
    bridge = start_bridge(slowable, "--recheck-interval", "300ms")
    slowable.insert("third")
    alice = connect(bridge)
    followed = {}
    for name in ("plan", "other", "third"):
        grant(slowable, "alice", "read", name)
        followed[alice.follow("note", name).channel] = name
    run(slowable.session, "INSERT INTO slow VALUES ('other', 1)")
    wait_until(lambda: value(slowable.session, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1,
               "a check to be under way")
    for name in ("plan", "third"):
        grant(slowable, "alice", "none", name)
        edit(slowable, name, "n", 1)
    for _ in range(2):
        assert code_name(alice.next("problem").code) in ("CODE_UNKNOWN_DOCUMENT", "CODE_DENIED")
    assert [followed[message.changes.channel] for message in alice.waiting if message.WhichOneof("message") == "changes"] == []


def test_who_comes_is_checked_within_an_interval(isolated, start_bridge, connect):  # noqa: F811
    """Whenever in a round of the others' checks that is."""
    run(isolated.session, """
        CREATE TABLE hidden (id text PRIMARY KEY);
        GRANT SELECT ON hidden TO converge_client;
        CREATE POLICY shown ON note AS RESTRICTIVE FOR SELECT USING (NOT EXISTS (SELECT FROM hidden WHERE hidden.id = note.id))""")
    grant(isolated, "alice", "read", "other")

    def attempt(limit):
        bridge = start_bridge(isolated, "--recheck-interval", f"{round(1000 * limit)}ms")
        connect(bridge, principal="bob", document="plan")
        time.sleep(0.53 * limit)
        alice = connect(bridge, document="other")
        began = time.monotonic()
        run(isolated.session, "INSERT INTO hidden VALUES ('other')")  # of which the stream tells nothing
        try:
            alice.next("problem")
            assert time.monotonic() - began < 1.27 * limit
        finally:
            run(isolated.session, "DELETE FROM hidden")
    in_time(attempt, 1.5, 6, 20)
