"""The log: what a pull costs in a document with a long history, and what a
keystroke takes on disk before and after compaction."""
from harness import database, figure, median, ms_each, run, token, trust, value

CHANGES = 1_000_000
LAST = 1_000
KEYSTROKES = 20_000

TABLE = """
CREATE TABLE note (tenant text, id text, body crdt_text NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT track('note', 'tenant')"""

# One replica's keystrokes, as a client's deltas would be: the payload of each is
# copied from one that was captured, so that a million are made in seconds. What
# they say does not matter to a pull, their number and size do.
HISTORY = f"""
INSERT INTO note VALUES ('acme', 'long', new_text(repeat('text ', 20000)));
UPDATE note SET body = insert(body, 0, 'x') WHERE id = 'long';
INSERT INTO replica (tenant, document, replica, principal)
    SELECT tenant, document, 77, 'ann' FROM document WHERE key = 'long';
INSERT INTO change (tenant, document, replica, seq, hlc, principal, xid, epoch, recorded_at, payload, hash)
    SELECT c.tenant, c.document, 77, n, c.hlc + n, 'ann', c.xid, c.epoch, c.recorded_at, c.payload, c.hash
      FROM change c JOIN document d USING (tenant, document), generate_series(1, {CHANGES}) n
     WHERE d.key = 'long' AND c.seq = 2;
INSERT INTO note VALUES ('acme', 'short', new_text(repeat('text ', 20000)));
UPDATE note SET body = insert(body, 0, 'x') WHERE id = 'short';
INSERT INTO replica (tenant, document, replica, principal)
    SELECT tenant, document, 77, 'ann' FROM document WHERE key = 'short';
INSERT INTO change (tenant, document, replica, seq, hlc, principal, xid, epoch, recorded_at, payload, hash)
    SELECT c.tenant, c.document, 77, n, c.hlc + n, 'ann', c.xid, c.epoch, c.recorded_at, c.payload, c.hash
      FROM change c JOIN document d USING (tenant, document), generate_series(1, {2 * LAST}) n
     WHERE d.key = 'short' AND c.seq = 2"""

SIZE = """SELECT pg_total_relation_size('converge.change') + pg_total_relation_size('converge.snapshot')
               + pg_total_relation_size('converge.replica')"""


def pull_ms(connection, key, last_seq):
    """A reader who lacks the last 1,000 changes."""
    server_replica = value(connection, "SELECT replica FROM node")
    authenticate = f"PERFORM authenticate('{token()}')"
    since = f"{{\"{server_replica}\": 2, \"77\": {last_seq - LAST}}}"
    return ms_each(connection, f"{authenticate}; PERFORM pull('note', '{key}', '{since}')", 20) - \
        ms_each(connection, authenticate, 20)


def measure(server):
    with database(server, "bench_log") as connection:
        run(connection, TABLE)
        trust(connection)
        run(connection, HISTORY)
        run(connection, "VACUUM ANALYZE change")
        figure("pull_1000_ms", median(lambda: pull_ms(connection, "long", CHANGES)), "ms")
        # The same thousand where there is hardly more: what the long history adds.
        figure("pull_1000_short_ms", median(lambda: pull_ms(connection, "short", 2 * LAST)), "ms")

    with database(server, "bench_log") as connection:
        run(connection, TABLE)
        empty = value(connection, SIZE)
        run(connection, "INSERT INTO note VALUES ('acme', 'typed')")
        # Typing in SQL; each statement is a transaction of its own, as a keystroke is.
        run(connection, "SET synchronous_commit = off")
        run(connection, f"""DO $$ BEGIN
            FOR i IN 1 .. {KEYSTROKES} LOOP
                UPDATE note SET body = insert(body, i - 1, chr(97 + i % 26)) WHERE id = 'typed';
                IF i % 100 = 0 THEN COMMIT; END IF;
            END LOOP; END $$""")
        run(connection, "VACUUM note")
        figure("log_bytes_per_keystroke", (value(connection, SIZE) - empty) / KEYSTROKES, "B")
        dropped = value(connection, "SELECT compact('note', 'acme', 'typed')")
        assert dropped == KEYSTROKES + 1, dropped
        # A table shrinks when it is written anew.
        run(connection, "VACUUM FULL change, snapshot, replica")
        figure("log_bytes_compacted", (value(connection, SIZE) - empty) / KEYSTROKES, "B")
