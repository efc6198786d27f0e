"""Yjs editors that hear of each other past the server too: y-websocket's tabs in one
browser, which speak by BroadcastChannel unless they are told not to. Each sends on to the
server what it hears so, as if it were its own."""
import time

import pytest

from database import run, value, wait_until
from test_metrics import values
from yjs_editors import Editor, logged, make_pages, page_text


@pytest.fixture
def pages(database):
    make_pages(database)
    return database


@pytest.fixture
def tab(node, bridge):
    """tab(principal, …) opens an editor that hears the other tabs."""
    made = []

    def open_tab(principal, **more):
        made.append(Editor(node, bridge, principal=principal, **{"bc": True, **more}))
        return made[-1]

    yield open_tab
    for editor in made:
        editor.call("close")


def elsewhere(tab, principal="carol"):
    """An editor in another browser."""
    return tab(principal, bc=False)


# ------------------------------------------------------------------ who is there

def test_a_tab_is_told_who_another_is(pages, tab, bridge):
    alice, bob, carol = tab("alice"), tab("bob"), elsewhere(tab)
    for n in range(10):
        alice.show(state={"cursor": n})
        bob.show(state={"cursor": -n, "principal": "alice"})
        for editor in (bob, carol):
            editor.sees(client=alice.client(), state={"cursor": n, "principal": "alice"})
        for editor in (alice, carol):
            editor.sees(client=bob.client(), state={"cursor": -n, "principal": "bob"})
    # What it was told of itself by another tab is no news to the server.
    time.sleep(0.3)
    told = values(bridge)["presences_out_total"]
    time.sleep(0.5)
    assert values(bridge)["presences_out_total"] == told


def test_what_a_tab_passes_on_is_not_its_own(pages, tab):
    bob, carol = tab("bob"), elsewhere(tab)
    alice = tab("alice", connect=False, synced=False)
    alice.hear_tabs()
    alice.show(state={"cursor": 1})
    bob.sees(client=alice.client(), state={"cursor": 1})
    bob.show(state={"name": "B"})
    carol.sees(client=bob.client(), state={"name": "B", "principal": "bob"})
    assert carol.others().keys() == {str(bob.client())}
    alice.resume()
    carol.sees(client=alice.client(), state={"cursor": 1, "principal": "alice"})
    bob.sees(client=alice.client(), state={"cursor": 1, "principal": "alice"})


def test_a_tab_that_closes_takes_no_others_presence_along(pages, tab):
    first, carol = tab("alice"), elsewhere(tab)
    second = tab("alice")
    for n in range(3):
        second.show(state={"tab": 2, "cursor": n})
        carol.sees(client=second.client(), state={"tab": 2, "cursor": n, "principal": "alice"})
    first.pause()
    carol.sees(client=first.client(), state=None)
    time.sleep(0.2)
    assert carol.others() == {str(second.client()): {"tab": 2, "cursor": 2, "principal": "alice"}}


@pytest.mark.parametrize("bc", [False, True])
def test_who_shows_nothing_at_first_is_seen_later(pages, tab, bc):
    carol = elsewhere(tab)
    alice = tab("alice", bc=bc, connect=False, synced=False)
    alice.show(state=None)
    alice.resume()
    alice.synced()
    bob = tab("bob")
    bob.show(state={"cursor": 1})
    carol.sees(client=bob.client(), state={"cursor": 1, "principal": "bob"})
    alice.show(state={"cursor": 2})
    carol.sees(client=alice.client(), state={"cursor": 2, "principal": "alice"})
    alice.pause()
    carol.sees(client=alice.client(), state=None)


def test_a_tab_that_connects_again_shows_what_it_shows_now(pages, tab):
    alice, bob, carol = tab("alice"), tab("bob"), elsewhere(tab)
    alice.show(state={"cursor": 1})
    for editor in (bob, carol):
        editor.sees(client=alice.client(), state={"cursor": 1, "principal": "alice"})
    for n in range(2, 6):
        alice.cut()
        alice.show(state={"cursor": n})
        carol.sees(client=alice.client(), state={"cursor": n, "principal": "alice"})
    time.sleep(0.2)
    carol.sees(client=alice.client(), state={"cursor": 5, "principal": "alice"})


# ------------------------------------------------------------------------- edits

@pytest.mark.parametrize("other", ["alice", "bob"])
def test_an_edit_that_another_provider_passes_on_is_logged_once(pages, tab, other):
    """As y-webrtc beside y-websocket does: what one types the other has at once, and
    both send it."""
    one, two = tab("alice", bc=False), tab(other, bc=False)
    one.show(state={"name": "one"})
    two.sees(client=one.client(), state={"name": "one", "principal": "alice"})
    one.link(other=two.name)
    for n in range(1, 21):
        one.insert(at=0, text="xy")
        wait_until(lambda: logged(pages) >= n, "the edit")
    for n in range(21, 41):
        one.delete(at=0, count=1)
        wait_until(lambda: logged(pages) >= n, "the deletion")
    two.insert(at=0, text="end ")
    wait_until(lambda: page_text(pages) == "end " + 10 * "xy", "everything")
    time.sleep(0.3)
    assert logged(pages) == 41
    assert value(pages.session, "SELECT array_agg(principal ORDER BY principal) FROM converge.yjs_client") == sorted(["alice", other])


def test_what_a_tab_was_refused_the_others_have_and_offer(pages, tab):
    """What one tab may not write the others show, by BroadcastChannel. What they write from
    then on waits at the server, until one of them connects again and offers all that it
    has, as its own: the reason to switch it off."""
    run(pages.session, "CREATE POLICY no_bob ON page AS RESTRICTIVE FOR UPDATE TO converge_client"
        " USING (converge.current_principal() <> 'bob')")
    alice, bob = tab("alice"), tab("bob")
    bob.insert(at=0, text="refused ")
    bob.event(kind="denied")
    alice.has_text(text="refused ")
    alice.insert(at=4, text="X")
    wait_until(lambda: logged(pages) == 1, "her edit")
    assert page_text(pages) == "" and elsewhere(tab).text() == ""
    alice.cut()
    wait_until(lambda: page_text(pages) == "refuXsed ", "what she offers")
    assert run(pages.session, "SELECT DISTINCT principal FROM converge.yjs_client") == [("alice",)]


def test_tabs_of_two_principals_write_side_by_side(pages, tab):
    alice, bob = tab("alice"), tab("bob")
    for n in range(10):
        alice.insert(at=0, text="a")
        bob.insert(at=0, text="b")
    alice.has_text(text=10 * "ba")
    wait_until(lambda: page_text(pages) == 10 * "ba", "everything")
    time.sleep(0.3)
    assert not [event for editor in (alice, bob) for event in editor.events()]
    assert value(pages.session, "SELECT array_agg(principal ORDER BY client) FROM converge.yjs_client") == [
        "alice" if alice.client() < bob.client() else "bob", "bob" if alice.client() < bob.client() else "alice"]
