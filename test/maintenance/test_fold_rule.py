"""When the maintenance worker folds a document."""
import pathlib
import time

import psycopg2
import pytest

from cluster import wait_until


@pytest.fixture
def settings(server):
    """Sets settings for one test."""
    changed = set()

    def set_(**values):
        changed.update(values)
        server.set(**{f"converge.{name}": value for name, value in values.items()})

    yield set_
    server.set(**{f"converge.{name}": "'1d'" if name != "fold_changes" else "500" for name in changed})


def test_a_document_is_folded_when_it_has_been_quiet(documents, settings):
    settings(fold_quiet="'400ms'")
    documents.make("a")
    documents.wait_for_worker()
    began = time.monotonic()
    assert documents.push({"a": ["x"]}) == [0]
    wait_until(lambda: documents.tags("a") == {"x"}, "the fold")
    assert time.monotonic() - began >= 0.4
    assert documents.unfolded() == 0
    assert documents.verify("a")


def test_a_change_that_comes_after_the_last_fold_is_folded_in_time_too(documents, settings):
    settings(fold_quiet="0")
    documents.make("a")
    documents.wait_for_worker()
    for tags in [{"x"}, {"x", "y"}, {"x", "y", "z"}]:
        began = time.monotonic()
        documents.push({"a": [max(tags)]})
        wait_until(lambda: documents.tags("a") == tags, "the fold")
        assert time.monotonic() - began < 10


def test_a_busy_document_is_folded_after_so_many_changes(documents, settings):
    settings(fold_changes="5")
    documents.make("a", "b")
    documents.wait_for_worker()
    documents.push({"a": ["1", "2", "3", "4"], "b": ["1"]})
    assert documents.tags("a") == set()
    documents.push({"a": ["5"]})
    wait_until(lambda: documents.tags("a") == {"1", "2", "3", "4", "5"}, "the fold")
    assert documents.tags("b") == set()


def test_a_change_waits_no_longer_than_the_latest(documents, settings):
    settings(fold_latest="'700ms'")
    documents.make("a")
    documents.wait_for_worker()
    deadline = time.monotonic() + 60
    number = 0
    while not documents.tags("a"):
        documents.push({"a": [str(number)]})
        number += 1
        assert time.monotonic() < deadline
    assert documents.verify("a")


def test_a_shorter_rule_is_for_what_waits_already_too(documents, settings):
    documents.make("a", "b")
    documents.wait_for_worker()
    documents.push({"a": ["1"], "b": ["1"]})
    wait_until(lambda: documents.status()["documents_waiting"] == 2, "the worker to know of them")
    settings(fold_quiet="0")
    wait_until(lambda: documents.tags("a") == documents.tags("b") == {"1"}, "the folds")


def test_the_status_tells_what_waits(documents):
    documents.make("a", "b")
    documents.wait_for_worker()
    documents.push({"a": ["1", "2"], "b": ["1"]})

    def all_known():
        status = documents.status()
        known = (status["documents_waiting"], status["changes_waiting"]) == (2, 3) and status["waiting_since"]
        return known and status
    assert wait_until(all_known, "the backlog")["problem"] is None


def test_without_changes_the_worker_sleeps(documents):
    documents.make("a")
    pid = documents.wait_for_worker()

    def switches():
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("voluntary_ctxt_switches")))

    def sleeps():
        before = switches()
        time.sleep(1.5)
        return switches() - before <= 1
    wait_until(sleeps, "a second and a half without waking")


def test_more_documents_than_notes_have_room_for_are_all_folded(documents, settings):
    settings(fold_quiet="0")
    keys = [f"a document with a rather long key {n}" for n in range(6000)]
    documents.make(*keys)
    documents.wait_for_worker()
    assert set(documents.push({key: ["x"] for key in keys})) == {0}
    wait_until(lambda: documents.unfolded() == 0, "the folds")
    assert documents.session.value("SELECT count(*) FROM note WHERE NOT tags OPERATOR(converge.?) 'x'") == 0


def test_a_prepared_transaction_is_folded_when_it_has_committed(documents, settings):
    settings(fold_quiet="0")
    documents.make("a")
    documents.wait_for_worker()
    request = documents.request({"a": ["x"]})
    documents.session.run("BEGIN")
    documents.session.run("SELECT converge.push(%s)", request)
    documents.session.run("PREPARE TRANSACTION 'p'")
    time.sleep(0.3)
    assert documents.tags("a") == set()
    documents.session.run("COMMIT PREPARED 'p'")
    wait_until(lambda: documents.tags("a") == {"x"}, "the fold")


def test_the_worker_heeds_the_rest_though_documents_stay_due(documents, settings):
    """What is noted for the audit is written while many, or slow ones, wait."""
    keys = [f"slow {number}" for number in range(200)]
    documents.make(*keys)
    slowly = """CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(%s); RETURN NEW; END $$"""
    documents.session.run(slowly, 0.3)
    documents.push({key: ["1"] for key in keys})
    documents.session.run("CREATE TRIGGER slowly BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION slowly()")
    settings(fold_quiet="0")
    wait_until(lambda: 0 < documents.unfolded() < len(keys), "the first folds")
    with pytest.raises(psycopg2.Error):
        documents.session.run("SELECT converge.authenticate(%s)", documents.token[:-4] + "AAAA")
    wait_until(lambda: documents.session.run(
        "SELECT 1 FROM converge.audit WHERE event = 'authentication_failure'"), "the audit's row")
    assert documents.unfolded() > 0
    documents.session.run(slowly, 0)
    wait_until(lambda: documents.unfolded() == 0, "the rest")
