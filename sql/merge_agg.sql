-- merge_agg(): the join of all states, also by parallel workers.
SET search_path = public, converge;
CREATE TABLE delta (i integer, g integer, m lww_map, s or_set, t crdt_text, c pn_counter, u g_counter, r mv_register,
                    l lww_set);
INSERT INTO delta
SELECT i, i % 3, new_map(jsonb_build_object('k' || i % 50, i)), new_set(ARRAY['e' || i]), new_text(i % 10 || ''),
       new_counter(i), new_g_counter(i), new_register(to_jsonb(i % 5)), new_lww_set(ARRAY['e' || i % 7])
  FROM generate_series(1, 3000) i;
INSERT INTO delta (i, g) VALUES (0, 0);
ANALYZE delta;

SELECT cardinality(keys(merge_agg(m))), cardinality(merge_agg(s)), char_length(merge_agg(t)), merge_agg(c)::bigint,
       merge_agg(u)::bigint, cardinality(merge_agg(r)), cardinality(merge_agg(l))
  FROM delta;
SELECT g, merge_agg(c)::bigint, sum(c::bigint) FROM delta GROUP BY g ORDER BY g;
SELECT merge_agg(m) IS NULL AS none FROM delta WHERE i < 0;
SELECT merge_agg(m) IS NULL AS only_null FROM delta WHERE i = 0;
-- The order does not matter, nor repetition.
SELECT merge_agg(m ORDER BY i) = merge_agg(m ORDER BY -i) AS m, merge_agg(t ORDER BY i) = merge_agg(t ORDER BY -i) AS t,
       merge_agg(s) = merge_agg(s || s) AS s
  FROM delta;
-- As || one by one.
DO $$
DECLARE
    one converge.lww_map := '';
    d converge.lww_map;
BEGIN
    FOR d IN SELECT m FROM delta WHERE m IS NOT NULL LOOP
        one := one || d;
    END LOOP;
    ASSERT one = (SELECT merge_agg(m) FROM delta);
END
$$;
-- As a window, where the result so far is asked for again and again.
SELECT i, merge_agg(c) OVER (ORDER BY i)::bigint FROM delta WHERE i BETWEEN 1 AND 5;

CREATE TABLE serial AS
    SELECT merge_agg(m) AS m, merge_agg(s) AS s, merge_agg(t) AS t, merge_agg(c) AS c, merge_agg(u) AS u,
           merge_agg(r) AS r, merge_agg(l) AS l FROM delta;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT merge_agg(m) FROM delta;
CREATE TABLE parallel AS
    SELECT merge_agg(m) AS m, merge_agg(s) AS s, merge_agg(t) AS t, merge_agg(c) AS c, merge_agg(u) AS u,
           merge_agg(r) AS r, merge_agg(l) AS l FROM delta;
SELECT a.m = b.m AS m, a.s = b.s AS s, a.t = b.t AS t, a.c = b.c AS c, a.u = b.u AS u, a.r = b.r AS r, a.l = b.l AS l
  FROM serial a, parallel b;
DROP TABLE delta, serial, parallel;
