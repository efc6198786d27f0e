"""How long a document is forwarded to a bridge that shows no ticket again; and whether the
worker lives."""
import pytest

from servers import Notes
from wire import WorkerRequest


@pytest.fixture
def notes(own_server):
    notes = Notes(own_server(**{"converge.watch_timeout": "1s"}))
    yield notes
    notes.close()


def test_a_watch_ends_after_the_time_that_attached_tells(notes):
    notes.document("plan")
    with notes.attach() as bridge:
        assert bridge.attached.watch_ms == 1000
        document = notes.watch(bridge, "plan")
        refused = bridge.reply().refused
        assert (refused.document, refused.message) == (document, "the watch was not renewed in time")


def test_a_ping_is_answered(notes):
    with notes.attach() as bridge:
        assert bridge.attached.answers_ping
        ping = WorkerRequest()
        ping.ping.nonce = 7
        bridge.send(ping)
        assert bridge.reply().pong.nonce == 7
