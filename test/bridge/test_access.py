"""Live access: whatever takes a permission away, nothing that is committed after it
is delivered, and nobody else notices."""
import contextlib
import threading
import time

import pytest

from database import Database, Server, run, value, wait_until
from test_subscribe import edit
from wire import code_name

BOTH_BRIDGES = 2


@pytest.fixture
def isolated(database):
    """The notes with the standard policies alone; alice and bob may read `plan`."""
    drop_policies(database)
    database.insert("plan")
    database.insert("other")
    run(database.session, "SELECT converge.isolate('note')")
    for principal in ("alice", "bob"):
        grant(database, principal, "read", "plan")
    return database


def drop_policies(database):
    names = value(database.session, "SELECT array_agg(polname::text) FROM pg_policy WHERE polrelid = 'note'::regclass")
    for name in names or []:
        run(database.session, f'DROP POLICY "{name}" ON note')


def grant(database, grantee, level, key=None, session=None):
    run(session or database.session, "SELECT converge.set_permission('acme', %s, %s::converge.access_level, 'note', %s)",
        grantee, level, key)


def numbers(peer):
    """The values that came, until the connection is quiet."""
    assert peer.quiet(kind="pong")
    return [change.seq for message in peer.waiting if message.WhichOneof("message") == "changes"
            for change in message.changes.changes]


def is_refused(peer):
    problem = peer.next("problem")
    assert code_name(problem.code) in ("CODE_UNKNOWN_DOCUMENT", "CODE_DENIED") and not problem.fatal


def in_one_transaction(database, *statements):
    """Commits them together, so that the stream brings them together."""
    run(database.session, "; ".join(statements))


EDIT = "UPDATE note SET props = converge.set(props, 'k', '{}') WHERE tenant = 'acme' AND id = 'plan'"


@pytest.mark.parametrize("take_away", [
    "SELECT converge.set_permission('acme', 'alice', 'none', 'note', 'plan')",
    "DELETE FROM converge.permission WHERE grantee = 'alice'",
])
def test_a_grant_that_is_taken_away_ends_the_delivery(isolated, start_bridge, connect, take_away):
    bridges = [start_bridge(isolated, "--recheck-interval", "1h") for _ in range(BOTH_BRIDGES)]
    alices = [connect(bridge, principal="alice", document="plan") for bridge in bridges]
    bobs = [connect(bridge, principal="bob", document="plan") for bridge in bridges]
    run(isolated.session, EDIT.format(1))
    before = [peer.next("changes") for peer in alices + bobs]
    run(isolated.session, take_away)
    for number in range(2, 12):
        run(isolated.session, EDIT.format(number))
    for peer in alices:
        is_refused(peer)
        assert numbers(peer) == []
        peer.ping()  # the connection stays
    for peer in bobs:
        last = before[-1].changes[-1].seq
        while last < before[-1].changes[-1].seq + 10:
            last = peer.next("changes").changes[-1].seq


def test_what_the_same_transaction_edits_is_not_delivered(isolated, start_bridge, connect):
    bridge = start_bridge(isolated, "--recheck-interval", "1h")
    alice = connect(bridge, principal="alice", document="plan")
    bob = connect(bridge, principal="bob", document="plan")
    in_one_transaction(isolated, "SELECT converge.set_permission('acme', 'alice', 'none', 'note', 'plan')", EDIT.format(1))
    is_refused(alice)
    assert numbers(alice) == []
    bob.next("changes")


def test_a_role_and_its_members(isolated, start_bridge, connect):
    bridge = start_bridge(isolated, "--recheck-interval", "1h")
    grant(isolated, "role:readers", "read", "other")
    run(isolated.session, "SELECT converge.add_member('acme', p, 'readers') FROM unnest(ARRAY['alice', 'bob', 'carol']) p")
    peers = {name: connect(bridge, principal=name, document="other") for name in ("alice", "bob", "carol")}
    run(isolated.session, "SELECT converge.remove_member('acme', 'carol', 'readers')")
    edit(isolated, "other", "k", 1)
    is_refused(peers.pop("carol"))
    for peer in peers.values():
        peer.next("changes")
    grant(isolated, "role:readers", "none", "other")
    edit(isolated, "other", "k", 2)
    for peer in peers.values():
        is_refused(peer)
        assert numbers(peer) == []


