"""Tests of the bridge alone, over raw connections. Clusters, databases and the
raw WebSocket are those of the end-to-end tests."""
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "support")]

from clients import Bridge  # noqa: E402  (the path comes first)
from database import Database, Server  # noqa: E402
from frames import RawClient  # noqa: E402
from peer import Peer  # noqa: E402
from replication import replicating  # noqa: E402
from yjs_editors import Editors  # noqa: E402


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    server.remove()


@pytest.fixture
def database(server):
    database = Database(server)
    yield database
    database.drop()


@pytest.fixture
def own_database():
    """A database in a cluster for one test, which may crash it."""
    server = Server()
    database = Database(server)
    yield database
    database.close()
    server.remove()


def pytest_generate_tests(metafunc):
    """Tests marked `sources` run for each source of the stream that the mark names."""
    mark = metafunc.definition.get_closest_marker("sources")
    if mark and "source" in metafunc.fixturenames:
        metafunc.parametrize("source", mark.args)


def pytest_configure(config):
    config.addinivalue_line("markers", "sources(name, …): the bridge's --source, each in turn")


@pytest.fixture
def source():
    return "worker"


@pytest.fixture
def start_bridge(source):
    """start_bridge(database, option…) gives a bridge that ends with the test."""
    made = []

    def start(database, *options):
        if source == "replication":
            options = (*replicating(database), *options)
        bridge = Bridge(database, *options)
        made.append(bridge)
        return bridge

    yield start
    for bridge in made:
        if bridge.process.poll() is None:
            bridge.stop()


@pytest.fixture
def bridge(database, start_bridge):
    return start_bridge(database)


@pytest.fixture
def connect(start_bridge):
    """connect(bridge, …) gives a Peer that said Hello, and leaves with the test:
    before the bridges, which give those they sent away some seconds to go."""
    made = []

    def connect(bridge, tenant="acme", principal="alice", document=None, hello=True, **more):
        peer = Peer(bridge, **more)
        made.append(peer)
        if hello:
            peer.say_hello(bridge.database.token(tenant, principal))
        if document:
            peer.follow("note", document)
        return peer

    yield connect
    for peer in made:
        peer.close()


@pytest.fixture(scope="module")
def node():
    """Where the Yjs editors of a file run."""
    editors = Editors()
    yield editors
    editors.stop()


@pytest.fixture(scope="session")
def conformance(server):
    """A bridge for the tests of the protocol below the messages, and a token for it."""
    database = Database(server)
    bridge = Bridge(database)
    bridge.token = database.token()
    yield bridge
    bridge.stop()
    database.drop()


@pytest.fixture
def raw(conformance):
    """raw(…) gives a RawClient that said Hello on a connection it upgraded."""
    made = []

    def connect(upgrade=True, hello=True, **more):
        client = RawClient(conformance.address)
        made.append(client)
        if upgrade:
            client.headers = client.upgrade(**more)
            if hello:
                client.say_hello(conformance.token)
        return client

    yield connect
    for client in made:
        client.close()
