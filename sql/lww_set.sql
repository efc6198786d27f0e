-- lww_set: the last add or remove of an element wins.
SET search_path = public, converge;
SELECT new_lww_set('{b, a, b}')::text[], ''::lww_set::text[], new_lww_set('{}') = '' AS empty;
SELECT new_lww_set(NULL) IS NULL AS null_stays_null;
SELECT new_lww_set('{a, NULL}');
SELECT s ? 'a' AS a, s ? 'c' AS c, s @> '{a, b}' AS both, s @> '{a, c}' AS not_both, s @> '{}' AS nothing,
       s && '{c, b}' AS any_of, cardinality(s), s @> ARRAY['a', NULL] AS no_null, s && ARRAY[NULL, 'a'] AS skips_null
  FROM (SELECT new_lww_set('{a, b}') AS s) t;
SELECT add(s, 'c')::text[], add(s, '{c, d}'::text[])::text[], remove(s, 'a')::text[], remove(s, '{a, b, x}'::text[])::text[],
       remove(s, 'absent') = s AS nothing
  FROM (SELECT new_lww_set('{a, b}') AS s OFFSET 0) t;
-- A later remove takes out an earlier concurrent add, and the other way round.
SELECT (a || remove(base, 'k'))::text[] AS removed, (remove(base, 'k') || a)::text[] AS removed
  FROM (SELECT base, add(base, 'k') AS a FROM (SELECT new_lww_set('{k, l}') AS base OFFSET 0) s OFFSET 0) t,
       LATERAL (SELECT pg_sleep(0.002) WHERE a IS NOT NULL OFFSET 0) later;
SELECT a || b = b || a AS commutes, a || a = a AS idempotent, base || delta(a, version(base)) = a AS delta,
       base || difference(base, a) = a AS difference, difference(a, base) = '' AS nothing
  FROM (SELECT base, add(base, 'x') AS a, remove(base, 'k') AS b
          FROM (SELECT new_lww_set('{k, l}') AS base OFFSET 0) s OFFSET 0) t;
SELECT '{a}'::lww_set;
SELECT new_set('{a}')::bytea::lww_set;
SELECT '\x7100'::lww_set;