def test_a_grant_elsewhere_is_nobodys_loss(isolated, start_bridge, connect):
    """Every one of the tenant's is asked about, and goes on without a gap."""
    bridge = start_bridge(isolated, "--recheck-interval", "1h")
    peer = connect(bridge, principal="alice", document="plan")
    for number in range(1, 31):
        run(isolated.session, EDIT.format(number))
        grant(isolated, "role:everyone", "read" if number % 2 else "none", "other")
    got = []
    while len(got) < 30:
        got += [change.seq for change in peer.next("changes").changes]
    assert got == list(range(got[0], got[0] + 30))


def test_a_row_that_is_given_to_somebody_else(database, start_bridge, connect):
    drop_policies(database)
    run(database.session, "ALTER TABLE note ADD COLUMN owner text NOT NULL DEFAULT 'alice'")
    run(database.session, "CREATE POLICY owners ON note USING (tenant = converge.current_tenant() AND "
        "owner IN (converge.current_principal(), 'all'))")
    database.insert("plan")
    bridge = start_bridge(database, "--recheck-interval", "1h")
    alice = connect(bridge, principal="alice", document="plan")
    run(database.session, "UPDATE note SET owner = 'bob' WHERE id = 'plan'")
    bob = connect(bridge, principal="bob", document="plan")
    run(database.session, EDIT.format(1))
    is_refused(alice)
    assert numbers(alice) == []
    bob.next("changes")


def test_a_named_membership_table(database, start_bridge, connect):
    drop_policies(database)
    run(database.session, "CREATE TABLE team_member (tenant text, person text, PRIMARY KEY (tenant, person)); "
        "GRANT SELECT ON team_member TO converge_client; "
        "INSERT INTO team_member VALUES ('acme', 'alice'), ('acme', 'bob')")
    run(database.session, "CREATE POLICY of_team ON note USING (tenant = converge.current_tenant() AND EXISTS ("
        "SELECT FROM team_member m WHERE m.tenant = note.tenant AND m.person = converge.current_principal()))")
    run(database.session, "SELECT converge.recheck_on('note', 'team_member')")
    database.insert("plan")
    bridge = start_bridge(database, "--recheck-interval", "1h")
    alice, bob = (connect(bridge, principal=name, document="plan") for name in ("alice", "bob"))
    run(database.session, "DELETE FROM team_member WHERE person = 'alice'")
    run(database.session, EDIT.format(1))
    is_refused(alice)
    assert numbers(alice) == []
    bob.next("changes")
    run(database.session, "TRUNCATE team_member")
    run(database.session, EDIT.format(2))
    is_refused(bob)


def test_a_policy_that_looks_elsewhere_is_heeded_at_the_next_check(database, start_bridge, connect):
    drop_policies(database)
    run(database.session, "CREATE TABLE open_hours (open boolean); GRANT SELECT ON open_hours TO converge_client; "
        "INSERT INTO open_hours VALUES (true)")
    run(database.session, "CREATE POLICY hours ON note USING (tenant = converge.current_tenant() AND (SELECT open FROM open_hours))")
    database.insert("plan")
    bridge = start_bridge(database, "--recheck-interval", "200ms")
    alice = connect(bridge, principal="alice", document="plan")
    run(database.session, "UPDATE open_hours SET open = false")
    is_refused(alice)


def test_one_whose_policy_raises_is_refused_alone(database, start_bridge, connect):
    drop_policies(database)
    run(database.session, "CREATE POLICY raises ON note USING (tenant = converge.current_tenant() AND "
        "(converge.current_principal() <> 'alice' OR NOT converge.can(NULL, NULL, 'read') OR 1 / (length(id) - 4) > 0))")
    database.insert("plan")
    bridge = start_bridge(database, "--recheck-interval", "1h")
    alice, bob = (connect(bridge, principal=name, document="plan") for name in ("alice", "bob"))
    run(database.session, "SELECT converge.set_permission('acme', 'role:everyone', 'read')")
    run(database.session, EDIT.format(1))
    problem = alice.next("problem")
    assert "zero" not in problem.message, "what a policy raises may be about a row that the client may not see"
    bob.next("changes")
    assert numbers(alice) == []


