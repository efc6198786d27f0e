-- Indexes on values: chosen at default costs, with the answers of a scan.
SET search_path = public, converge;
CREATE TABLE doc AS
SELECT n AS id, new_map(jsonb_build_object('title', 'title ' || n, 'size', n % 500)) AS m, new_counter(n) AS c, new_g_counter(n) AS g,
       new_set(ARRAY['t' || n % 1000]) AS s, new_register(to_jsonb(n)) AS r,
       new_text(CASE WHEN n % 1000 = 7 THEN 'The quick foxes were jumping' ELSE 'nothing of note ' || n END) AS body
  FROM generate_series(1, 20000) n;
CREATE INDEX doc_title ON doc ((m ->> 'title'));
CREATE INDEX doc_size ON doc (((m['size'])::integer));
CREATE INDEX doc_c ON doc ((c::bigint));
CREATE INDEX doc_s ON doc USING gin ((s::text[]));
CREATE INDEX doc_m ON doc USING gin ((m::jsonb) jsonb_path_ops);
CREATE INDEX doc_words ON doc USING gin (to_tsvector('english', body::text));
CREATE UNIQUE INDEX doc_version ON doc USING btree ((version(body)::text));
ANALYZE doc;
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE m ->> 'title' = 'title 77';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE m['size']::integer BETWEEN 3 AND 4;
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE c::bigint = 77;
EXPLAIN (COSTS OFF) SELECT id FROM doc ORDER BY c::bigint LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE s::text[] @> '{t77}';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE m::jsonb @> '{"title": "title 77"}';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE to_tsvector('english', body::text) @@ to_tsquery('english', 'jump & fox');

CREATE TEMP TABLE query (q text);
INSERT INTO query VALUES ($$m ->> 'title' = 'title 77'$$), ($$m['size']::integer BETWEEN 3 AND 4$$), ($$c::bigint = 77$$), ($$c::bigint > 19990$$),
    ($$s::text[] @> '{t77}'$$), ($$m::jsonb @> '{"title": "title 77"}'$$), ($$to_tsvector('english', body::text) @@ to_tsquery('english', 'jump & fox')$$);
CREATE FUNCTION pg_temp.ids(q text) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE ids integer[];
BEGIN
    EXECUTE 'SELECT array_agg(id ORDER BY id) FROM doc WHERE ' || q INTO ids;
    RETURN ids;
END $$;
-- An index follows the edits.
UPDATE doc SET m['title'] = '"title 77"', c = increment(c, -id + 77), s = add(s, 't77'), body = insert(body, 0, 'jumping fox ') WHERE id = 20000;
SET enable_seqscan = off;
CREATE TEMP TABLE by_index AS SELECT q, pg_temp.ids(q) AS ids FROM query;
RESET enable_seqscan;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT q, cardinality(ids) AS rows, ids = pg_temp.ids(q) AS same FROM by_index ORDER BY q COLLATE "C";
RESET enable_indexscan;
RESET enable_bitmapscan;

-- States by hash: joins, distinct, and a hash index.
CREATE INDEX doc_hash ON doc USING hash (m);
SELECT id FROM doc WHERE m = (SELECT m FROM doc WHERE id = 5);
SELECT count(*) FROM doc a JOIN doc b USING (body);
SELECT count(*) FROM (SELECT DISTINCT c, version(c) FROM doc) v;
-- There is no order of states, so none is indexed as if there were.
CREATE INDEX ON doc (m);
DROP TABLE doc;
