"""What goes wrong while documents are folded: nothing is lost, nothing is done twice, and the others go on."""
import os
import random
import signal
import threading
import time

import psycopg2
import pytest

from cluster import Server, wait_until
from documents import Documents

OK, DUPLICATE, UNAVAILABLE = 0, 1, 12


@pytest.fixture
def eager():
    """A database in a cluster of its own, whose worker folds at once."""
    server = Server(**{"converge.fold_quiet": "0", "log_min_messages": "info", "restart_after_crash": "on"})
    documents = Documents(server, "eager")
    yield documents
    server.remove()


def test_a_change_that_raises_is_put_aside_and_the_rest_is_folded(eager):
    eager.session.run("""CREATE FUNCTION no_bad() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.tags OPERATOR(converge.?) 'bad' THEN RAISE 'no bad tags'; END IF; RETURN NEW; END $$""")
    eager.session.run("CREATE TRIGGER no_bad BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION no_bad()")
    eager.make("a", "b")
    assert eager.push({"a": ["1", "bad", "2"], "b": ["3"]}) == [0, 0, 0, 0]
    wait_until(lambda: eager.unfolded() == 0, "the folds")
    assert (eager.tags("a"), eager.tags("b")) == ({"1", "2"}, {"3"})
    assert eager.session.run("SELECT seq, message FROM converge.quarantine") == [(2, "no bad tags")]
    wait_until(lambda: eager.status()["changes_quarantined"] == 1, "the count")
    assert eager.verify("a")


def test_what_a_trigger_sets_is_not_set_for_the_next_fold(eager):
    eager.session.run("""CREATE FUNCTION unsettling() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM set_config('default_transaction_read_only', 'on', false); RETURN NEW; END $$""")
    eager.session.run("CREATE TRIGGER unsettling BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION unsettling()")
    eager.make("a", "b")
    for key in ["a", "b"]:
        eager.push({key: ["1"]})
        wait_until(lambda: eager.tags(key) == {"1"}, "the fold")


def test_what_a_database_sets_for_its_sessions_keeps_nothing_from_being_folded(eager):
    eager.make("a")
    for setting in ["default_transaction_read_only = on", "default_transaction_isolation = serializable"]:
        eager.session.run(f"ALTER DATABASE eager SET {setting}")
    worker = eager.wait_for_worker()
    eager.session.run("SELECT pg_terminate_backend(%s)", worker)
    wait_until(lambda: eager.wait_for_worker() != worker, "the next worker")
    eager.push({"a": ["1"]})
    wait_until(lambda: eager.tags("a") == {"1"}, "the fold")


def test_a_row_that_is_locked_is_folded_when_it_is_free(documents):
    documents.make("a", "b")
    documents.wait_for_worker()
    documents.push({"a": ["1"], "b": ["1"]})
    with documents.server.connect(documents.database) as other:
        other.run("BEGIN")
        other.run("SELECT FROM note WHERE id = 'a' FOR UPDATE")
        documents.server.set(**{"converge.fold_quiet": "0"})
        try:
            wait_until(lambda: documents.tags("b") == {"1"}, "the other document's fold")
            assert documents.tags("a") == set()
            time.sleep(0.5)
            assert documents.tags("a") == set()
            other.run("COMMIT")
            wait_until(lambda: documents.tags("a") == {"1"}, "the fold")
        finally:
            documents.server.set(**{"converge.fold_quiet": "DEFAULT"})


def test_what_no_change_is_to_blame_for_is_told_and_tried_again(eager):
    eager.session.run("CREATE ROLE nobody_much")
    eager.session.run("GRANT CREATE ON SCHEMA public TO nobody_much")
    eager.session.run("CREATE TABLE seen (id text)")
    eager.session.run("""CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO seen VALUES (NEW.id); RETURN NEW; END $$""")
    eager.session.run("CREATE TRIGGER witness BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION witness()")
    eager.make("a")
    eager.session.run("ALTER TABLE note OWNER TO nobody_much")
    eager.push({"a": ["1"]})
    wait_until(lambda: eager.status()["problem"] == "permission denied for table seen", "the problem")
    assert eager.session.value("SELECT count(*) FROM converge.quarantine") == 0
    assert eager.tags("a") == set()
    eager.session.run("GRANT INSERT ON seen TO nobody_much")
    wait_until(lambda: eager.tags("a") == {"1"}, "the fold")
    wait_until(lambda: eager.status()["problem"] is None, "the problem to be gone")


