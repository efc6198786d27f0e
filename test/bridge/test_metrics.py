"""/metrics, as Prometheus reads it."""
import collections
import http.client
import os
import re
import signal
import subprocess

import pytest

from clients import BUILD
from database import run, wait_until
from frames import RawClient, request
from replication import replicating
from test_access import grant, isolated  # noqa: F401  (a fixture)
from test_replication_source import ready
from test_yjs_hostile import block, named, number, opened
from yjs_editors import make_pages


def scrape(bridge, **headers):
    connection = http.client.HTTPConnection(bridge.address, timeout=60)
    connection.request("GET", "/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def values(bridge):
    """{name, with its labels: value}, each line checked for its form."""
    found = {}
    for line in scrape(bridge).text.splitlines():
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) [a-z_]+ .+", line), line
        else:
            name, value = re.fullmatch(r'([a-z_]+(?:\{[^}]*\})?) (\S+)', line).groups()
            found[name.removeprefix("converge_bridge_")] = float(value)
    return found


def test_what_is_counted(database, bridge, connect):
    database.insert("counted")
    writer, reader = connect(bridge, document="counted"), connect(bridge, principal="bob", document="counted")
    before = values(bridge)
    assert (before["connections"], before["subscriptions"], before["documents"]) == (3, 2, 1)  # and this one
    assert before["worker_attached"] == 1 and before["catch_ups_total"] == 2
    writer.push_and_wait(5)
    while len(reader.next("changes").changes) == 0:
        pass

    def all_counted():
        now = values(bridge)
        return now if now["changes_out_total"] >= 5 else None
    after = wait_until(all_counted, "the changes in the metrics")
    assert after["changes_in_total"] - before["changes_in_total"] == 5
    assert after["changes_out_total"] - before["changes_out_total"] == 5
    for name in ("messages_out_total", "bytes_in_total", "bytes_out_total", "connections_total"):
        assert after[name] > before[name], name
    for name in ("ack_seconds", "delivery_seconds", "push_changes"):
        assert after[f"{name}_count"] >= 1 and after[f'{name}_bucket{{le="+Inf"}}'] == after[f"{name}_count"], name
    assert after["push_changes_sum"] == 5
    assert 0 < after["ack_seconds_sum"] < 60 and 0 <= after["delivery_seconds_sum"] < 60
    assert after["push_queue_changes"] == 0


def test_refusals_by_reason(database, bridge, connect):
    database.insert("refused")
    stranger = connect(bridge, hello=False)
    stranger.hello("not.a.token")
    writer = connect(bridge, document="refused")
    writer.push(payload=b"\xff\xff")
    assert writer.next("reject")
    counted = values(bridge)
    assert counted['rejections_total{reason="unauthenticated"}'] == 1
    assert counted['rejections_total{reason="malformed"}'] == 1


def refusals(bridge):
    return {re.search('"(.*)"', name).group(1): count for name, count in values(bridge).items()
            if name.startswith("rejections_total")}


def test_whatever_is_refused_to_a_client_is_counted(isolated, start_bridge, connect):  # noqa: F811
    bridge = start_bridge(isolated, "--max-subscriptions", "1", "--max-presence", "64")
    wanted = collections.Counter()

    def counts(*reasons):
        wanted.update(reasons)
        wait_until(lambda: refusals(bridge) == wanted, f"{dict(wanted)}, not {refusals(bridge)}")

    alice = connect(bridge)
    alice.ask_to_follow("note", "nowhere")
    counts("unknown_document")
    alice.follow("note", "plan")
    alice.ask_to_follow("note", "other")
    counts("limit")
    alice.show(b"{")
    alice.show("x" * 200)
    counts("malformed", "too_large")
    alice.send_bytes(b"\xff\xff\xff")
    counts("protocol")
    grant(isolated, "alice", "none", "plan")
    counts("unknown_document")
    alice.push()
    counts("unknown_document")


