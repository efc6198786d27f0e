"""A bridge as the stream worker sees one: attaches to its socket and reads frames."""
import socket
import struct
import time

from wire import StreamFrame, WorkerReply, WorkerRequest


class Closed(Exception):
    """The worker has closed the connection."""


class WorkerClient:
    def __init__(self, path, name="test", protocol=1, attach=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.buffer = b""
        self.frames = []        # StreamFrame, in the order they came
        self.known = set()      # changes that were there before their document was watched
        if attach:
            request = WorkerRequest()
            request.attach.protocol = protocol
            request.attach.bridge = name
            self.send(request)
            reply = self.reply(60)
            assert reply.WhichOneof("message") == "attached", reply
            self.attached = reply.attached

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, request):
        data = request.SerializeToString()
        self.socket.sendall(struct.pack(">I", len(data)) + data)

    def read(self, timeout):
        """The next reply, or None when none has come in time."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 4:
                length = struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + length:
                    message, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
                    self.message = message      # as it came, for comparisons
                    reply = WorkerReply()
                    reply.ParseFromString(message)
                    return reply
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 20)
            except socket.timeout:
                return None
            except ConnectionResetError as error:
                raise Closed from error
            if not data:
                raise Closed
            self.buffer += data

    def reply(self, timeout=60):
        """The next reply that is not a frame; frames are kept."""
        deadline = time.monotonic() + timeout
        while True:
            reply = self.read(max(0, deadline - time.monotonic()))
            if reply is None or reply.WhichOneof("message") != "frame":
                return reply
            self.keep(reply)

    def keep(self, reply):
        if self.is_news(reply):
            self.frames.append(reply.frame)

    def is_news(self, reply):
        """The stream may still be at what was logged before the Watch."""
        changes = numbers(reply.frame)
        return not changes or not self.known.issuperset(changes)

    def is_closed(self, timeout=60):
        """Whether the worker closes the connection in time."""
        deadline = time.monotonic() + timeout
        try:
            while self.read(max(0, deadline - time.monotonic())) is not None:
                pass
        except Closed:
            return True
        return False

    def watch(self, document, ticket):
        request = WorkerRequest()
        request.watch.document = document
        request.watch.ticket = bytes(ticket)
        self.send(request)
        reply = self.reply()
        assert reply is not None, "no answer to Watch"
        return reply

    def unwatch(self, document):
        request = WorkerRequest()
        request.unwatch.document = document
        self.send(request)

    def frame(self, timeout=60):
        """The next frame not looked at yet, or None."""
        deadline = time.monotonic() + timeout
        while not self.frames:
            reply = self.read(max(0, deadline - time.monotonic()))
            if reply is None:
                return None
            if reply.WhichOneof("message") == "detached":
                continue    # another bridge has gone
            assert reply.WhichOneof("message") == "frame", reply
            self.keep(reply)
        return self.frames.pop(0)

    def changes(self, count, timeout=60):
        """The next changes as (document, replica, seq), `count` at least."""
        found = []
        deadline = time.monotonic() + timeout
        while len(found) < count:
            frame = self.frame(max(0, deadline - time.monotonic()))
            if frame is None:
                break
            found += numbers(frame)
        return found


def numbers(frame: StreamFrame):
    return [(c.document, c.change.replica, c.change.seq) for c in frame.changes]
