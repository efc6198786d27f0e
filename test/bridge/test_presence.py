"""Presence: who is at a document, told to its subscribers and to nobody else,
across bridges, bounded, and gone with the connection."""
import itertools
import json
import time

import pytest

from cluster import in_time
from database import Database, value, wait_until
from replication import replicating
from test_metrics import values
from wire import ClientMessage

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay")


@pytest.fixture
def room(database, connect):
    """room(bridge, name, …): a peer at the document "shared" under that name."""
    database.insert("shared")

    def enter(bridge, name, document="shared", **more):
        return connect(bridge, principal=name, document=document, **more)

    return enter


@pytest.fixture(params=["one bridge", "two bridges", "two workers", "two workers that replicate"])
def bridges(request, database, start_bridge):
    """Two bridges, which may be the same: what holds in one holds across them."""
    if request.param == "two bridges":
        return [start_bridge(database), start_bridge(database)]
    if request.param.startswith("two workers"):
        replication = replicating(database) if "replicate" in request.param else ()
        bridge = start_bridge(database, "--workers", "2", *replication)
        wait_until(lambda: values(bridge)["worker_attached"] == 2, "both workers' streams")
        return [bridge, bridge]
    return [start_bridge(database)] * 2


def problem_of(peer, state, field=""):
    peer.show(state, field)
    return peer.next("problem")


def test_everybody_sees_everybody_else(bridges, room):
    peers = {name: room(bridges[i % 2], name) for i, name in enumerate(NAMES)}
    states = {name: {"cursor": i, "name": name.title()} for i, name in enumerate(NAMES)}
    for name, peer in peers.items():
        peer.show(states[name])
    for name, peer in peers.items():
        peer.sees({other: state for other, state in states.items() if other != name})
    # A new state takes the place of the old one; one that ends goes.
    peers["ann"].show({"cursor": 99})
    peers["bob"].show(None)
    expected = {**states, "ann": {"cursor": 99}}
    del expected["bob"]
    for name, peer in peers.items():
        peer.sees({other: state for other, state in expected.items() if other != name})


def test_a_newcomer_is_told_who_is_there(bridges, room):
    ann, bob = room(bridges[0], "ann"), room(bridges[1], "bob")
    ann.show("here")
    bob.show({"selection": [3, 7]})
    ann.sees({"bob": {"selection": [3, 7]}})
    bob.sees({"ann": "here"})
    for bridge in bridges:
        newcomer = room(bridge, "cid")
        newcomer.sees({"ann": "here", "bob": {"selection": [3, 7]}})


def test_it_ends_with_the_subscription_and_with_the_connection(bridges, room):
    ann, bob, cid = (room(bridges[i % 2], name) for i, name in enumerate(("ann", "bob", "cid")))
    for peer in (ann, bob):
        peer.show(1)
    cid.sees({"ann": 1, "bob": 1})
    message = ClientMessage()
    message.unsubscribe.channel = ann.channel
    ann.send(message)
    cid.sees({"bob": 1})
    bob.socket.sock.close()  # without a word
    cid.sees({})


def test_it_ends_unless_it_is_repeated(database, start_bridge, room):
    def attempt(limit):
        options = ("--presence-timeout", f"{round(1000 * limit)}ms")
        first, second = start_bridge(database, *options), start_bridge(database, *options)
        document = f"shared for {limit} s"
        database.insert(document)
        ann, bob, near = (room(first, name, document) for name in ("ann", "bob", "cid"))
        far = room(second, "dan", document)
        ann.show(1)
        bob.show(2)
        for peer in (near, far):
            peer.sees({"ann": 1, "bob": 2}, limit)
        until = time.monotonic() + 3 * limit
        while time.monotonic() < until:
            bob.show(2)
            time.sleep(limit / 6)
        for peer in (near, far):
            peer.sees({"bob": 2}, limit)
        # Repeating what is known told nobody anything.
        assert near.quiet(0, "presences")
        bob.show(2)
        room(second, "eve", document).sees({"bob": 2}, limit)
    in_time(attempt, 0.6, 3, 15)


def test_another_tenant_and_another_document_see_nothing(database, bridges, room, connect):
    database.insert("shared", tenant="globex")
    database.insert("other")
    ann = room(bridges[0], "ann")
    strangers = [connect(bridges[1], "globex", "eve", "shared"), room(bridges[1], "eve", "other"),
                 connect(bridges[1], "acme", "eve")]
    bob = room(bridges[1], "bob")
    ann.show({"cursor": 1})
    bob.sees({"ann": {"cursor": 1}})
    assert all(peer.quiet(0.3, "presences") for peer in strangers)


def test_another_database_sees_nothing(server, database, start_bridge, room, connect):
    other = Database(server)
    other.insert("shared")
    bridge = start_bridge(database)
    ann, bob = room(bridge, "ann"), room(bridge, "bob")
    stranger = connect(start_bridge(other), document="shared")
    ann.show(1)
    bob.sees({"ann": 1})
    assert stranger.quiet(0.3, "presences")
    stranger.show(2)
    assert ann.quiet(0.3, "presences")


def test_the_principal_is_the_servers_word(bridges, room, connect):
    """A client cannot say who it is: SetPresence has no place for it, what it puts
    into its state is the state, and a number of another's channel is not its own."""
    ann, bob = room(bridges[0], "ann"), room(bridges[1], "bob")
    forged = ClientMessage()
    forged.set_presence.channel = ann.channel
    # Fields of Presence, sent where SetPresence has none: passed over.
    forged.set_presence.MergeFromString(b"\x22\x03bob" + b"\x2a\x03bob")
    forged.set_presence.state = json.dumps({"principal": "bob", "name": "Bob"})
    ann.send(forged)
    bob.sees({"ann": {"principal": "bob", "name": "Bob"}})
    stranger = connect(bridges[0], principal="eve")
    stranger.channel = ann.channel
    assert "no subscription" in problem_of(stranger, 1).message


