"""RFC 6455, section 4.2: the server's side of the opening handshake."""
import base64

import pytest

from frames import accept_of, request


def case(clause, name, *values):
    return pytest.param(*values, id=f"{clause}: {name}")


@pytest.mark.parametrize("key", [
    case("4.2.2", key, key) for key in (
        "dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w==", "+++++++++++++++++++++Q==", "x3JJHMbDL1EzLkh9GBhXDw==")])
def test_the_answer(raw, key):
    headers = raw(hello=False, replace={"Sec-WebSocket-Key": key}).headers
    assert headers["sec-websocket-accept"] == accept_of(key)
    assert headers["upgrade"].lower() == "websocket"
    assert headers["connection"].lower() == "upgrade"
    # What was not asked for is not answered (4.2.2, 5).
    assert "sec-websocket-protocol" not in headers and "sec-websocket-extensions" not in headers


@pytest.mark.parametrize("change", [
    case("4.2.1", name, change) for name, change in {
        "Upgrade in capitals": dict(replace={"Upgrade": "WebSocket"}),
        "Connection in small letters": dict(replace={"Connection": "upgrade"}),
        "Connection as a list": dict(replace={"Connection": "keep-alive, Upgrade"}),
        "Connection in two lines": dict(replace={"Connection": "keep-alive"}, add=[("Connection", "Upgrade")]),
        "Upgrade as a list": dict(replace={"Upgrade": "h2c, websocket"}),
        "names in small letters": dict(replace={"Host": None, "Upgrade": None, "Connection": None,
                                                "Sec-WebSocket-Key": None, "Sec-WebSocket-Version": None},
                                       add=[("host", "x"), ("upgrade", "websocket"), ("connection", "upgrade"),
                                            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
                                            ("sec-websocket-version", "13")]),
        "its own Origin": dict(replace={"Host": "example.com"}, add=[("Origin", "https://example.com")]),
        "a header that nobody knows": dict(add=[("X-Unknown", "1")]),
        "a cookie": dict(add=[("Cookie", "a=b")]),
        "a query": dict(path="/sync?x=1"),
        "a protocol that is not spoken": dict(add=[("Sec-WebSocket-Protocol", "chat, superchat")]),
        "an extension that is not known": dict(add=[("Sec-WebSocket-Extensions", "x-unknown; a=1")]),
        "spaces around values": dict(replace={"Sec-WebSocket-Version": "  13  "}),
    }.items()])
def test_what_is_accepted(raw, change):
    client = raw(**change)
    assert "sec-websocket-protocol" not in client.headers
    assert "sec-websocket-extensions" not in client.headers
    client.expect_alive()


KEY_OF = {size: base64.b64encode(bytes(size)).decode() for size in (0, 1, 15, 17, 24, 32)}


@pytest.mark.parametrize("change,status", [
    case("4.2.1", name, change, status) for name, (change, status) in {
        "not GET": (dict(method="POST"), 400),
        "HTTP/1.0": (dict(version="HTTP/1.0"), 400),
        "no Host": (dict(replace={"Host": None}), 400),
        "two Hosts": (dict(add=[("Host", "other")]), 400),
        "an empty Host": (dict(replace={"Host": ""}), 400),
        "no Upgrade": (dict(replace={"Upgrade": None}), 400),
        "another Upgrade": (dict(replace={"Upgrade": "h2c"}), 400),
        "no Connection": (dict(replace={"Connection": None}), 400),
        "Connection without Upgrade": (dict(replace={"Connection": "keep-alive"}), 400),
        "no key": (dict(replace={"Sec-WebSocket-Key": None}), 400),
        "an empty key": (dict(replace={"Sec-WebSocket-Key": ""}), 400),
        "two keys": (dict(add=[("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]), 400),
        "a key that is no base64": (dict(replace={"Sec-WebSocket-Key": "!" * 22 + "=="}), 400),
        "a key without its padding": (dict(replace={"Sec-WebSocket-Key": "A" * 24}), 400),
        "a key with bits beyond its end": (dict(replace={"Sec-WebSocket-Key": "A" * 21 + "B=="}), 400),
        **{f"a key of {size} bytes": (dict(replace={"Sec-WebSocket-Key": key}), 400)
           for size, key in KEY_OF.items()},
    }.items()])
def test_what_is_refused(raw, change, status):
    client = raw(upgrade=False)
    assert client.ask(request(**change))[0] == status
    assert not client.fill() or client.received  # an answer, no frames; then the end


@pytest.mark.parametrize("version", [
    case("4.2.2", repr(version), version) for version in (None, "", "0", "7", "8", "12", "14", "255", "13, 8", "x")])
def test_another_version_is_told_which_is_spoken(raw, version):
    client = raw(upgrade=False)
    status, headers = client.ask(request(replace={"Sec-WebSocket-Version": version}))
    assert status == 426
    assert headers["sec-websocket-version"] == "13"


def test_one_version_is_asked_for(raw):
    """4.2.2"""
    assert raw(upgrade=False).ask(request(add=[("Sec-WebSocket-Version", "13")]))[0] == 426


@pytest.mark.parametrize("content", [
    case("4.1", name, content) for name, content in {
        "no HTTP": b"hello\r\n\r\n",
        "no version": b"GET /sync\r\n\r\n",
        "a header without a colon": request(add=()).replace(b"Host:", b"Host"),
        "a header with a control character": request(add=[("X", "a\x01b")]),
    }.items()])
def test_what_is_no_request(raw, content):
    client = raw(upgrade=False)
    assert client.ask(content)[0] == 400


def test_another_path_is_no_websocket(raw):
    """4.2.1"""
    assert raw(upgrade=False).ask(request(path="/elsewhere"))[0] == 404


def test_a_header_without_end(raw):
    """4.2.1"""
    client = raw(upgrade=False)
    assert client.ask(b"GET /sync HTTP/1.1\r\nX: " + b"x" * 20_000)[0] == 400


@pytest.mark.parametrize("pause", [case("4.1", f"every {step} bytes a packet", step) for step in (1, 50)])
def test_the_request_may_come_in_any_packets(raw, pause):
    client = raw(upgrade=False)
    content = request()
    for at in range(0, len(content) - pause, pause):
        client.send(content[at:at + pause])
    status, _ = client.ask(content[(len(content) - 1) // pause * pause if pause > 1 else -1:] if pause > 1 else content[-1:])
    assert status == 101


def test_frames_behind_the_request_are_read(raw, conformance):
    """4.1"""
    from frames import BINARY, frame, ping_message
    from wire import ClientMessage
    client = raw(upgrade=False)
    message = ClientMessage()
    message.hello.protocol = 2
    message.hello.token = conformance.token
    status, _ = client.ask(request() + frame(BINARY, message.SerializeToString()) + frame(BINARY, ping_message(8)))
    assert status == 101
    assert client.message().WhichOneof("message") == "welcome"
    client.expect_answer(8)
