"""RFC 6455, sections 5.5.1 and 7: the closing handshake."""
import struct
import time
import urllib.parse

import pytest

from frames import BINARY, CLOSE, PING, close_frame, frame, ping_message

GOOD = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4999]
BAD = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 5001, 65535]


def cases(clause, values):
    return [pytest.param(value, id=f"{clause}: {value}") for value in values]


@pytest.mark.parametrize("code", cases("5.5.1", GOOD))
def test_the_code_is_echoed(raw, code):
    client = raw()
    client.send(close_frame(code))
    client.expect_close(code)


@pytest.mark.parametrize("code", cases("7.4", BAD))
def test_a_code_that_may_not_be_sent(raw, code):
    client = raw()
    client.send(close_frame(code))
    client.expect_close(1002)


def test_without_a_code(raw):
    """5.5.1, 7.1.5"""
    client = raw()
    client.send(close_frame())
    client.expect_close(None)


@pytest.mark.parametrize("byte", cases("5.5.1", [0, 3, 0x10, 0xFF]))
def test_half_a_code(raw, byte):
    client = raw()
    client.send(frame(CLOSE, bytes([byte])))
    client.expect_close(1002)


@pytest.mark.parametrize("reason", [
    pytest.param(reason, id=f"5.5.1: {name}") for name, reason in {
        "short": b"bye", "as long as can be": b"x" * 123, "many bytes a character": "κόσμε 👋".encode()}.items()])
def test_a_reason(raw, reason):
    client = raw()
    client.send(close_frame(1000, reason))
    client.expect_close(1000)


@pytest.mark.parametrize("reason", [
    pytest.param(reason, id=f"8.1: {name}") for name, reason in {
        "a continuation alone": b"\x80", "cut": b"bye \xe2\x82", "a surrogate": b"\xed\xa0\x80",
        "overlong": b"\xc0\xaf"}.items()])
def test_a_reason_that_is_not_utf_8(raw, reason):
    client = raw()
    client.send(close_frame(1000, reason))
    client.expect_close(1007)


@pytest.mark.parametrize("after", [
    pytest.param(after, id=f"5.5.1: {name}") for name, after in {
        "a ping": frame(PING, b"late"), "a message": frame(BINARY, ping_message(1)),
        "another close": close_frame(1001), "nonsense": b"\xff" * 50}.items()])
def test_what_comes_after_close_is_not_answered(raw, after):
    client = raw()
    client.send(close_frame(1000), after)
    client.expect_close(1000)


@pytest.mark.parametrize("after", [
    pytest.param(after, id=f"7.1.7: {name}") for name, after in {
        "a ping": frame(PING, b"late"), "a message": frame(BINARY, ping_message(1)),
        "a close": close_frame(1000)}.items()])
def test_what_comes_after_a_failure_is_not_answered(raw, after):
    client = raw()
    client.send(frame(BINARY, b"", rsv=7), after)
    client.expect_close(1002)


def test_what_came_before_close_is_answered(raw):
    """5.5.1"""
    client = raw()
    client.send(frame(BINARY, ping_message(4)), frame(PING, b"x"), close_frame(1000))
    client.expect_answer(4)
    client.expect_pong(b"x")
    client.expect_close(1000)


def test_the_server_ends_the_connection_first(raw):
    """7.1.1"""
    client = raw()
    client.send(close_frame(1000))
    client.expect_close(1000)  # and the end, though this side is still open
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(200):
            client.send(frame(PING))
            time.sleep(0.05)


def test_a_client_that_leaves_without_close(conformance, raw):
    """7.1.4"""
    client = raw()
    client.socket.close()
    raw().expect_alive()


def test_a_client_that_leaves_inside_a_frame(raw):
    """7.1.4"""
    client = raw()
    client.send(frame(BINARY, b"x" * 100)[:50])
    client.socket.close()
    raw().expect_alive()


def test_a_bridge_that_goes_away_says_so(database, start_bridge):
    """7.4.1"""
    from frames import RawClient
    bridge = start_bridge(database)
    client = RawClient(bridge.address)
    client.upgrade()
    client.say_hello(database.token())
    bridge.process.terminate()
    assert client.message().problem.fatal
    client.expect_close(1001)
    client.close()
    assert bridge.process.wait(60) == 0


@pytest.mark.parametrize("name", [
    pytest.param(name, id=f"5.5: {what}") for what, name in {
        "two bytes a character": "é" * 100, "the same, one on": "x" + "é" * 100, "four": "👋" * 50}.items()])
def test_a_reason_of_the_bridges_own_is_cut_between_characters(conformance, raw, name):
    """It names what was asked for, and fits a control frame."""
    client = raw(hello=False, path=f"/yjs/{urllib.parse.quote(name)}/key/field",
                 add=[("Sec-WebSocket-Protocol", f"converge.yjs, converge.token.{conformance.token}")])
    client.send(frame(BINARY, b"\x00\x00\x01\x00"))  # y-protocols' first sync step
    while (got := client.frame())[0] != CLOSE:  # y-protocols' own word for it may come before
        pass
    payload = got[1]
    assert payload[:2] == struct.pack("!H", 4404)
    assert 120 <= len(payload) <= 125
    assert name[:20] in payload[2:].decode()


def test_the_code_of_a_close_is_in_network_order(raw):
    """5.5.1"""
    client = raw()
    client.send(frame(CLOSE, struct.pack("<H", 1000)))  # 0xE803 = 59395
    client.expect_close(1002)
