"""Who is at a document, as Yjs editors show it: the presence of the project's own clients
among them; and how each of them ends."""
import time

import pytest

from cluster import in_time
from database import wait_until
from yjs_editors import Editor, Editors, make_pages


@pytest.fixture
def pages(database):
    make_pages(database)
    return database


@pytest.fixture
def edit(node):
    made = []

    def open_editor(bridge, principal, kind="y-websocket"):
        made.append(Editor(node, bridge, kind, principal=principal))
        return made[-1]

    yield open_editor
    for editor in made:
        editor.call("close")


@pytest.fixture
def native(connect):
    """A client of the project's own at the page."""
    def enter(bridge, principal):
        peer = connect(bridge, principal=principal)
        peer.follow("page", "home")
        return peer
    return enter


KINDS = ("y-websocket", "hocuspocus")


@pytest.mark.parametrize("kind", KINDS)
def test_own_clients_and_yjs_editors_see_each_other(pages, start_bridge, edit, native, kind):
    bridges = start_bridge(pages), start_bridge(pages)
    ann, bob = native(bridges[0], "ann"), edit(bridges[1], "bob", kind)
    ann.show({"cursor": 1, "principal": "forged"}, field="body")
    bob.sees(client=ann.number, state={"cursor": 1, "principal": "ann"})
    ann.show({"cursor": 2}, field="body")
    bob.sees(client=ann.number, state={"cursor": 2, "principal": "ann"})
    bob.show(state={"cursor": 3})
    ann.sees({("bob", "body"): {"cursor": 3}})
    # A newcomer, and who comes back, are told of her as well.
    cid = edit(bridges[0], "cid", kind)
    cid.sees(client=ann.number, state={"cursor": 2, "principal": "ann"})
    bob.cut()
    wait_until(lambda: str(ann.number) not in bob.others(), "its connection to be lost")
    bob.sees(client=ann.number, state={"cursor": 2, "principal": "ann"})
    ann.show(None, field="body")
    for editor in (bob, cid):
        editor.sees(client=ann.number, state=None)


@pytest.mark.parametrize("state", ["here", 7, [{"a": 1}], "}"])
def test_what_is_no_object_yjs_editors_are_not_told(pages, start_bridge, edit, native, state):
    bridge = start_bridge(pages)
    ann, bob = native(bridge, "ann"), edit(bridge, "bob")
    ann.show({"cursor": 1}, field="body")
    bob.sees(client=ann.number, state={"cursor": 1, "principal": "ann"})
    ann.show(state, field="body")
    bob.sees(client=ann.number, state=None)
    ann.show({"cursor": 2}, field="body")
    bob.sees(client=ann.number, state={"cursor": 2, "principal": "ann"})


def test_an_own_client_that_stays_as_it_is_is_told_again(pages, start_bridge, edit, native):
    """Yjs drops whoever it is not told of for 30 s, or twice this bridge's time."""
    bridge = start_bridge(pages, "--presence-timeout", "2s")
    ann, bob = native(bridge, "ann"), edit(bridge, "bob")
    ann.show({"cursor": 1}, field="body")
    bob.sees(client=ann.number, state={"cursor": 1, "principal": "ann"})
    told = bob.clock(client=ann.number)

    def told_again():
        ann.show({"cursor": 1}, field="body")
        time.sleep(0.2)
        return bob.clock(client=ann.number) > told
    wait_until(told_again, "the same once more")
    assert bob.others()[str(ann.number)] == {"cursor": 1, "principal": "ann"}


def test_it_ends_when_the_browser_is_killed(pages, start_bridge, edit):
    bridges = start_bridge(pages), start_bridge(pages)
    browser = Editors()
    killed = Editor(browser, bridges[0], principal="alice")
    killed.show(state={"cursor": 1})
    near, far = edit(bridges[0], "bob"), edit(bridges[1], "carol", "hocuspocus")
    client = killed.client()
    for editor in (near, far):
        editor.sees(client=client, state={"cursor": 1, "principal": "alice"})
    browser.process.kill()
    browser.process.wait()
    for editor in (near, far):
        editor.sees(client=client, state=None)


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_when_it_is_not_repeated_in_time(pages, start_bridge, edit, kind):
    def attempt(limit):
        bridge = start_bridge(pages, "--presence-timeout", f"{limit}s")
        alice, bob = edit(bridge, "alice", kind), edit(bridge, "bob", kind)
        alice.show(state={"cursor": 1})
        bob.sees(client=alice.client(), state={"cursor": 1, "principal": "alice"})
        bob.sees(client=alice.client(), state=None)  # it would be repeated in 15 s
        alice.show(state={"cursor": 1})
        bob.sees(client=alice.client(), state={"cursor": 1, "principal": "alice"})
    in_time(attempt, 1, 8)


def test_it_ends_with_its_bridge(pages, start_bridge, edit):
    first, second = start_bridge(pages), start_bridge(pages)
    alice, bob = edit(first, "alice"), edit(second, "bob")
    alice.show(state={"cursor": 1})
    bob.sees(client=alice.client(), state={"cursor": 1, "principal": "alice"})
    first.process.kill()
    first.process.wait()
    bob.sees(client=alice.client(), state=None)
    first.start()
    bob.sees(client=alice.client(), state={"cursor": 1, "principal": "alice"})
