"""Clients that mean harm: the bridge's memory is bounded, and others are served."""
import pathlib
import socket
import time

from cluster import in_time
from database import run
from wire import ClientMessage, code_name


def resident_megabytes(bridge):
    status = pathlib.Path(f"/proc/{bridge.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def push_one(peer):
    message = ClientMessage()
    message.push.channel = peer.channel
    peer.change(message)
    peer.send(message)
    peer.next("ack")


def test_slow_headers_hold_nobody_up(database, start_bridge, connect):
    database.insert("plan")

    def attempt(limit):
        bridge = start_bridge(database, "--handshake-timeout", f"{limit}s")
        host, port = bridge.address.split(":")
        slow = [socket.create_connection((host, int(port))) for _ in range(200)]
        began = time.monotonic()
        ended = set()
        while len(ended) < len(slow) and time.monotonic() - began < 60:
            for one in slow:
                if one in ended:
                    continue
                try:
                    one.send(b"G")
                except OSError:
                    ended.add(one)
            time.sleep(0.1)
        assert len(ended) == len(slow)
        push_one(connect(bridge, document="plan"))
    in_time(attempt, 1, 5, 15)


def test_a_thousand_clients_that_never_read(database, start_bridge, connect):
    bridge = start_bridge(database, "--send-queue", "64kB")
    database.insert("plan")
    lively = connect(bridge, document="plan")
    deaf = [connect(bridge, document="plan") for _ in range(1000)]
    before = resident_megabytes(bridge)
    for number in range(60):
        run(database.session, "UPDATE note SET props = converge.set(props, 'big', to_jsonb(repeat(%s, 50000))) WHERE id = 'plan'",
            chr(97 + number % 26))
        lively.next("changes")
    # 3 MB for each of them, if it were queued.
    assert resident_megabytes(bridge) - before < 200
    push_one(lively)
    for peer in deaf[::100]:
        peer.socket.sock.close()


def test_a_million_gaps(database, start_bridge, connect):
    bridge = start_bridge(database)
    database.insert("plan")
    lively, hostile = connect(bridge, document="plan"), connect(bridge, document="plan")
    push_one(hostile)
    before = resident_megabytes(bridge)
    message = ClientMessage()
    message.push.channel = hostile.channel
    for number in range(20_000):
        change = message.push.changes.add()
        change.replica = hostile.replica
        change.seq = 10 + 2 * number
        change.hlc = 1 << 16
    for _ in range(50):
        hostile.send(message)
        reject = hostile.next("reject")
        assert code_name(reject.code) == "CODE_GAP" and reject.expected_seq == 2
    assert sum(principal != "" for principal, _ in database.log("plan").values()) == 1
    assert resident_megabytes(bridge) - before < 100
    push_one(lively)
