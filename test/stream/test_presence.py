"""Presence through the worker: from a bridge that watches a document to the others that do."""
import struct

from wire import WorkerRequest
from worker_client import Closed


def presence(document, **more):
    state = {"peer": 7, "principal": "ann", "clock": 1, "state": '{"cursor": 3}'}
    return WorkerRequest(presence={"document": document, "peers": [{**state, **more}]})


def watch(notes, bridge, key):
    notes.document(key)
    return notes.watch(bridge, key)


def passed_on(bridge, timeout=60):
    """The next presence that the bridge was sent."""
    reply = bridge.reply(timeout)
    assert reply is not None and reply.WhichOneof("message") == "presence", reply
    return reply.presence


def test_it_goes_to_those_who_watch_the_document_and_comes_from_them_only(notes):
    with notes.attach("a") as a, notes.attach("b") as b, notes.attach("c") as c:
        room = watch(notes, a, "room")
        assert watch(notes, b, "room") == room
        other = watch(notes, c, "other room")
        a.send(presence(room))
        got = passed_on(b)
        assert got.document == room and got.bridge != 0 and not got.wanted
        peer, = got.peers
        assert (peer.peer, peer.principal, peer.clock, peer.state) == (7, "ann", 1, '{"cursor": 3}')
        a.send(presence(other))                     # which it does not watch
        a.send(WorkerRequest(presence={"document": room, "wanted": True, "bridge": 1 << 40}))
        question = passed_on(b)
        assert question.wanted and question.bridge == got.bridge   # by the worker's word
        b.send(presence(room, peer=8))
        assert passed_on(a).bridge != got.bridge
        assert c.reply(0.3) is None and a.reply(0) is None
        a.unwatch(room)
        b.send(presence(room, peer=8, clock=2))
        assert a.reply(0.3) is None


def test_a_bridge_that_detaches_is_named_to_the_others(notes):
    with notes.attach("b") as b, notes.attach("stranger") as stranger:
        room = watch(notes, b, "room")
        with notes.attach("a") as a:
            watch(notes, a, "room")
            a.send(presence(room))
            number = passed_on(b).bridge
        reply = b.reply()
        assert reply.WhichOneof("message") == "detached" and reply.detached.bridge == number
        assert stranger.reply(0.3) is None          # it has shown no ticket


def test_what_is_no_text_ends_the_connection_that_sent_it(notes):
    """The others' decoders would refuse the message, and their bridges lose the stream."""
    for field in ("principal", "field", "state"):
        with notes.attach("a") as a, notes.attach("b") as b:
            room = watch(notes, a, "room")
            watch(notes, b, "room")
            data = presence(room, **{field: "????"}).SerializeToString().replace(b"????", b"\xff\xfe\xed\xa0")
            a.socket.sendall(struct.pack(">I", len(data)) + data)
            problem = a.reply()
            assert problem.problem.message == "a presence has text that is not UTF-8"
            assert a.is_closed()
            try:
                reply = b.reply(0.3)
            except Closed:
                reply = "closed"
            assert reply is None or reply.WhichOneof("message") == "detached"


def test_a_bridge_that_does_not_read_holds_up_nobody(notes):
    """What it has no room for is left out, and it is not dropped for it."""
    with notes.attach("a") as a, notes.attach("slow") as slow, notes.attach("b") as b:
        room = watch(notes, a, "room")
        for bridge in (slow, b):
            watch(notes, bridge, "room")
        dropped = notes.status()["bridges_dropped"]
        count = 200
        for clock in range(1, count + 1):           # 6 MB
            a.send(presence(room, clock=clock, state='"' + "x" * 30000 + '"'))
            assert passed_on(b).peers[0].clock == clock
        assert notes.status()["bridges_dropped"] == dropped
        clocks, last = [0], count
        while clocks[-1] <= count:
            reply = slow.reply(0.5)
            if reply is not None:
                clocks.append(reply.presence.peers[0].clock)
            else:                                   # it has read: from here on there is room
                last += 1
                assert last < count + 120
                a.send(presence(room, clock=last))
        assert clocks == sorted(clocks) and len(clocks) < count
