"""Live access against the naive oracle of test/e2e/policy_model.py: who may subscribe,
who is sent what while permissions change, and that nothing is delivered that was
committed after the commit that took the permission away for good."""
import os
import random
import time

import pytest

from database import run, value
from policy_model import COLLECTIONS, KEYS, PRINCIPALS, READ, TENANTS, Edits, State, Token, fill
from wire import code_name

ROUNDS = 10
STEPS = 40


class Following:
    """What one peer was told of one document."""

    def __init__(self, request, channel, seen, step):
        self.request, self.channel = request, channel
        self.last = seen   # the number of the last edit that it has
        self.step = step   # when it subscribed
        self.ended = False


class World:
    """The database and the state after every step; step n is the n-th commit."""

    def __init__(self, database, seed):
        self.database, self.seed = database, seed
        self.edits, self.random = Edits(seed), random.Random(seed + 1)
        self.state = State()
        self.committed = {}  # (tenant, collection, key): the step of each edit, by number
        fill(run, database.session)
        for tenant in TENANTS:
            for grantee in PRINCIPALS[:3]:
                run(database.session, "SELECT converge.set_permission(%s, %s, 'read')", tenant, grantee)
                self.state.grants[tenant, grantee, None, None] = READ
        self.states = [self.state.copy()]

    def step(self):
        """One commit: a change of access, an edit, or both."""
        what = self.random.choice(("access", "edit", "edit", "both"))
        session = self.database.session
        run(session, "BEGIN")
        if what != "edit":
            run(session, *self.edits.edit(self.state, revocations=False))
        edited = None
        if what != "access":
            edited = self.random.choice(TENANTS), self.random.choice(COLLECTIONS), self.random.choice(KEYS)
            tenant, collection, key = edited
            run(session, f"UPDATE {collection} SET props = converge.set(props, 'k', %s::jsonb) WHERE tenant = %s AND id = %s",
                str(len(self.states)), tenant, key)
        run(session, "COMMIT")
        self.states.append(self.state.copy())
        if edited:
            self.committed.setdefault(edited, []).append(len(self.states) - 1)

    def could(self, token, collection, key, step):
        """Whether the token could read the document after that step, or after a later one."""
        return any(state.pulls(token, collection, key) for state in self.states[step:])

    def count(self, token, collection, key):
        return len(self.committed.get((token.tenant, collection, key), ()))


class Reader:
    """A peer, and what it follows."""

    def __init__(self, world, token, peer):
        self.world, self.token, self.peer = world, token, peer
        self.following = {}  # (collection, key): Following
        self.delivered = 0

    def subscribe(self, collection, key):
        """Asks, in a moment when nothing changes; the answer is the oracle's."""
        request = self.peer.ask_to_follow(collection, key)
        allowed = self.world.state.pulls(self.token, collection, key)
        while True:
            message = self.peer.next()
            kind = message.WhichOneof("message")
            if kind in ("subscribed", "problem") and getattr(message, kind).request == request:
                break
            self.take(message)
        what = f"seed {self.world.seed}: {self.token} subscribes to {collection}/{key}"
        assert (kind == "subscribed") == allowed, f"{what}: got {message}"
        if allowed:
            self.following[collection, key] = Following(
                request, message.subscribed.channel, self.world.count(self.token, collection, key), len(self.world.states) - 1)

    def take(self, message):
        kind = message.WhichOneof("message")
        if kind == "changes":
            for name, follows in self.following.items():
                if follows.channel == message.changes.channel and not follows.ended:
                    for change in message.changes.changes:
                        self.deliver(name, follows, change.seq - self.world.first[self.token.tenant, *name])
                    return
            raise AssertionError(f"seed {self.world.seed}: {self.token} was sent {message} on a channel it does not follow")
        assert kind == "problem", message
        assert code_name(message.problem.code) == "CODE_UNKNOWN_DOCUMENT" and not message.problem.fatal
        follows, = (f for f in self.following.values() if f.request == message.problem.request)
        follows.ended = True

    def deliver(self, name, follows, number):
        """Edit `number` of the document, from 1, came. What it has already may come again."""
        what = f"seed {self.world.seed}: {self.token} was sent edit {number} of {name[0]}/{name[1]}"
        assert number <= follows.last + 1, f"{what} after {follows.last}"
        if number <= follows.last:
            return
        follows.last = number
        self.delivered += 1
        step = self.world.committed[self.token.tenant, *name][number - 1]
        assert self.world.could(self.token, *name, step), f"{what}, which was committed after it lost the permission"

    def settle(self, deadline):
        """Reads until it has, of each document, what it has a right to, or its end."""
        def unsettled():
            for name, follows in self.following.items():
                allowed = self.world.state.pulls(self.token, *name)
                complete = follows.last == self.world.count(self.token, *name)
                if not follows.ended and not (allowed and complete):
                    return name
            return None
        while (name := unsettled()) is not None:
            assert time.monotonic() < deadline, f"seed {self.world.seed}: {self.token} waits for {name} in vain"
            self.take(self.peer.next())
        for name, follows in list(self.following.items()):
            if follows.ended:
                always = all(state.pulls(self.token, *name) for state in self.world.states[follows.step:])
                assert not always, f"seed {self.world.seed}: {self.token} lost {name} without a reason"
                del self.following[name]


@pytest.mark.sources("worker", "replication")
def test_live_delivery_is_what_a_naive_oracle_says(database, start_bridge, connect, source):
    seed = int(os.environ.get("SEED", random.SystemRandom().getrandbits(32)))
    print(f"SEED={seed}")
    world = World(database, seed)
    # The rows' creation has a number of its own.
    world.first = {(tenant, collection, key): seq for tenant, collection, key, seq in run(
        database.session, "SELECT c.tenant, n.name, d.key, max(c.seq) FROM converge.change c "
        "JOIN converge.document d USING (tenant, document) JOIN converge.collection n USING (collection) GROUP BY 1, 2, 3")}
    bridge = start_bridge(database, "--recheck-interval", "1h")
    readers = []
    for tenant in TENANTS:
        for principal in PRINCIPALS:
            token = Token(tenant, principal, world.edits.claims(), database)
            peer = connect(bridge, hello=False, timeout=60)
            peer.say_hello(token.text)
            readers.append(Reader(world, token, peer))
    for _ in range(ROUNDS):
        for reader in readers:
            for collection in COLLECTIONS:
                for key in KEYS:
                    if (collection, key) not in reader.following and world.random.random() < 0.5:
                        reader.subscribe(collection, key)
        for _ in range(STEPS):
            world.step()
        deadline = time.monotonic() + 60
        for reader in readers:
            reader.settle(deadline)
    assert sum(reader.delivered for reader in readers) > 0, f"seed {seed}: nothing was delivered"
