"""/metrics, as Prometheus reads it."""
import http.client
import re
import subprocess

import pytest

from clients import BUILD
from database import wait_until


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


def test_what_the_database_says_of_itself(database, bridge):
    # The worker confirms once a second, and the bridge asks every five.
    def sampled():
        return values(bridge)["slot_lag_bytes"] > 0
    wait_until(sampled, "the slot's lag")
    assert {"decode_lag_bytes", "fold_backlog_changes", "send_queue_bytes"} <= set(values(bridge))


@pytest.mark.parametrize("setting,headers,status", [
    ("local", {}, 200), ("local", {"X_Forwarded_For": "192.0.2.1"}, 404), ("local", {"Forwarded": "for=192.0.2.1"}, 404),
    ("local", {"Via": "1.1 proxy"}, 404), ("off", {}, 404), ("all", {"X_Forwarded_For": "192.0.2.1"}, 200)])
def test_who_may_see_them(database, start_bridge, setting, headers, status):
    assert scrape(start_bridge(database, "--metrics", setting), **headers).status == status


def test_a_setting_that_is_none():
    run = subprocess.run([BUILD / "converge-bridge", "--check-config", "--metrics", "some"], capture_output=True, text=True)
    assert run.returncode == 2 and "expected off|local|all" in run.stderr
