"""What a session remembers of the documents it pushes to (known_document.h) holds whatever
other sessions, SQL, folds and compactions do in between: the verdicts are those of a model
that remembers nothing but what was committed."""
import itertools
import random
import time

import psycopg2
import pytest

from database import run, value
from wire import Payload, PushRequest, PushResponse, code_name

KEYS = ("a", "b", "c")
REPLICAS = 4  # of each document, two of each principal
STEPS = 600


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def typed(replica, clock, letter):
    """A character behind the replica's last one, as a delta (docs/internals.md)."""
    if clock == 0:
        return b"\x31\x01\x01" + letter + b"\x01" + varint(replica) + b"\x01\x01\x22"
    return b"\x31\x02\x01" + varint(replica) + b"\x01\x50\x00" + varint(clock) + letter


class Pusher:
    """A session that pushes under both principals' tokens."""

    def __init__(self, database, tokens):
        self.session = database.connect()
        run(self.session, "SET search_path = public, converge")
        self.tokens = tokens

    def push(self, key, *changes):
        """(code, expected number) of each change: (principal, replica, number, letter)."""
        request = PushRequest()
        for principal, replica, seq, letter in changes:
            document = request.groups.add(token=self.tokens[principal]).documents.add()
            document.document.collection, document.document.key = "note", key
            payload = Payload()
            payload.fields.add(field="body", delta=typed(replica, seq - 1, letter))
            document.changes.add(replica=replica, seq=seq, hlc=int(time.time() * 1000) << 16 if letter == b"y" else 1 << 16,
                                 payload=payload.SerializeToString(deterministic=True))
        answer = value(self.session, "SELECT converge.push(%s)", psycopg2.Binary(request.SerializeToString()))
        response = PushResponse.FromString(bytes(answer))
        return [(code_name(verdict.code)[5:], verdict.expected_seq)
                for group in response.groups for document in group.documents for verdict in document.verdicts]


class Model:
    """What each document has: the last number of each replica, and whether it is refused."""

    def __init__(self):
        self.numbers = {key: {} for key in KEYS}
        self.refused = {key: set() for key in KEYS}


@pytest.fixture
def pushers(database):
    run(database.session, "SELECT converge.defer('note', '{body}')")
    for key in KEYS:
        database.insert(key)
    tokens = {principal: database.token(principal=principal) for principal in ("alice", "bert")}
    made = [Pusher(database, tokens) for _ in range(2)]
    yield made
    for pusher in made:
        pusher.session.close()


def author(replica):
    return "alice" if replica % 2 else "bert"


def next_change(model, key, replica):
    return author(replica), replica, model.numbers[key].get(replica, 0) + 1, b"x"


