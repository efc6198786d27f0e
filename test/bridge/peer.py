"""A client of the bridge without a session: it says exactly what a test wants
said, and keeps what it was told."""
import collections
import itertools
import json
import random
import struct
import time

import websocket

from clients import RawConnection
from database import value
from wire import ClientMessage, Payload, ServerMessage

# Registered with IANA (try again later), but unknown to this library.
websocket._abnf.VALID_CLOSE_STATUS += (1013,)


class Peer(RawConnection):
    """One connection. `replica` is the number under which it pushes."""

    requests = itertools.count(1)

    def __init__(self, bridge, timeout=60):
        super().__init__(bridge, timeout)
        self.database = bridge.database
        self.replica = random.getrandbits(52) | 1
        self.seq = 0
        self.waiting = collections.deque()
        self.channel = None
        self.number = None   # in presence
        self.presence = {}   # of others, (field, peer) → Presence

    def next(self, kind=None):
        """The next message, or the next of a kind; others are kept for later."""
        for message in list(self.waiting):
            if kind is None or message.WhichOneof("message") == kind:
                self.waiting.remove(message)
                return getattr(message, kind) if kind else message
        while True:
            message = self.receive_message()
            assert message is not None, f"the connection ended; expected {kind or 'a message'}"
            if kind is None:
                return message
            if message.WhichOneof("message") == kind:
                return getattr(message, kind)
            self.waiting.append(message)

    def next_of(self, *kinds):
        """The next message that is of one of these kinds; what comes before it is dropped."""
        while (message := self.next()).WhichOneof("message") not in kinds:
            pass
        return message

    def quiet(self, seconds=0.3, kind=None):
        """Whether nothing comes for a while, or nothing of a kind. (What was
        committed just before a subscription may come once more.)"""
        deadline = time.monotonic() + seconds
        old = self.socket.gettimeout()
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                message = self.receive_message()
                if message is None:
                    break
                self.waiting.append(message)
        except (websocket.WebSocketTimeoutException, TimeoutError):
            pass
        finally:
            self.socket.settimeout(old)
        return not any(kind in (None, message.WhichOneof("message")) for message in self.waiting)

    def closed_with(self):
        """The code of the closing handshake, after whatever comes before it."""
        while True:
            try:
                kind, content = self.socket.recv_data()
            except (websocket.WebSocketConnectionClosedException, ConnectionResetError):
                return None
            if kind == websocket.ABNF.OPCODE_CLOSE:
                return struct.unpack("!H", content[:2])[0]
            self.waiting.append(ServerMessage.FromString(content))

    def say_hello(self, token):
        answer = self.hello(token)
        assert answer is not None and answer.WhichOneof("message") == "welcome", answer
        self.number = answer.welcome.peer
        return answer.welcome

    def ask_to_follow(self, collection, key, since=b""):
        request = next(self.requests)
        message = ClientMessage()
        message.subscribe.request = request
        message.subscribe.document.collection = collection
        message.subscribe.document.key = key
        message.subscribe.since = since
        self.send(message)
        return request

    def follow(self, collection, key, since=b""):
        request = self.ask_to_follow(collection, key, since)
        answer = self.next("subscribed")
        assert answer.request == request
        self.channel = answer.channel
        return answer

    def delta(self, number):
        """An edit of props that is this replica's alone."""
        expression = "converge.new_map(jsonb_build_object(%s, %s::int))::bytea"
        return bytes(value(self.database.session, f"SELECT {expression}",
                           f"{self.replica}-{number}", number))

    def change(self, message, payload=None, seq=None):
        """Adds the next change to a Push."""
        if seq is None:
            self.seq += 1
            seq = self.seq
        if payload is None:
            content = Payload()
            part = content.fields.add()
            part.field = "props"
            part.delta = self.delta(seq)
            payload = content.SerializeToString()
        change = message.push.changes.add()
        change.replica = self.replica
        change.seq = seq
        change.hlc = int(time.time() * 1000) << 16
        change.payload = payload
        return change

    def push(self, count=1, **more):
        """Pushes some changes in one message; gives the last number."""
        message = ClientMessage()
        message.push.channel = self.channel
        for _ in range(count):
            self.change(message, **more)
        self.send(message)
        return message.push.changes[-1].seq

    def push_and_wait(self, count=1):
        seq = self.push(count)
        while self.next("ack").seq < seq:
            pass
        return seq

    def show(self, state, field=""):
        """Sets this peer's presence: anything that JSON has, or its text as bytes;
        None takes it away."""
        message = ClientMessage()
        message.set_presence.channel = self.channel
        message.set_presence.field = field
        message.set_presence.state = b"" if state is None else state if isinstance(state, bytes) else json.dumps(state)
        self.send(message)

    def sees(self, wanted, timeout=60):
        """Waits until this peer has been told of exactly these presences of others:
        {(principal, field): state}, or {principal: state} for those of the document."""
        wanted = {key if isinstance(key, tuple) else (key, ""): state for key, state in wanted.items()}
        deadline = time.monotonic() + timeout
        old = self.socket.gettimeout()
        while self.shown() != wanted:
            left = deadline - time.monotonic()
            assert left > 0, f"expected {wanted}, told of {self.shown()}"
            self.socket.settimeout(left)
            try:
                self.take_presences(self.next("presences"))
            except (websocket.WebSocketTimeoutException, TimeoutError):
                pass
            finally:
                self.socket.settimeout(old)

    def take_presences(self, message):
        assert message.channel == self.channel
        if message.all:
            self.presence = {}
        for presence in message.peers:
            if presence.peer == self.number:
                continue
            key = (presence.field, presence.peer)
            known = self.presence.get(key)
            assert known is None or presence.clock >= known.clock, "an older presence after a newer one"
            if presence.state:
                self.presence[key] = presence
            else:
                self.presence.pop(key, None)

    def shown(self):
        return {(presence.principal, presence.field): json.loads(presence.state)
                for presence in self.presence.values()}

    def ping(self, nonce=1):
        message = ClientMessage()
        message.ping.nonce = nonce
        self.send(message)
        assert self.next("pong").nonce == nonce