def test_presence_of_several_fields(bridge, room):
    ann, bob = room(bridge, "ann"), room(bridge, "bob")
    ann.show("document")
    ann.show("text", field="body")
    bob.sees({("ann", ""): "document", ("ann", "body"): "text"})
    ann.show(None, field="body")
    bob.sees({("ann", ""): "document"})


def test_what_is_no_presence_is_refused(database, start_bridge, room):
    bridge = start_bridge(database, "--max-presence", "100", "--max-presences-per-connection", "3",
                          "--max-presences-per-document", "5")
    ann, bob, cid = (room(bridge, name) for name in ("ann", "bob", "cid"))
    assert "102 bytes, of at most 100" in problem_of(ann, "x" * 100).message
    assert "JSON" in problem_of(ann, b'{"cursor": ').message
    assert "JSON" in problem_of(ann, b'"\\ud800"').message
    assert "longer name" in problem_of(ann, 1, "f" * 64).message
    for peer in (ann, bob):
        for i in range(3):
            peer.show(i, field=f"f{i}")
        peer.ping()
    cid.sees({**{("ann", f"f{i}"): i for i in range(3)}, **{("bob", f"f{i}"): i for i in range(2)}})
    for peer in (ann, cid):
        assert "limit" in problem_of(peer, "one more", field="f9").message
    # What is taken away makes room.
    ann.show(None, field="f0")
    cid.show("now")
    bob.sees({**{("ann", f"f{i}"): i for i in (1, 2)}, ("cid", ""): "now"})
    assert values(bridge)["presences"] == 5


def test_a_fast_writer_is_gathered(bridge, room):
    """A cursor that moves a thousand times a second costs the others some twenty messages."""
    ann, bob = room(bridge, "ann"), room(bridge, "bob")
    began = time.monotonic()
    for i in range(1000):
        ann.show({"cursor": i})
    ann.ping()
    seconds = time.monotonic() - began
    bob.sees({"ann": {"cursor": 999}})
    sent = values(bridge)["presences_out_total"]
    assert sent <= 3 + seconds / 0.05, f"{sent} in {seconds} s"
    assert ann.quiet(0, "presences"), "told of itself"


def test_what_comes_and_goes_between_two_tellings_is_not_kept(bridge, room):
    """However many fields a client names in turn, nobody hears of what was not there at the time."""
    ann, bob = room(bridge, "ann"), room(bridge, "bob")
    began = time.monotonic()
    for number in range(5000):
        ann.show(1, field=f"f{number}")
        ann.show(None, field=f"f{number}")
    ann.show("here")
    bob.sees({"ann": "here"})
    ann.ping()
    # Each telling, 20 in a second, may have found one there.
    assert values(bridge)["presences_out_total"] <= 10 + (time.monotonic() - began) / 0.05
    assert values(bridge)["presences"] == 1


def test_a_slow_client_gets_the_latest_of_each(database, start_bridge, room):
    bridge = start_bridge(database, "--max-presence", "16kB")
    slow = room(bridge, "slow")
    quick = room(bridge, "quick")
    writers = [room(bridge, name) for name in NAMES]
    rounds = 60
    for number in range(rounds):
        for writer in writers:
            writer.show([number, "x" * 16000])
        quick.sees({name: [number, "x" * 16000] for name in NAMES})
        # Two tellings of everybody for each who does not read, at most: the writers as well.
        assert values(bridge)["send_queue_bytes"] < 2 * len(NAMES) * 17000 * (1 + len(writers))
    sent = rounds * len(writers) * 16000
    received = 0
    while slow.shown() != {(name, ""): [rounds - 1, "x" * 16000] for name in NAMES}:
        message = slow.next("presences")
        received += message.ByteSize()
        slow.take_presences(message)
    # What the operating system holds for it was on its way; the rest was left out.
    assert received < sent, "everything was queued for it"


def test_nothing_of_it_is_in_the_database(database, bridge, room):
    ann, bob = room(bridge, "ann"), room(bridge, "bob")
    cursors = itertools.count()

    def nothing_is_written():
        cursor = next(cursors)
        before = value(database.session, "SELECT pg_current_wal_insert_lsn()")
        ann.show({"cursor": cursor})
        bob.sees({"ann": {"cursor": cursor}})
        return value(database.session, "SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", before) == 0
    # The server itself writes now and then.
    wait_until(nothing_is_written, "a presence without WAL")
    assert value(database.session, "SELECT count(*) FROM converge.change WHERE seq > 1") == 0


def test_a_bridge_that_dies_takes_its_clients_presence_along(database, start_bridge, room):
    first, second = start_bridge(database), start_bridge(database)
    ann, bob = room(first, "ann"), room(second, "bob")
    ann.show(1)
    bob.sees({"ann": 1})
    first.process.kill()
    bob.sees({})


def test_it_outlives_the_background_worker(database, start_bridge, room):
    first, second = start_bridge(database), start_bridge(database)
    ann, bob = room(first, "ann"), room(second, "bob")
    ann.show(1)
    bob.sees({"ann": 1})
    pid = value(database.session, "SELECT pid FROM converge.worker_status()")
    value(database.session, "SELECT pg_terminate_backend(%s)", pid)
    wait_until(lambda: first.log().count("attached to the background") > 1 and
               second.log().count("attached to the background") > 1, "the bridges attached again")
    ann.show(2)
    bob.sees({"ann": 2})
    cid = room(second, "cid")
    cid.sees({"ann": 2})
