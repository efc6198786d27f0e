"""What no honest Yjs provider says: each is refused by name, and the bridge and
everybody else go on."""
import os
import pathlib
import random
import time

import pytest
import websocket

from cluster import in_time
from database import run, value, wait_until
from test_rates import limit
from yjs_editors import Editor, Editors, logged, make_pages, name_of, page_json, page_text, page_update

websocket._abnf.VALID_CLOSE_STATUS += (1013, 4400, 4401, 4403, 4404)


def number(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def block(content):
    content = content.encode() if isinstance(content, str) else content
    return number(len(content)) + content


def sync(step, body):
    return number(0) + number(step) + block(body)


HELLO = sync(2, bytes.fromhex("01016400040104626f647902486900"))  # client 100 types "Hi" into body
NAME = "page/home/body"

# What comes, without a document's name before it; and why it is refused.
FRAMES = {
    "nothing": (b"", "a message of 0 bytes that ends too early"),
    "unknown type": (number(77), "a message of unknown type 77"),
    "type beyond 2^53": (b"\xff" * 9 + b"\x01", "that ends too early"),
    "unknown sync step": (number(0) + number(3) + block(b""), "a sync message of unknown kind 3"),
    "a length beyond the end": (number(0) + number(2) + number(1 << 40) + b"x", "that ends too early"),
    "no body": (number(0) + number(2), "that ends too early"),
    "a token": (number(2) + number(0) + block("x"), "a message of unknown type 2"),
    "an update that is none": (sync(2, b"\xff\xff\xff"), "malformed Yjs update"),
    "an update of 2^40 structs": (sync(2, number(1) + number(1 << 40) + number(1) + number(0)), "malformed Yjs update"),
    "an update that goes on": (sync(2, b"\x00\x00garbage"), "malformed Yjs update"),
    "unknown content": (sync(2, bytes.fromhex("010164001f0104626f64790000")), "malformed Yjs update"),
    "a state vector that is none": (sync(0, b"\x05\x01"), "malformed Yjs state vector"),
    "awareness that is none": (number(1) + block(b"\x07"), "an awareness update that is malformed"),
    "a million awareness entries": (number(1) + block(number(1 << 20)), "an awareness update that is malformed"),
    "an awareness state that is no object": (number(1) + block(number(1) + number(5) + number(1) + block("[1]")),
                                             "an awareness update that is malformed"),
    "an awareness state that is no JSON": (number(1) + block(number(1) + number(5) + number(1) + block("{broken}")),
                                           "an awareness state that is no JSON"),
}


@pytest.fixture
def pages(database):
    make_pages(database)
    return database


sockets = []


@pytest.fixture(autouse=True)
def leave(start_bridge):
    """Before the bridges, which give those they sent away some seconds to go."""
    yield
    while sockets:
        sockets.pop().shutdown()


def dial(bridge, path="/yjs", **more):
    sockets.append(websocket.create_connection(f"ws://{bridge.address}{path}", timeout=60, **more))
    return sockets[-1]


def connect(bridge, path=f"/yjs/{NAME}", token=None, **more):
    token = token or bridge.database.token()
    return dial(bridge, path, subprotocols=["converge.yjs", f"converge.token.{token}"], **more)


def closing(socket):
    """The code and reason it is closed with."""
    while True:
        opcode, payload = socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(payload[:2], "big"), payload[2:].decode()


def resident(bridge):
    return memory(bridge.process.pid, "VmRSS")


def memory(pid, kind):
    """In kB."""
    return int(pathlib.Path(f"/proc/{pid}/status").read_text().split(f"{kind}:")[1].split()[0])


def test_frames_of_y_websocket(pages, start_bridge):
    bridge = start_bridge(pages, "--close-delay", "0ms")
    good = connect(bridge)
    for what, (frame, why) in FRAMES.items():
        bad = connect(bridge)
        bad.send_binary(sync(0, b"\x00"))
        bad.send_binary(frame)
        code, reason = closing(bad)
        assert code == 4400 and why in reason, what
    good.send_binary(HELLO)
    wait_until(lambda: page_text(pages) == "Hi", "the other's edit")


def named(message, name=NAME):
    return block(name) + message


def opened(bridge, principal="alice"):
    socket = dial(bridge)
    token = bridge.database.token(principal=principal)
    socket.send_binary(named(number(2) + number(0) + block(token) + block("4.8.0")))
    assert socket.recv() == named(number(2) + number(2) + block("read-write"))
    return socket


def test_frames_of_hocuspocus(pages, start_bridge):
    bridge = start_bridge(pages, "--close-delay", "0ms")
    for what, (frame, why) in FRAMES.items():
        if what == "a token":  # which is one here
            continue
        socket = opened(bridge)
        socket.send_binary(named(sync(0, b"\x00")))
        socket.send_binary(named(frame) if frame else frame)
        seen, opcode = b"", None
        while why.encode() not in seen and opcode != websocket.ABNF.OPCODE_CLOSE:
            opcode, payload = socket.recv_data()
            seen += payload
        assert why.encode() in seen, what


def test_before_a_token(pages, bridge):
    for message in (sync(0, b"\x00"), HELLO, number(1) + block(b"\x00"), number(5) + block("{}")):
        socket = dial(bridge)
        socket.send_binary(named(message))
        assert socket.recv() == named(number(2) + number(1) + block("the document is not open on this connection"))
    assert page_text(pages) == ""


def test_nobody_says_who_is_there(pages, start_bridge):
    def attempt(limit):
        socket = dial(start_bridge(pages, "--handshake-timeout", f"{round(1000 * limit)}ms"))
        assert closing(socket) == (4401, "no token that verifies within the time allowed")
    in_time(attempt, 0.5, 3, 15)


def test_text_is_refused(pages, bridge):
    socket = connect(bridge)
    socket.send("{}")
    assert closing(socket) == (4400, "a text message: expected a binary one, as y-protocols has them")


def test_subprotocols_without_ours(pages, bridge):
    with pytest.raises(websocket.WebSocketBadStatusException, match="400"):
        dial(bridge, f"/yjs/{NAME}", subprotocols=["graphql"])


def test_without_subprotocols_the_reason_is_named(pages, bridge):
    socket = dial(bridge, f"/yjs/{NAME}")
    assert closing(socket) == (4401, "no token: offer the subprotocols converge.yjs and converge.token.TOKEN")


def test_too_many_documents(pages, start_bridge):
    bridge = start_bridge(pages, "--max-subscriptions", "2")
    socket = opened(bridge)
    for n in range(3):
        socket.send_binary(named(number(2) + number(0) + block(pages.token()), name_of("page", "home", "body") + f"\0{n}"))
    seen = b""
    while b"which is the limit" not in seen:
        seen += socket.recv()


def test_who_does_not_read_is_not_queued_for(pages, start_bridge):
    """A document of a megabyte asked for again and again, and nothing read: the
    bridge stops reading, and its memory stays bounded."""
    bridge = start_bridge(pages)
    value(pages.session, "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, repeat('x', 1000000))"
          " WHERE id = 'home' AND tenant = 'acme' RETURNING id")
    before = resident(bridge)
    socket = connect(bridge, sockopt=[])
    socket.settimeout(2)
    try:
        for _ in range(2000):
            socket.send_binary(sync(0, b"\x00"))
    except (websocket.WebSocketTimeoutException, TimeoutError):
        pass
    time.sleep(1)
    assert resident(bridge) - before < 64 << 10
    socket.shutdown()


def test_a_flood_of_refused_updates_costs_one_state(pages, bridge):
    value(pages.session, "UPDATE page SET title = 'frozen', body = converge.yjs_insert(body, 'body', 0, 'as it is')"
          " WHERE id = 'home' AND tenant = 'acme' RETURNING id")
    state = sync(1, bytes.fromhex(page_update(pages)))
    socket = connect(bridge)
    socket.send_binary(sync(0, b"\x00"))
    assert socket.recv() == state
    for _ in range(200):
        socket.send_binary(HELLO)
    denied = states = 0
    while denied < 200 or states < 1:
        message = socket.recv()
        denied += message[:2] == b"\x02\x00"
        states += message == state
    socket.ping("done?")
    opcode = None
    while opcode != websocket.ABNF.OPCODE_PONG:
        opcode, message = socket.recv_data(control_frame=True)
        states += message[:2] == state[:2]
    assert states == 1 and page_text(pages) == "as it is"


def test_what_cannot_be_read_is_charged(pages, bridge):
    limit(pages, principal_changes=3)

    def send():
        socket = connect(bridge)
        socket.send_binary(sync(0, b"\x00"))
        socket.send_binary(sync(2, b"\xff\xff\xff"))
        return closing(socket)[0]
    assert [send() for _ in range(5)] == [4400, 4400, 4400, 1013, 1013]


def test_what_others_wrote_is_not_logged_however_it_is_passed_on(pages, bridge):
    """A provider that shows who it is, and sends on each update of another as it came."""
    editors = Editors()
    one = Editor(editors, bridge)
    for n in range(3):
        one.insert(at=0, text="some text")
        one.delete(at=0, count=5)
    wait_until(lambda: logged(pages) == 6, "its edits")
    updates = [bytes.fromhex(update) for update in one.recent()] + [bytes.fromhex(one.state())]
    editors.stop()
    socket = connect(bridge)
    socket.send_binary(sync(0, b"\x00"))
    socket.send_binary(number(1) + block(number(1) + number(77) + number(0) + block("{}")))
    for update in updates:
        for step in (2, 2, 1):
            socket.send_binary(sync(step, update))
    socket.send_binary(HELLO)
    wait_until(lambda: "Hi" in page_text(pages), "its own")
    assert logged(pages) == 7


def spoiled(update, rng):
    """The update with some bytes changed, cut out, put in or doubled."""
    update = bytearray(update)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, size = rng.randrange(len(update) + 1), rng.randrange(1, 9)
        match rng.randrange(5):
            case 0:
                update[at:at + 1] = rng.randbytes(1)
            case 1:
                del update[at:at + size]
            case 2:
                update[at:at] = rng.randbytes(size)
            case 3:
                update[at:at] = update[at:at + 4 * size]
            case 4:
                update[at:at + 1] = number(rng.getrandbits(rng.choice((7, 14, 31, 53))))
    return bytes(update)


def test_updates_that_are_spoiled(pages, bridge):
    """Each is taken or refused by name; the document remains one that Yjs reads, and neither
    the bridge's nor a session's memory grows by it. HOSTILE_UPDATES=N for more, HOSTILE_SEED=N
    for others."""
    wanted, seed = int(os.environ.get("HOSTILE_UPDATES", "500")), int(os.environ.get("HOSTILE_SEED", "1"))
    rng = random.Random(seed)
    node = Editors()
    editor = Editor(node, bridge, client=1000 + seed)  # for the same updates each time
    editor.scribble(seed=seed, count=90)
    real = [bytes.fromhex(update) for update in editor.recent()]
    editor.close()
    wait_until(lambda: logged(pages) > 0, "its edits to be saved")
    before = resident(bridge)
    taken = refused = 0
    socket = None
    for _ in range(wanted):
        update = spoiled(rng.choice(real), rng)
        if socket is None:
            socket = connect(bridge)
            socket.send_binary(sync(0, b"\x00"))
            while socket.recv()[:2] != sync(0, b"")[:2]:  # the bridge's own question ends the answer
                pass
        socket.send_binary(sync(2, update))
        socket.ping("done?")
        what = f"seed {seed}, {update.hex()}"
        while True:
            opcode, payload = socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                assert payload[:2] == (4400).to_bytes(2, "big") and payload[2:].startswith(b"malformed Yjs update"), what
                refused, socket = refused + 1, None
                break
            if payload[:2] == b"\x02\x00":
                assert len(payload) > 4, what
                refused, socket = refused + 1, None
                break
            if opcode == websocket.ABNF.OPCODE_PONG:
                taken += 1
                break
    assert taken > wanted / 100 and refused > wanted / 4
    assert resident(bridge) - before < 32 << 10
    for pid, in run(pages.session, "SELECT pid FROM pg_stat_activity WHERE usename = 'bridge'"):
        assert memory(pid, "RssAnon") < 64 << 10
    # Whoever opens it now can go on, and has what Yjs reads of the row.
    newcomer = Editor(node, bridge)
    newcomer.insert(root="text", at=0, text="honest")
    wait_until(lambda: "honest" in str(page_json(pages)), "an honest edit")

    def what_yjs_reads(form):
        loaded = node.call("load", update=page_update(pages, form), format=form)
        return loaded["json"], loaded["deep"]

    def has_it():
        document = newcomer.document()
        return all(what_yjs_reads(form) == (document["json"], document["deep"]) for form in (1, 2))
    wait_until(has_it, "the same document")
    node.stop()
