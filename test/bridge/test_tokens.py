"""How long a connection lasts: as long as its token, which can be replaced."""
import time

import pytest

from cluster import in_time
from database import SOON, run, wait_until
from test_replication_source import ready
from test_yjs_hostile import block, named, number, opened, sync
from wire import ClientMessage, code_name
from yjs_editors import make_pages


def renew(peer, token):
    message = ClientMessage()
    message.renew.token = token
    peer.send(message)


def push_one(peer):
    message = ClientMessage()
    message.push.channel = peer.channel
    peer.change(message)
    peer.send(message)
    return peer.next("ack")


def test_the_greeting_says_how_long_the_token_is_good(database, bridge, connect):
    """The five seconds beyond are what the clocks of issuer and server may differ by."""
    began = time.monotonic()
    peer = connect(bridge, hello=False)
    good = peer.say_hello(database.token(lifetime=60)).token_ms
    # A token's end is told in whole seconds.
    assert 64_000 - 1000 * (time.monotonic() - began) <= good <= 65_000
    peer = connect(bridge, hello=False)
    assert peer.say_hello(database.token(lifetime=10**9)).token_ms > 10**9


def test_a_connection_that_does_nothing_ends_with_its_token(database, bridge, connect):
    peer = connect(bridge, hello=False)
    peer.say_hello(database.token(lifetime=SOON))
    problem = peer.next("problem")
    assert code_name(problem.code) == "CODE_UNAUTHENTICATED" and problem.fatal and "expired" in problem.message
    assert peer.closed_with() == 1008


def test_a_token_is_renewed_in_place(database, bridge, connect):
    database.insert("plan")

    def attempt(lifetime):
        peer = connect(bridge, hello=False)
        first_ends = time.monotonic() + lifetime + 5
        peer.say_hello(database.token(lifetime=lifetime))
        peer.follow("note", "plan")
        renew(peer, database.token(lifetime=600))
        assert peer.next("renewed").token_ms > 500_000
        time.sleep(max(0, first_ends + 1 - time.monotonic()))
        push_one(peer)
        assert peer.quiet(0.1, "problem")
    in_time(attempt, SOON, 20)


def test_only_the_same_principals_token_renews(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, hello=False)
    peer.say_hello(database.token(lifetime=60))
    peer.follow("note", "plan")
    for token, code in [(database.token("acme", "bob"), "CODE_DENIED"),
                        (database.token("globex", "alice"), "CODE_DENIED"),
                        (database.token(lifetime=-60), "CODE_UNAUTHENTICATED"),
                        ("x" * 20_000, "CODE_UNAUTHENTICATED"),
                        ("", "CODE_UNAUTHENTICATED")]:
        renew(peer, token)
        problem = peer.next("problem")
        assert code_name(problem.code) == code and not problem.fatal, problem
    assert push_one(peer).seq == 1


def test_a_renewal_needs_a_greeting_first(database, bridge, connect):
    peer = connect(bridge, hello=False)
    renew(peer, database.token())
    problem = peer.next("problem")
    assert code_name(problem.code) == "CODE_PROTOCOL" and problem.fatal


def test_what_is_under_way_keeps_the_token_it_began_with(database, start_bridge):
    """A question waits for a connection to the database to open, while the token that it is
    asked under is replaced and forgotten."""
    make_pages(database)
    slowly = "options='-c post_auth_delay=1'"  # each connection takes a second
    bridge = start_bridge(database, "--database", f"{database.conninfo()} {slowly}", "--database-connections", "2",
                          "--yjs-copies", "0")
    wait_until(lambda: ready(bridge), "the bridge to be ready")
    provider = opened(bridge)
    provider.send_binary(named(sync(0, b"\x00")))
    for _ in range(2):  # what it lacks, and the question what the server lacks
        assert provider.recv().startswith(named(number(0)))
    ended = run(database.session, """
        SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'converge-bridge' AND query LIKE '%%yjs_pull%%'
         ORDER BY query_start DESC LIMIT 1""")
    assert ended == [(True,)]
    provider.send_binary(named(sync(0, b"\x00")))
    provider.send_binary(named(number(2) + number(0) + block(database.token(lifetime=600)) + block("4.8.0")))
    assert provider.recv() == named(number(2) + number(2) + block("read-write"))
    assert provider.recv().startswith(named(number(0) + number(1)))
    provider.shutdown()


@pytest.fixture
def told_by_the_stream(database, start_bridge):
    """A bridge that asks again who may read only where the stream says so."""
    return start_bridge(database, "--recheck-interval", "1h")


def test_a_revoked_token_ends_its_connection_at_once(database, told_by_the_stream, connect):
    bridge = told_by_the_stream
    database.insert("plan")
    alice, bob = connect(bridge, document="plan"), connect(bridge, principal="bob", document="plan")
    idle = connect(bridge)
    run(database.session, "SELECT converge.revoke('acme', 'alice')")
    problem = alice.next("problem")
    assert code_name(problem.code) == "CODE_UNAUTHENTICATED" and problem.fatal and "revoked" in problem.message
    assert alice.closed_with() == 1008
    # Who follows nothing learns it when he asks for something.
    idle.ask_to_follow("note", "plan")
    assert code_name(idle.next("problem").code) == "CODE_UNAUTHENTICATED" and idle.closed_with() == 1008
    assert push_one(bob).seq == 1


def test_the_end_of_a_key_ends_its_connections(database, told_by_the_stream, connect):
    bridge = told_by_the_stream
    database.insert("plan")
    alice = connect(bridge, document="plan")
    run(database.session, "SELECT converge.revoke(key_id => 'test')")
    assert code_name(alice.next("problem").code) == "CODE_UNAUTHENTICATED" and alice.closed_with() == 1008
