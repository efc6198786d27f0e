"""Several sessions that push, edit in SQL, delete and make the same documents:
what was acknowledged is in the log, once and without gaps, and every row is the
replay of its log."""
import pathlib
import random
import threading

import pytest

from database import ROOT, run, value

MESSAGES = pathlib.Path(ROOT, "test/sql/messages.sql")
WRITERS = 4
OPERATIONS = 150
KEYS = ["a", "b", "c"]


class Writer(threading.Thread):
    """One client: a session, and a replica for each document while it lasts."""

    def __init__(self, database, number):
        super().__init__()
        self.random = random.Random(number)
        self.number = number
        self.principal = f"writer{number}"
        self.token = database.token(principal=self.principal)
        self.session = database.connect("bridge")
        self.session.autocommit = False
        self.drawn = 0
        self.replicas = {}      # key -> [replica, last number]
        self.acknowledged = []  # (replica, number)
        self.unexpected = []

    def run(self):
        run(self.session, "SET search_path = public, converge")
        self.session.commit()
        for step in range(OPERATIONS):
            key = self.random.choice(KEYS)
            kind = self.random.choices(["edit", "upsert", "delete", "push"], [25, 5, 3, 60])[0]
            before = {k: list(v) for k, v in self.replicas.items()}
            done = getattr(self, kind)(key, step)
            if self.random.random() < 0.1:
                self.session.rollback()
                self.replicas = before
            else:
                self.session.commit()
                self.acknowledged += done or []
        self.session.close()

    def sql(self, statement, *values):
        run(self.session, "SELECT converge.authenticate(%s)", self.token)
        run(self.session, statement, *values)

    def edit(self, key, step):
        self.sql("""UPDATE note SET props = set(props, 'k', to_jsonb(%s)), body = insert(body, 0, 'e')
                    WHERE id = %s""", step, key)

    def upsert(self, key, step):
        self.sql("""INSERT INTO note (tenant, id, props) VALUES ('acme', %s, new_map(jsonb_build_object('u', %s)))
                    ON CONFLICT (tenant, id) DO UPDATE SET props = note.props || EXCLUDED.props""", key, step)

    def delete(self, key, step):
        self.sql("DELETE FROM note WHERE id = %s", key)

    def push(self, key, step):
        if key not in self.replicas:
            self.drawn += 1
            self.replicas[key] = [self.number * 100000 + self.drawn, 0]
        replica, last = self.replicas[key]
        # The first change makes the document if it is not there.
        payload = """(CASE WHEN %s = 0 THEN '\\x0801'::bytea ELSE '' END ||
                      test.payload('body', new_text('p')::bytea))"""
        code, message = run(self.session, f"""
            SELECT code, message FROM test.push(test.token_group(%s, test.document('note', %s,
                test.change(%s, %s, {payload}))))""", self.token, key, replica, last + 1, last)[0]
        if code == "OK":
            self.replicas[key][1] += 1
            return [(replica, last + 1)]
        del self.replicas[key]
        # Gone, or made again by somebody else, or locked: nothing else can be wrong.
        if code not in ("GAP", "UNKNOWN_DOCUMENT", "UNAVAILABLE"):
            self.unexpected.append((code, message))
        return []


@pytest.fixture
def documents(database):
    run(database.session, MESSAGES.read_text())
    for key in KEYS:
        database.insert(key)
    return database


def test_nothing_acknowledged_is_lost_and_rows_are_their_logs(documents):
    writers = [Writer(documents, number) for number in range(1, WRITERS + 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
        assert not writer.is_alive()
        assert writer.unexpected == []

    acknowledged = sorted(change for writer in writers for change in writer.acknowledged)
    assert len(acknowledged) > WRITERS * 10  # most of some 320; a row that is locked for long refuses some
    logged = run(documents.session, """SELECT replica, seq FROM converge.change
        WHERE principal LIKE 'writer%' AND replica < 1000000 AND payload IS NOT NULL ORDER BY 1, 2""")
    assert [tuple(row) for row in logged] == acknowledged

    assert value(documents.session, """SELECT count(*) FROM (
        SELECT FROM converge.change GROUP BY document, replica
        HAVING min(seq) <> 1 OR max(seq) <> count(*)) gaps""") == 0
    session = documents.connect()
    session.autocommit = False
    run(session, "SELECT converge.authenticate(%s)", documents.token())
    assert all(row[0] for row in run(session, "SELECT converge.verify('note', id) FROM note WHERE tenant = 'acme'"))
    session.close()
