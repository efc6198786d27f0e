"""The main job: real sessions replayed by live clients while others join, drop
out and edit, in SQL too; at the end everybody, the row and the log agree."""
import random
import subprocess

import pytest

from database import run, value
from traces import Trace

TURN = 100           # edits a client makes before it is the other's turn
MARKER = "\n-- remarks --\n"


class PsqlSession:
    """A psql that is fed statements and not waited for."""

    def __init__(self, database):
        self.process = subprocess.Popen(
            [database.server.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
             "-d", database.conninfo("postgres")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def feed(self, statement):
        self.process.stdin.write(statement + ";\n")
        self.process.stdin.flush()

    def finish(self):
        _, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors


def update_body(expression):
    return f"UPDATE note SET body = {expression} WHERE tenant = 'acme' AND id = 'session'"


def type_in_turns(trace, first, second, between=lambda done: None):
    """Two clients replay a trace, TURN edits each, each going on from the other's text."""
    clients, last, done = (first, second), None, 0
    for number, edits in enumerate(trace.turns(TURN)):
        client = clients[number % 2]
        if last is not None:
            last.do("settle")
            client.do("reach", last.do("version"))
        client.do_all([("splice", "body", at, deleted, inserted) for at, deleted, inserted in edits])
        last = client
        done += len(edits)
        between(done)
    last.do("settle")


class Receiver:
    """A client whose list of received changes is compared with the log."""

    def __init__(self, client, principal):
        self.client = client
        self.principal = principal
        # What it had when it came: by state, or by changes that it lists as received.
        self.had = client.do("version")
        self.away = {}

    def go_offline(self):
        self.left_at = self.client.do("version")
        self.client.do("offline")

    def go_online(self):
        """What it missed may come as a state where that is smaller than the changes."""
        self.client.do("online")
        self.away = {int(replica): range(self.left_at.get(replica, 0) + 1, seq + 1)
                     for replica, seq in self.client.do("version").items()}

    def assert_received(self, log):
        """It received each change of others once, in order, each as the log has it."""
        others = [change for change in self.client.received()
                  if change[2] != self.principal and change[1] > self.had.get(str(change[0]), 0)]
        assert len(set(others)) == len(others), "a change came twice"
        due = {(replica, seq, principal) for (replica, seq), (principal, _) in log.items()
               if principal != self.principal and seq > self.had.get(str(replica), 0)}
        live = {change for change in due if change[1] not in self.away.get(change[0], ())}
        assert len(live) > len(due) / 4, "hardly anything was live"
        assert live <= set(others) <= due
        for replica in {change[0] for change in others}:
            numbers = [seq for other, seq, _ in others if other == replica]
            assert numbers == sorted(numbers), f"replica {replica} came out of order"
        assert self.client.do("refused") == []


def assert_same_everywhere(database, clients):
    """Every client, the row and the log hold one text; gives it."""
    log = database.log("session")
    version = {}
    for replica, seq in log:
        version[str(replica)] = max(seq, version.get(str(replica), 0))
    assert len(log) == sum(version.values()), "the log's numbers have a gap"
    for client in clients:
        client.do("settle")
        client.do("reach", version)
    text = database.text("session")
    for client in clients:
        assert client.text() == text
    assert database.replayed_text("session") == text
    with database.connect() as session:
        session.autocommit = False
        run(session, "SELECT converge.authenticate(%s)", database.token())
        assert value(session, "SELECT converge.verify('note', 'session')")
    session.close()
    return text


def main_job(database, bridge, clients, trace):
    database.insert("session", body=MARKER)
    database.insert("session", tenant="globex", body="theirs")
    document = "note/session"
    alice = Receiver(clients(bridge, document, principal="alice"), "alice")
    bob = Receiver(clients(bridge, document, principal="bob"), "bob")
    dave = Receiver(clients(bridge, document, principal="dave"), "dave")
    gina = clients(bridge, document, tenant="globex", principal="gina")
    psql = PsqlSession(database)
    joined = []
    at = {part: len(trace.edits) * part // 100 for part in (33, 50, 66)}
    passed = set()

    def between(done):
        # The remarks after the marker are nobody's but everybody's; what the
        # trace types stays before it, so that its positions hold.
        psql.feed(update_body(
            f"converge.insert(body, converge.char_length(body), '[psql {done}]')"))
        if done % (5 * TURN) == 0:
            psql.feed(update_body("converge.delete(body, converge.char_length(body) - 3, 2)"))
        for part, where in at.items():
            if done < where or part in passed:
                continue
            passed.add(part)
            if part == 33:
                dave.go_offline()
            if part in (33, 66):
                # Away from the others, who go on; then, still away, some more.
                for number in range(10):
                    dave.client.do("insert", "body", len(dave.client.text()),
                                   f"[dave {part}.{number}]")
                dave.client.do("delete", "body", len(dave.client.text()) - 4, 2)
            if part == 50:
                carol = Receiver(clients(bridge, document, principal="carol"), "carol")
                carol.client.do("insert", "body", len(carol.client.text()), "[carol]")
                joined.append(carol)
            if part == 66:
                dave.go_online()

    type_in_turns(trace, alice.client, bob.client, between)
    psql.finish()
    assert passed == {33, 50, 66}

    receivers = [alice, bob, dave, *joined]
    text = assert_same_everywhere(database, [receiver.client for receiver in receivers])
    typed, remarks = text.split(MARKER)
    assert typed == trace.end
    assert "[carol]" in remarks and "[dave 33.0]" in remarks and "[dave 66.5]" in remarks
    log = database.log("session")
    assert sum(principal in ("alice", "bob") for principal, _ in log.values()) == len(trace.edits)
    for receiver in receivers:
        receiver.assert_received(log)

    # The other tenant has a document of that name too, and saw nothing of this.
    assert gina.text() == "theirs"
    assert all(principal not in ("alice", "bob", "carol", "dave")
               for _, _, principal in gina.received())
    assert {change[:2] for change in gina.received()} <= set(database.log("session", "globex"))
    assert database.text("session", "globex") == "theirs"


def test_the_projects_own_session(database, bridge, clients, own_session):
    main_job(database, bridge, clients, Trace(own_session))


def test_friendsforever(database, bridge, clients, trace):
    main_job(database, bridge, clients, Trace(trace("friendsforever_flat.json.gz")))


@pytest.mark.parametrize("session", ["own", "automerge-paper.json.gz"])
def test_edits_in_sql_anywhere_in_the_text(database, bridge, clients, own_session, trace, session):
    """UPDATEs put words between what is typed: positions shift, nothing is lost."""
    recorded = Trace(own_session) if session == "own" else Trace(trace(session), limit=20000)
    database.insert("session")
    alice = Receiver(clients(bridge, "note/session", principal="alice"), "alice")
    bob = Receiver(clients(bridge, "note/session", principal="bob"), "bob")
    psql = PsqlSession(database)
    chance = random.Random(1)
    words = []

    def between(done):
        # U+2592 is in no session, so that its count tells what of SQL's arrived.
        words.append("\u2592")
        where = f"floor({chance.random()} * (converge.char_length(body) + 1))::int"
        psql.feed(update_body(f"converge.insert(body, {where}, '{words[-1]}')"))

    type_in_turns(recorded, alice.client, bob.client, between)
    psql.finish()
    assert_same_everywhere(database, [alice.client, bob.client])
    log = database.log("session")
    alice.assert_received(log)
    bob.assert_received(log)
    # One change of the database's own for the row and one for each UPDATE.
    assert sum(principal not in ("alice", "bob") for principal, _ in log.values()) == len(words) + 1


def test_map_and_set_travel_like_text(database, bridge, clients):
    database.insert("session")
    alice = clients(bridge, "note/session", principal="alice")
    bob = clients(bridge, "note/session", principal="bob")
    alice.do("set", "props", "title", {"en": "Notes"})
    alice.do("add", "tags", "draft")
    alice.do("settle")
    run(database.session, "UPDATE note SET props = converge.set(props, 'pages', '7'), "
        "tags = converge.add(tags, 'sql') WHERE tenant = 'acme'")
    bob.do("wait", "props", {"pages": 7, "title": {"en": "Notes"}})
    bob.do("remove", "tags", "draft")
    bob.do("unset", "props", "pages")
    bob.do("settle")
    alice.do("wait", "props", {"title": {"en": "Notes"}})
    alice.do("wait", "tags", ["sql"])
    assert value(database.session, "SELECT props::jsonb FROM note WHERE tenant = 'acme'") == \
        {"title": {"en": "Notes"}}
    assert value(database.session, "SELECT tags::text[] FROM note WHERE tenant = 'acme'") == ["sql"]
