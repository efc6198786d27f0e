"""A WebSocket client that breaks the rules on purpose: it writes frames bit by
bit, and checks every frame that the bridge sends (RFC 6455, section 5)."""
import base64
import hashlib
import os
import socket
import struct

from wire import ClientMessage, ServerMessage

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def accept_of(key):
    return base64.b64encode(hashlib.sha1(
        (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def length_bytes(length, mask_bit, width=None):
    """The second byte and what extends it; `width` 0, 2 or 8 forces an encoding."""
    if width is None:
        width = 0 if length < 126 else 2 if length < 65536 else 8
    first = length if width == 0 else 126 if width == 2 else 127
    return bytes([mask_bit | first]) + (length.to_bytes(width, "big") if width else b"")


def frame(opcode, payload=b"", *, fin=True, rsv=0, mask=b"\x11\x22\x33\x44", width=None):
    """A client's frame; mask=None leaves it unmasked."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    head += length_bytes(len(payload), 0x80 if mask is not None else 0, width)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def close_frame(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def request(path="/sync", method="GET", version="HTTP/1.1", replace=(), add=()):
    """The opening handshake with some headers replaced (None: left out) and added."""
    headers = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade",
               "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13", **dict(replace)}
    lines = [f"{method} {path} {version}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
    lines += [f"{name}: {value}" for name, value in add]
    return "\r\n".join(lines + ["", ""]).encode()


class RawClient:
    def __init__(self, address, timeout=60):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.close_seen = False

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def fill(self):
        try:
            more = self.socket.recv(65536)
        except ConnectionResetError:
            more = b""
        self.received += more
        return bool(more)

    def take(self, count):
        while len(self.received) < count:
            assert self.fill(), "the connection ended inside a frame"
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    # ---- the opening handshake

    def ask(self, content):
        """Sends a request; gives the status, and the headers by their lower-case names."""
        self.send(content)
        while b"\r\n\r\n" not in self.received:
            assert self.fill(), "the connection ended before an answer"
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        return int(lines[0].split()[1]), {
            name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}

    def upgrade(self, **more):
        status, headers = self.ask(request(**more))
        assert status == 101, (status, headers)
        return headers

    def say_hello(self, token):
        message = ClientMessage()
        message.hello.protocol = 2
        message.hello.token = token
        self.send(frame(BINARY, message.SerializeToString()))
        assert self.message().WhichOneof("message") == "welcome"

    # ---- what the bridge sends

    def frame(self):
        """(opcode, payload, RSV1) of the next frame, or None at the end."""
        if not self.received and not self.fill():
            return None
        first, second = self.take(2)
        assert first & 0x80, "the bridge does not fragment"
        assert first & 0x30 == 0, "a reserved bit is set"
        assert second & 0x80 == 0, "a server must not mask (5.1)"
        opcode, length = first & 0x0F, second
        assert opcode in (TEXT, BINARY, CLOSE, PING, PONG), opcode
        if length >= 126:
            assert opcode < 8, "a control frame beyond 125 bytes (5.5)"
            width = 2 if length == 126 else 8
            length = int.from_bytes(self.take(width), "big")
            assert length >= (126 if width == 2 else 65536), "not the minimal length (5.2)"
        assert not self.close_seen, "a frame after Close (5.5.1)"
        self.close_seen = opcode == CLOSE
        return opcode, self.take(length), bool(first & 0x40)

    def message(self):
        opcode, payload, compressed = self.frame()
        assert opcode == BINARY and not compressed, (opcode, payload)
        return ServerMessage.FromString(payload)

    def expect_pong(self, payload):
        assert self.frame() == (PONG, payload, False)

    def expect_answer(self, nonce):
        """The bridge's answer to ping_message(nonce): it took the message as it was meant."""
        assert self.message().pong.nonce == nonce

    def expect_text_refused(self):
        """A text message that is well-formed is one that the bridge has no use for."""
        problem = self.message().problem
        assert "text message" in problem.message and not problem.fatal

    def expect_alive(self):
        nonce = int.from_bytes(os.urandom(4), "big")
        self.send(frame(BINARY, ping_message(nonce)))
        self.expect_answer(nonce)

    def expect_close(self, code=None):
        """A Close frame with the code, or without one, and then the end."""
        got = self.frame()
        assert got is not None, "the connection ended without Close"
        opcode, payload, _ = got
        assert opcode == CLOSE, (opcode, payload)
        assert payload[:2] == (b"" if code is None else struct.pack("!H", code)), payload
        payload[2:].decode()
        assert self.frame() is None

    def close(self):
        self.socket.close()


def ping_message(nonce, size=0):
    """A ClientMessage that is answered with the nonce, of at least `size` bytes:
    unknown fields, which a reader passes over, make it longer."""
    message = ClientMessage()
    message.ping.nonce = nonce
    content = message.SerializeToString()
    if len(content) >= size:
        return content
    for length_size in (1, 2, 3, 4):
        filler = size - len(content) - 2 - length_size
        encoded = b""
        rest = max(filler, 0)
        while True:
            encoded += bytes([rest & 0x7F | (0x80 if rest > 0x7F else 0)])
            rest >>= 7
            if not rest:
                break
        if filler >= 0 and len(encoded) == length_size:
            # Field 1000, a string.
            return content + b"\xc2\x3e" + encoded + b"x" * filler
    # No length fits exactly: a field more.
    return ping_message(nonce, size - 3) + b"\xc0\x3e\x01"