def test_yjs_documents_that_are_refused_are_counted(database, start_bridge):
    make_pages(database)
    bridge = start_bridge(database, "--max-subscriptions", "1")
    provider = opened(bridge)
    authenticate = number(2) + number(0) + block(database.token()) + block("4.8.0")
    provider.send_binary(named(authenticate, "no name"))
    wait_until(lambda: refusals(bridge) == {"protocol": 1}, "the name to be refused")
    provider.send_binary(named(authenticate, "page/other/body"))
    wait_until(lambda: refusals(bridge) == {"protocol": 1, "limit": 1}, "the second document to be refused")
    provider.shutdown()


def test_whom_no_message_could_tell_is_counted(database, start_bridge):
    bridge = start_bridge(database)
    for more, reason in [({"add": [("Origin", "https://evil.example")]}, "origin"),
                         ({"replace": {"Sec-WebSocket-Key": "short"}}, "bad_request"), (None, "bad_request")]:
        client = RawClient(bridge.address)
        before = refusals(bridge).get(reason, 0)
        assert client.ask(request(**more) if more else b"nonsense\r\n\r\n")[0] in (400, 403)
        assert refusals(bridge)[reason] == before + 1
        client.close()
    for option in ("max-connections", "max-connections-per-address"):
        bridge = start_bridge(database, f"--{option}", "1")
        client = RawClient(bridge.address)
        client.ask(request("/healthz"))
        refused = RawClient(bridge.address)
        assert not refused.fill()
        client.close()

        def counted():
            try:
                return refusals(bridge)
            except (http.client.HTTPException, ConnectionError):  # the place is not free yet
                return None
        assert wait_until(counted, "a place")[option.replace("-", "_")] >= 1
        refused.close()


def test_what_the_database_says_of_itself(database, bridge):
    # The worker confirms once a second, and the bridge asks every five.
    def sampled():
        return values(bridge)["slot_lag_bytes"] > 0
    wait_until(sampled, "the slot's lag")
    assert {"decode_lag_bytes", "fold_backlog_changes", "send_queue_bytes"} <= set(values(bridge))


def test_a_bridge_that_replicates_tells_of_its_own_slot(own_database, start_bridge):
    """It is behind where the background worker's is not."""
    bridge = start_bridge(own_database, *replicating(own_database), "--slot", "own")
    wait_until(lambda: ready(bridge), "the bridge to be ready")
    walsender = run(own_database.session, "SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'own'")[0][0]
    os.kill(walsender, signal.SIGSTOP)
    try:
        run(own_database.session, "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000)) FROM generate_series(1, 8)")

        wait_until(lambda: run(own_database.session, "SELECT 1 FROM pg_replication_slots WHERE slot_name <> 'own' "
                               "AND pg_wal_lsn_diff(pg_current_wal_flush_lsn(), confirmed_flush_lsn) < 1000000"),
                   "the background worker to come on")
        wait_until(lambda: min(values(bridge)["slot_lag_bytes"], values(bridge)["decode_lag_bytes"]) > 8e6, "the slot's lag")
    finally:
        os.kill(walsender, signal.SIGCONT)


@pytest.mark.parametrize("setting,headers,status", [
    ("local", {}, 200), ("local", {"X_Forwarded_For": "192.0.2.1"}, 404), ("local", {"Forwarded": "for=192.0.2.1"}, 404),
    ("local", {"Via": "1.1 proxy"}, 404), ("off", {}, 404), ("all", {"X_Forwarded_For": "192.0.2.1"}, 200)])
def test_who_may_see_them(database, start_bridge, setting, headers, status):
    assert scrape(start_bridge(database, "--metrics", setting), **headers).status == status


def test_a_setting_that_is_none():
    run = subprocess.run([BUILD / "converge-bridge", "--check-config", "--metrics", "some"], capture_output=True, text=True)
    assert run.returncode == 2 and "expected off|local|all" in run.stderr
