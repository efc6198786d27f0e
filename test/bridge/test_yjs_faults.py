"""What fails while Yjs editors are open and typed into: the editors recover by
themselves, nothing that was typed is lost, and nothing is there twice."""
import signal
import time

import pytest

from database import run, wait_until
from test_faults import kill_worker
from test_worker_loss import stop_stream
from yjs_editors import Editor, Editors, make_pages, page_text

KINDS = ("y-websocket", "hocuspocus")
WRITERS = "abcd"


def kill_bridge(bridge, database):
    bridge.process.send_signal(signal.SIGKILL)
    bridge.process.wait()
    bridge.start()


def restart_bridge(bridge, database):
    bridge.stop()
    time.sleep(0.2)  # the editors find nobody there
    bridge.start()


def end_stream(bridge, database):
    wait_until(lambda: stop_stream(database, "worker"), "the worker")


def crash_worker(bridge, database):
    kill_worker(database)
    database.reconnect()


def restart_server(bridge, database):
    database.server.stop()
    database.server.start()
    database.reconnect()


def crash_server(bridge, database):
    database.server.crash()
    database.server.start()
    database.reconnect()


FAULTS = (kill_bridge, restart_bridge, end_stream, crash_worker, restart_server, crash_server)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_editors_survive(own_database, start_bridge, fault):
    make_pages(own_database, ["body"])
    bridge = start_bridge(own_database)
    node = Editors()
    editors = [Editor(node, bridge, KINDS[n % 2], principal=f"user {n}") for n in range(len(WRITERS))]
    typing = [editor.begin("type", word=writer, pause=20) for writer, editor in zip(WRITERS, editors)]

    def words():
        return page_text(own_database).split()

    for faults_left in (2, 1, 0):
        # Of each of them since the last fault.
        before = {writer: sum(word[0] == writer for word in words()) for writer in WRITERS}
        wait_until(lambda: all(sum(word[0] == writer for word in words()) > before[writer] + 5 for writer in WRITERS),
                   "words of every editor in the row", 60)
        if faults_left:
            fault(bridge, own_database)
    for editor in editors:
        editor.stop_typing()
    wanted = sorted(f"{writer}{number}" for writer, count in zip(WRITERS, typing) for number in range(count.result(60)))
    wait_until(lambda: sorted(words()) == wanted, "every word once in the row", 60)
    text = page_text(own_database)
    wait_until(lambda: all(editor.text() == text for editor in editors), "the row's text in every editor", 60)
    for editor in editors:
        editor.saved()
        assert not [event for event in editor.events() if "denied" in event or "stateless" in event]
    # What a provider offered again was not logged again.
    assert [] == run(own_database.session, """
        SELECT string_agg(concat_ws(' ', principal, replica, seq), ', ') FROM converge.change
         WHERE principal <> '' GROUP BY payload HAVING count(*) > 1""")
    node.stop()
