"""What the end-to-end tests stand on: a private cluster, a database with a
tracked table and two tenants, a bridge, and live clients."""
import os
import pathlib
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from clients import Bridge, Client, ROOT  # noqa: E402  (the path comes first)
from database import Database, Server  # noqa: E402

SHARED_TRACES = ROOT.parent / "shared" / "traces"


@pytest.fixture(scope="session")
def server():
    """The cluster that the tests share, each with a database of its own."""
    server = Server()
    yield server
    server.remove()


@pytest.fixture
def own_server():
    """A cluster for one test, which may crash it."""
    server = Server()
    yield server
    server.remove()


@pytest.fixture
def database(server):
    database = Database(server)
    yield database
    database.drop()


@pytest.fixture
def own_database(own_server):
    database = Database(own_server)
    yield database
    database.close()


@pytest.fixture
def make_database():
    """make_database(server) makes one on a server of the test's own."""
    made = []

    def make(server):
        made.append(Database(server))
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture
def bridge(database):
    with Bridge(database) as bridge:
        yield bridge


@pytest.fixture
def clients():
    """connect(bridge, document, …) makes a live client that ends with the test."""
    made = []

    def connect(bridge, document, tenant="acme", principal="alice", token=None, options=()):
        client = Client(bridge, document, token or bridge.database.token(tenant, principal), options)
        made.append(client)
        return client

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def own_session():
    """The recorded session that comes with the project."""
    return ROOT / "test/e2e/session.json.gz"


@pytest.fixture
def trace():
    """trace(name) gives a recorded session's path, or skips where it is absent."""
    def find(name):
        path = SHARED_TRACES / name
        if not path.exists():
            pytest.skip(f"the recorded session {name} is not here")
        return path
    return find
