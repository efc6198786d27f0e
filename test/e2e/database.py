"""A database with the tracked table note, and plain connections to it."""
import functools
import itertools
import os
import secrets

import psycopg2

import cluster
from cluster import ROOT, wait_until  # noqa: F401  (the tests take them from here)
from json_web_token import sign, token  # noqa: F401
from wire import Payload


# Of a token that ends soon, in seconds: with what clocks may differ by, five more.
SOON = 1


# Of sessions that wait for rows which the maintenance worker is at; and psql's environment.
OPTIONS = "-c converge.push_lock_timeout=1min"
PATIENT = {**os.environ, "PGOPTIONS": OPTIONS}


class Server(cluster.Server):
    def connect(self, database="postgres", user="postgres"):
        """A connection that commits each statement."""
        return self.session(database, user=user).connection

    @functools.cached_property
    def template(self):
        """A database with the extension and nothing else: to copy it takes half the time that
        installing does. Templates have no workers."""
        name = "with_converge"
        with self.session("postgres") as postgres:
            postgres.run(f"CREATE DATABASE {name} IS_TEMPLATE true")
        with self.session(name) as session:
            session.run("SET client_min_messages = warning")
            session.run("CREATE EXTENSION converge")
        return name


def run(connection, statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def value(connection, statement, *values):
    return run(connection, statement, *values)[0][0]


class Database:
    """The demo's table, empty, for the tenants acme and globex."""

    numbers = itertools.count(1)

    def __init__(self, server):
        self.server = server
        self.name = f"e2e_{next(Database.numbers)}"
        self.secret = secrets.token_bytes(32)
        postgres = server.connect()
        run(postgres, f"CREATE DATABASE {self.name} TEMPLATE {server.template}")
        postgres.close()
        self.session = self.connect()
        run(self.session, f"""
            ALTER DATABASE {self.name} SET search_path = public, converge;
            SET search_path = public, converge;
            SET client_min_messages = warning;
            -- Tests ask more in a minute than people.
            INSERT INTO converge.tenant_limit (tenant, principal_requests, principal_changes)
                VALUES ('acme', 0, 0), ('globex', 0, 0);
            """)
        self.create_note()
        run(self.session, """
            DO $$ BEGIN
                CREATE ROLE bridge LOGIN IN ROLE converge_client;
            EXCEPTION WHEN duplicate_object THEN NULL;
            END $$""")

    def create_note(self):
        run(self.session, """
            CREATE TABLE note (
                tenant text NOT NULL,
                id text NOT NULL,
                body converge.crdt_text NOT NULL DEFAULT '',
                props converge.lww_map NOT NULL DEFAULT '',
                tags converge.or_set NOT NULL DEFAULT '',
                PRIMARY KEY (tenant, id));
            ALTER TABLE note ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
            CREATE POLICY tenant ON note USING (tenant = converge.current_tenant());
            GRANT SELECT, INSERT, UPDATE, DELETE ON note TO converge_client;
            SELECT converge.track('note', 'tenant');
            INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('test', 'HS256', %s);
            """, self.secret)

    def connect(self, user="postgres"):
        return self.server.session(self.name, user=user, options=OPTIONS).connection

    def conninfo(self, user="bridge"):
        return f"host={self.server.host} port={self.server.port} dbname={self.name} user={user}"

    def token(self, tenant="acme", principal="alice", **claims):
        return token(tenant, principal, self.secret, **claims)

    def insert(self, key, tenant="acme", body=""):
        run(self.session, "INSERT INTO note (tenant, id, body) VALUES (%s, %s, converge.new_text(%s))",
            tenant, key, body)

    def text(self, key, tenant="acme"):
        return value(self.session, "SELECT body::text FROM note WHERE tenant = %s AND id = %s",
                     tenant, key)

    def document(self, key, tenant="acme"):
        return value(self.session, "SELECT document FROM converge.document "
                     "WHERE tenant = %s AND key = %s", tenant, key)

    def log(self, key, tenant="acme"):
        """The document's changes: {(replica, seq): (principal, payload or None)}."""
        rows = run(self.session, "SELECT replica, seq, principal, payload FROM converge.change "
                   "WHERE tenant = %s AND document = %s", tenant, self.document(key, tenant))
        return {(replica, seq): (principal, None if payload is None else bytes(payload))
                for replica, seq, principal, payload in rows}

    def replayed_text(self, key, tenant="acme", field="body"):
        """The text as the log alone has it, its payloads read here and joined by the type."""
        deltas = []
        for _, payload in self.log(key, tenant).values():
            fields = Payload.FromString(payload).fields if payload else []
            deltas += [part.delta for part in fields if part.field == field]
        # Neighbours are joined until one is left.
        while len(deltas) > 1:
            pairs = run(self.session, """
                SELECT coalesce((one::converge.crdt_text || two::converge.crdt_text)::bytea, one)
                  FROM unnest(%s::bytea[], %s::bytea[]) WITH ORDINALITY AS pair (one, two, number)
                 ORDER BY number""", *([psycopg2.Binary(delta) for delta in half]
                                      for half in (deltas[0::2], deltas[1::2])))
            deltas = [bytes(joined) for joined, in pairs]
        return value(self.session, "SELECT %s::bytea::converge.crdt_text::text",
                     psycopg2.Binary(deltas[0]))

    def wait_for_crash(self):
        """The server notices some time after one of its processes was killed; who connects
        before that is thrown out with the others."""
        def ended():
            try:
                run(self.session, "SELECT 1")
                return False
            except psycopg2.Error:
                return True
        wait_until(ended, "the server to end its sessions")

    def reconnect(self):
        """After a crash."""
        def attempt():
            try:
                return self.connect()
            except psycopg2.OperationalError:
                return None
        self.session = wait_until(attempt, "a connection")

    def close(self):
        self.session.close()

    def drop(self):
        self.close()
        postgres = self.server.connect()
        # A bridge that replicated has just gone; PostgreSQL waits for sessions, not for slots.
        wait_until(lambda: not run(postgres, "SELECT 1 FROM pg_replication_slots WHERE active AND database = %s "
                                   "AND slot_name !~ '^converge_[0-9]+_'", self.name), "its slots to be free")
        run(postgres, f"DROP DATABASE {self.name} WITH (FORCE)")
        postgres.close()
