"""Private clusters (scripts/cluster) and a database with the tracked table note."""
import base64
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import tempfile
import time

import psycopg2

from wire import Payload

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "scripts/cluster"


def wait_until(condition, what, timeout=30):
    """Waits until condition() gives something true, and gives it."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {timeout} s in vain: {what}"
        time.sleep(0.02)


class Server:
    def __init__(self, start=True):
        self.directory = tempfile.mkdtemp(prefix="converge-e2e-")
        os.chmod(self.directory, 0o755)
        if start:
            self.start()

    def cluster(self, command, *arguments):
        subprocess.run([CLUSTER, command, self.directory, *arguments], check=True, stdin=subprocess.DEVNULL)

    def start(self, *settings):
        """Settings are NAME=VALUE."""
        self.cluster("start", *settings)
        lines = pathlib.Path(self.directory, "env").read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines)
        self.bin = pathlib.Path(environment["CLUSTER_BIN"])
        self.host = environment["PGHOST"]
        self.port = environment["PGPORT"]

    def crash(self):
        """SIGKILL for every process."""
        self.cluster("kill")

    def remove(self):
        if pathlib.Path(self.directory, "env").exists():  # it was started once
            self.cluster("remove")
        shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self, database="postgres", user="postgres"):
        """A connection that commits each statement."""
        connection = psycopg2.connect(host=self.host, port=self.port, dbname=database, user=user)
        connection.autocommit = True
        return connection


def run(connection, statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def value(connection, statement, *values):
    return run(connection, statement, *values)[0][0]


def sign(claims, secret, key_id="test", algorithm="HS256"):
    """A JSON Web Token, made without Converge's own code."""
    def part(content):
        return base64.urlsafe_b64encode(content).rstrip(b"=")
    header = {"alg": algorithm, "typ": "JWT", "kid": key_id}
    signed = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())
    signature = hmac.new(secret, signed, hashlib.sha256).digest()
    return (signed + b"." + part(signature)).decode()


class Database:
    """The demo's table, empty, for the tenants acme and globex."""

    numbers = itertools.count(1)

    def __init__(self, server):
        self.server = server
        self.name = f"e2e_{next(Database.numbers)}"
        self.secret = secrets.token_bytes(32)
        postgres = server.connect()
        run(postgres, f"CREATE DATABASE {self.name}")
        postgres.close()
        self.session = self.connect()
        run(self.session, f"""
            ALTER DATABASE {self.name} SET search_path = public, converge;
            SET search_path = public, converge;
            SET client_min_messages = warning;
            CREATE EXTENSION converge;
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
        run(self.session, """
            DO $$ BEGIN
                CREATE ROLE bridge LOGIN IN ROLE converge_client;
            EXCEPTION WHEN duplicate_object THEN NULL;
            END $$""")

    def connect(self, user="postgres"):
        return self.server.connect(self.name, user)

    def conninfo(self, user="bridge"):
        return f"host={self.server.host} port={self.server.port} dbname={self.name} user={user}"

    def token(self, tenant="acme", principal="alice", lifetime=3600, **claims):
        return sign({"tenant": tenant, "sub": principal, "exp": int(time.time()) + lifetime,
                     **claims}, self.secret)

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
        run(postgres, f"DROP DATABASE {self.name} WITH (FORCE)")
        postgres.close()
