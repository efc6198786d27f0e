-- ANALYZE finds the most common elements of sets and maps, and the planner's
-- estimates follow them.
SET search_path = public, converge;
CREATE TABLE doc (id integer PRIMARY KEY, s or_set, l lww_set, m lww_map);
-- "all" in every row, "odd" in every second, "tenth" in every tenth, "n…" in one each.
INSERT INTO doc
SELECT n, new_set(tags), new_lww_set(tags), new_map(jsonb_build_object('all', n, 'status', CASE WHEN n % 10 = 0 THEN 'open' ELSE 'done' END,
                                                                       CASE WHEN n % 2 = 1 THEN 'odd' ELSE 'even' END, '[1]'::jsonb))
  FROM (SELECT n, ARRAY['all', 'n' || n] || CASE WHEN n % 2 = 1 THEN '{odd}'::text[] ELSE '{}' END
                                         || CASE WHEN n % 10 = 0 THEN '{tenth}'::text[] ELSE '{}' END AS tags
          FROM generate_series(1, 10000) n OFFSET 0) v;
INSERT INTO doc SELECT n, NULL, NULL, NULL FROM generate_series(10001, 12500) n;
INSERT INTO doc VALUES (12501, '', '', '');
ANALYZE doc;

SELECT attname, null_frac, (SELECT array_agg(e::text || ' ' || round(f::numeric, 1) ORDER BY e::text COLLATE "C")
                              FROM unnest(most_common_elems::text::text[], most_common_elem_freqs) AS u (e, f) WHERE f > 0.05) AS common
  FROM pg_stats WHERE tablename = 'doc' AND attname <> 'id' ORDER BY attname;

-- Estimated rows, to two digits, beside those there are.
CREATE FUNCTION estimate(condition text, OUT estimated numeric, OUT actual bigint) LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) SELECT FROM doc WHERE ' || condition INTO plan;
    estimated := round((plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric, -2);
    EXECUTE 'SELECT count(*) FROM doc WHERE ' || condition INTO actual;
END $$;
SELECT c, estimated, actual, abs(estimated - actual) <= greatest(100, 0.1 * actual) AS close
  FROM unnest(ARRAY[$$s @> '{all}'$$, $$s @> '{odd}'$$, $$s @> '{tenth}'$$, $$s @> '{all,odd}'$$, $$s @> '{n77}'$$, $$s @> '{absent}'$$,
      $$s @> '{}'$$, $$s @> NULL$$, $$s ? 'tenth'$$, $$s ? 'absent'$$, $$'{odd}' <@ s$$, $$s && '{odd,tenth}'$$, $$s && '{}'$$,
      $$s && '{n1,n2,absent}'$$, $$l @> '{tenth}'$$, $$l ? 'odd'$$, $$l && '{all}'$$, $$m ? 'all'$$, $$m ? 'odd'$$, $$m ? 'absent'$$,
      $$m ?| '{odd,absent}'$$, $$m ?& '{all,odd}'$$, $$m @> '{"status": "open"}'$$, $$m @> '{"status": "done"}'$$,
      $$m @> '{"odd": [1]}'$$, $$m @> '{"all": 5}'$$, $$m @> '{"status": "none"}'$$, $$m @> '{}'$$, $$m @> '[]'$$,
      $$'{"status": "open"}' <@ m$$]) c, estimate(c);

-- A join on tags: the index is used row by row where few rows are expected, not a
-- scan of everything for each.
CREATE INDEX doc_s ON doc USING gin (s);
CREATE INDEX doc_m ON doc USING gin (m);
CREATE TABLE wanted AS SELECT 'n' || n AS tag, ARRAY['n' || n] AS tags, jsonb_build_object('all', n) AS member FROM generate_series(1, 20) n;
ANALYZE doc, wanted;
EXPLAIN (COSTS OFF) SELECT d.id FROM wanted w JOIN doc d ON d.s @> w.tags;
EXPLAIN (COSTS OFF) SELECT d.id FROM wanted w JOIN doc d ON d.s ? w.tag;
EXPLAIN (COSTS OFF) SELECT d.id FROM wanted w JOIN doc d ON d.m @> w.member;
SELECT count(*) FROM wanted w JOIN doc d ON d.s @> w.tags JOIN doc e ON e.m @> w.member AND e.id = d.id;
-- At default costs, from either side.
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE s @> '{n77}';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE '{n77}' <@ s;
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE m @> '{"status": "none"}';

-- Without statistics, of no rows, of nulls alone, of an expression.
CREATE TABLE bare (s or_set, m lww_map);
INSERT INTO bare SELECT new_set('{a}'), new_map('{"a": 1}') FROM generate_series(1, 100);
SELECT count(*) FROM bare WHERE s @> '{a}' AND m ? 'a';
TRUNCATE bare;
ANALYZE bare;
INSERT INTO bare SELECT NULL, '' FROM generate_series(1, 100);
ANALYZE bare;
SELECT count(*) FROM bare WHERE s @> '{a}' OR m ? 'a' OR (s || '') @> '{a}';
-- More elements than are kept, and large values, which are passed over.
TRUNCATE bare;
INSERT INTO bare SELECT (SELECT new_set(array_agg('e' || n * 50 + e) || '{common}') FROM generate_series(1, 50) e), NULL FROM generate_series(1, 3000) n;
INSERT INTO bare SELECT new_set(array_agg(repeat('x', 100) || n)), new_map(jsonb_object_agg(n, repeat('x', 100))) FROM generate_series(1, 1000) n;
SET default_statistics_target = 10;
ANALYZE bare;
RESET default_statistics_target;
SELECT cardinality(most_common_elems::text::text[]) <= 100 AS bounded, most_common_elems::text::text[] @> '{common}' AS has_common
  FROM pg_stats WHERE tablename = 'bare' AND attname = 's';
-- Under policies an estimate tells nothing of rows that are not the caller's.
CREATE ROLE regress_converge_reader;
GRANT SELECT ON doc TO regress_converge_reader;
ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON doc USING (id > 2500);
SET ROLE regress_converge_reader;
SELECT count(DISTINCT estimated) FROM unnest(ARRAY[$$s @> '{odd}'$$, $$s @> '{tenth}'$$, $$s @> '{absent}'$$]) c, estimate(c);
SELECT count(DISTINCT estimated) FROM unnest(ARRAY[$$m ? 'odd'$$, $$m ? 'status'$$, $$m ? 'absent'$$]) c, estimate(c);
RESET ROLE;
DROP TABLE doc, wanted, bare;
DROP FUNCTION estimate;
DROP ROLE regress_converge_reader;
