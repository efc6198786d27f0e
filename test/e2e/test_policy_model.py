"""Random grants, members, roles, claims, revocations and policies of users' own against
a naive oracle (policy_model.py): can(), rows in SQL, pull(), may_write(), check_access() and push()."""
import itertools
import os
import random

import psycopg2
import pytest

from database import run, value
from policy_model import ADMIN, COLLECTIONS, KEYS, LEVELS, PRINCIPALS, READ, TENANTS, WRITE, Edits, State, Token, fill
from wire import AccessRequest, AccessResponse, Payload, PushRequest, PushResponse, code_name

CASES = int(os.environ.get("POLICY_CASES", 10_000))
PER_ROUND = 250

# For each case what a session has with that token: the levels that can() finds for the
# document, its collection and its tenant; whose rows of that key it sees and updates;
# whether pull() gives the document, and may_write() says that push() takes an edit. Null where the token is refused.
PROBE = """
CREATE FUNCTION probe(tokens text[], collections text[], keys text[])
    RETURNS TABLE (n int, of_document int, of_collection int, of_tenant int, seen text, updated bigint, pulled boolean,
                  may boolean)
    LANGUAGE plpgsql AS $$
DECLARE
    levels converge.access_level[] := enum_range(NULL::converge.access_level);
BEGIN
    FOR n IN 1 .. array_length(tokens, 1) LOOP
        BEGIN
            PERFORM converge.authenticate(tokens[n]);
        EXCEPTION WHEN invalid_authorization_specification THEN
            RETURN QUERY SELECT n, NULL::int, NULL::int, NULL::int, NULL, NULL::bigint, NULL::boolean, NULL::boolean;
            CONTINUE;
        END;
        of_document := (SELECT count(*) - 1 FROM unnest(levels) l WHERE converge.can(collections[n]::regclass, keys[n], l));
        of_collection := (SELECT count(*) - 1 FROM unnest(levels) l WHERE converge.can(collections[n]::regclass, NULL, l));
        of_tenant := (SELECT count(*) - 1 FROM unnest(levels) l WHERE converge.can(NULL, NULL, l));
        CASE collections[n]
        WHEN 'plain' THEN
            seen := (SELECT string_agg(t.tenant, ' ') FROM plain t WHERE t.id = keys[n]);
            UPDATE plain t SET state = t.state WHERE t.id = keys[n];
        WHEN 'mixed' THEN
            seen := (SELECT string_agg(t.tenant, ' ') FROM mixed t WHERE t.id = keys[n]);
            UPDATE mixed t SET state = t.state WHERE t.id = keys[n];
        ELSE
            seen := (SELECT string_agg(t.tenant, ' ') FROM team t WHERE t.id = keys[n]);
            UPDATE team t SET state = t.state WHERE t.id = keys[n];
        END CASE;
        GET DIAGNOSTICS updated = ROW_COUNT;
        BEGIN
            pulled := length(converge.pull(collections[n], keys[n])) > 0;
        EXCEPTION WHEN undefined_object THEN
            pulled := false;
        END;
        may := converge.may_write(collections[n], keys[n], 'props');
        RETURN NEXT;
    END LOOP;
END $$
"""


class Case:
    def __init__(self, token, collection, key):
        self.token, self.collection, self.key = token, collection, key

    def __repr__(self):
        return f"{self.token} {self.collection}/{self.key}"


