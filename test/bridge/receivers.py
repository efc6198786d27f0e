"""Clients that follow a document through whatever happens, compared with its log."""
import threading

import websocket

from peer import Peer
from test_subscribe import numbers_in, version_of


class Receiver:
    """Follows a document on a thread of its own, connects again when it has to, and
    keeps each change that it was given."""

    def __init__(self, database, bridge, key, tenant="acme", principal="alice"):
        self.database = database
        self.bridge = bridge
        self.key = key
        self.token = database.token(tenant, principal)
        self.version = b""      # what it says it has
        self.pulled = []        # (replica, seq), and what whole states had
        self.live = []
        self.connections = 0
        self.stopping = False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        while not self.stopping:
            try:
                peer = Peer(self.bridge)
            except (OSError, websocket.WebSocketException):
                threading.Event().wait(0.1)
                continue
            try:
                self.serve(peer)
            except (OSError, AssertionError, websocket.WebSocketException):
                threading.Event().wait(0.1)     # it is gone, or says not now
            finally:
                peer.close()

    def serve(self, peer):
        peer.say_hello(self.token)
        self.connections += 1
        peer.ask_to_follow("note", self.key, self.version)
        peer.socket.settimeout(1)   # to hear of stop()
        while not self.stopping:
            try:
                message = peer.receive_message()
            except (websocket.WebSocketTimeoutException, TimeoutError):
                continue
            assert message is not None, "the connection has ended"
            kind = message.WhichOneof("message")
            assert kind != "problem", message
            with self.lock:
                if kind == "subscribed":
                    self.pulled.append((numbers_in(message.subscribed.pull.changes),
                                        message.subscribed.pull.log_version))
                    # What comes live after this is not in it; the next time begins from here.
                    self.version = message.subscribed.pull.log_version
                elif kind == "changes":
                    self.live += numbers_in(message.changes.changes)

    def missing(self):
        """What the log has and this receiver was never given. (Called when nobody writes.)"""
        with self.lock:
            has, got = {}, set(self.live)
            for changes, version in self.pulled:
                got |= set(changes)
                for replica, seq in version_of(self.database, version).items():
                    has[replica] = max(has.get(replica, 0), seq)
        return {(replica, seq) for replica, seq in self.database.log(self.key)
                if seq > has.get(replica, 0) and (replica, seq) not in got}

    def has(self, replica, seq):
        """Whether this receiver was given the change, or a state that has it."""
        with self.lock:
            return (replica, seq) in self.live[-1000:] or any(
                version_of(self.database, version).get(replica, 0) >= seq for _, version in self.pulled[-1:])

    def invented(self):
        """What this receiver was given live and the log has not."""
        with self.lock:
            return set(self.live) - set(self.database.log(self.key))

    def order_is_kept(self):
        """Of each replica, live changes rise, but where a new subscription starts over."""
        last = {}
        starts = 0
        with self.lock:
            for replica, seq in self.live:
                starts += seq <= last.get(replica, 0)
                last[replica] = seq
            return starts <= len(self.pulled) * max(1, len(last))

    def stop(self):
        self.stopping = True
        self.thread.join(60)
