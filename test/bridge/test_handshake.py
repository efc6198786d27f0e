"""Who is let in, and what is made of messages that make no sense."""
import subprocess
import tempfile
import time

import pytest
import websocket

from clients import BUILD
from cluster import in_time
from database import sign, wait_until
from test_yjs_hostile import number
from wire import ClientMessage, code_name


def hello(peer, token, protocol=1, newest_protocol=2):
    answer = peer.hello(token, protocol, newest_protocol)
    assert answer is not None
    return answer


def assert_turned_away(answer, peer, code, close=1008):
    assert answer.WhichOneof("message") == "problem", answer
    assert code_name(answer.problem.code) == code, answer
    assert answer.problem.fatal and answer.problem.message
    assert peer.closed_with() == close


def test_a_welcome_says_who_the_client_is(database, bridge, connect):
    peer = connect(bridge, hello=False)
    welcome = peer.say_hello(database.token("acme", "alice"))
    assert (welcome.protocol, welcome.tenant, welcome.principal) == (2, "acme", "alice")
    assert welcome.epoch != 0


@pytest.mark.parametrize("kind", ["none", "nonsense", "forged", "expired", "no expiry checks twice"])
def test_a_token_that_does_not_verify(database, bridge, connect, kind):
    token = {
        "none": "",
        "nonsense": "not.a.token",
        "forged": sign({"tenant": "acme", "sub": "alice", "exp": int(time.time()) + 60}, b"another secret" * 3),
        "expired": database.token(lifetime=-60),
        "no expiry checks twice": database.token()[:-2] + "AA",
    }[kind]
    peer = connect(bridge, hello=False)
    assert_turned_away(hello(peer, token), peer, "CODE_UNAUTHENTICATED")


@pytest.mark.parametrize("oldest, newest", [(0, 0), (3, 0), (3, 7), (2**32 - 1, 0)])
def test_a_protocol_version_not_spoken(database, bridge, connect, oldest, newest):
    peer = connect(bridge, hello=False)
    answer = hello(peer, database.token(), oldest, newest)
    assert_turned_away(answer, peer, "CODE_UNSUPPORTED_VERSION")
    assert str(oldest) in answer.problem.message and "1 to 2" in answer.problem.message


@pytest.mark.parametrize("oldest, newest, spoken", [(1, 0, 1), (2, 0, 2), (1, 2, 2), (0, 1, 1), (2, 9, 2)])
def test_the_newest_protocol_version_of_both_is_spoken(database, bridge, connect, oldest, newest, spoken):
    peer = connect(bridge, hello=False)
    answer = hello(peer, database.token(), oldest, newest)
    assert answer.welcome.protocol == spoken
    if spoken == 1:
        notice = peer.receive().notice
        assert notice.kind == notice.OLD_PROTOCOL and "version 1 is old" in notice.message
    peer.ping()  # the next thing that is heard is its answer


def test_the_first_message_must_be_hello(bridge, connect):
    peer = connect(bridge, hello=False)
    message = ClientMessage()
    message.ping.nonce = 1
    peer.send(message)
    assert_turned_away(peer.receive(), peer, "CODE_PROTOCOL")


def test_nonsense_before_hello_ends_the_connection(bridge, connect):
    peer = connect(bridge, hello=False)
    peer.send_bytes(b"\xff" * 20)
    assert_turned_away(peer.receive(), peer, "CODE_PROTOCOL")


def test_who_never_says_hello_is_sent_away(database, start_bridge, connect):
    def attempt(limit):
        bridge = start_bridge(database, "--handshake-timeout", f"{round(1000 * limit)}ms")
        started = time.monotonic()
        peer = connect(bridge, hello=False)
        assert_turned_away(peer.receive(), peer, "CODE_UNAUTHENTICATED")
        assert limit * 2 / 3 < time.monotonic() - started
    in_time(attempt, 0.3, 3, 15)


def second_hello(peer):
    message = ClientMessage()
    message.hello.protocol = 2
    message.hello.token = "x"
    peer.send(message)


@pytest.mark.parametrize("say", [
    pytest.param(lambda peer: peer.send_bytes(b"\xff\xff\xff"), id="no protobuf"),
    pytest.param(lambda peer: peer.send_bytes(b""), id="empty"),
    pytest.param(lambda peer: peer.send_bytes(b"\xf8\x07\x01"), id="a field of a later protocol"),
    pytest.param(lambda peer: peer.socket.send("hello"), id="text"),
    pytest.param(second_hello, id="a second hello"),
])
def test_nonsense_after_hello_leaves_the_connection(bridge, connect, say):
    peer = connect(bridge)
    say(peer)
    problem = peer.next("problem")
    assert code_name(problem.code) == "CODE_PROTOCOL" and problem.message and not problem.fatal
    peer.ping()


