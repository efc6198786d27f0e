"""A server that is restored from a backup, and a standby that is promoted: what
they forgot the clients bring back, and nothing is numbered twice."""
import os
import pathlib
import re
import subprocess

import psycopg2
import pytest

from clients import Bridge
from database import Server, run, value, wait_until


def words(text):
    return re.findall(r"<\w+>", text)


class BackedUpServer(Server):
    """A server that archives its WAL."""

    def __init__(self):
        self.archive = None
        super().__init__()

    def start(self, *settings):
        if self.archive is None:
            self.archive = pathlib.Path(self.directory, "archive")
            self.archive.mkdir()
            self.archive.chmod(0o777)
        super().start("archive_mode=on", f"archive_command=cp %p {self.archive}/%f", *settings)

    def base_backup(self, *options):
        """A copy of the server as another one, not started."""
        copy = Server(start=False)
        data = pathlib.Path(copy.directory, "data")
        data.mkdir(mode=0o700)
        as_server = []
        if os.geteuid() == 0:
            subprocess.run(["chown", "postgres:", data], check=True)
            as_server = ["runuser", "-u", "postgres", "--"]
        subprocess.run([*as_server, pathlib.Path(self.bin, "pg_basebackup"), "-h", self.host, "-p", self.port,
                        "-U", "postgres", "-D", data, "--checkpoint=fast", *options],
                       check=True, stdin=subprocess.DEVNULL, cwd="/")
        return copy

    def mark_for_recovery(self, copy, signal_file):
        """Makes a copy recover when it starts: recovery.signal or standby.signal."""
        path = pathlib.Path(copy.directory, "data", signal_file)
        path.touch()
        if os.geteuid() == 0:
            subprocess.run(["chown", "postgres:", path], check=True)


@pytest.fixture
def servers():
    """servers() makes a server; all end with the test."""
    made = []

    def make(server):
        made.append(server)
        return server

    yield make
    for server in made:
        server.remove()


def out_of_recovery(server):
    def attempt():
        try:
            session = server.connect()
        except psycopg2.OperationalError:
            return False
        with session:
            return not value(session, "SELECT pg_is_in_recovery()")
    wait_until(attempt, "the end of the recovery")


def node(database):
    return run(database.session, "SELECT epoch, replica FROM converge.node")[0]


def move(database, server):
    """The database as the other server has it."""
    database.close()
    database.server = server
    database.reconnect()


def type_words(client, *wanted):
    for word in wanted:
        client.do("insert", "body", 0, f"<{word}>")
    client.do("settle")


def edit_in_sql(database, word):
    run(database.session, "UPDATE note SET body = converge.insert(body, 0, %s)", f"<{word}>")


def converge_again(database, *clients):
    for client in clients:
        client.do("online")
    for client in clients:
        client.do("settle")
    for client in clients:
        for other in clients:
            client.do("reach", other.do("version"))


def check_nothing_numbered_twice(before, after):
    for name in before.keys() & after.keys():
        assert before[name] == after[name], f"{name} stands for two changes"


def verified(database, key="session"):
    run(database.session, "BEGIN")
    run(database.session, "SELECT converge.authenticate(%s)", database.token())
    result = value(database.session, "SELECT converge.verify_row('note', %s)", key)
    run(database.session, "COMMIT")
    return result


def test_point_in_time_recovery(servers, make_database, clients):
    server = servers(BackedUpServer())
    database = make_database(server)
    database.insert("session")
    with Bridge(database) as bridge:
        alice = clients(bridge, "note/session", principal="alice")
        bob = clients(bridge, "note/session", principal="bob")
        type_words(alice, "a1", "a2")
        copy = servers(server.base_backup())
        type_words(bob, "b1", "b2")
        edit_in_sql(database, "sql1")
        run(database.session, "SELECT converge.compact('note', 'acme', 'session')")
        type_words(alice, "a3")
        run(database.session, "SELECT pg_create_restore_point('kept')")
        # From here on the restored server knows nothing.
        type_words(alice, "a4", "a5")
        type_words(bob, "b3")
        edit_in_sql(database, "sql2")
        run(database.session, "SELECT converge.compact('note', 'acme', 'session')")
        type_words(bob, "b4")
        for client in (alice, bob):
            client.do("reach", alice.do("version"))
            client.do("reach", bob.do("version"))
            assert "<sql2>" in client.text()
            client.do("offline")
        lost = database.log("session")
        old_node = node(database)
        last = value(database.session, "SELECT pg_walfile_name(pg_current_wal_lsn())")
        run(database.session, "SELECT pg_switch_wal()")
        wait_until((server.archive / last).exists, "the archive")
        bridge.stop()
        server.crash()

        server.mark_for_recovery(copy, "recovery.signal")
        copy.start(f"restore_command=cp {server.archive}/%f %p", "recovery_target_name=kept",
                   "recovery_target_action=promote")
        out_of_recovery(copy)
        move(database, copy)
        assert sorted(words(database.text("session"))) == ["<a1>", "<a2>", "<a3>", "<b1>", "<b2>", "<sql1>"]
        assert verified(database)
        edit_in_sql(database, "sql3")
        new_node = node(database)
        assert new_node[0] > old_node[0] and new_node[1] != old_node[1]

        bridge.start()
        converge_again(database, alice, bob)
        everything = [f"<{word}>" for word in
                      ("a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3", "b4", "sql1", "sql2", "sql3")]
        assert sorted(words(database.text("session"))) == everything
        assert alice.text() == bob.text() == database.text("session")
        check_nothing_numbered_twice(lost, database.log("session"))
        assert verified(database)
        assert alice.do("refused") == bob.do("refused") == []

        # And it goes on.
        type_words(alice, "a6")
        edit_in_sql(database, "sql4")
        bob.do("reach", alice.do("version"))
        wait_until(lambda: "<sql4>" in bob.text(), "a live edit")
        assert "<a6>" in bob.text()


