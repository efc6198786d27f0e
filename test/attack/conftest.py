"""The attack suite: two tenants, each with a canary in everything that is its own,
and one of them, people without a tenant and people without a token trying every way
to the other's. Clusters, clients and raw connections are those of the other suites."""
import pathlib
import sys

import pytest

TEST = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TEST / suite) for suite in ("attack", "bridge", "e2e", "stream", "support")]

from clients import Bridge  # noqa: E402  (the path comes first)
from database import Server  # noqa: E402
from tokens import Keys  # noqa: E402
from world import World  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "globex_writes: the test changes what is globex's, as globex")


@pytest.fixture(scope="session")
def world():
    """The database of both tenants. Nothing in the suite may change what is globex's."""
    # What clients have pushed to a deferred field waits all the while.
    server = Server(**{"converge.fold_quiet": "1h", "converge.fold_latest": "1h"})
    world = World(server)
    yield world
    world.close()
    server.remove()


@pytest.fixture(scope="session")
def bridge(world):
    """A bridge of the world, which says all that it ever logs."""
    with Bridge(world, "--verbose", "--web", str(TEST / "attack"),
                "--max-message", "256kB", "--send-queue", "256kB", "--sql-box", world.conninfo("sql_box")) as bridge:
        world.fill(bridge)
        yield bridge


@pytest.fixture(scope="session")
def keys(world):
    return Keys(world)


@pytest.fixture(autouse=True)
def globex_is_as_it_was(world, bridge, request):
    """After each test everything of globex is what it was before, but where the test is
    marked to have globex write."""
    before = world.fingerprint()
    yield
    if not request.node.get_closest_marker("globex_writes"):
        assert world.fingerprint() == before, "something of globex's was changed"
