"""A client that comes back says Hello and Subscribe in one go. Where the bridge knows its
token and follows the document, both are one question to the database: nothing may be told
before that has verified the token, and nothing may be lost or charged twice."""
import pytest

from cluster import undisturbed
from database import run, value, wait_until
from frames import BINARY, frame
from test_access import is_refused, isolated  # noqa: F401  (a fixture)
from test_rates import limit
from test_subscribe import edit, version_of
from wire import ClientMessage, code_name


def come(connect, bridge, token, *messages):
    """A connection whose client says Hello and these messages in one write."""
    peer = connect(bridge, hello=False)
    hello = ClientMessage()
    hello.hello.protocol = 2
    hello.hello.token = token
    peer.socket.sock.sendall(b"".join(frame(BINARY, message if isinstance(message, bytes) else message.SerializeToString())
                                      for message in (hello, *messages)))
    return peer


def subscribe(key, request=1, since=b""):
    message = ClientMessage()
    message.subscribe.request = request
    message.subscribe.document.collection = "note"
    message.subscribe.document.key = key
    message.subscribe.since = since
    return message


def kinds(peer, count):
    """The kinds of the next messages, which are kept."""
    peer.waiting.extend([peer.receive_message() for _ in range(count)])
    return [message.WhichOneof("message") for message in peer.waiting]


@pytest.fixture
def known(database, bridge, connect):
    """alice's token, which the bridge knows; and bob, who follows the document `plan`."""
    database.insert("plan", body="long enough that a change is less " * 20)
    bob = connect(bridge, principal="bob", document="plan")
    token = database.token()
    gone = connect(bridge, hello=False)
    gone.say_hello(token)
    gone.close()
    return token, bob


def test_what_was_missed_comes_behind_the_welcome(database, bridge, connect, known):
    token, bob = known
    first = come(connect, bridge, token, subscribe("plan"))
    assert kinds(first, 2) == ["welcome", "subscribed"]
    had = first.next("subscribed").pull.log_version
    first.close()
    edit(database, "plan", "n", 1)
    back = come(connect, bridge, token, subscribe("plan", 7, had))
    assert kinds(back, 2) == ["welcome", "subscribed"]
    assert back.next("welcome").principal == "alice"
    subscribed = back.next("subscribed")
    assert subscribed.request == 7 and len(subscribed.pull.changes) == 1 and not subscribed.pull.HasField("state")
    edit(database, "plan", "n", 2)
    assert len(back.next("changes").changes) == 1
    # And it may do everything else.
    back.channel = subscribed.channel
    assert back.push_and_wait() == 1


