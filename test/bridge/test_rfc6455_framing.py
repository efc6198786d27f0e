"""RFC 6455, sections 5.1 to 5.6: frames, masks, lengths, fragments, control frames.
Each case names its clause."""
import contextlib
import itertools
import random

import pytest

from cluster import in_time
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawClient, frame, ping_message

OPCODES = {"continuation": CONTINUATION, "text": TEXT, "binary": BINARY, "close": CLOSE,
           "ping": PING, "pong": PONG}


def case(clause, name, *values):
    return pytest.param(*values, id=f"{clause}: {name}")


# ------------------------------------------------------------- 5.1, 5.3: masks

@pytest.mark.parametrize("opcode", [
    case("5.1", f"{name} without a mask", opcode) for name, opcode in OPCODES.items() if opcode])
def test_an_unmasked_frame_ends_the_connection(raw, opcode):
    client = raw()
    client.send(frame(opcode, b"", mask=None))
    client.expect_close(1002)


@pytest.mark.parametrize("mask", [
    case("5.3", mask.hex(), mask) for mask in (
        b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\0", b"\0\0\0\x01", b"\x80\x40\x20\x10",
        random.Random(1).randbytes(4), random.Random(2).randbytes(4))])
@pytest.mark.parametrize("size", [3, 9, 130])
def test_any_mask_is_undone(raw, mask, size):
    client = raw()
    client.send(frame(BINARY, ping_message(77, size), mask=mask))
    client.expect_answer(77)


# --------------------------------------------------- 5.2: reserved bits, opcodes

@pytest.mark.parametrize("rsv", [case("5.2", f"RSV {rsv:03b}", rsv) for rsv in range(1, 8)])
@pytest.mark.parametrize("opcode", [
    case("5.2", name, OPCODES[name]) for name in ("text", "binary", "ping", "pong", "close")])
def test_a_reserved_bit_without_an_extension(raw, opcode, rsv):
    client = raw()
    client.send(frame(opcode, b"", rsv=rsv))
    client.expect_close(1002)


@pytest.mark.parametrize("rsv", [case("5.2", f"RSV {rsv:03b}", rsv) for rsv in (1, 2, 4, 7)])
def test_a_reserved_bit_in_a_later_fragment(raw, rsv):
    client = raw()
    client.send(frame(BINARY, b"a", fin=False), frame(CONTINUATION, b"b", rsv=rsv))
    client.expect_close(1002)


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("opcode", [
    case("5.2", f"opcode {opcode:#x}", opcode) for opcode in (*range(3, 8), *range(0xB, 0x10))])
def test_a_reserved_opcode(raw, opcode, fin):
    client = raw()
    client.send(frame(opcode, b"abc", fin=fin))
    client.expect_close(1002)


# --------------------------------------------------------------- 5.2: lengths

@pytest.mark.parametrize("size", [
    case("5.2", f"{size} bytes", size)
    for size in (2, 3, 124, 125, 126, 127, 128, 129, 255, 256, 257, 65534, 65535, 65536, 65537, 131072, 1 << 20)])
def test_each_length_is_read(raw, size):
    client = raw()
    content = ping_message(size, size if size > 16 else 0)
    client.send(frame(BINARY, content))
    client.expect_answer(size)


@pytest.mark.parametrize("size", [case("5.2", f"{size} bytes", size) for size in (0, 1, 125, 126, 65535, 65536)])
def test_each_length_of_a_text_is_read(raw, size):
    client = raw()
    client.send(frame(TEXT, b"t" * size))
    client.expect_text_refused()


@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE])
@pytest.mark.parametrize("size,width", [
    case("5.2", f"{size} bytes in {width}", size, width)
    for size, width in ((0, 2), (1, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8))])
def test_the_minimal_length_has_to_be_used(raw, size, width, opcode):
    client = raw()
    client.send(frame(opcode, b"x" * size, width=width))
    client.expect_close(1002)


@pytest.mark.parametrize("high", [case("5.2", high.hex(), high) for high in (
    b"\x80" + bytes(7), b"\xff" * 8, b"\x80" + bytes(5) + b"\x01\x00")])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_the_highest_bit_of_a_length_is_zero(raw, opcode, high):
    client = raw()
    client.send(bytes([0x80 | opcode, 0xFF]) + high + b"\0\0\0\0")
    client.expect_close(1002)


@pytest.mark.parametrize("head", [
    case("7.4.1", "2^63 - 1 bytes", b"\x7f" + b"\xff" * 7), case("7.4.1", "one byte more", (2**20 + 1).to_bytes(8, "big"))])
def test_a_message_beyond_the_bound_is_refused_by_its_header(raw, head):
    client = raw()
    client.send(bytes([0x82, 0xFF]) + head + b"\0\0\0\0")
    client.expect_close(1009)


def test_fragments_together_beyond_the_bound(raw):
    """7.4.1"""
    client = raw()
    client.send(frame(BINARY, bytes(600_000), fin=False), frame(CONTINUATION, bytes(600_000)))
    client.expect_close(1009)


@pytest.mark.parametrize("pause", [case("5.2", f"every {step} bytes a packet", step) for step in (1, 2, 3, 7)])
def test_a_frame_may_come_in_any_packets(raw, pause):
    client = raw()
    content = frame(PING, b"packet") + frame(BINARY, ping_message(5, 140)) + frame(PING, b"")
    for at in range(0, len(content), pause):
        client.send(content[at:at + pause])
    client.expect_pong(b"packet")
    client.expect_answer(5)
    client.expect_pong(b"")


def test_many_frames_in_a_packet(raw):
    """5.2"""
    client = raw()
    client.send(*(frame(BINARY, ping_message(n)) for n in range(1, 300)))
    for n in range(1, 300):
        client.expect_answer(n)