def test_changes_wait_while_the_database_cannot_say(isolated, start_bridge, connect):
    """Somebody holds the transaction open that changes permissions: until it has
    ended nobody knows, and what comes after waits for it."""
    bridge = start_bridge(isolated, "--recheck-interval", "1h")
    bob = connect(bridge, principal="bob", document="plan")
    with contextlib.closing(isolated.connect()) as other:
        other.autocommit = False
        grant(isolated, "bob", "write", "plan", session=other)
        run(isolated.session, EDIT.format(1))  # by SQL without an identity, which no permission binds
        bob.next("changes")
        other.commit()
    run(isolated.session, EDIT.format(2))
    bob.next("changes")


def test_a_race_of_grants_and_edits(isolated, start_bridge, connect):
    """Alice's permission comes and goes while others edit: she gets nothing that was
    committed while it was gone, as the log's own order has it."""
    bridges = [start_bridge(isolated, "--recheck-interval", "1h") for _ in range(BOTH_BRIDGES)]
    stop = threading.Event()

    def edit_on():
        with contextlib.closing(isolated.connect()) as session:
            number = 0
            while not stop.is_set():
                number += 1
                run(session, EDIT.format(number))

    editor = threading.Thread(target=edit_on)
    editor.start()
    try:
        for bridge in bridges * 4:
            alice = connect(bridge, principal="alice", document="plan")
            alice.next("changes")
            # Committed with the end of the permission: the number that the log had then.
            session = isolated.connect()
            session.autocommit = False
            last = value(session, "SELECT converge.set_permission('acme', 'alice', 'none', 'note', 'plan'); "
                         "SELECT props FROM note WHERE id = 'plan' FOR UPDATE; SELECT max(seq) FROM converge.change c "
                         "JOIN converge.document d USING (tenant, document) WHERE d.key = 'plan'")
            session.commit()
            session.close()
            is_refused(alice)
            got = numbers(alice)
            assert not got or max(got) <= last
            grant(isolated, "alice", "read", "plan")
    finally:
        stop.set()
        editor.join()


def test_a_push_waits_for_a_permission_that_is_being_taken_away(isolated, start_bridge, connect):
    bridge = start_bridge(isolated)
    grant(isolated, "alice", "write", "plan")
    alice = connect(bridge, principal="alice", document="plan")
    alice.push_and_wait()
    with contextlib.closing(isolated.connect()) as other:
        other.autocommit = False
        grant(isolated, "alice", "read", "plan", session=other)
        alice.push()
        assert alice.quiet(kind="ack")
        other.commit()
    reject = alice.next("reject")
    assert code_name(reject.code) == "CODE_DENIED"


def test_a_watch_is_renewed_while_a_client_may_read(isolated, start_bridge, connect):
    """The worker's watches end by themselves; a bridge keeps up those it has clients for."""
    bridge = start_bridge(isolated, "--recheck-interval", "200ms")
    bob = connect(bridge, principal="bob", document="plan")
    wait_until(lambda: value(isolated.session, "SELECT watches FROM converge.worker_status()") == 1, "the watch")
    run(isolated.session, EDIT.format(1))
    bob.next("changes")


def test_watches_last_for_as_long_as_documents_are_followed(start_bridge, connect):
    """By the checks of access, or, where these are seldom, by what is asked for them alone."""
    server = Server(**{"converge.watch_timeout": "3s"})
    try:
        database = Database(server)
        database.insert("plan")
        bridges = [start_bridge(database, "--recheck-interval", every) for every in ("300ms", "1h")]
        peers = [connect(bridge, document="plan") for bridge in bridges]
        time.sleep(3.5)
        edit(database, "plan", "n", 1)
        for peer, bridge in zip(peers, bridges):
            peer.next("changes")
            assert not [message for message in peer.waiting if message.WhichOneof("message") == "subscribed"]
            assert "refused to watch" not in bridge.log()
        for peer in peers:
            peer.close()
        for bridge in bridges:
            bridge.stop()
    finally:
        server.remove()
