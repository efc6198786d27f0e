"""A tracked table of documents in a private cluster."""
import os
import signal

import psycopg2

from cluster import wait_until
from json_web_token import token
from worker_client import WorkerClient

TENANT = "acme"
SECRET = b"a secret of 32 bytes or more, here"


def many_changes():
    """Of a transaction that shall not fit anywhere: `make large-transaction` has a million."""
    return int(os.environ.get("CONVERGE_MANY_CHANGES", 200_000))


class Notes:
    """A database with the extension and the tracked table note."""

    def __init__(self, server, database="postgres", create=True):
        self.server = server
        self.database = database
        self.session = server.connect(database)
        if create:
            self.create()

    def create(self):
        self.session.run("CREATE EXTENSION IF NOT EXISTS converge")
        self.session.run("""CREATE TABLE IF NOT EXISTS note (
            tenant text, id text, props converge.lww_map NOT NULL DEFAULT '',
            PRIMARY KEY (tenant, id))""")
        self.session.run("SELECT converge.track('note', 'tenant')")
        self.session.run("INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('k', 'HS256', %s)",
                         SECRET)
        self.wait_for_worker()

    def reconnect(self):
        self.session.close()
        self.session = wait_until(self.try_to_connect, "a connection")

    def try_to_connect(self):
        try:
            return self.server.connect(self.database)
        except psycopg2.OperationalError:
            return None

    def document(self, key, tenant=TENANT):
        """The number of a document, which is made if it is not there."""
        self.session.run("INSERT INTO note (tenant, id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                         tenant, key)
        return self.session.value(
            "SELECT document FROM converge.document WHERE tenant = %s AND key = %s", tenant, key)

    def edit(self, key, value="1", tenant=TENANT, session=None):
        """One change of a document."""
        (session or self.session).run(
            "UPDATE note SET props = converge.set(props, 'n', %s::jsonb) "
            "WHERE tenant = %s AND id = %s", value, tenant, key)

    def ticket(self, key, tenant=TENANT):
        with self.session.transaction():
            self.session.run("SELECT converge.authenticate(%s)", token(tenant, "ann", SECRET, key_id="k"))
            document, _, ticket = self.session.run(
                "SELECT * FROM converge.subscribe('note', %s)", key)[0]
        return document, bytes(ticket)

    def logged(self, document):
        """The document's log: (document, replica, seq), in no order."""
        return set(self.session.run(
            "SELECT document, replica, seq FROM converge.change WHERE document = %s", document))

    def status(self):
        rows = self.session.run("SELECT state, pid, problem, slot, confirmed_lsn, bridges, watches, "
                                "frames, bytes_forwarded, bridges_dropped "
                                "FROM converge.worker_status()")
        names = ("state", "pid", "problem", "slot", "confirmed_lsn", "bridges", "watches",
                 "frames", "bytes_forwarded", "bridges_dropped")
        return dict(zip(names, rows[0]))

    def wait_for_worker(self, other_than=None):
        """The pid of the running worker."""
        def running():
            status = self.status()
            return status["state"] == "running" and status["pid"] != other_than and status["pid"]
        return wait_until(running, "a running stream worker")

    def attach(self, name="test", **more):
        return WorkerClient(self.session.value("SELECT converge.worker_socket()"), name, **more)

    def watch(self, client, key):
        """Watches a document of this table; gives its number."""
        document, ticket = self.ticket(key)
        client.known |= self.logged(document)
        reply = client.watch(document, ticket)
        assert reply.WhichOneof("message") == "watching" and reply.watching.document == document, \
            reply
        return document

    def signal_worker(self, number=signal.SIGTERM):
        pid = self.status()["pid"]
        os.kill(pid, number)
        return pid

    def close(self):
        self.session.close()