class World:
    """The database, and the state that it should be in."""

    def __init__(self, database, seed):
        self.seed = seed
        self.edits = Edits(seed)
        self.random = random.Random(seed + 1)
        self.state = State()
        self.admin = database.session
        fill(run, self.admin)
        run(self.admin, PROBE)
        self.tokens = [Token(tenant, principal, self.edits.claims(), database)
                       for tenant in TENANTS for principal in PRINCIPALS for _ in range(8)]
        self.delta = bytes(value(self.admin, "SELECT converge.new_map('{\"k\": 1}')::bytea"))
        self.made = itertools.count(1)
        self.cases = 0

    def choose(self, count):
        return [Case(self.random.choice(self.tokens), self.random.choice(COLLECTIONS), self.random.choice(KEYS))
                for _ in range(count)]

    def check(self, session, state, cases):
        """Asks about all cases, in the open transaction of a session that is a client's."""
        tokens, collections, keys = ([get(case) for case in cases] for get in (
            lambda case: case.token.text, lambda case: case.collection, lambda case: case.key))
        probed = run(session, "SELECT * FROM probe(%s, %s, %s)", tokens, collections, keys)
        checked = self.check_access(session, cases)
        pushed = self.push(session, cases)
        for case, (_, *found), access, (edited, made) in zip(cases, probed, checked, pushed):
            self.same(case, "probe", found, self.expect_probe(state, case))
            refused = (case.token.tenant, case.token.principal) in state.revoked
            readable = state.pulls(case.token, case.collection, case.key)
            self.same(case, "check_access()", access, "CODE_UNAUTHENTICATED" if refused else
                      "CODE_OK" if readable else "CODE_UNKNOWN_DOCUMENT")
            self.same(case, "push()", edited, "CODE_UNAUTHENTICATED" if refused else
                      state.pushes(case.token, case.collection, case.key))
            self.same(case, "push() of a new document", made, "CODE_UNAUTHENTICATED" if refused else
                      state.makes(case.token, case.collection, "new"))
        self.cases += len(cases)

    def expect_probe(self, state, case):
        token, collection, key = case.token, case.collection, case.key
        if (token.tenant, token.principal) in state.revoked:
            return [None] * 7
        sees = state.sees(token, collection, key)
        return [state.level(token, collection, key), state.level(token, collection), state.level(token),
                token.tenant if sees else None, int(state.updates(token, collection, key)),
                state.pulls(token, collection, key), state.pushes(token, collection, key) == "CODE_OK"]

    def same(self, case, what, found, expected):
        assert found == expected, f"seed {self.seed}: {case}: {what} gave {found} instead of {expected}"

    def check_access(self, session, cases):
        request = AccessRequest()
        for case in cases:
            question = request.questions.add(token=case.token.text)
            question.documents.add(collection=case.collection, key=case.key)
        response = AccessResponse.FromString(bytes(value(
            session, "SELECT converge.check_access(%s)", psycopg2.Binary(request.SerializeToString()))))
        return [code_name(answer.code or answer.documents[0].code) for answer in response.answers]

    def push(self, session, cases):
        """An edit, and a new document whose key all levels are asked about as `new`."""
        request = PushRequest()
        for case in cases:
            group = request.groups.add(token=case.token.text)
            for key, operation in ((case.key, 0), (f"new-{next(self.made)}", 1)):
                payload = Payload(operation=operation)
                payload.fields.add(field="props", delta=self.delta)
                document = group.documents.add()
                document.document.collection, document.document.key = case.collection, key
                document.changes.add(replica=self.random.getrandbits(52) | 1, seq=1, hlc=65536,
                                     payload=payload.SerializeToString())
        response = PushResponse.FromString(bytes(value(
            session, "SELECT converge.push(%s)", psycopg2.Binary(request.SerializeToString()))))
        return [[code_name(document.verdicts[0].code) for document in group.documents] for group in response.groups]

    def edit(self, count):
        for _ in range(count):
            run(self.admin, *self.edits.edit(self.state))


@pytest.fixture
def world(database):
    world = World(database, int(os.environ.get("SEED", random.SystemRandom().getrandbits(32))))
    print(f"SEED={world.seed}")
    return world


def test_access_is_what_a_naive_oracle_says(database, world):
    client = database.connect("bridge")  # whose caches live through all rounds
    while world.cases < CASES:
        kind = world.random.choice(("committed", "committed", "in the same transaction", "rolled back"))
        session = world.admin if kind != "committed" else client
        if kind != "committed":
            run(session, "BEGIN")
            before = world.state.copy()
            run(session, "SAVEPOINT before")
        world.edit(world.random.randint(1, 12))
        if kind == "rolled back":
            run(session, "SET LOCAL ROLE bridge")
            world.check(session, world.state, world.choose(20))  # so that something is remembered
            run(session, "ROLLBACK TO before")
            world.state = before
        if kind == "committed":
            run(session, "BEGIN")
        else:
            run(session, "SET LOCAL ROLE bridge")
        world.check(session, world.state, world.choose(PER_ROUND))
        run(session, "ROLLBACK")
        if kind == "in the same transaction":
            world.state = before
    client.close()


def test_an_old_snapshot_reads_as_of_then_and_writes_as_of_now(database, world):
    """In a transaction that began before: can() with read answers as of its snapshot, with
    more as of now."""
    client = database.connect("bridge")
    for _ in range(20):
        run(client, "BEGIN ISOLATION LEVEL REPEATABLE READ")
        run(client, "SELECT 1")
        before = world.state.copy()
        for _ in range(6):
            run(world.admin, *world.edits.edit(world.state, revocations=False))
        for case in world.choose(40):
            run(client, "SELECT converge.authenticate(%s)", case.token.text)
            found = run(client, "SELECT " + ", ".join(
                f"converge.can(%s::regclass, %s, '{level}')" for level in LEVELS[1:]), *(case.collection, case.key) * 3)[0]
            old, new = (state.level(case.token, case.collection, case.key) for state in (before, world.state))
            world.same(case, "can()", found, (old >= READ, new >= WRITE, new >= ADMIN))
        run(client, "ROLLBACK")
    client.close()
