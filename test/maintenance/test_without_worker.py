"""A server that was started without converge: there is no worker."""
import pytest

from cluster import Server
from documents import Documents


@pytest.fixture(scope="module")
def server():
    server = Server(shared_preload_libraries="")
    yield server
    server.remove()


def test_who_defers_fields_is_warned(server, documents):
    session = documents.session
    notices = session.connection.notices
    assert [notice.splitlines()[0] for notice in notices] == ["WARNING:  nothing folds deferred fields on this server"]
    notices.clear()
    session.run("SELECT converge.defer('note', '{}')")
    assert notices == []
    session.run("SELECT converge.defer('note', '{tags}')")
    assert "nothing folds deferred fields" in notices[0]
    # What is pushed is kept, and folded by hand.
    documents.make("a")
    assert documents.push({"a": ["x"]}) == [0]
    assert documents.tags("a") == set()
    assert session.value("SELECT converge.fold('note')") == 1
    assert documents.tags("a") == {"x"}
    assert documents.status()["state"] == "absent"
