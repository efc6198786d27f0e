import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from cluster import Server  # noqa: E402  (the path comes first)
from states import make_states  # noqa: E402


def new_server():
    server = Server()
    yield server
    server.remove()


server = pytest.fixture(scope="session")(new_server)
other_server = pytest.fixture(scope="session")(new_server)


@pytest.fixture(scope="session")
def states(server):
    """A session in a database with the table doc, which holds states of every type."""
    with server.connect() as session:
        session.run("CREATE EXTENSION converge")
        make_states(session)
        yield session
