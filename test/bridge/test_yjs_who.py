"""Who is at a document, told to Yjs clients that say no more than they need to, as users of
y-protocols may without a provider; some begin to show themselves late, or never."""
import pytest
import websocket

from database import wait_until
from test_metrics import values
from test_yjs_hostile import block, connect, named, number, opened, pages, sockets, sync  # noqa: F401  (a fixture)

QUESTION = sync(0, b"\x00")
WHO = number(3)
LEAD = 1 << 16  # by how much the server's word is ahead of the client's own


def showing(client, clock, state):
    """An awareness message."""
    return number(1) + block(number(1) + number(client) + number(clock) + block(state))


def read_number(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


@pytest.fixture(autouse=True)
def leave(database, start_bridge):
    """Before the bridges, and these before the database."""
    yield
    while sockets:
        sockets.pop().shutdown()


class Client:
    """Says what it is told to, by a WebSocket, of y-websocket's or in Hocuspocus's dialect."""

    def __init__(self, bridge, kind, principal="bob"):
        self.socket = (connect(bridge, token=bridge.database.token(principal=principal)) if kind == "y-websocket"
                       else opened(bridge, principal))
        self.prefix = b"" if kind == "y-websocket" else named(b"")

    def say(self, *messages):
        for message in messages:
            self.socket.send_binary(self.prefix + message)

    def follows(self):
        """Waits until it follows the document, and was told what that has: the bridge's question ends that."""
        while not self.socket.recv().startswith(self.prefix + b"\x00\x00"):
            pass

    def told(self):
        """The next awareness update about this document: [(client, clock, state)]."""
        begins = self.prefix + number(1)
        while True:
            opcode, message = self.socket.recv_data()
            assert opcode == websocket.ABNF.OPCODE_BINARY, message
            if message.startswith(begins):
                break
        _, at = read_number(message, len(begins))
        count, at = read_number(message, at)
        entries = []
        for _ in range(count):
            client, at = read_number(message, at)
            clock, at = read_number(message, at)
            size, at = read_number(message, at)
            entries.append((client, clock, message[at:at + size].decode()))
            at += size
        return entries


@pytest.fixture(params=["y-websocket", "hocuspocus"])
def kind(request):
    return request.param


@pytest.fixture
def alice(pages, bridge):  # noqa: F811
    """Who shows a cursor, as client 7."""
    alice = Client(bridge, "y-websocket", "alice")
    alice.say(QUESTION, showing(7, 1, '{"cursor":1}'))
    assert alice.told() == [(7, 1, '{"cursor":1}')]
    alice.follows()
    wait_until(lambda: values(bridge)["presences_out_total"] == 1, "the others, of whom there are none, to be told")
    return alice


CURSOR = '{"cursor":%d,"principal":"alice"}'


def test_who_says_no_more_than_its_question(bridge, alice, kind):
    bob = Client(bridge, kind)
    bob.say(QUESTION)
    assert bob.told() == [(7, 1, CURSOR % 1)]
    alice.say(showing(7, 2, '{"cursor":2}'))
    assert bob.told() == [(7, 2, CURSOR % 2)]


@pytest.mark.parametrize("before", [[], [QUESTION]], ids=["nothing", "its question"])
def test_who_asks_who_is_there(bridge, alice, kind, before):
    bob = Client(bridge, kind)
    bob.say(*before, WHO)
    assert bob.told() == [(7, 1, CURSOR % 1)]
    bob.say(WHO)
    assert bob.told() == [(7, 1, CURSOR % 1)]
    alice.say(showing(7, 2, '{"cursor":2}'))
    assert bob.told() == [(7, 2, CURSOR % 2)]


def test_who_asks_where_nobody_is_there(pages, bridge, kind):  # noqa: F811
    bob = Client(bridge, kind)
    for _ in range(2):
        bob.say(WHO)
        assert bob.told() == []


def test_who_only_shows_itself_is_seen_and_sees(bridge, alice, kind):
    bob = Client(bridge, kind)
    bob.say(showing(8, 1, '{"name":"B"}'))
    assert alice.told() == [(8, 1 + LEAD, '{"name":"B","principal":"bob"}')]
    told = [*bob.told(), *bob.told()]
    assert sorted(told) == [(7, 1 + LEAD, CURSOR % 1), (8, 1, '{"name":"B"}')]


def test_who_asks_without_end_is_told_once_a_second(bridge, alice, kind):
    bob = Client(bridge, kind)
    bob.say(QUESTION)
    assert bob.told()
    bob.say(*(100 * [WHO]))
    assert bob.told() and bob.told()
    bob.socket.settimeout(0.3)
    with pytest.raises(websocket.WebSocketTimeoutException):
        bob.told()


def test_who_shows_itself_late_is_who_it_was_before(bridge, alice, kind):
    """Its connection before is still there, and the server did not wait for it to say who
    it is. It is told nothing of itself that Yjs would take for newer than its own."""
    before, bob = Client(bridge, kind), Client(bridge, kind)
    before.say(QUESTION, showing(8, 5, '{"n":5}'))
    assert alice.told() == [(8, 5 + LEAD, '{"n":5,"principal":"bob"}')]
    bob.say(QUESTION)
    assert sorted(bob.told()) == [(7, 1, CURSOR % 1), (8, 5, '{"n":5,"principal":"bob"}')]
    bob.say(showing(8, 6, '{"n":6}'))
    assert alice.told() == [(8, 6 + LEAD, '{"n":6,"principal":"bob"}')]
    told = []
    wait_until(lambda: (told.extend(bob.told()), len(told) == 2)[1], "its echo, and the others as they are now")
    assert sorted(told) == [(7, 1 + LEAD, CURSOR % 1), (8, 6, '{"n":6}')]
    before.socket.shutdown()
    bob.say(showing(8, 7, '{"n":7}'))
    assert alice.told() == [(8, 7 + LEAD, '{"n":7,"principal":"bob"}')]