class Steps:
    """What happens between pushes, and what comes of a push at that time."""

    def __init__(self, database, pushers, draw):
        self.database, self.pushers, self.draw, self.model = database, pushers, draw, Model()

    def place(self):
        key = self.draw.choice(KEYS)
        replica = self.draw.randint(1, REPLICAS) + 100 * KEYS.index(key)
        return self.draw.choice(self.pushers), key, replica

    def usable(self):
        """A place whose replica is not refused."""
        for _ in range(50):
            pusher, key, replica = self.place()
            if replica not in self.model.refused[key]:
                return pusher, key, replica
        self.renew(self.draw.choice(KEYS))
        return self.usable()

    def apply(self, pusher, key, *changes):
        assert pusher.push(key, *changes) == [("OK", 0)] * len(changes)
        for _, replica, seq, _ in changes:
            self.model.numbers[key][replica] = seq

    def push_next(self):
        pusher, key, replica = self.usable()
        self.apply(pusher, key, next_change(self.model, key, replica))

    def push_several(self):
        pusher, key, replica = self.usable()
        principal, replica, seq, letter = next_change(self.model, key, replica)
        self.apply(pusher, key, *[(principal, replica, seq + n, letter) for n in range(3)])

    def push_again(self):
        pusher, key, replica = self.usable()
        if seq := self.model.numbers[key].get(replica, 0):
            change = (author(replica), replica, seq, b"x")
            later = (author(replica), replica, seq + 1, b"x")
            assert pusher.push(key, change, later, change) == [("DUPLICATE", 0), ("OK", 0), ("DUPLICATE", 0)]
            self.model.numbers[key][replica] = seq + 1

    def push_gap(self):
        pusher, key, replica = self.usable()
        principal, replica, seq, letter = next_change(self.model, key, replica)
        assert pusher.push(key, (principal, replica, seq + 1, letter)) == [("GAP", seq)]

    def push_as_another(self):
        pusher, key, replica = self.usable()
        if self.model.numbers[key].get(replica, 0):
            _, replica, seq, letter = next_change(self.model, key, replica)
            other = author(replica + 1)
            assert pusher.push(key, (other, replica, seq, letter)) == [("DENIED", 0)]

    def equivocate(self):
        pusher, key, replica = self.usable()
        if seq := self.model.numbers[key].get(replica, 0):
            assert pusher.push(key, (author(replica), replica, seq, b"y")) == [("EQUIVOCATION", 0)]
            self.model.refused[key].add(replica)
            other = self.draw.choice(self.pushers)
            assert other.push(key, next_change(self.model, key, replica)) == [("AFTER_REFUSED", seq + 1)]

    def push_and_roll_back(self):
        pusher, key, replica = self.usable()
        run(pusher.session, "BEGIN")
        assert pusher.push(key, next_change(self.model, key, replica)) == [("OK", 0)]
        run(pusher.session, "ROLLBACK")

    def push_around_a_savepoint(self):
        pusher, key, replica = self.usable()
        run(pusher.session, "BEGIN")
        self.apply(pusher, key, next_change(self.model, key, replica))
        run(pusher.session, "SAVEPOINT one")
        assert pusher.push(key, next_change(self.model, key, replica)) == [("OK", 0)]
        run(pusher.session, "ROLLBACK TO one")
        self.apply(pusher, key, next_change(self.model, key, replica))
        run(pusher.session, "COMMIT")

    def push_and_fold_in_one(self):
        pusher, key, replica = self.usable()
        run(pusher.session, "BEGIN")
        self.apply(pusher, key, next_change(self.model, key, replica))
        run(pusher.session, "SELECT converge.fold('note', 'acme', %s)", key)
        if self.draw.random() < 0.5:
            self.apply(pusher, key, next_change(self.model, key, replica))
        run(pusher.session, "COMMIT")

    def fold(self):
        run(self.database.session, "SELECT converge.fold('note', 'acme', %s)", self.draw.choice(KEYS))

    def compact(self):
        run(self.database.session, "SELECT converge.compact('note', 'acme', %s)", self.draw.choice(KEYS))

    def edit_in_sql(self):
        session = self.draw.choice([self.database.session, self.pushers[0].session])
        run(session, "UPDATE note SET props = converge.set(props, 'k', '1') WHERE id = %s", self.draw.choice(KEYS))

    def renew(self, key):
        """Another document under the same name."""
        session = self.draw.choice([self.database.session, self.pushers[0].session])
        run(session, "BEGIN")
        run(session, "DELETE FROM note WHERE tenant = 'acme' AND id = %s", key)
        run(session, "INSERT INTO note (tenant, id) VALUES ('acme', %s)", key)
        run(session, "COMMIT")
        self.model.numbers[key] = {}
        self.model.refused[key] = set()

    def renew_one(self):
        self.renew(self.draw.choice(KEYS))

    def forget(self):
        run(self.database.session, "VACUUM converge.replica")


WEIGHTS = {"push_next": 40, "push_several": 5, "push_again": 8, "push_gap": 5, "push_as_another": 4, "equivocate": 1,
           "push_and_roll_back": 5, "push_around_a_savepoint": 4, "push_and_fold_in_one": 4, "fold": 8, "compact": 3,
           "edit_in_sql": 5, "renew_one": 2, "forget": 1}


@pytest.mark.parametrize("seed", range(3))
def test_verdicts_are_those_of_what_was_committed(database, pushers, seed):
    steps = Steps(database, pushers, random.Random(seed))
    for name in steps.draw.choices(list(WEIGHTS), WEIGHTS.values(), k=STEPS):
        getattr(steps, name)()
    run(database.session, "SELECT converge.fold('note')")
    for key in KEYS:
        # Each change was a character.
        assert len(database.text(key)) == sum(steps.model.numbers[key].values())
        assert run(database.session, "SELECT 1 FROM converge.unfolded WHERE document = (SELECT max(document) FROM "
                   "converge.document WHERE key = %s)", key) == []
    numbers = run(database.session, """
        SELECT d.key, r.replica, r.last_seq, coalesce(array_agg(c.seq ORDER BY c.seq) FILTER (WHERE c.payload IS NOT NULL), '{}')
          FROM converge.replica r
          JOIN (SELECT key, max(document) AS document FROM converge.document GROUP BY key) d USING (document)
          LEFT JOIN converge.change c USING (tenant, document, replica)
         WHERE r.principal <> '' GROUP BY 1, 2, 3""")
    for key, replica, compacted, logged in numbers:
        last = steps.model.numbers[key].get(replica, 0)
        assert logged == list(itertools.chain(range(compacted + 1, last + 1))), (key, replica)


def test_an_erased_principal_has_lost_its_replicas(database, pushers):
    pusher = pushers[0]
    assert pusher.push("a", ("alice", 1, 1, b"x")) == [("OK", 0)]
    assert pusher.push("a", ("alice", 1, 2, b"x")) == [("OK", 0)]
    run(database.session, "SELECT converge.erase('acme', 'alice')")
    # (Tokens of that second are revoked with it.)
    later = int(time.time()) + 2
    pusher.tokens["alice"] = database.token(principal="alice", iat=later)
    assert pusher.push("a", ("alice", 1, 3, b"x")) == [("DENIED", 0)]
