"""Texts of 1 kB to 1 MB: merging a delta of one edit inside the server, warm and in
one backend, with the table write and without, and reading the text."""
from harness import database, figure, median, ms_each, run, value

SIZES = {"1kB": 1_000, "10kB": 10_000, "100kB": 100_000, "1MB": 1_000_000}
DELTAS = 50

# A text as one author writes it in pieces of 20 characters at random places, of
# which every fifth replaces 10 characters: 2 runs for 18 characters, as in a recorded
# session. Half of each piece is words, half nothing that a compressor has seen: lz4
# makes of the whole what it makes of such a session. Edits on an expanded value, one
# after the other.
SETUP = """
CREATE AGGREGATE edited(integer, integer, text) (SFUNC = converge.splice, STYPE = converge.crdt_text, INITCOND = '');
CREATE TABLE doc (size text PRIMARY KEY, body converge.crdt_text NOT NULL);
CREATE TABLE delta (size text, nth integer, delta converge.crdt_text NOT NULL, PRIMARY KEY (size, nth));
SELECT setseed(0.25)
"""
WRITE = """
INSERT INTO doc
SELECT %s, edited(floor(random() * (17 * n + 1))::integer, CASE WHEN n %% 5 = 4 THEN 10 ELSE 0 END,
                  'the quick ' || translate(substr(md5(n::text), 1, 10), '0123456789', 'ghijklmnop') ORDER BY n)
  FROM generate_series(0, %s / 18 - 1) n
"""
EDIT = """
INSERT INTO delta
SELECT size, nth, difference(body, insert(body, nth * (char_length(body) / %s), 'x'))
  FROM doc, generate_series(0, %s - 1) nth WHERE size = %s
"""


def measure(server):
    with database(server, "bench_text") as connection:
        for statement in SETUP.split(";"):
            run(connection, statement)
        for size, characters in SIZES.items():
            run(connection, WRITE, size, characters)
            run(connection, EDIT, DELTAS, DELTAS, size)
        run(connection, "VACUUM ANALYZE doc, delta")

        def ms(what, size, times):
            return median(lambda: ms_each(
                connection, f"{what} WHERE d.size = '{size}' AND e.size = '{size}' AND e.nth = i % {DELTAS}", times))

        for size, characters in SIZES.items():
            merge = "PERFORM octet_length((d.body || e.delta)::bytea) FROM doc d, delta e"
            figure(f"merge_{size}_ms", ms(merge, size, max(20, 2_000_000 // characters)), "ms")
        write = "UPDATE doc d SET body = d.body || e.delta FROM delta e"
        figure("merge_write_100kB_ms", ms(write, "100kB", 100), "ms")
        read = "PERFORM octet_length(d.body::text) FROM doc d, delta e"
        figure("text_cast_100kB_ms", ms(read, "100kB", 200), "ms")
        figure("text_100kB_characters", value(connection, "SELECT char_length(body) FROM doc WHERE size = '100kB'"),
               "characters")
        figure("text_100kB_bytes", value(connection, "SELECT octet_length(body::bytea) FROM doc WHERE size = '100kB'"),
               "bytes")
