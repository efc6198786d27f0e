"""What the bridge tells Yjs providers, and that the providers, older ones too, make of it
what is meant."""
import itertools
import random
import time

import pytest

from cluster import in_time, undisturbed
from database import run, wait_until
from test_metrics import values
from test_yjs_hostile import block, closing, connect, memory, named, number, opened, sync
from test_yjs_hostile import leave  # noqa: F401  (closes the sockets)
from yjs_editors import Editor, logged, make_pages, page_json, page_text

LATEST = ("y-websocket", "hocuspocus")
ALL = ("y-websocket", "y-websocket-3.0", "hocuspocus", "hocuspocus-2", "hocuspocus-3")


@pytest.fixture
def pages(database):
    make_pages(database, ["body"])
    return database


@pytest.fixture
def edit(node):
    """edit(bridge, kind, …) opens an editor, which is closed with the test."""
    made = []

    def open_editor(bridge, kind, **more):
        editor = Editor(node, bridge, kind, **more)
        made.append(editor)
        return editor

    yield open_editor
    for editor in made:
        editor.call("close")


def refusal(editor, kind):
    """Of an update: why."""
    if kind.startswith("y-websocket"):
        return editor.event(kind="denied")["denied"]
    return editor.event(kind="stateless")["stateless"]["message"]


@pytest.mark.parametrize("kind", ALL)
def test_every_version_edits_with_the_others(pages, bridge, edit, kind):
    one = edit(bridge, kind, principal="alice")
    two = edit(bridge, "y-websocket", principal="bob")
    one.insert(at=0, text="hello")
    two.has_text(text="hello")
    two.insert(at=5, text=" world")
    one.has_text(text="hello world")
    one.saved()
    one.show(state={"cursor": 3})
    two.sees(client=one.client(), state={"cursor": 3, "principal": "alice"})
    one.cut()
    two.insert(at=0, text="again ")
    one.has_text(text="again hello world")


# ------------------------------------------------------------- what is too large

@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("text, compress, size", [
    ("x" * 300_000, "off", "the message has 300"), ("x" * 300_000, "states", "the message has more than 65536 bytes"),
    (random.Random(1).randbytes(100_000).hex(), "states", "the message has more than 65536 bytes")],
    ids=["plain", "compressed below the bound", "compressed beyond the bound"])
def test_an_update_beyond_the_bound_is_refused_by_name(pages, start_bridge, edit, kind, text, compress, size):
    bridge = start_bridge(pages, "--max-message", "64kB", "--compress", compress)
    one = edit(bridge, kind, socket="shared")
    other = edit(bridge, kind, socket="shared", document=("page", "other", "body"))
    connections = values(bridge)["connections_total"]
    one.insert(at=0, text=text)
    why = refusal(one, kind)
    assert why.startswith(size) and "limit" in why
    # Its own document goes on to tell it of others, and the other document of everything.
    other.insert(at=0, text="other")
    wait_until(lambda: page_text(pages, "other") == "other", "the other document's edit")
    time.sleep(0.3)
    assert values(bridge)["connections_total"] == connections + 1  # the one that asks
    events = one.events()
    assert not [event for event in events if "closed" in event]
    assert len([event for event in events if "denied" in event or "stateless" in event]) == 1
    again = edit(bridge, kind, principal="bob")
    again.set(key="size", value="small")
    wait_until(lambda: one.map() == {"size": "small"}, "the other's edit")
    assert page_text(pages) == ""


def test_a_message_that_is_dropped_is_not_kept(pages, start_bridge):
    """Of 30 MB, in frames of 1 MB, and what comes behind it is read."""
    bridge = start_bridge(pages, "--max-message", "64kB")
    socket = connect(bridge)
    socket.send_binary(sync(0, b"\x00"))
    before = memory(bridge.process.pid, "VmRSS")
    body = bytes(30 << 20)
    message = sync(2, body)
    for at in range(0, len(message), 1 << 20):
        last = at + (1 << 20) >= len(message)
        socket.send_frame(websocket_frame(message[at:at + (1 << 20)], first=at == 0, last=last))
        if at == 5 << 20:
            socket.ping("between the frames")
    seen = b""
    while b"the limit is" not in seen:
        seen = socket.recv()
    assert f"the message has {len(message)} bytes; the limit is 65536".encode() in seen
    assert memory(bridge.process.pid, "VmRSS") - before < 8 << 10
    socket.send_binary(number(3))
    socket.send_binary(sync(0, b"\x00"))
    wait_until(lambda: socket.recv()[:2] == b"\x00\x01", "an answer")


