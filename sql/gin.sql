-- GIN operator classes: used under row-level security by a role that does not own
-- the table, with the answers of a sequential scan.
SET search_path = public, converge;
CREATE TABLE doc (id integer PRIMARY KEY, owner text, s or_set, l lww_set, m lww_map);
INSERT INTO doc
SELECT i, CASE WHEN i % 2 = 0 THEN 'regress_converge_reader' ELSE 'someone' END,
       new_set(ARRAY['n' || i, 'mod' || i % 10, 'all']), new_lww_set(ARRAY['n' || i, 'mod' || i % 10, 'all']),
       new_map(jsonb_build_object('n', i, 'k' || i % 100, jsonb_build_object('deep', i % 7), 'all', NULL))
  FROM generate_series(1, 3000) i;
INSERT INTO doc VALUES (3001, 'regress_converge_reader', '', '', ''), (3002, 'regress_converge_reader', NULL, NULL, NULL);
CREATE INDEX doc_s ON doc USING gin (s);
CREATE INDEX doc_l ON doc USING gin (l);
CREATE INDEX doc_m ON doc USING gin (m);
ANALYZE doc;
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcname LIKE '%gin_ops' AND opcnamespace = 'converge'::regnamespace
 ORDER BY 1;

CREATE ROLE regress_converge_reader;
GRANT SELECT ON doc TO regress_converge_reader;
ALTER TABLE doc ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON doc USING (owner = CURRENT_USER);
SET ROLE regress_converge_reader;
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE s @> '{n42}';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE s ? 'n42';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE l && '{n42,n44}';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE m @> '{"n": 42}';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE m ? 'k42';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE m ?& '{k42,n}';
-- A plan that was run, in the words of PostgreSQL 15: later ones say more.
CREATE FUNCTION pg_temp.run_plan(query text) RETURNS TABLE ("QUERY PLAN" text) LANGUAGE plpgsql AS $$
BEGIN
    FOR "QUERY PLAN" IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
        "QUERY PLAN" := regexp_replace("QUERY PLAN", '(rows=\d+)\.00', '\1');
        IF "QUERY PLAN" !~ 'Index Searches' THEN RETURN NEXT; END IF;
    END LOOP;
END $$;
-- What the index finds is the answer: no row is removed by a recheck.
SELECT * FROM pg_temp.run_plan($$SELECT id FROM doc WHERE s @> '{n42,mod2}'$$);
SELECT * FROM pg_temp.run_plan($$SELECT id FROM doc WHERE m @> '{"k42": {"deep": 0}}'$$);
SELECT * FROM pg_temp.run_plan($$SELECT id FROM doc WHERE m ?& '{k42,n}'$$);
-- But a map's index has keys and values apart, as jsonb's: one row has these, not together.
SELECT * FROM pg_temp.run_plan($$SELECT id FROM doc WHERE m @> '{"k42": {"deep": 42}}'$$);

-- Each query by the index and by a scan.
CREATE TEMP TABLE query (q text);
INSERT INTO query VALUES ($$s @> '{n42}'$$), ($$s @> '{mod2,all}'$$), ($$s @> '{}'$$), ($$s @> '{absent}'$$),
    ($$s @> ARRAY['all', NULL]$$), ($$s ? 'mod4'$$), ($$s ? NULL$$), ($$s && '{n2,n4,n5,absent}'$$), ($$s && '{}'$$),
    ($$s && ARRAY['n2', NULL]$$), ($$l @> '{mod2,all}'$$), ($$l ? 'mod4'$$), ($$l && '{n2,n4,n5,absent}'$$),
    ($$m @> '{"n": 42}'$$), ($$m @> '{"all": null}'$$), ($$m @> '{"k42": {"deep": 0}}'$$), ($$m @> '{"k42": {}}'$$),
    ($$m @> '{}'$$), ($$m @> '[]'$$), ($$m @> '{"absent": 1}'$$), ($$m ? 'k42'$$), ($$m ?| '{k42,k44}'$$),
    ($$m ?& '{k42,n,all}'$$), ($$m ?| ARRAY['k42', NULL]$$), ($$m ?& '{}'$$), ($$m ?| '{}'$$);
CREATE FUNCTION pg_temp.ids(q text) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE ids integer[];
BEGIN
    EXECUTE 'SELECT array_agg(id ORDER BY id) FROM doc WHERE ' || q INTO ids;
    RETURN ids;
END $$;
SET enable_seqscan = off;
CREATE TEMP TABLE by_index AS SELECT q, pg_temp.ids(q) AS ids FROM query;
RESET enable_seqscan;
SET enable_bitmapscan = off;
SELECT q, cardinality(ids) AS rows, ids IS NOT DISTINCT FROM pg_temp.ids(q) AS same FROM by_index ORDER BY q COLLATE "C";
RESET enable_bitmapscan;
-- And as jsonb answers.
SELECT count(*) FROM doc, (VALUES ('{"n": 42}'::jsonb), ('{"k42": {"deep": 0}}'), ('{"all": null}'), ('{}'), ('1')) v (j)
 WHERE (m @> j) <> (m::jsonb @> j);
RESET ROLE;
DROP TABLE doc;
DROP OWNED BY regress_converge_reader CASCADE;
DROP ROLE regress_converge_reader;
