-- assign(x, value) makes x this value by the fewest edits; three_way(base, mine,
-- theirs) does what makes base mine to theirs, as if concurrently.
SET search_path = public, converge;

-- assign: only what differs is written.
CREATE TABLE doc AS SELECT new_map('{"a": 1, "b": [1, 2], "c": "x"}') AS m, new_set('{a,b,c}') AS s, new_lww_set('{a,b,c}') AS l,
                           new_counter(10) AS c, new_g_counter(10) AS g, new_register('1') AS r, new_text('the quick fox') AS t;
SELECT assign(m, '{"b": [1, 2], "c": "y", "d": null}')::jsonb, assign(s, '{b,d}')::text[], assign(l, '{b,d}')::text[],
       assign(c, -5)::bigint, assign(g, 12)::bigint, assign(r, '2')::jsonb[], assign(t, 'the slow fox')::text
  FROM doc;
SELECT assign(m, m::jsonb) = m AS map, assign(s, s::text[]) = s AS set, assign(l, l::text[]) = l AS lww_set,
       assign(c, 10) = c AS counter, assign(g, 10) = g AS g_counter, assign(t, t::text) = t AS text
  FROM doc;
-- A value that is written differently is the same.
SELECT assign(m, '{"c": "x", "b":[1,2],  "a": 1}') = m AS same FROM doc;
SELECT assign(m, '{}')::jsonb, assign(s, '{}')::text[], assign(t, '')::text = '' AS no_text FROM doc;
SELECT octet_length(difference(m, assign(m, '{"a": 2, "b": [1, 2], "c": "x"}'))::bytea) < 40 AS one_write FROM doc;
-- So concurrent edits elsewhere survive.
SELECT (assign(m, '{"a": 2, "b": [1, 2], "c": "x"}') || assign(m, '{"a": 1, "b": [1, 2]}'))::jsonb,
       (assign(s, '{a,b,c,d}') || assign(s, '{b,c}'))::text[], (assign(c, 12) || assign(c, 7))::bigint
  FROM doc;
SELECT assign(NULL::lww_map, '{}') IS NULL AND assign(m, NULL) IS NULL AND assign(s, NULL) IS NULL AND assign(c, NULL) IS NULL AS null
  FROM doc;
SELECT assign(m, '[1]') FROM doc;
SELECT assign(s, ARRAY['a', NULL]) FROM doc;
SELECT assign(g, 9) FROM doc;
SELECT assign(assign(c, 9223372036854775807), -9223372036854775808)::bigint FROM doc;
SELECT assign(assign(c, -9223372036854775808), 0)::bigint FROM doc;
SELECT assign(s, ARRAY[repeat('x', 2049)]) FROM doc;

-- three_way: somebody read base, changed the plain value and brings it back; in the
-- meantime theirs went on.
CREATE TABLE later AS
SELECT set(set(m, 'a', '7'), 'new', '1') AS m, add(add(s, 'theirs'), 'a') AS s, remove(add(l, 'theirs'), 'b') AS l,
       increment(c, 5) AS c, increment(g, 5) AS g, assign(r, '"theirs"') AS r, insert(t, 13, ' jumps') AS t
  FROM doc;
SELECT three_way(d.m, '{"a": 1, "b": [3]}', n.m)::jsonb AS map, three_way(d.s, '{b,mine}', n.s)::text[] AS set,
       three_way(d.l, '{b,mine}', n.l)::text[] AS lww_set, three_way(d.c, 7, n.c)::bigint AS counter,
       three_way(d.g, 11, n.g)::bigint AS g_counter, three_way(d.r, '"mine"', n.r)::jsonb[] AS register,
       three_way(d.t, 'the slow fox', n.t)::text AS text
  FROM doc d, later n;
-- Who changed nothing changes nothing.
SELECT three_way(d.m, d.m::jsonb, n.m) = n.m AS map, three_way(d.s, d.s::text[], n.s) = n.s AS set,
       three_way(d.l, d.l::text[], n.l) = n.l AS lww_set, three_way(d.c, d.c::bigint, n.c) = n.c AS counter,
       three_way(d.r, '1', n.r) = n.r AS register, three_way(d.t, d.t::text, n.t) = n.t AS text
  FROM doc d, later n;
-- With base itself it is assign(), and what it gives contains theirs.
SELECT three_way(d.t, 'the slow fox', d.t)::text, version(n.t) <= version(three_way(d.t, 'x', n.t)) AS includes
  FROM doc d, later n;
-- Again and again on one base: identifiers are never made twice.
DO $$
DECLARE
    base converge.crdt_text := (SELECT t FROM doc);
    theirs converge.crdt_text := base;
    m converge.lww_map := (SELECT m FROM doc);
    n converge.lww_map := m;
BEGIN
    FOR i IN 1 .. 20 LOOP
        theirs := converge.three_way(base, 'the quick fox' || i, theirs);
        n := converge.three_way(m, m::jsonb || jsonb_build_object('k' || i, i), n);
    END LOOP;
    ASSERT converge.char_length(theirs) = 13 + 9 + 2 * 11, theirs::text;
    ASSERT (SELECT count(*) FROM jsonb_object_keys(n::jsonb)) = 23, n::jsonb;
    ASSERT theirs::bytea::converge.crdt_text = theirs AND n::bytea::converge.lww_map = n;
END
$$;
-- Theirs must be a later state.
SELECT three_way(n.t, 'x', d.t) FROM doc d, later n;
SELECT three_way(n.m, '{}', d.m) FROM doc d, later n;
SELECT three_way(n.s, '{}', d.s) FROM doc d, later n;
SELECT three_way(n.c, 0, d.c) FROM doc d, later n;
SELECT three_way(n.r, '0', d.r) FROM doc d, later n;
SELECT three_way(d.g, 5, n.g) FROM doc d, later n;
SELECT three_way(d.m, '1', n.m) FROM doc d, later n;
SELECT three_way(d.m, NULL, n.m) IS NULL AND three_way(NULL, '{}', n.m) IS NULL AND three_way(d.s, '{}', NULL) IS NULL AS null
  FROM doc d, later n;

-- Containment from the other side.
SELECT '{"a": 1}' <@ m AS map, '{"a": 2}' <@ m AS not_map, '[]'::jsonb <@ m AS no_object, ARRAY['a', 'c'] <@ s AS set,
       ARRAY['a', 'd'] <@ s AS not_set, ARRAY['a', NULL] <@ s AS null, '{}'::text[] <@ l AS nothing
  FROM doc;
DROP TABLE doc, later;
