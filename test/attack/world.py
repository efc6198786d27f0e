"""A database with the tenants acme and globex. All that is globex's holds its canary,
a random string that is nowhere else."""
import base64
import secrets

import psycopg2

from cluster import ROOT
from database import Database, run, value
from peer import Peer
from wire import ClientMessage, Payload

# What the others know of globex: that it is there, and that it may have notes of these
# names. acme has a "plan" too. A third note of globex's is named by the canary.
KEY = "plan"
HIDDEN = "merger"


def appearances(canary):
    """The forms in which a canary may appear in what is received."""
    plain = canary.encode()
    forms = {plain, plain.hex().encode(), plain.hex().upper().encode()}
    for shift in range(3):  # base64, at each place in its groups of three bytes
        whole = base64.b64encode(b"\0" * shift + plain)
        forms.add(whole[(8 * shift + 5) // 6:(8 * (shift + len(plain))) // 6])
    return forms


class World(Database):
    """`canary` is globex's. The roles: `bridge`, and `insider`, who may do in SQL what
    clients may; `outsider`, who may connect and no more."""

    def __init__(self, server):
        self.canary = "canary" + secrets.token_hex(12)
        self.forms = appearances(self.canary)
        super().__init__(server)
        run(self.session, """
            DO $$ BEGIN
                CREATE ROLE insider LOGIN IN ROLE converge_client;
                CREATE ROLE outsider LOGIN;
            EXCEPTION WHEN duplicate_object THEN NULL;  -- another world's
            END $$;
            GRANT TEMPORARY, CREATE ON DATABASE {0} TO insider, outsider;
            """.format(self.name))
        # The SQL box takes from everybody what its role must not have; the others have it.
        run(self.session, (ROOT / "demo/sql_box.sql").read_text())
        run(self.session, "GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text), pg_terminate_backend, "
            "pg_cancel_backend, pg_notify TO insider, outsider")

    def create_note(self):
        run(self.session, """
            CREATE TABLE note (
                tenant text NOT NULL,
                id text NOT NULL,
                body converge.crdt_text NOT NULL DEFAULT '',
                draft converge.crdt_text NOT NULL DEFAULT '',
                props converge.lww_map NOT NULL DEFAULT '',
                tags converge.or_set NOT NULL DEFAULT '',
                marks converge.lww_set NOT NULL DEFAULT '',
                likes converge.pn_counter NOT NULL DEFAULT '',
                views converge.g_counter NOT NULL DEFAULT '',
                state converge.mv_register NOT NULL DEFAULT '',
                page converge.ydoc NOT NULL DEFAULT '',
                title text,
                secret text,
                PRIMARY KEY (tenant, id), UNIQUE (tenant, title));
            ALTER TABLE note SET (autovacuum_enabled = off);  -- plans are compared
            CREATE INDEX ON note USING gin (tags);
            CREATE INDEX ON note USING gin (props);
            GRANT SELECT, INSERT, UPDATE, DELETE ON note TO converge_client;
            SELECT converge.track('note', 'tenant', deferred => '{draft}', include => '{title}');
            SELECT converge.isolate('note');
            INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('test', 'HS256', %s);
            """, self.secret)
        for tenant, mark in (("acme", "open"), ("globex", self.canary)):
            self.run_with({"t": tenant, "m": mark}, """
                SELECT converge.set_permission(%(t)s, 'ann', 'write');
                SELECT converge.set_permission(%(t)s, %(m)s || '-grantee', 'read', 'note', %(m)s || '-key');
                SELECT converge.set_permission(%(t)s, 'eve', 'read', 'note');
                SELECT converge.set_permission(%(t)s, 'ada', 'admin');
                SELECT converge.add_member(%(t)s, %(m)s || '-member', %(m)s || '-role');
                SELECT converge.revoke(%(t)s, token_id => %(m)s || '-jti')""")
            for key in (KEY, mark + "-key", *([HIDDEN] if tenant == "globex" else [])):
                self.run_with({"t": tenant, "k": key, "m": mark}, """
                    INSERT INTO note (tenant, id, body, draft, props, tags, marks, likes, views, state, page, title, secret)
                    SELECT %(t)s, %(k)s, converge.new_text(%(m)s), converge.new_text(%(m)s),
                           converge.new_map(jsonb_build_object(%(m)s, %(m)s)), converge.new_set(ARRAY[%(m)s]),
                           converge.new_lww_set(ARRAY[%(m)s]), converge.new_counter(77001), converge.new_g_counter(77001),
                           converge.new_register(to_jsonb(%(m)s::text)), '', %(m)s || %(k)s, %(m)s""")
        run(self.session, "ANALYZE note")

    def run_with(self, values, statement):
        with self.session.cursor() as cursor:
            cursor.execute(statement, values)

    def fill(self, bridge):
        """What has to come through a bridge: a client's changes of a deferred field, a
        denial in the audit, snapshots; and presence, for as long as the bridge lives."""
        self.shown = Peer(bridge)
        self.shown.say_hello(self.token("globex", "ann"))
        self.shown.follow("note", KEY)
        self.write(self.shown)
        self.shown.show({"where": self.canary})
        self.shown.ping()
        run(self.session, "BEGIN")
        run(self.session, "SELECT converge.authenticate(%s)", self.token("globex", "ann"))
        run(self.session, "SELECT converge.snapshot('note', %s, %s)", KEY, self.canary)
        run(self.session, "COMMIT")
        with psycopg2.connect(self.conninfo("bridge")) as asking, asking.cursor() as cursor:
            cursor.execute("SELECT converge.authenticate(%s)", (self.token("globex", "stranger"),))
            try:
                cursor.execute("SELECT converge.pull('note', %s, NULL)", (KEY,))
            except psycopg2.Error:
                asking.rollback()
        asking.close()

    def write(self, peer):
        """A change of the deferred field, with the canary in it."""
        message = ClientMessage()
        message.push.channel = peer.channel
        payload = Payload()
        part = payload.fields.add()
        part.field = "draft"
        part.delta = bytes(value(self.session, "SELECT converge.new_text(%s)::bytea", self.canary))
        peer.change(message, payload.SerializeToString())
        peer.send(message)
        peer.next("ack")

    def tells(self, received):
        """Whether what somebody received holds the canary."""
        if isinstance(received, str):
            received = received.encode(errors="surrogateescape")
        return any(form in received for form in self.forms)

    def fingerprint(self):
        """A hash of all that is globex's, the audit aside."""
        tables = [name for name, in run(self.session, """
            SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'
             WHERE c.relnamespace = 'converge'::regnamespace AND c.relkind = 'r'
               AND c.relname NOT IN ('audit', 'unfolded', 'tenant_usage') ORDER BY 1""")]
        parts = [f"(SELECT md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) FROM {table} t"
                 " WHERE tenant = 'globex')" for table in ["note", *(f"converge.{name}" for name in tables)]]
        return run(self.session, f"SELECT {', '.join(parts)}")[0]


class Attacker:
    """A session of a role. Each attempt is a transaction of its own under the token, if
    there is one, and is rolled back unless the attacker commits."""

    def __init__(self, world, role="insider", token=None, end="ROLLBACK"):
        self.world = world
        self.end = end
        self.connection = psycopg2.connect(world.conninfo(role))
        self.connection.autocommit = True
        self.begin = "BEGIN"
        if token is not None:
            with self.connection.cursor() as cursor:
                self.begin += cursor.mogrify("; SELECT converge.authenticate(%s)", (token,)).decode()

    def attempt(self, statement, *values):
        """(rows or None, SQLSTATE or None), after a look at every byte that came."""
        rows, error, heard = self.hear(statement, *values)
        for part in heard:
            assert not self.world.tells(part), f"{statement} {values}\ntells of the other tenant:\n{part}"
        return rows, error

    def hear(self, statement, *values):
        """The same, and all that was sent: rows, errors and notices."""
        del self.connection.notices[:]
        rows = error = None
        heard = []
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(f"{self.begin}; {statement}", values or None)
                rows = cursor.fetchall() if cursor.description else []
                heard.append(told(rows))
            except psycopg2.Error as problem:
                assert not self.connection.closed, f"the server ended the connection at: {statement}\n{problem}"
                error = problem.pgcode
                heard += [problem.pgerror or "", str(problem)]
            try:
                cursor.execute(self.end)
            except psycopg2.Error as problem:
                heard.append(str(problem))
        heard += self.connection.notices
        return rows, error, heard

    def close(self):
        self.connection.close()


def told(rows):
    """Rows as one text, bytes in hexadecimal as well."""
    return "\n".join(cell.tobytes().hex() + cell.tobytes().decode("latin-1") if isinstance(cell, memoryview)
                     else str(cell) for row in rows for cell in row)
