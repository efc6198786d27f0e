"""permessage-deflate (RFC 7692), which is agreed on without a context kept from
one message to the next."""
import contextlib
import random
import string
import zlib

import pytest

from frames import BINARY, CONTINUATION, PING, TEXT, RawClient, frame, ping_message
from wire import ServerMessage

NAME = "Sec-WebSocket-Extensions"


def case(clause, name, *values):
    return pytest.param(*values, id=f"{clause}: {name}")


def deflate(content, final=False):
    engine = zlib.compressobj(wbits=-15)
    if final:
        return engine.compress(content) + engine.flush(zlib.Z_FINISH) + b"\0"
    return (engine.compress(content) + engine.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflate(content):
    return zlib.decompressobj(wbits=-15).decompress(content + b"\0\0\xff\xff")


@pytest.fixture
def compressing(raw):
    return raw(add=[(NAME, "permessage-deflate; client_max_window_bits")])


@pytest.mark.parametrize("offer", [
    case("7.1", offer, offer) for offer in (
        "permessage-deflate", "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=9",
        "permessage-deflate; client_max_window_bits=10", 'permessage-deflate; client_max_window_bits="10"',
        "permessage-deflate; client_max_window_bits=15", "permessage-deflate;\tclient_max_window_bits\t=\t15",
        "permessage-deflate; server_no_context_takeover", "permessage-deflate; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=15", 'permessage-deflate; server_max_window_bits="15"',
        "permessage-deflate; server_max_window_bits=8, permessage-deflate",
        "x-other, permessage-deflate", 'x-other; a="b, permessage-deflate; unknown", permessage-deflate', "permessage-deflate ; client_max_window_bits ; server_no_context_takeover")])
def test_offers_that_are_accepted(raw, offer):
    client = raw(add=[(NAME, offer)])
    name, *parameters = [part.strip() for part in client.headers[NAME.lower()].split(";")]
    assert name == "permessage-deflate"
    accepted = offer.rpartition(", ")[2]  # the last one, of several
    assert parameters == ["server_no_context_takeover", "client_no_context_takeover",
                          *(["server_max_window_bits=15"] if "server_max_window_bits" in accepted else [])]
    client.send(frame(BINARY, deflate(ping_message(6)), rsv=4))
    client.expect_answer(6)


@pytest.mark.parametrize("offer", [
    case("7.1", offer, offer) for offer in (
        "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=08", "permessage-deflate; client_max_window_bits=25",
        "permessage-deflate; client_max_window_bits=100", 'permessage-deflate; client_max_window_bits="10x',
        "permessage-deflate; client_max_window_bits=", "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover", "deflate", "")])
def test_offers_that_are_declined(raw, offer):
    client = raw(add=[(NAME, offer)])
    assert NAME.lower() not in client.headers
    client.expect_alive()
    client.send(frame(BINARY, deflate(ping_message(6)), rsv=4))
    client.expect_close(1002)


def test_offers_in_two_lines(raw):
    """7: they are one list (4.2.2 of RFC 6455, 9.1)."""
    client = raw(add=[(NAME, "x-other; a"), (NAME, "permessage-deflate; client_no_context_takeover")])
    assert client.headers[NAME.lower()].startswith("permessage-deflate;")
    client.send(frame(BINARY, deflate(ping_message(6)), rsv=4))
    client.expect_answer(6)


@pytest.mark.parametrize("size", [case("7.2.2", f"{size} bytes", size) for size in (3, 126, 5000, 900_000)])
def test_a_compressed_message(compressing, size):
    compressing.send(frame(BINARY, deflate(ping_message(200, size)), rsv=4))  # no UTF-8, which is a text's alone
    compressing.expect_answer(200)
    compressing.send(frame(BINARY, ping_message(7)))  # and one that is not
    compressing.expect_answer(7)


@pytest.mark.parametrize("behind", [case("7.2.3.4", name, behind) for name, behind in (
    ("and an empty block", 0), ("and nothing", 1))])
def test_a_message_that_ends_with_a_final_block(compressing, behind):
    content = deflate(ping_message(6, 500), final=True)
    compressing.send(frame(BINARY, content[:len(content) - behind], rsv=4))
    compressing.expect_answer(6)


def test_a_compressed_message_in_fragments(compressing):
    """6.1: only the first fragment has the bit."""
    content = deflate(ping_message(6, 500))
    compressing.send(frame(BINARY, content[:3], fin=False, rsv=4), frame(PING, b"x"),
                     frame(CONTINUATION, content[3:]))
    compressing.expect_pong(b"x")
    compressing.expect_answer(6)


@pytest.mark.parametrize("wrong", [
    case("6.1", "on a continuation", frame(BINARY, b"", fin=False, rsv=4) + frame(CONTINUATION, b"", rsv=4)),
    case("6.1", "on a ping", frame(PING, b"", rsv=4)), case("5", "RSV2", frame(BINARY, b"", rsv=2)),
    case("5", "RSV3 too", frame(BINARY, b"", rsv=5))])
def test_bits_that_mean_nothing(compressing, wrong):
    compressing.send(wrong)
    compressing.expect_close(1002)


@pytest.mark.parametrize("payload", [
    case("7.2.2", "no deflate data", b"\xff" * 20),
    case("7.2.2", "data behind a final block", deflate(b"abc", final=True) + b"more than nothing"),
    case("7.2.2", "one byte behind a final block", deflate(b"abc", final=True)[:-1] + b"\1")])
def test_damaged_data(compressing, payload):
    compressing.send(frame(TEXT, payload, rsv=4))
    compressing.expect_close(1007)


def test_data_that_is_cut(compressing):
    """7.2.2: deflate may not be able to tell; then it is a text, which is answered."""
    compressing.send(frame(TEXT, deflate(bytes(range(128)) * 9)[:-9], rsv=4))
    opcode, content, _ = compressing.frame()
    if opcode == 8:
        assert content[:2] == b"\x03\xef"  # 1007
    else:
        assert "text message" in ServerMessage.FromString(content).problem.message


def test_a_text_that_is_compressed(compressing):
    """7.2.2"""
    compressing.send(frame(TEXT, deflate("Zwölf 😀".encode()), rsv=4))
    compressing.expect_text_refused()


@pytest.mark.parametrize("text", [case("7.2.2", name, text) for name, text in (
    ("a surrogate", b"abc \xed\xa0\x80"), ("a character that is cut", b"abc \xc3"))])
def test_a_text_that_is_not_utf_8_when_it_is_inflated(compressing, text):
    """And 8.1 of RFC 6455."""
    compressing.send(frame(TEXT, deflate(text), rsv=4))
    compressing.expect_close(1007)


def test_a_message_beyond_the_bound_when_it_is_inflated(compressing):
    """The bound is for the message, not for what it is compressed to."""
    compressing.send(frame(BINARY, deflate(bytes(50 << 20)), rsv=4))
    compressing.expect_close(1009)


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("size", [case("7.2.2", f"{size} bytes", size) for size in (2000, 16384, 20000, 49152)])
def test_a_message_of_just_the_bound_when_it_is_inflated(database, start_bridge, size, final):
    bridge = start_bridge(database, "--max-message", str(size))
    with contextlib.closing(RawClient(bridge.address)) as client:
        client.upgrade(add=[(NAME, "permessage-deflate")])
        client.say_hello(database.token())
        client.send(frame(BINARY, deflate(ping_message(6, size), final), rsv=4))
        client.expect_answer(6)
        client.send(frame(BINARY, deflate(ping_message(6, size + 1), final), rsv=4))
        client.expect_close(1009)


def subscribe(client, key):
    from wire import ClientMessage
    message = ClientMessage()
    message.subscribe.request = 1
    message.subscribe.document.collection = "note"
    message.subscribe.document.key = key
    client.send(frame(BINARY, message.SerializeToString()))
    return client.frame()


# Compresses by less than a fifth.
NOISE = "".join(random.Random(1).choices(string.printable[:94], k=30_000))


@pytest.mark.parametrize("setting,body,compressed", [
    ("states", "a line that comes again\n" * 2000, True), ("states", "a line that comes again\n" * 600, False),
    ("states", "short", False), ("states", NOISE, False), ("off", "b" * 50_000, False),
    ("all", "a line that comes again\n" * 100, True), ("all", NOISE, True), ("all", "short", False)],
    ids=["states", "states: small", "states: short", "states: noise", "off", "all", "all: noise", "all: short"])
def test_what_is_sent_compressed(database, start_bridge, setting, body, compressed):
    database.insert("long", body=body)
    bridge = start_bridge(database, "--compress", setting)
    client = RawClient(bridge.address)
    client.upgrade(add=[(NAME, "permessage-deflate")])
    client.say_hello(database.token())
    opcode, content, is_compressed = subscribe(client, "long")
    assert (opcode, is_compressed) == (BINARY, compressed)
    state = ServerMessage.FromString(inflate(content) if is_compressed else content)
    assert len(state.subscribed.pull.SerializeToString()) > len(body)
    if compressed:
        assert len(content) < (0.9 if body == NOISE else 0.7) * len(body)
    client.close()
