"""The bridge as a process, live clients (`converge shell`), and a raw WebSocket."""
import collections
import json
import os
import pathlib
import re
import selectors
import signal
import subprocess
import tempfile

import websocket

from database import ROOT, wait_until
from wire import ClientMessage, ServerMessage

BUILD = pathlib.Path(os.environ.get("CONVERGE_BUILD", ROOT / "build/cmake"))


class Bridge:
    """A converge-bridge on a free port, with more options if given."""

    def __init__(self, database, *options):
        self.database = database
        self.options = options
        self.log_file = tempfile.NamedTemporaryFile(prefix="converge-bridge-", suffix=".log")
        self.address = "127.0.0.1:0"
        self.start()

    def start(self):
        before = len(self.listening())
        self.process = subprocess.Popen(
            [BUILD / "converge-bridge", "--database", self.database.conninfo(),
             "--listen", self.address, *self.options],
            stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file)
        def listening():
            assert self.process.poll() is None, self.log()
            return self.listening()[before:]
        self.address, = wait_until(listening, "the bridge")

    def listening(self):
        """Where it says that it listens, once for each start."""
        return re.findall(r"listening on ([0-9.]+:[0-9]+)\n", self.log())

    def log(self):
        return pathlib.Path(self.log_file.name).read_text(errors="replace")

    @property
    def url(self):
        return f"ws://{self.address}/"

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def converge(bridge, token, *arguments, timeout=60, **more):
    """Runs the command line client to its end."""
    return subprocess.run([BUILD / "converge", "--url", bridge.url, *arguments], timeout=timeout,
                          env={**os.environ, "CONVERGE_TOKEN": token}, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, **more)


class Refused(Exception):
    """The client answered a command with an error."""


class Client:
    """One replica with a connection of its own: `converge shell`."""

    def __init__(self, bridge, document, token, options=()):
        self.process = subprocess.Popen(
            [BUILD / "converge", "--url", bridge.url, *options, "shell", document],
            env={**os.environ, "CONVERGE_TOKEN": token}, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def send(self, *command):
        """Asks, without waiting for the answer."""
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
        except BrokenPipeError:
            raise AssertionError(f"the client ended: {self.process.stderr.read()}") from None

    def answer(self):
        line = self.process.stdout.readline()
        assert line, f"the client ended: {self.process.stderr.read()}"
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["ok"]

    def do(self, *command):
        self.send(*command)
        return self.answer()

    def do_all(self, commands):
        """Several commands in one go."""
        for command in commands:
            self.send(*command)
        return [self.answer() for _ in commands]

    def text(self, field="body"):
        return self.do("value", field)

    def received(self):
        """Each change that came from the server, (replica, seq, principal), in order."""
        return [tuple(change) for change in self.do("received")]

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()


class RawConnection:
    """A WebSocket that says what a well-behaved client would not."""

    def __init__(self, bridge, timeout=60):
        self.socket = websocket.create_connection(f"ws://{bridge.address}/sync", timeout=timeout)

    def send(self, message):
        self.send_bytes(message.SerializeToString())

    def send_bytes(self, content):
        self.socket.send_binary(content)

    def receive(self):
        """The next answer, or None when the bridge has closed the connection.
        Live changes are passed over."""
        while True:
            message = self.receive_message()
            if message is None or message.WhichOneof("message") != "changes":
                return message

    def receive_message(self):
        try:
            kind, content = self.socket.recv_data()
        except (websocket.WebSocketConnectionClosedException, ConnectionResetError):
            return None
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return None
        assert kind == websocket.ABNF.OPCODE_BINARY, (kind, content)
        return ServerMessage.FromString(content)

    def hello(self, token, protocol=1, newest_protocol=2):
        message = ClientMessage()
        message.hello.protocol = protocol
        message.hello.newest_protocol = newest_protocol
        message.hello.token = token
        message.hello.client = "test"
        self.send(message)
        return self.receive()

    def subscribe(self, collection, key, request=1):
        message = ClientMessage()
        message.subscribe.request = request
        message.subscribe.document.collection = collection
        message.subscribe.document.key = key
        self.send(message)
        return self.receive()

    def close(self):
        self.socket.close()
        self.socket.shutdown()  # of a socket whose closing handshake was over, close() leaves it open
