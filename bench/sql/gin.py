"""GIN lookups over a million rows: lww_map beside jsonb, or_set beside text[]."""
from harness import database, figure, medians, ms_each, run

ROWS = 1_000_000
LOOKUPS = 500

# What each row holds: a value of its own, one that about 50 rows share, one of
# 100, and one that all have.
TABLE = f"""
CREATE TABLE doc AS
SELECT row.*, new_map(j) AS m, new_set(a) AS s
  FROM (SELECT n, jsonb_build_object('id', n, 'place', n % 20000, 'k' || n % 100, true, 'kind', 'note') AS j,
               ARRAY['id' || n, 'place' || n % 20000, 'k' || n % 100, 'note'] AS a
          FROM generate_series(1, {ROWS}) n) row;
CREATE INDEX doc_j ON doc USING gin (j);
CREATE INDEX doc_m ON doc USING gin (m);
CREATE INDEX doc_a ON doc USING gin (a);
CREATE INDEX doc_s ON doc USING gin (s);
VACUUM ANALYZE doc
"""

# What is asked for, as jsonb and as text[]: one row, 50 rows, and 50 of which one
# condition alone has 10,000.
OBJECT = {"one": "jsonb_build_object('id', i * 1999)",
          "some": "jsonb_build_object('place', i * 39)",
          "both": "jsonb_build_object('place', i * 39, 'kind', 'note')"}
ARRAY = {"one": "ARRAY['id' || i * 1999]",
         "some": "ARRAY['place' || i * 39]",
         "both": "ARRAY['place' || i * 39, 'note']"}


def measure(server):
    with database(server, "bench_gin") as connection:
        run(connection, "SET maintenance_work_mem = '512MB'")
        for statement in TABLE.split(";"):
            run(connection, statement)
        for name, ours, theirs, asked in (("map", "m", "j", OBJECT), ("set", "s", "a", ARRAY)):
            spent = {}
            for what, query in asked.items():
                plan = run(connection, f"EXPLAIN SELECT FROM doc, generate_series(1, 1) i WHERE {ours} @> {query}")
                assert any(f"doc_{ours}" in line for line, in plan), plan
                spent[what] = medians([
                    lambda column=column: ms_each(
                        connection, f"PERFORM count(*) FROM doc WHERE {column} @> {query}", LOOKUPS)
                    for column in (ours, theirs)])
                figure(f"gin_{name}_{what}_ms", spent[what][0], "ms")
                figure(f"gin_{name}_{what}_floor_ms", spent[what][1], "ms")
            # The worst of the three.
            figure(f"gin_{name}_ratio", max(mine / floor for mine, floor in spent.values()), "x")