def websocket_frame(payload, first, last):
    from websocket import ABNF
    return ABNF.create_frame(payload, ABNF.OPCODE_BINARY if first else ABNF.OPCODE_CONT, int(last))


def test_what_else_is_too_long(pages, start_bridge):
    bridge = start_bridge(pages, "--max-message", "64kB", "--close-delay", "0ms")
    long = bytes(70_000)
    socket = connect(bridge)
    socket.send_binary(number(1) + block(long))  # awareness, which nobody sees
    socket.send_binary(sync(0, long))
    code, reason = closing(socket)
    assert code == 4400 and reason.endswith("bytes; the limit is 65536")
    for message, why in ((number(2) + number(0) + block(long), b"the token is longer than 16 kB"),
                         (sync(2, long), b"the document is not open on this connection")):
        socket = opened(bridge)
        socket.send_binary(named(message, "page/other/body"))
        assert why in socket.recv()
    socket = opened(bridge)
    socket.send_binary(named(number(5) + block(long)))  # stateless: nobody gets it
    socket.send_binary(named(sync(0, b"\x00")))
    assert socket.recv()[:len(named(b"")) + 2] == named(b"\x00\x01")


# ------------------------------------------- who connects again whatever it is told

@pytest.mark.parametrize("why", ["unknown", "deleted", "malformed"])
def test_a_provider_that_comes_again_at_once_is_held_back(pages, start_bridge, edit, why):
    bridge = start_bridge(pages, "--handshake-timeout", "1s")
    one = edit(bridge, "y-websocket-3.0", **({"token": "no.token", "synced": False} if why == "unknown" else {}))
    if why == "deleted":
        run(pages.session, "DELETE FROM page WHERE id = 'home' AND tenant = 'acme'")
        one.cut()
    elif why == "malformed":
        one.forge(client=5, state=[1])
    closed = []

    def refusals():  # the closes by which the bridge says why
        closed.extend(event for event in one.events() if event.get("closed", 0) >= 4400)
        return closed
    wait_until(refusals, "the first refusal")
    time.sleep(2)
    assert len(refusals()) <= 4
    assert len({event["closed"] for event in closed}) == 1


def test_an_older_provider_that_gives_up_as_the_reference_tells(pages, bridge, edit):
    one = edit(bridge, "y-websocket-3.0", token="no.token", synced=False, gives_up=True)
    assert one.event(kind="closed")["closed"] == 4401
    time.sleep(0.8)
    assert [event["closed"] for event in one.events() if "closed" in event] == [4401]


def test_who_is_held_back_is_told_at_once_and_gets_nothing_more(pages, start_bridge, edit):
    bridge = start_bridge(pages, "--handshake-timeout", "1s")
    tokens = (f"no.token{number}" for number in itertools.count())

    def closed_at_once():
        token = next(tokens)
        began = time.monotonic()
        assert closing(connect(bridge, token=token))[0] == 4401
        return time.monotonic() - began < 0.4 and token
    # Whoever comes for the first time; again with another token, for the machine may be busy.
    token = wait_until(closed_at_once, "a close that is not held back")
    began = time.monotonic()
    second = connect(bridge, token=token)
    assert b"token is malformed" in second.recv()
    second.send_binary(b"anything")
    code, reason = closing(second)
    assert code == 4401 and reason.startswith("token is malformed")
    assert time.monotonic() - began >= 0.5
    # Whoever else it is, is not held back.
    wait_until(closed_at_once, "another's close, which is not held back")


def test_a_bridge_that_ends_waits_for_nobody_held_back(pages, start_bridge):
    bridge = start_bridge(pages, "--close-delay", "1h")
    for _ in range(16):
        socket = connect(bridge, token="no.token")
        socket.recv()
    bridge.process.terminate()
    assert closing(socket)[0] == 4401
    assert bridge.process.wait(60) == 0


# ------------------------------------------------------------------ signs of life

