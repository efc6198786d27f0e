"""The background worker is there and does nothing, as one that is stopped or hangs: its
socket is as ever, and nothing comes, as where nothing happens."""
import os
import signal
import time

import pytest

from database import value, wait_until
from test_replication_source import ready
from test_subscribe import edit
from test_worker_loss import attached, hear_all


@pytest.fixture
def stopped_worker(database):
    """stopped_worker() stops it until the test ends, or what that gives is called."""
    pids = []

    def go_on():
        while pids:
            os.kill(pids.pop(), signal.SIGCONT)

    def stop():
        pids.append(value(database.session, "SELECT pid FROM converge.worker_status()"))
        os.kill(pids[0], signal.SIGSTOP)
        return go_on

    yield stop
    go_on()


def test_a_worker_that_is_stopped_is_noticed(database, start_bridge, connect, stopped_worker):
    bridge = start_bridge(database, "--worker-timeout", "1s")
    database.insert("plan")
    peer = connect(bridge, document="plan")
    wait_until(lambda: ready(bridge), "the bridge to be ready")
    go_on = stopped_worker()
    wait_until(lambda: not ready(bridge), "the bridge to notice", 20)
    assert "gives no sign of life" in bridge.log()
    edit(database, "plan", "n", 1)
    assert peer.push_and_wait()
    go_on()
    wait_until(lambda: attached(bridge) == 2, "the worker again")
    hear_all(database, peer)
    assert ready(bridge)


def test_a_worker_that_has_nothing_to_say_stays(database, start_bridge, connect):
    bridge = start_bridge(database, "--worker-timeout", "200ms")
    database.insert("plan")
    peer = connect(bridge, document="plan")
    time.sleep(1)
    edit(database, "plan", "n", 1)
    peer.next("changes")
    assert attached(bridge) == 1


def test_who_does_not_want_to_know_waits(database, start_bridge, connect, stopped_worker):
    bridge = start_bridge(database, "--worker-timeout", "0ms")
    database.insert("plan")
    peer = connect(bridge, document="plan")
    go_on = stopped_worker()
    edit(database, "plan", "n", 1)
    time.sleep(0.3)
    go_on()
    peer.next("changes")
    assert attached(bridge) == 1