def test_a_standby_is_promoted(servers, make_database, clients):
    server = servers(BackedUpServer())
    database = make_database(server)
    database.insert("session")
    with Bridge(database) as bridge:
        alice = clients(bridge, "note/session", principal="alice")
        bob = clients(bridge, "note/session", principal="bob")
        type_words(alice, "a1")
        copy = servers(server.base_backup())
        server.mark_for_recovery(copy, "standby.signal")
        copy.start(f"primary_conninfo=host={server.host} port={server.port} user=postgres")
        type_words(bob, "b1")
        edit_in_sql(database, "sql1")
        old_node = node(database)

        # The standby answers reads, in the epoch of the server it follows.
        standby = copy.connect(database.name)
        wait_until(lambda: "<sql1>" in value(standby, "SELECT body::text FROM note"), "the standby")
        run(standby, "BEGIN")
        run(standby, "SELECT converge.authenticate(%s)", database.token())
        assert value(standby, "SELECT converge.verify_row('note', 'session')")
        assert len(value(standby, "SELECT converge.pull('note', 'session')")) > 0
        assert value(standby, "SELECT converge.epoch()") == old_node[0]
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            run(standby, "SELECT converge.push('')")
        run(standby, "ROLLBACK")

        # It is cut off, and what the primary acknowledges then is lost to it.
        run(standby, "ALTER SYSTEM SET primary_conninfo = ''")
        run(standby, "SELECT pg_reload_conf()")
        wait_until(lambda: not run(standby, "SELECT FROM pg_stat_wal_receiver"), "the receiver's end")
        type_words(alice, "a2", "a3")
        edit_in_sql(database, "sql2")
        bob.do("reach", alice.do("version"))
        wait_until(lambda: "<sql2>" in bob.text(), "a live edit")
        for client in (alice, bob):
            client.do("offline")
        lost = database.log("session")
        bridge.stop()
        server.crash()

        assert value(standby, "SELECT pg_promote()")
        standby.close()
        move(database, copy)
        edit_in_sql(database, "sql3")
        new_node = node(database)
        assert new_node[0] > old_node[0] and new_node[1] != old_node[1]
        bridge.start()
        converge_again(database, alice, bob)
        assert sorted(words(database.text("session"))) == ["<a1>", "<a2>", "<a3>", "<b1>", "<sql1>", "<sql2>", "<sql3>"]
        assert alice.text() == bob.text() == database.text("session")
        check_nothing_numbered_twice(lost, database.log("session"))
        assert verified(database)
        assert alice.do("refused") == bob.do("refused") == []


def test_the_new_epoch_is_there_before_anybody_reads(servers, make_database):
    server = servers(BackedUpServer())
    database = make_database(server)
    database.insert("session")
    old_node = node(database)
    copy = servers(server.base_backup())
    server.mark_for_recovery(copy, "recovery.signal")
    copy.start(f"restore_command=cp {server.archive}/%f %p")
    out_of_recovery(copy)
    move(database, copy)
    wait_until(lambda: node(database)[0] > old_node[0], "the new epoch")
    run(database.session, "BEGIN READ ONLY")
    run(database.session, "SELECT converge.authenticate(%s)", database.token())
    assert value(database.session, "SELECT converge.epoch()") > old_node[0]
    assert len(value(database.session, "SELECT converge.pull('note', 'session')")) > 0
    run(database.session, "COMMIT")