@pytest.mark.parametrize("kind", ALL)
def test_a_quiet_connection_has_messages(pages, start_bridge, edit, kind):
    def attempt(limit):
        bridge = start_bridge(pages, "--idle-timeout", f"{round(1000 * limit)}ms")
        one = edit(bridge, kind)
        time.sleep(limit * 4 / 3)
        assert one.quiet() < 1000 * limit * 7 / 9
        assert not [event for event in one.events() if "closed" in event]
        one.set(key="here after", value=limit)
        wait_until(lambda: page_json(pages).get("meta") == {"here after": limit}, "the edit")
    in_time(attempt, 0.9, 4, 15)


# ------------------------------------------------------- a token after the other

def test_a_tokens_successor_keeps_the_document_open(pages, bridge, edit):
    def attempt(number):
        one = edit(bridge, "hocuspocus", token=pages.token(lifetime=-2))  # and 5 s that clocks may differ by
        one.renew(token=pages.token())
        time.sleep(3.2)
        assert not [event for event in one.events() if "denied" in event or "closed" in event]
        one.insert(at=0, text="still here ")
        one.saved()
        assert "still here" in page_text(pages)
    undisturbed(attempt, 5)


@pytest.mark.parametrize("token, why", [
    (lambda pages: pages.token(principal="mallory"), "the token is another principal's than the document was opened with"),
    (lambda pages: pages.token(tenant="globex"), "the token is another principal's than the document was opened with"),
    (lambda pages: "no.token", "token is malformed")], ids=["principal", "tenant", "none"])
def test_a_successor_that_is_not_good_ends_the_document(pages, bridge, edit, token, why):
    one = edit(bridge, "hocuspocus", socket="shared")
    other = edit(bridge, "hocuspocus", socket="shared", document=("page", "other", "body"))
    one.renew(token=token(pages))
    assert one.event(kind="denied")["denied"].startswith(why)
    one.insert(at=0, text="lost")
    other.insert(at=0, text="goes on")
    other.saved()
    assert (page_text(pages), page_text(pages, "other")) == ("", "goes on")


# ------------------------------------------------------- what else providers ask

@pytest.mark.parametrize("kind", ["hocuspocus", "hocuspocus-2", "hocuspocus-3"])
def test_force_sync(pages, bridge, edit, kind):
    one = edit(bridge, kind)
    one.insert(at=0, text="x")
    one.saved()
    assert one.force_sync() == 1
    one.saved()
    assert logged(pages) == 1


def test_resync_interval(pages, bridge, edit):
    one = edit(bridge, "y-websocket", resync=50)
    one.insert(at=0, text="x")
    wait_until(lambda: page_text(pages) == "x", "the edit")
    pushes = values(bridge)["push_changes_count"]
    time.sleep(0.5)
    wait_until(lambda: one.quiet() < 300, "an answer that has just come")
    assert values(bridge)["push_changes_count"] == pushes


@pytest.mark.parametrize("kind", ALL)
def test_an_awareness_state_beyond_the_bound_is_said_to_be(pages, start_bridge, edit, kind):
    """Once by connection, for it comes with each movement of a cursor; where the protocol has
    words for it, to the application."""
    bridge = start_bridge(pages, "--max-presence", "100")
    one = edit(bridge, kind)
    for n in range(3):
        one.show(state={"picture": "x" * 100, "n": n})
    wait_until(lambda: values(bridge).get('rejections_total{reason="too_large"}') == 3, "all three")
    why = "the awareness state has 120 bytes; the limit is 100"
    assert bridge.log().count(f"does not show alice of acme at page/home to others: {why}") == 1
    said = {"type": "awareness", "code": "CODE_TOO_LARGE", "message": why}
    if kind.startswith("hocuspocus"):
        assert one.event(kind="stateless")["stateless"] == said
    one.insert(at=0, text="x")
    wait_until(lambda: page_text(pages) == "x", "the edit")
    assert [event for event in one.events() if "scope" not in event] == (
        [{"stateless": said}] if kind.startswith("hocuspocus") else [])


def test_two_sessions_of_one_document_on_one_connection(pages, bridge, edit):
    one = edit(bridge, "hocuspocus", socket="both", sessions=True)
    two = edit(bridge, "hocuspocus", socket="both", sessions=True)
    one.insert(at=0, text="hello")
    two.has_text(text="hello")
    two.show(state={"cursor": 1})
    one.sees(client=two.client(), state={"cursor": 1, "principal": "alice"})
    two.insert(at=5, text=" world")
    one.has_text(text="hello world")
    one.saved()
    two.saved()
