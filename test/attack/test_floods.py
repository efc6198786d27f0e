"""Floods: the bridge's memory is bounded, and others are served meanwhile. (More of
them, by the thousand, are in the bridge's own suite.)"""
import contextlib
import pathlib
import socket

import pytest

from frames import BINARY, CONTINUATION, RawClient, frame
from peer import Peer
from test_rfc7692 import NAME, deflate
from wire import ClientMessage
from world import KEY

# What a flood may add to the bridge's memory, in MB: generous, as allocators keep what
# they had, and a small part of what is sent.
BOUND = 100


def megabytes(bridge, kind):
    status = pathlib.Path(f"/proc/{bridge.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(kind)) / 1024


@pytest.fixture
def bounded(world, bridge):
    """Around each test: somebody else is served before and after, and at no moment is the
    bridge beyond the bound."""
    lively = Peer(bridge, timeout=60)
    lively.say_hello(world.token("acme", "ann"))
    lively.follow("note", KEY)
    lively.push_and_wait()
    pathlib.Path(f"/proc/{bridge.process.pid}/clear_refs").write_text("5")  # VmHWM begins anew
    before = megabytes(bridge, "VmRSS")
    yield lively
    lively.push_and_wait()
    assert megabytes(bridge, "VmHWM") - before < BOUND
    lively.close()


@pytest.fixture
def raw(bridge):
    made = []

    def connect(token=None, **more):
        client = RawClient(bridge.address, timeout=60)
        made.append(client)
        client.upgrade(**more)
        if token:
            client.say_hello(token)
        return client

    yield connect
    for client in made:
        client.socket.close()


def ended(client):
    """Reads until the bridge has ended the connection."""
    client.socket.settimeout(60)
    try:
        while client.socket.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass


def send_until_refused(client, parts):
    """Sends what fits until the bridge does not take any more, or has hung up."""
    client.socket.settimeout(2)
    try:
        for part in parts:
            client.socket.sendall(part)
    except (TimeoutError, socket.timeout, ConnectionResetError, BrokenPipeError):
        return True
    finally:
        client.socket.settimeout(60)
    return False


def test_compression_bombs(world, bounded, raw):
    """A gigabyte, in a hundred messages of ten kilobytes."""
    bomb = frame(BINARY, deflate(bytes(10 << 20)), rsv=4)
    offer = [(NAME, "permessage-deflate; client_max_window_bits")]
    before = [raw(add=offer) for _ in range(50)]
    after = [raw(world.token("acme", "mallory"), add=offer) for _ in range(50)]
    for client in before + after:
        with contextlib.suppress(ConnectionError):  # whom the bridge has sent away as too slow
            client.send(bomb)
    bounded.push_and_wait()
    for client in before + after:
        ended(client)


@pytest.mark.parametrize("length", [1 << 20, 1 << 31, 1 << 40, (1 << 63) - 1, 1 << 63])
def test_frames_that_say_they_are_large(world, bounded, raw, length):
    for token in (None, world.token("acme", "mallory")):
        for _ in range(20):
            client = raw(token)
            client.send(bytes([0x82, 0xff]) + length.to_bytes(8, "big") + b"mask" + b"x" * 1000)
            ended(client)


def test_messages_that_do_not_end(world, bounded, raw):
    client = raw(world.token("acme", "mallory"))
    parts = [frame(BINARY, b"x" * 100_000, fin=False)] + 2000 * [frame(CONTINUATION, b"x" * 100_000, fin=False)]
    send_until_refused(client, parts)
    client.expect_close(1009)
    small = raw(world.token("acme", "mallory"))
    send_until_refused(small, [frame(BINARY, b"", fin=False), *(200 * [500 * frame(CONTINUATION, b"", fin=False)])])


def test_requests_without_reading_the_answers(world, bridge, bounded):
    host, port = bridge.address.split(":")
    request = b"GET /world.py HTTP/1.1\r\nHost: localhost\r\n\r\n"
    clients = [socket.create_connection((host, int(port))) for _ in range(10)]
    for client in clients:
        client.settimeout(0.2)
        with contextlib.suppress(TimeoutError, socket.timeout, ConnectionResetError, BrokenPipeError):
            for _ in range(500):
                client.sendall(100 * request)
        bounded.ping()
    for client in clients:
        client.close()


def test_questions_without_reading_the_answers(world, bounded, raw):
    client = raw(world.token("acme", "mallory"))
    message = ClientMessage()
    message.ping.nonce = 1
    send_until_refused(client, 200 * [1000 * frame(BINARY, message.SerializeToString())])
    bounded.ping()
    message = ClientMessage()
    message.subscribe.document.collection = "note"
    message.subscribe.document.key = "x" * 1000
    send_until_refused(client, 20 * [100 * frame(BINARY, message.SerializeToString())])
    bounded.ping()


def test_presence_without_end(world, bridge, bounded):
    noisy = Peer(bridge, timeout=60)
    noisy.say_hello(world.token("acme", "eve"))
    noisy.follow("note", KEY)
    for number in range(2000):
        noisy.show("x" * 1000, field=f"f{number}")
    noisy.ping()
    noisy.close()
