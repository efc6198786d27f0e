"""A private cluster (scripts/cluster) and connections to it, for the suites in Python."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]


def wait_until(condition, what, timeout=60):
    """Waits until condition() gives something true, and gives it."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {timeout} s in vain: {what}"
        time.sleep(0.02)


def in_time(attempt, *limits):
    """Runs attempt(limit) with one limit after the other until it holds: what is over in a
    fraction of a second elsewhere may take longer on a busy machine, and must not for ever."""
    for limit in limits[:-1]:
        with contextlib.suppress(Exception):
            return attempt(limit)
    return attempt(limits[-1])


def undisturbed(attempt, seconds):
    """Runs attempt(number); again, at most some times, where it failed and took longer than
    that: what it asks for holds for so long only, and the machine was busy."""
    for number in range(5):
        began = time.monotonic()
        try:
            return attempt(number)
        except AssertionError:
            if time.monotonic() - began < seconds:
                raise
    return attempt(5)


class Server:
    """A cluster with Converge loaded, and these settings. Nothing is flushed to the disk:
    what a process wrote outlives its kill, and no test takes the machine's power away."""

    def __init__(self, start=True, **settings):
        self.directory = tempfile.mkdtemp(prefix="converge-test-")
        os.chmod(self.directory, 0o755)
        self.settings = {"fsync": "off", **settings}
        if start:
            self.start()

    def cluster(self, command, *arguments):
        subprocess.run([ROOT / "scripts/cluster", command, self.directory, *arguments],
                       check=True, stdin=subprocess.DEVNULL)

    def start(self, *more):
        """Starts it, this once with more settings, each NAME=VALUE."""
        self.cluster("start", *(f"{name}={value}" for name, value in self.settings.items()), *more)
        lines = pathlib.Path(self.directory, "env").read_text().splitlines()
        self.environment = dict(line.split("=", 1) for line in lines)

    def stop(self, mode="fast"):
        self.cluster("stop", mode)

    def crash(self):
        """SIGKILL for every process."""
        self.cluster("kill")

    def remove(self):
        if pathlib.Path(self.directory, "env").exists():  # it was started once
            self.cluster("remove")
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def bin(self):
        return pathlib.Path(self.environment["CLUSTER_BIN"])

    @property
    def host(self):
        return self.environment["PGHOST"]

    @property
    def port(self):
        return self.environment["PGPORT"]

    @property
    def address(self):
        return dict(host=self.host, port=self.port, user="postgres")

    def log(self):
        return pathlib.Path(self.directory, "log").read_text(errors="replace")

    def set(self, **settings):
        with self.session() as session:
            for name, value in settings.items():
                session.run(f"ALTER SYSTEM SET {name} = {value}")
            before = session.value("SELECT pg_conf_load_time()")
            session.run("SELECT pg_reload_conf()")

        def loaded():
            with self.session() as newcomer:
                return newcomer.value("SELECT pg_conf_load_time()") > before
        # When a session begins with them, all the others have been told.
        wait_until(loaded, "the settings")

    def session(self, database="postgres", **more):
        return Session(psycopg2.connect(dbname=database, **{**self.address, **more}))

    connect = session

    @contextlib.contextmanager
    def commits_unseen(self):
        """Commits wait for a standby that there is not: they are in the WAL, and decoded,
        and no snapshot shows them."""
        self.set(synchronous_standby_names="'nobody'")
        try:
            # The checkpointer tells the sessions, when it has read the settings.
            wait_until(self.a_commit_waits, "commits to wait for a standby")
            yield
        finally:
            self.set(synchronous_standby_names="DEFAULT")

    def a_commit_waits(self):
        with self.session() as session, self.session() as watcher:
            pid = session.connection.info.backend_pid
            thread = threading.Thread(target=session.run, args=("SELECT pg_logical_emit_message(true, 'test', '')",))
            thread.start()
            wait_until(lambda: not thread.is_alive() or watcher.run(
                "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'SyncRep'", pid), "a commit, or its wait")
            waits = thread.is_alive()
            while thread.is_alive():
                watcher.run("SELECT pg_cancel_backend(%s)", pid)    # which ends the wait, not the transaction
                thread.join(0.1)
            return waits


class Session:
    """A connection that commits each statement, unless in a transaction()."""

    def __init__(self, connection):
        self.connection = connection
        connection.autocommit = True

    def run(self, statement, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement, *values):
        return self.run(statement, *values)[0][0]

    @contextlib.contextmanager
    def transaction(self):
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
