"""What is recorded of failures, although their transactions leave nothing."""
import time

import psycopg2
import pytest

from database import run, value, wait_until


def recorded(database, event):
    return run(database.session, "SELECT tenant, principal, role, object, detail, sum(count)::int FROM converge.audit "
               "WHERE event = %s GROUP BY 1, 2, 3, 4, 5", event)


def fail(session, statement, *values):
    with pytest.raises(psycopg2.Error):
        run(session, statement, *values)


def test_failures_to_authenticate_are_recorded_and_counted(database):
    began = time.monotonic()
    session = database.connect("bridge")
    good = database.token()
    forged = good[:-6] + "AAAAAA"
    for _ in range(20):
        fail(session, "SELECT converge.authenticate(%s)", forged)
    run(session, "BEGIN")
    fail(session, "SELECT converge.authenticate('nonsense')")
    run(session, "ROLLBACK")
    run(database.session, "SELECT converge.revoke('acme', 'bob')")
    fail(session, "SELECT converge.authenticate(%s)", database.token("acme", "bob"))
    wait_until(lambda: sum(row[-1] for row in recorded(database, "authentication_failure")) == 22, "the audit")
    rows = {row[4].split(":")[0]: row for row in recorded(database, "authentication_failure")}
    # Of a token that somebody made up nothing is believed.
    assert rows["token's signature does not verify"] == ("", "", "bridge", "", "token's signature does not verify", 20)
    assert rows["token is malformed"][-1] == 1
    assert rows["token was revoked"] == ("acme", "bob", "bridge", "", "token was revoked", 1)
    # One row for like ones in a second.
    seconds = time.monotonic() - began
    assert value(database.session, "SELECT count(*) FROM converge.audit WHERE event = 'authentication_failure'") < 10 + 3 * seconds
    session.close()


def test_a_document_that_was_asked_for_in_vain_is_recorded(database):
    database.insert("plan")
    run(database.session, "CREATE POLICY hidden ON note AS RESTRICTIVE USING (id <> 'plan')")
    session = database.connect("bridge")
    run(session, "BEGIN")
    run(session, "SELECT converge.authenticate(%s)", database.token("acme", "ann"))
    fail(session, "SELECT converge.pull('note', 'plan')")
    run(session, "ROLLBACK")
    wait_until(lambda: recorded(database, "denial"), "the audit")
    assert recorded(database, "denial") == [("acme", "ann", "bridge", "note/plan", "read", 1)]
    session.close()


def test_a_flood_of_different_failures_is_bounded(database):
    session = database.connect("bridge")
    began = time.monotonic()
    run(session, """DO $$ BEGIN
        FOR i IN 1 .. 500 LOOP
            BEGIN
                PERFORM converge.authenticate(repeat('x', 9000 + i));
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
        END LOOP;
    END $$""")
    seconds = time.monotonic() - began
    failures = "FROM converge.audit WHERE event IN ('authentication_failure', 'not_recorded')"
    wait_until(lambda: value(database.session, f"SELECT sum(count)::int {failures}") == 500, "the audit")
    assert recorded(database, "not_recorded")
    assert value(database.session, f"SELECT count(*) {failures}") < 100 + 33 * seconds
    session.close()
