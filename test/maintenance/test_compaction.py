"""The maintenance worker compacts the log by the settings' rule."""
import time

import pytest

from cluster import Server, wait_until
from documents import Documents


@pytest.fixture(scope="module")
def server():
    """A worker that looks every second, for documents with ten changes that are old enough."""
    server = Server(**{"converge.fold_quiet": "0", "converge.compact_naptime": "1s", "converge.compact_changes": "10",
                       "converge.compact_keep": "-1", "log_min_messages": "info"})
    yield server
    server.remove()


def logged(documents, key):
    return documents.session.value(
        "SELECT count(*) FROM converge.change JOIN converge.document USING (tenant, document) WHERE key = %s", key)


def sweeps(documents, count=1):
    """Waits until the worker has gone through the log so many times at least, and has rested."""
    time.sleep(count + 0.5)


def push_tags(documents, key, count, replica=1):
    verdicts = documents.push({key: [f"{replica}-{n}" for n in range(count)]}, replica)
    assert verdicts == [0] * count


def test_old_changes_go_into_the_snapshot_and_young_ones_stay(documents):
    documents.wait_for_worker()
    documents.make("many", "few", "kept")
    for key, count in (("many", 12), ("few", 5)):
        push_tags(documents, key, count)
    sweeps(documents)
    assert logged(documents, "many") == 13, "the default is off here"

    # The row's own first change counts as well.
    documents.session.run("SELECT converge.keep_log('note', '0')")
    wait_until(lambda: logged(documents, "many") == 0, "the compaction")
    assert logged(documents, "few") == 6
    # It is counted after it is committed.
    wait_until(lambda: documents.status()["documents_compacted"] == 1, "the count of documents")
    wait_until(lambda: documents.status()["changes_compacted"] == 13, "the count of changes")
    assert documents.verify("many") and len(documents.tags("many")) == 12

    # Below the threshold again; then above.
    push_tags(documents, "many", 3, replica=2)
    sweeps(documents)
    assert logged(documents, "many") == 3
    push_tags(documents, "many", 9, replica=3)
    wait_until(lambda: logged(documents, "many") == 0, "the next compaction")
    assert documents.verify("many") and len(documents.tags("many")) == 24

    # What is younger than the collection keeps stays, and so does all where it is off.
    documents.session.run("SELECT converge.keep_log('note', '1 hour')")
    push_tags(documents, "kept", 20)
    sweeps(documents)
    documents.session.run("SELECT converge.keep_log('note', NULL)")
    sweeps(documents)
    assert logged(documents, "kept") == 21
    documents.session.run("UPDATE converge.change SET recorded_at = recorded_at - interval '1 day' WHERE seq <= 15")
    documents.session.run("SELECT converge.keep_log('note', '1 hour')")
    wait_until(lambda: logged(documents, "kept") == 5, "the old ones to go")
    assert documents.verify("kept")
    # A resend of what went is known, and what comes next is the next number.
    assert documents.push({"kept": ["more"]}) == [0]
    assert documents.verify("kept")


def test_a_change_that_no_state_holds_stays(documents):
    """Unfolded, in quarantine, or perhaps not yet in everybody's snapshot."""
    documents.wait_for_worker()
    session = documents.session
    documents.make("a", "b")
    session.run("""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.tags::text[] @> '{1-0}' THEN RAISE 'not this one'; END IF; RETURN NEW; END $$""")
    session.run("CREATE TRIGGER refuse BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION refuse()")
    push_tags(documents, "a", 12)
    wait_until(lambda: documents.unfolded() == 0, "the fold")
    session.run("SELECT converge.keep_log('note', '0')")
    wait_until(lambda: logged(documents, "a") == 12, "the row's own change to go")
    sweeps(documents)
    assert logged(documents, "a") == 12, "it went alone"

    # Given up, it does not stand in the way any more, and is in no state.
    session.run("SELECT converge.quarantine_drop(id) FROM converge.quarantine")
    push_tags(documents, "a", 1, replica=2)
    wait_until(lambda: logged(documents, "a") == 0, "the compaction")
    assert documents.verify("a")
    assert documents.tags("a") == {f"1-{n}" for n in range(1, 12)} | {"2-0"}
    assert session.value("SELECT count(*) FROM converge.quarantine") == 0
    session.run("DROP TRIGGER refuse ON note")

    # A transaction that began before them is running.
    with documents.server.connect(documents.database) as old:
        with old.transaction():
            old.run("SELECT pg_current_xact_id()")
            push_tags(documents, "b", 12)
            wait_until(lambda: logged(documents, "b") == 12, "the row's own change to go")
            sweeps(documents)
            assert logged(documents, "b") == 12, "it went alone"
        wait_until(lambda: logged(documents, "b") == 0, "the compaction")
    assert documents.verify("b")


def test_a_locked_row_is_passed_over(documents):
    documents.wait_for_worker()
    documents.make("a", "b")
    push_tags(documents, "a", 12)
    push_tags(documents, "b", 12)
    wait_until(lambda: documents.unfolded() == 0, "the fold")
    documents.session.run("SELECT pg_current_xact_id()")
    with documents.server.connect(documents.database) as other:
        with other.transaction():
            other.run("SELECT FROM note WHERE id = 'a' FOR NO KEY UPDATE")
            documents.session.run("SELECT converge.keep_log('note', '0')")
            wait_until(lambda: logged(documents, "b") == 0, "the other document")
            assert logged(documents, "a") == 13
        wait_until(lambda: logged(documents, "a") == 0, "the document that was locked")
    assert documents.verify("a")


def test_a_temporary_key_is_forgotten_after_its_lifetime(documents):
    documents.wait_for_worker()
    documents.session.run("""INSERT INTO converge.temporary_key
        SELECT 'acme', 1, 'ann', name, 1, now() - age::interval
          FROM (VALUES ('old', '31 days'), ('young', '29 days')) AS t(name, age)""")
    wait_until(lambda: documents.session.run("SELECT temporary_key FROM converge.temporary_key") == [("young",)],
               "the old one to go")
