"""A tracked table whose fields are deferred, and clients who push to it."""
import psycopg2

from cluster import wait_until
from json_web_token import token
from wire_schema import converge_pb2 as wire

SECRET = b"a secret of 32 bytes or more, here"


class Documents:
    def __init__(self, server, database):
        self.server = server
        self.database = database
        self.token = token("acme", "ann", SECRET, key_id="k")
        with server.connect() as admin:
            admin.run(f'CREATE DATABASE "{database}"')
        self.session = self.connect()
        self.session.run("CREATE EXTENSION converge")
        self.session.run("""CREATE TABLE note (
            tenant text, id text, tags converge.or_set NOT NULL DEFAULT '', PRIMARY KEY (tenant, id))""")
        self.session.run("SELECT converge.track('note', 'tenant', '{tags}')")
        self.session.run("INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('k', 'HS256', %s)", SECRET)
        self.numbers = {}

    def remove(self):
        self.session.close()
        with self.server.connect() as admin:
            admin.run(f'DROP DATABASE IF EXISTS "{self.database}" (FORCE)')

    def connect(self):
        """A session that waits for the rows which the worker is at."""
        return self.server.connect(self.database, options="-c converge.push_lock_timeout=1min")

    def reconnect(self):
        self.session.close()
        self.session = wait_until(self.try_to_connect, "a connection")

    def try_to_connect(self):
        try:
            return self.connect()
        except psycopg2.OperationalError:
            return None

    def make(self, *keys):
        self.session.run("INSERT INTO note (tenant, id) SELECT 'acme', unnest(%s)", list(keys))

    def request(self, tags, replica=1):
        """A PushRequest: for each key, the tags to add, a change each."""
        request = wire.PushRequest()
        group = request.groups.add(token=self.token)
        everything = sorted({tag for added in tags.values() for tag in added})
        deltas = dict(self.session.run(
            "SELECT tag, converge.new_set(ARRAY[tag])::bytea FROM unnest(%s) AS tag", everything))
        for key, added in tags.items():
            document = group.documents.add(document=wire.DocumentRef(collection="note", key=key))
            for tag in added:
                number = self.numbers[key, replica] = self.numbers.get((key, replica), 0) + 1
                payload = wire.Payload(fields=[wire.FieldDelta(field="tags", delta=bytes(deltas[tag]))])
                document.changes.add(replica=replica, seq=number, hlc=1 << 16,
                                     payload=payload.SerializeToString(deterministic=True))
        return request.SerializeToString()

    def push(self, tags, replica=1, session=None):
        """Pushes and gives the codes of the verdicts."""
        return self.codes((session or self.session).value("SELECT converge.push(%s)",
                                                          psycopg2.Binary(self.request(tags, replica))))

    @staticmethod
    def codes(answer):
        response = wire.PushResponse.FromString(bytes(answer))
        return [verdict.code for group in response.groups for document in group.documents
                for verdict in document.verdicts]

    def tags(self, key):
        """The tags that are in the row."""
        return set(self.session.value("SELECT tags::text[] FROM note WHERE id = %s", key))

    def unfolded(self):
        return self.session.value("SELECT count(*) FROM converge.unfolded")

    def status(self):
        columns = ("state", "pid", "problem", "documents_waiting", "changes_waiting", "waiting_since",
                   "documents_folded", "changes_folded", "changes_quarantined",
                   "documents_compacted", "changes_compacted")
        return dict(zip(columns, self.session.run("SELECT * FROM converge.maintenance_status()")[0]))

    def wait_for_worker(self):
        return wait_until(lambda: self.status()["state"] == "running" and self.status()["pid"], "the worker")

    def verify(self, key):
        with self.session.transaction():
            self.session.run("SELECT converge.authenticate(%s)", self.token)
            return self.session.value("SELECT converge.verify('note', %s)", key)