def test_hello_and_subscribe_are_one_question(database, bridge, connect, known):
    token, _ = known
    blocker = database.connect()
    blocker.autocommit = False
    run(blocker, "LOCK TABLE note IN ACCESS EXCLUSIVE MODE")
    back = come(connect, bridge, token, subscribe("plan"))
    wait_until(lambda: value(database.session, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0, "the pull to wait")
    assert back.quiet(), "greeted by another question than the one that pulls"
    blocker.rollback()
    assert kinds(back, 2) == ["welcome", "subscribed"]
    blocker.close()


@pytest.mark.parametrize("revoke", ["SELECT converge.revoke('acme', 'alice')",
                                    "SELECT converge.revoke(key_id => 'test')"])
def test_a_known_token_that_was_revoked_is_told_nothing(database, bridge, connect, known, revoke):
    token, _ = known
    run(database.session, revoke)
    for _ in range(2):
        back = come(connect, bridge, token, subscribe("plan"))
        problem = back.next().problem
        assert code_name(problem.code) == "CODE_UNAUTHENTICATED" and problem.fatal
        assert back.closed_with() == 1008 and not back.waiting


def test_a_token_that_is_revoked_meanwhile_sees_no_later_change(database, start_bridge, connect):
    """Its verification, the revocation, its pull: the stream's word counts for who is only joining."""
    bridge = start_bridge(database, "--recheck-interval", "1h")
    database.insert("plan")
    bob = connect(bridge, principal="bob", document="plan")
    token = database.token()
    connect(bridge, hello=False).say_hello(token)
    blocker = database.connect()
    blocker.autocommit = False
    run(blocker, "LOCK TABLE note IN ACCESS EXCLUSIVE MODE")
    back = come(connect, bridge, token, subscribe("plan"))
    wait_until(lambda: value(database.session, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0, "the pull to wait")
    run(database.session, "SELECT converge.revoke('acme', 'alice')")
    blocker.rollback()
    edit(database, "plan", "n", 1)
    bob.next("changes")
    problem = back.next("problem")
    assert code_name(problem.code) == "CODE_UNAUTHENTICATED" and problem.fatal
    assert back.closed_with() == 1008
    assert "changes" not in [message.WhichOneof("message") for message in back.waiting]
    blocker.close()


def version_of_log(database, key, tenant):
    version = {}
    for replica, seq in database.log(key, tenant):
        version[replica] = max(seq, version.get(replica, 0))
    return version


def forged(token):
    """The same claims with another signature."""
    head, _, signature = token.rpartition(".")
    return head + "." + ("A" if signature[0] != "A" else "B") + signature[1:]


def test_a_forged_token_is_nobodys(database, bridge, connect, known):
    token, _ = known
    for bad in (forged(token), token.rpartition(".")[0] + ".", token + "A"):
        back = come(connect, bridge, bad, subscribe("plan"))
        problem = back.next().problem
        assert code_name(problem.code) == "CODE_UNAUTHENTICATED" and problem.fatal
        assert back.closed_with() == 1008 and not back.waiting


def test_who_may_not_read_is_greeted_and_refused(isolated, bridge, connect):  # noqa: F811
    connect(bridge, principal="bob", document="plan")
    token = isolated.token(principal="mallory")
    connect(bridge, hello=False).say_hello(token)
    for key in ("plan", "other", "nothing"):
        back = come(connect, bridge, token, subscribe(key, 5))
        assert back.next().HasField("welcome")
        is_refused(back)
        back.ping()


def test_other_tenants_do_not_meet(database, bridge, connect, known):
    """The document of that name which is followed is acme's."""
    database.insert("plan", "globex")
    token = database.token("globex")
    connect(bridge, hello=False).say_hello(token)
    back = come(connect, bridge, token, subscribe("plan"))
    assert back.next("welcome").tenant == "globex"
    pull = back.next("subscribed").pull
    assert version_of(database, pull.log_version) == version_of_log(database, "plan", "globex")


@pytest.mark.parametrize("kind", ["known", "unknown"])
def test_each_is_one_request(database, bridge, connect, kind):
    """The greeting one, each subscription one, whichever way they go."""
    for key in ("plan", "second", "third"):
        database.insert(key)
    connect(bridge, principal="bob", document="plan")
    limit(database, principal_requests=3)

    def attempt(number):
        token = database.token(principal=f"alice {number}")
        if kind == "known":
            connect(bridge, hello=False).say_hello(token)  # the first
        back = come(connect, bridge, token, subscribe("plan", 1), subscribe("second", 2), subscribe("third", 3))
        assert back.next().HasField("welcome")
        answers = [back.next_of("subscribed", "problem") for _ in range(3)]
        assert sorted(answer.subscribed.request for answer in answers if answer.HasField("subscribed")) == \
            ([1] if kind == "known" else [1, 2])
        for request in [2, 3] if kind == "known" else [3]:
            problem, = (answer.problem for answer in answers if answer.problem.request == request)
            assert (code_name(problem.code), problem.fatal) == ("CODE_LIMIT", False)
        again = come(connect, bridge, token, subscribe("plan"))
        problem = again.next().problem
        assert code_name(problem.code) == "CODE_LIMIT" and problem.fatal and again.closed_with() == 1013

    undisturbed(attempt, 60 / 3)


def test_a_subscription_beyond_the_rate_is_refused_alone(database, bridge, connect):
    database.insert("plan")
    connect(bridge, principal="bob", document="plan")
    limit(database, principal_requests=2)

    def attempt(number):
        token = database.token(principal=f"alice {number}")
        connect(bridge, hello=False).say_hello(token)
        back = come(connect, bridge, token, subscribe("plan", 9))
        assert back.next().HasField("welcome")
        problem = back.next().problem
        assert (code_name(problem.code), problem.request, problem.fatal) == ("CODE_LIMIT", 9, False)
        back.ping()

    undisturbed(attempt, 60 / 2)


@pytest.mark.parametrize("behind", [b"\xff\xff", b""])
def test_nonsense_behind_the_hello_is_answered_behind_the_welcome(database, bridge, connect, known, behind):
    back = come(connect, bridge, known[0], behind)
    assert back.next().HasField("welcome")
    problem = back.next("problem")
    assert code_name(problem.code) == "CODE_PROTOCOL" and not problem.fatal


def test_several_at_once(database, bridge, connect, known):
    """The documents that are followed and those that are not, in one go."""
    database.insert("other")
    ping = ClientMessage()
    ping.ping.nonce = 4
    back = come(connect, bridge, known[0], ping, subscribe("other", 1), subscribe("plan", 2))
    assert back.next().HasField("welcome")
    assert back.next("pong").nonce == 4
    assert {back.next("subscribed").request for _ in range(2)} == {1, 2}


def test_the_database_is_away(own_database, start_bridge, connect):
    bridge = start_bridge(own_database)
    own_database.insert("plan")
    connect(bridge, principal="bob", document="plan")
    token = own_database.token()
    connect(bridge, hello=False).say_hello(token)
    own_database.session.close()
    own_database.server.stop()
    back = come(connect, bridge, token, subscribe("plan"))
    problem = back.next().problem
    assert code_name(problem.code) == "CODE_UNAVAILABLE" and problem.fatal
    assert back.closed_with() == 1013