def test_nonsense_without_end_ends_the_connection(bridge, connect):
    peer = connect(bridge)
    for _ in range(17):
        peer.send_bytes(b"\xff\xff\xff")
    codes = [code_name(peer.next("problem").code) for _ in range(17)]
    assert codes == ["CODE_PROTOCOL"] * 16 + ["CODE_LIMIT"]
    assert peer.closed_with() == 1008


def test_a_message_beyond_the_bound(database, start_bridge, connect):
    bridge = start_bridge(database, "--max-message", "64kB")
    peer = connect(bridge)
    with pytest.raises((BrokenPipeError, ConnectionResetError, AssertionError)):
        peer.send_bytes(b"\0" * (64 * 1024 + 1))
        assert peer.closed_with() not in (1009, None)
    connect(bridge).ping()  # others notice nothing


def padded(content, size):
    """A message with a field of that size, which a reader does not know and passes over."""
    return content + b"\xc2\x3e" + number(size) + b"x" * size


def test_before_the_greeting_messages_are_short(database, bridge, connect):
    """The longest token fits, and what comes right behind it may be as long as later."""
    database.insert("plan")
    subscribe = ClientMessage()
    subscribe.subscribe.request = 1
    subscribe.subscribe.document.collection = "note"
    subscribe.subscribe.document.key = "plan"
    greeting = ClientMessage()
    greeting.hello.protocol = 2
    for token in (database.token(), database.token(padding="x" * 5_500)):
        assert len(token) <= 16 << 10
        greeting.hello.token = token
        for _ in range(2):  # the second time it is known whose the token is
            peer = connect(bridge, hello=False)
            peer.send_bytes(padded(greeting.SerializeToString(), 40_000))
            peer.send_bytes(padded(subscribe.SerializeToString(), 200_000))
            assert peer.next("welcome") and peer.next("subscribed")
    peer = connect(bridge, hello=False)
    with pytest.raises((BrokenPipeError, ConnectionResetError, AssertionError)):
        peer.send_bytes(padded(greeting.SerializeToString(), 64 << 10))
        assert peer.closed_with() not in (1009, None)


def test_more_connections_than_allowed(database, start_bridge, connect):
    bridge = start_bridge(database, "--max-connections", "2")
    first, second = connect(bridge), connect(bridge)
    with pytest.raises((websocket.WebSocketException, ConnectionError)):
        connect(bridge)
    first.close()

    def let_in():
        try:
            connect(bridge).ping()
            return True
        except (websocket.WebSocketException, ConnectionError):
            return False
    wait_until(let_in, "the place that was given back")
    second.ping()


def test_more_connections_from_one_address_than_allowed(database, start_bridge, connect):
    bridge = start_bridge(database, "--max-connections-per-address", "1")
    peer = connect(bridge)
    with pytest.raises((websocket.WebSocketException, ConnectionError)):
        connect(bridge)
    peer.ping()


def test_as_many_sockets_as_the_system_allows(database):
    """And a word in the log where those are fewer than connections."""
    def limits(hard, *options):
        log = tempfile.TemporaryFile()
        process = subprocess.Popen(
            ["bash", "-c", f"ulimit -Sn 100; ulimit -Hn {hard}; exec \"$0\" \"$@\"", BUILD / "converge-bridge", "--database",
             database.conninfo(), "--listen", "127.0.0.1:0", *options], stderr=log, stdout=log)
        try:
            def said():
                log.seek(0)
                return text if "listening" in (text := log.read().decode()) else None
            text = wait_until(said, "the bridge")
            line = next(line for line in open(f"/proc/{process.pid}/limits") if line.startswith("Max open files"))
            return int(line.split()[3]), "file descriptors" in text
        finally:
            process.terminate()
            process.wait(60)
    assert limits(1200, "--max-connections", "1000") == (1200, False)
    assert limits(1000, "--max-connections", "1000") == (1000, True)


def test_more_connections_of_a_tenant_than_allowed(database, start_bridge, connect):
    bridge = start_bridge(database, "--max-connections-per-tenant", "1")
    first = connect(bridge)
    second = connect(bridge, hello=False)
    answer = hello(second, database.token("acme", "bob"))
    assert_turned_away(answer, second, "CODE_LIMIT", close=1013)
    assert "1 connections" in answer.problem.message
    connect(bridge, tenant="globex").ping()  # another tenant is not in its way
    first.close()
    def let_in():
        again = connect(bridge, hello=False)
        return hello(again, database.token("acme", "bob")).WhichOneof("message") == "welcome"
    wait_until(let_in, "the place that was given back")


def test_a_client_that_shows_no_life(database, start_bridge, connect):
    def attempt(limit):
        bridge = start_bridge(database, "--idle-timeout", f"{round(1000 * limit)}ms")
        silent = connect(bridge)  # answers no ping, because it does not read
        time.sleep(3 * limit)
        assert silent.closed_with() is None
        lively = connect(bridge)
        for _ in range(6):
            time.sleep(limit * 3 / 8)
            lively.ping()
    in_time(attempt, 0.4, 2, 10)
