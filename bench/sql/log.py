"""The log: what a pull costs in a document with a long history, and what a
keystroke takes on disk before and after compaction."""
from harness import database, figure, median, ms_each, run, value

CHANGES = 1_000_000
LAST = 1_000
KEYSTROKES = 20_000

TABLE = """
CREATE TABLE note (tenant text, id text, body crdt_text NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT track('note', 'tenant');
INSERT INTO jwt_key (kid, alg, secret) VALUES ('bench', 'HS256', convert_to(repeat('s', 32), 'UTF8'));
CREATE FUNCTION as_reader() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    unsigned text := rtrim(translate(encode('{"alg":"HS256","kid":"bench"}', 'base64'), E'+/\\n', '-_'), '=') || '.' ||
        rtrim(translate(encode('{"tenant":"acme","sub":"ann","exp":4102444800}', 'base64'), E'+/\\n', '-_'), '=');
    secret bytea := convert_to(repeat('s', 32) || repeat(chr(1), 32), 'UTF8');
    inner_pad bytea := decode(repeat('36', 64), 'hex');
    outer_pad bytea := decode(repeat('5c', 64), 'hex');
BEGIN
    FOR i IN 0 .. 31 LOOP
        inner_pad := set_byte(inner_pad, i, 115 # 54);
        outer_pad := set_byte(outer_pad, i, 115 # 92);
    END LOOP;
    PERFORM authenticate(unsigned || '.' || rtrim(translate(encode(
        sha256(outer_pad || sha256(inner_pad || unsigned::bytea)), 'base64'), E'+/\\n', '-_'), '='));
END $$"""

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
    run(connection, "SELECT as_reader()")
    since = f"{{\"{server_replica}\": 2, \"77\": {last_seq - LAST}}}"
    return ms_each(connection, f"PERFORM as_reader(); PERFORM pull('note', '{key}', '{since}')", 20) - \
        ms_each(connection, "PERFORM as_reader()", 20)


def measure(server):
    with database(server, "bench_log") as connection:
        run(connection, TABLE)
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
