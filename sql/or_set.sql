-- or_set: a set of texts where an add wins over a concurrent remove.
SET search_path = public, converge;

-- Making one, and its value: without order or repetition, so in byte order.
SELECT new_set('{b, a, b, "", "with \"quotes\"", ünï}')::text[];
SELECT new_set('{}')::text[], new_set('{}') = '' AS is_empty, ''::or_set::text[];
SELECT new_set('{{a, b}, {c, a}}')::text[];
SELECT new_set(NULL) IS NULL AS null_stays_null;
SELECT new_set('{a, NULL}');

-- Access.
CREATE TEMP TABLE doc (id integer, s or_set NOT NULL DEFAULT '');
INSERT INTO doc VALUES (1, new_set('{red, green, blue}'));
INSERT INTO doc (id) VALUES (2);
SELECT id, s ? 'red' AS red, s ? 'black' AS black, s @> '{red, blue}' AS both, s @> '{red, black}' AS not_both,
       s @> '{}' AS nothing, s && '{black, blue}' AS any_of, s && '{}' AS any_of_nothing, cardinality(s)
  FROM doc ORDER BY id;
-- Nulls as arrays have them.
SELECT s ? NULL IS NULL AS a, s @> ARRAY['red', NULL] AS b, s && ARRAY['red', NULL] AS c, s && ARRAY[NULL]::text[] AS d
  FROM doc WHERE id = 1;

-- Edits.
UPDATE doc SET s = add(s, 'black') WHERE id = 1;
UPDATE doc SET s = remove(s, 'red') WHERE id = 1;
UPDATE doc SET s = add(s, ARRAY['x', 'y', 'z']) WHERE id = 1;
UPDATE doc SET s = remove(s, ARRAY['y', 'absent']) WHERE id = 1;
SELECT s::text[] FROM doc WHERE id = 1;
SELECT add(s, NULL::text) IS NULL AS add, remove(s, NULL::text) IS NULL AS remove FROM doc WHERE id = 1;
SELECT add(s, ARRAY['a', NULL]) FROM doc WHERE id = 1;
SELECT remove(''::or_set, 'x') = '' AS remove_of_nothing_is_nothing;
SELECT remove(add(''::or_set, 'x'), 'x')::text[] AS removed, remove(add(''::or_set, 'x'), 'x') = '' AS but_remembered;

-- A join semilattice.
CREATE TEMP TABLE three AS
    SELECT base, add(base, 'k') AS a, remove(base, 'k') AS b, add(base, 'other') AS c
      FROM (SELECT new_set('{k, l}') AS base OFFSET 0) made;
SELECT a || b = b || a AS commutes, (a || b) || c = a || (b || c) AS associates, a || a = a AS idempotent,
       a || '' = a AS bottom, base || a = a AS includes, (a || b || c)::text[] AS all_edits
  FROM three;
SELECT a <> b AS different, a = a AS same, hash(a) = hash(a || base) AS same_hash FROM three;
-- A concurrent add outlives a remove; what the remove had seen does not come back.
SELECT (a || b)::text[] AS add_wins, (b || base)::text[] AS removed, (base || b)::text[] AS removed FROM three;

-- Version, delta and difference.
SELECT version(base) < version(a) AS grows, version(base) = version(b) AS removes_are_no_edits,
       concurrent(version(a), version(c)) AS concurrent
  FROM three;
SELECT base || delta(a, version(base)) = base || a AS delta_suffices,
       base || delta(b, version(base)) = b AS delta_carries_removes,
       base || difference(base, b) = b AS difference_carries_removes,
       difference(b, base) = '' AS nothing_lacking,
       (delta(b, version(base)))::text[] AS and_no_element
  FROM three;

-- Every literal is lossless or refused.
SELECT a::text::or_set = a AS by_text, a::bytea::or_set = a AS by_bytea, ''::or_set::text AS empty_literal FROM three;
SELECT '{a,b}'::or_set;
SELECT '\x22'::or_set;
SELECT '\x2100'::or_set;
SELECT '\x21ffffffffffffffffff'::or_set;
SELECT new_map('{}')::bytea::or_set;
UPDATE doc SET s = s || new_map('{"a": 1}');

-- Bounds and hostile values.
SELECT add(''::or_set, repeat('k', 2048)) ? repeat('k', 2048) AS longest_element;
SELECT add(''::or_set, repeat('k', 2049));
SELECT cardinality(s), s @> '{k1, k20000}' AS ends, s ? 'k20001' AS beyond
  FROM (SELECT new_set(array_agg('k' || i)) AS s FROM generate_series(1, 20000) i) made;
