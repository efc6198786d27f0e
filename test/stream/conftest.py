import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from cluster import Server  # noqa: E402  (the path comes first)
from servers import Notes  # noqa: E402


@pytest.fixture(scope="module")
def server():
    """A cluster for the tests of one file."""
    server = Server(log_min_messages="info")
    yield server
    server.remove()


@pytest.fixture
def own_server():
    """A cluster for one test, which may do to it what it likes. Settings are its arguments."""
    made = []

    def make(**settings):
        made.append(Server(**settings))
        return made[-1]

    yield make
    for server in made:
        server.remove()


@pytest.fixture(scope="module")
def notes(server):
    """A tracked table of documents in the file's cluster."""
    notes = Notes(server)
    yield notes
    notes.close()
