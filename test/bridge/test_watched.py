"""Who subscribes to a document that somebody follows already is served by one pull,
without a watch of its own: what it must not miss, nor get."""
import contextlib
import threading

import pytest

from database import run, wait_until
from test_access import EDIT, grant, is_refused, isolated, numbers  # noqa: F401  (a fixture)
from test_subscribe import edit, version_of
from wire import code_name

pytestmark = pytest.mark.sources("worker", "replication")


@contextlib.contextmanager
def unseen(database, *statements):
    """The statements are committed and decoded, in their order, and not visible meanwhile."""
    sessions = [database.connect() for _ in statements]
    threads = [threading.Thread(target=run, args=each) for each in zip(sessions, statements)]

    def waits(session):
        return run(database.session, "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'SyncRep'",
                   session.info.backend_pid)

    with database.server.commits_unseen():
        for session, thread in zip(sessions, threads):
            thread.start()
            wait_until(lambda: waits(session), "the commit to wait")
        yield
    for thread in threads:
        thread.join(60)
    for session in sessions:
        session.close()


def test_a_change_that_is_not_visible_yet_is_waited_for(database, bridge, connect):
    """It was passed on before the newcomer came, and is not in a snapshot of that moment."""
    database.insert("plan")
    first = connect(bridge, document="plan")
    before = len(database.log("plan"))
    with unseen(database, EDIT.format(1)):
        first.next("changes")
        assert len(database.log("plan")) == before
        late = connect(bridge)
        late.ask_to_follow("note", "plan")
        assert late.quiet(0.7, "subscribed"), "subscribed without a change that will not come again"
    subscribed = late.next("subscribed")
    assert sum(version_of(database, subscribed.pull.log_version).values()) == len(database.log("plan")) == before + 1
    edit(database, "plan", "n", 2)
    late.next("changes")


def test_a_permission_whose_end_is_not_visible_yet_does_not_count(isolated, start_bridge, connect):  # noqa: F811
    """The stream told of it before the newcomer came, whose snapshot shows it still."""
    bridge = start_bridge(isolated, "--recheck-interval", "1h")
    grant(isolated, "bob", "read", "other")
    bob = connect(bridge, principal="bob", document="plan")
    plan = bob.channel
    other = bob.follow("note", "other").channel
    with unseen(isolated, "SELECT converge.set_permission('acme', 'alice', 'none', 'note', 'plan')",
                EDIT.format(1).replace("'plan'", "'other'")):
        assert bob.next("changes").channel == other  # so the bridge knows of both
        alice = connect(bridge, principal="alice")
        alice.ask_to_follow("note", "plan")
        alice.ping()
    run(isolated.session, EDIT.format(2))
    assert bob.next("changes").channel == plan
    is_refused(alice)
    assert numbers(alice) == []


def test_who_may_not_read_is_told_so_and_nothing_else(isolated, bridge, connect):  # noqa: F811
    bob = connect(bridge, principal="bob", document="plan")
    mallory = connect(bridge, principal="mallory")
    for _ in range(3):
        request = mallory.ask_to_follow("note", "plan")
        problem = mallory.next("problem")
        assert (code_name(problem.code), problem.request) == ("CODE_UNKNOWN_DOCUMENT", request)
    run(isolated.session, EDIT.format(1))
    bob.next("changes")
    assert mallory.quiet()


def test_a_document_that_was_made_anew_is_another_one(database, bridge, connect):
    database.insert("plan", body="old")
    first = connect(bridge, document="plan")
    old = first.follow("note", "plan").pull.incarnation
    run(database.session, "DELETE FROM note WHERE id = 'plan'")
    database.insert("plan", body="new")
    late = connect(bridge)
    assert late.follow("note", "plan").pull.incarnation not in (0, old)
    edit(database, "plan", "n", 1)
    assert late.next("changes").channel == late.channel