# ------------------------------------------------------------- 5.4: fragments

def split(content, cuts):
    edges = [0, *cuts, len(content)]
    return [content[a:b] for a, b in itertools.pairwise(edges)]


def fragments(opcode, parts):
    last = len(parts) - 1
    return [frame(opcode if i == 0 else CONTINUATION, part, fin=i == last) for i, part in enumerate(parts)]


@pytest.mark.parametrize("cuts", [
    case("5.4", name, cuts) for name, cuts in {
        "in two": (1,), "in three": (1, 2), "empty first": (0,), "empty last": (200,), "empty between": (5, 5),
        "all empty but one": (0, 0, 0, 200, 200), "byte by byte": tuple(range(1, 200)),
        "in halves": (100,)}.items()])
def test_fragments_make_one_message(raw, cuts):
    client = raw()
    client.send(*fragments(BINARY, split(ping_message(9, 200), cuts)))
    client.expect_answer(9)
    client.expect_alive()


def test_an_empty_text_in_fragments(raw):
    """5.4"""
    client = raw()
    client.send(*fragments(TEXT, [b"", b"", b""]))
    client.expect_text_refused()


@pytest.mark.parametrize("control", [
    case("5.4", "ping", frame(PING, b"in between")), case("5.4", "pong", frame(PONG, b"nobody asked"))])
def test_a_control_frame_between_fragments(raw, control):
    client = raw()
    first, second, third = fragments(BINARY, split(ping_message(3, 60), (20, 40)))
    client.send(first, control, second, control, third)
    if control[0] & 0x0F == PING:
        client.expect_pong(b"in between")
        client.expect_pong(b"in between")
    client.expect_answer(3)


def test_a_ping_between_fragments_is_answered_before_the_message(raw):
    """5.4, 5.5.2"""
    client = raw()
    first, second = fragments(BINARY, split(ping_message(3, 60), (20,)))
    client.send(first, frame(PING, b"now"))
    client.expect_pong(b"now")
    client.send(second)
    client.expect_answer(3)


def test_close_between_fragments(raw):
    """5.4, 5.5.1"""
    client = raw()
    client.send(frame(BINARY, b"a", fin=False), frame(CLOSE, b"\x03\xe8"))
    client.expect_close(1000)


@pytest.mark.parametrize("frames", [
    case("5.4", name, frames) for name, frames in {
        "a continuation of nothing": [frame(CONTINUATION, b"a")],
        "a continuation of nothing that goes on": [frame(CONTINUATION, b"a", fin=False)],
        "a continuation after a whole message": [frame(PONG), frame(CONTINUATION)],
        "a second one after the last": [*fragments(TEXT, [b"a", b"b"])[1:]],
        "a text inside a binary message": [frame(BINARY, b"a", fin=False), frame(TEXT, b"b")],
        "a binary message inside a text": [frame(TEXT, b"a", fin=False), frame(BINARY, b"b")],
        "a new text inside a text": [frame(TEXT, b"a", fin=False), frame(TEXT, b"b", fin=False)],
        "a new message after a continuation": [
            frame(BINARY, b"a", fin=False), frame(CONTINUATION, b"b", fin=False), frame(BINARY, b"c")],
        "a new message after a ping": [frame(BINARY, b"a", fin=False), frame(PONG), frame(BINARY, b"c")],
    }.items()])
def test_fragments_out_of_order(raw, frames):
    client = raw()
    client.send(*frames)
    client.expect_close(1002)


# --------------------------------------------------------- 5.5: control frames

@pytest.mark.parametrize("size", [case("5.5.3", f"{size} bytes", size) for size in (0, 1, 2, 124, 125)])
def test_a_pong_echoes_the_ping(raw, size):
    client = raw()
    content = bytes(i * 37 & 0xFF for i in range(size))
    client.send(frame(PING, content))
    client.expect_pong(content)


def test_pings_are_answered_in_order(raw):
    """5.5.3"""
    client = raw()
    client.send(*(frame(PING, b"%d" % n) for n in range(50)))
    for n in range(50):
        client.expect_pong(b"%d" % n)


@pytest.mark.parametrize("size", [case("5.5.3", f"{size} bytes", size) for size in (0, 1, 125)])
def test_a_pong_that_nobody_asked_for(raw, size):
    client = raw()
    client.send(frame(PONG, b"p" * size))
    client.expect_alive()


@pytest.mark.parametrize("size", [case("5.5", f"{size} bytes", size) for size in (126, 127, 65535, 65536)])
@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_control_frame_that_is_too_long(raw, opcode, size):
    client = raw()
    client.send(frame(opcode, b"\x03\xe8" + b"x" * (size - 2)))
    client.expect_close(1002)


@pytest.mark.parametrize("opcode", [case("5.5", name, OPCODES[name]) for name in ("ping", "pong", "close")])
def test_a_control_frame_in_fragments(raw, opcode):
    client = raw()
    client.send(frame(opcode, b"\x03\xe8", fin=False), frame(CONTINUATION, b""))
    client.expect_close(1002)


def test_a_client_that_shows_no_life_is_pinged(database, start_bridge):
    """5.5.2"""
    def attempt(limit):
        bridge = start_bridge(database, "--idle-timeout", f"{round(1000 * limit)}ms")
        with contextlib.closing(RawClient(bridge.address)) as client:
            client.upgrade()
            client.say_hello(database.token())
            for _ in range(4):
                opcode, payload, _ = client.frame()
                assert opcode == PING and len(payload) <= 125
                client.send(frame(PONG, payload))
            assert client.frame()[0] == PING  # and when it is not answered, the end
            assert client.frame() is None
    in_time(attempt, 0.6, 3, 10)
