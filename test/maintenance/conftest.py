import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from cluster import Server  # noqa: E402  (the path comes first)
from documents import Documents  # noqa: E402


@pytest.fixture(scope="module")
def server():
    """A cluster for the tests of one file. Nothing is folded unless a test says when."""
    server = Server(**{"converge.fold_quiet": "1d", "converge.fold_latest": "1d",
                       "max_prepared_transactions": "5", "log_min_messages": "info"})
    yield server
    server.remove()


@pytest.fixture
def documents(server, request):
    """A tracked table with deferred fields, in a database of its own."""
    documents = Documents(server, request.node.name[:60])
    yield documents
    documents.remove()
