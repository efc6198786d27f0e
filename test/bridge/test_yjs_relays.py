"""What a Yjs provider passes on of others, as y-webrtc beside y-websocket has it do, before
the authors' own comes: logged once, refused to nobody, and lost where the author's never comes
to nobody."""
import time

import pytest

from database import run, wait_until
from test_yjs_hostile import pages, sync  # noqa: F401  (a fixture)
from test_yjs_who import QUESTION, Client, leave, showing  # noqa: F401  (a fixture)
from yjs_editors import logged, page_text


def typed(client, clock, text, behind=None):
    """An update in which the client types a character into body, behind the one before."""
    origin = f"84{client:02x}{clock - 1:02x}" if behind is None and clock else f"84{behind}" if behind else "040104626f6479"
    return sync(2, bytes.fromhex(f"0101{client:02x}{clock:02x}{origin}01{text.encode().hex()}00"))


def deleted(client, clock):
    return sync(2, bytes.fromhex(f"0001{client:02x}01{clock:02x}01"))


@pytest.fixture
def clients(pages, bridge):  # noqa: F811
    """clients(principal): alice, who is Yjs client 7 and has typed "a", and somebody who
    knows her and is client 8."""
    def enter(principal):
        alice = Client(bridge, "y-websocket", "alice")
        alice.say(QUESTION, showing(7, 1, '{"name":"A"}'), typed(7, 0, "a"))
        other = Client(bridge, "y-websocket", principal)
        other.say(QUESTION, showing(8, 1, '{"name":"B"}'))
        seen = set()
        while 7 not in seen:
            seen.update(client for client, _, _ in other.told())
        wait_until(lambda: page_text(pages) == "a", "her first edit")
        return alice, other
    return enter


@pytest.mark.parametrize("principal", ["alice", "bob"])
def test_what_overtakes_its_author_is_logged_once(pages, clients, principal):  # noqa: F811
    alice, other = clients(principal)
    for clock, text in enumerate("bcde", 1):
        other.say(typed(7, clock, text))
        time.sleep(0.05)
        alice.say(typed(7, clock, text))
        wait_until(lambda: page_text(pages) == "abcde"[:clock + 1], "her edit")
    # His own is neither refused nor held back.
    other.say(typed(8, 0, "!", behind="0704"))
    wait_until(lambda: page_text(pages) == "abcde!", "his own")
    time.sleep(1.1)
    assert logged(pages) == 6 and page_text(pages) == "abcde!"
    assert sorted(run(pages.session, "SELECT client, principal FROM converge.yjs_client")) == [(7, "alice"), (8, principal)]


def test_a_deletion_that_overtakes_its_author_is_logged_once(pages, clients):  # noqa: F811
    alice, other = clients("bob")
    alice.say(typed(7, 1, "b"))
    wait_until(lambda: page_text(pages) == "ab", "her edit")
    other.say(typed(7, 1, "b"), deleted(7, 0))
    wait_until(lambda: page_text(pages) == "b", "her deletion, passed on")
    alice.say(deleted(7, 0), typed(7, 2, "c"))
    wait_until(lambda: page_text(pages) == "bc", "her own")
    assert logged(pages) == 4


def test_what_the_author_never_sends_is_logged_a_moment_later(pages, clients):  # noqa: F811
    alice, other = clients("alice")
    began = time.monotonic()
    other.say(typed(7, 1, "b"), typed(7, 2, "c"))
    other.say(typed(8, 0, "!", behind="0700"))
    wait_until(lambda: page_text(pages) == "a!", "his own")
    assert time.monotonic() - began < 0.9
    wait_until(lambda: page_text(pages) == "abc!", "what he passed on")
    assert time.monotonic() - began > 0.9 and logged(pages) == 4


@pytest.mark.parametrize("end", ["leaves", "drained"])
def test_what_the_author_never_sends_outlives_who_passed_it_on(pages, bridge, clients, end):  # noqa: F811
    alice, other = clients("alice")
    began = time.monotonic()
    other.say(typed(7, 1, "b"))
    if end == "leaves":
        other.socket.shutdown()
    else:
        time.sleep(0.1)
        bridge.stop()
    wait_until(lambda: page_text(pages) == "ab", "what he passed on")
    assert time.monotonic() - began < 0.9 or end == "drained"


def test_of_who_is_not_there_nobody_waits(pages, clients):  # noqa: F811
    """A store in the browser, say, has what nobody sends any more."""
    alice, other = clients("alice")
    alice.say(showing(7, 2, "null"))
    while not any(state == "null" for _, _, state in other.told()):
        pass
    began = time.monotonic()
    other.say(typed(7, 1, "b"))
    wait_until(lambda: page_text(pages) == "ab", "what he passed on")
    assert time.monotonic() - began < 0.9