def kill_workers(server, ended, killed):
    """Kills the maintenance worker, and with it every session of the server, every now and then."""
    pauses = random.Random(7)
    while not ended.wait(pauses.uniform(0.3, 1.0)):
        try:
            with server.connect("eager") as session:
                pid = session.value("SELECT pid FROM converge.maintenance_status()")
            if pid and pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        except (psycopg2.Error, ProcessLookupError):
            pass


def is_up_again(documents, killed):
    """Whether a worker runs that was not killed. Just after a kill the server may not have noticed yet."""
    try:
        status = documents.status()
        return status["state"] == "running" and status["pid"] not in killed
    except psycopg2.Error:
        documents.reconnect()
        return False


def push_until_decided(documents, request):
    """Nobody knows whether a push was committed whose session was lost: asked again, it is a duplicate."""
    while True:
        try:
            codes = set(documents.codes(documents.session.value("SELECT converge.push(%s)", psycopg2.Binary(request))))
        except psycopg2.Error:
            documents.reconnect()
            continue
        assert codes <= {OK, DUPLICATE, UNAVAILABLE}
        if UNAVAILABLE not in codes:
            return


def test_a_worker_that_is_killed_again_and_again_loses_and_doubles_nothing(eager):
    keys = [f"k{n}" for n in range(20)]
    eager.make(*keys)
    eager.wait_for_worker()
    ended = threading.Event()
    killed = []
    killer = threading.Thread(target=kill_workers, args=(eager.server, ended, killed))
    killer.start()
    pushed = set()
    try:
        deadline = time.monotonic() + 60
        while len(killed) < 6 and time.monotonic() < deadline:
            tag = f"t{len(pushed)}"
            try:
                request = eager.request({key: [tag] for key in keys})
            except psycopg2.Error:
                eager.reconnect()
                continue
            push_until_decided(eager, request)
            pushed.add(tag)
    finally:
        ended.set()
        killer.join()
    wait_until(lambda: is_up_again(eager, killed), "the server")
    assert killed and pushed
    wait_until(lambda: eager.unfolded() == 0, "the folds")
    for key in keys:
        assert eager.tags(key) == pushed
        assert eager.verify(key)
    assert eager.session.value("SELECT count(*) FROM converge.quarantine") == 0
    # What the folds wrote was not logged a second time: the server's own changes are the insertions.
    assert eager.session.value(
        "SELECT count(*) FROM converge.change WHERE replica <> 1") == len(keys)


def test_what_a_crash_of_the_server_left_unfolded_is_folded_afterwards(documents):
    documents.make("a")
    documents.wait_for_worker()
    documents.push({"a": ["1", "2"]})
    documents.server.crash()
    documents.server.settings["converge.fold_quiet"] = "0"
    documents.server.start()
    documents.reconnect()
    wait_until(lambda: documents.tags("a") == {"1", "2"}, "the fold")
    documents.server.settings["converge.fold_quiet"] = "1d"
    documents.server.stop()
    documents.server.start()
    documents.reconnect()


def test_nobody_waits_for_a_folds_commit_to_reach_the_disk(eager):
    eager.session.run("CREATE TABLE commit_of_fold (setting text)")
    eager.session.run("""CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.commit_of_fold VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$""")
    eager.session.run("CREATE TRIGGER witness BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION witness()")
    eager.make("a")
    eager.push({"a": ["1"]})
    wait_until(lambda: eager.tags("a") == {"1"}, "the fold")
    assert eager.session.run("SELECT DISTINCT setting FROM commit_of_fold") == [("off",)]


def test_a_database_is_dropped_while_documents_wait(documents):
    documents.make("a")
    documents.wait_for_worker()
    documents.push({"a": ["1"]})
    documents.session.close()
    with documents.server.connect() as admin:
        admin.run(f'DROP DATABASE "{documents.database}"')


def test_the_worker_ends_with_the_extension_and_comes_again(documents):
    pid = documents.wait_for_worker()
    documents.session.run("DROP EXTENSION converge CASCADE")
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the worker's end")
    documents.session.run("CREATE EXTENSION converge")
    assert documents.wait_for_worker() != pid
