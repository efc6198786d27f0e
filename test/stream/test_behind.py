"""What a worker heeds while it is behind: it has much to read in which nothing is for it."""
import contextlib
import os
import signal

import pytest

from cluster import wait_until
from servers import Notes

MEBIBYTES = 128


@pytest.fixture
def elsewhere(notes):
    """A session in a database whose changes are no worker's."""
    notes.session.run("CREATE DATABASE elsewhere")
    session = notes.server.connect("elsewhere")
    yield session
    session.close()
    notes.session.run("DROP DATABASE elsewhere")


@contextlib.contextmanager
def stopped(*pids):
    """Processes that do nothing meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def write_much(session, transactional=False):
    """Gives the position behind half of it."""
    half = None
    for number in range(MEBIBYTES // 8):
        if number == MEBIBYTES // 16:
            half = session.value("SELECT pg_current_wal_insert_lsn()")
        session.run("SELECT pg_logical_emit_message(%s, 'much', repeat('x', 8 * 1024 * 1024))", transactional)
    return half


def flush(session):
    session.run("SELECT pg_logical_emit_message(true, 'much', 'the end')")


def wait_until_read(notes):
    """Until the worker has nothing to read of its own database."""
    end = notes.session.value("SELECT pg_current_wal_insert_lsn()")
    wait_until(lambda: notes.session.value("SELECT confirmed_lsn >= %s FROM converge.worker_status()", end),
               "the worker to have read what there is")


def ended_before(notes, slot, position):
    """Whether the worker, which writes into its slot how far it came, ends, and before that position."""
    wait_until(lambda: not notes.session.value("SELECT active FROM pg_replication_slots WHERE slot_name = %s", slot),
               "the worker to end")
    return notes.session.value("SELECT confirmed_flush_lsn < %s FROM pg_replication_slots WHERE slot_name = %s",
                               position, slot)


def launcher_of(notes):
    return notes.session.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'converge launcher'")


@pytest.mark.parametrize("whose", ["of another database", "of a transaction that goes on"])
def test_sigterm_ends_a_worker_that_is_behind_before_it_has_read_it_all(notes, elsewhere, whose):
    status = notes.status()
    wait_until_read(notes)
    # Without the launcher nobody goes on with the slot.
    with stopped(launcher_of(notes)), notes.server.connect() as writer:
        with stopped(status["pid"]):
            if whose == "of another database":
                half = write_much(elsewhere)
            else:
                writer.run("BEGIN")
                half = write_much(writer, transactional=True)
            flush(elsewhere)
            os.kill(status["pid"], signal.SIGTERM)
        assert ended_before(notes, status["slot"], half)
    notes.wait_for_worker(other_than=status["pid"])


def test_a_worker_that_is_behind_learns_that_its_extension_is_dropped(notes, elsewhere):
    notes.session.run("CREATE DATABASE fleeting")
    fleeting = Notes(notes.server, "fleeting")
    status = fleeting.status()
    wait_until_read(fleeting)
    with stopped(launcher_of(notes)):
        with stopped(status["pid"]):
            fleeting.session.run("DROP EXTENSION converge CASCADE")
            half = write_much(elsewhere)
            flush(elsewhere)
        assert ended_before(notes, status["slot"], half)
    fleeting.close()
    notes.session.run("DROP DATABASE fleeting")
