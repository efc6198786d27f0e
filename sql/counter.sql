-- pn_counter and g_counter.
SET search_path = public, converge;
SELECT new_counter(5)::bigint, new_counter(-5)::bigint, ''::pn_counter::bigint, new_counter(0) = '' AS empty,
       increment(new_counter(5))::bigint, increment(new_counter(5), -7)::bigint;
SELECT new_g_counter(5)::bigint, ''::g_counter::bigint, increment(new_g_counter(5), 7)::bigint;
SELECT new_counter(NULL) IS NULL AS a, increment(new_counter(1), NULL) IS NULL AS b, new_g_counter(NULL) IS NULL AS c;
SELECT new_g_counter(-1);
SELECT increment(new_g_counter(1), -1);

-- Concurrent increments all count, once.
SELECT (increment(c, 3) || increment(c, 4) || c)::bigint AS seventeen,
       (increment(g, 3) || increment(g, 4) || g)::bigint AS seventeen
  FROM (SELECT new_counter(10) AS c, new_g_counter(10) AS g OFFSET 0) s;
SELECT a || b = b || a AS commutes, a || a = a AS idempotent, c || delta(a, version(c)) = a AS delta,
       c || difference(c, a) = a AS difference, difference(a, c) = '' AS nothing, version(c) < version(a) AS grows,
       concurrent(version(a), version(b)) AS concurrent
  FROM (SELECT c, increment(c, 3) AS a, increment(c, -4) AS b FROM (SELECT new_counter(10) AS c OFFSET 0) s OFFSET 0) t;

-- The ends of a bigint.
SELECT new_counter(9223372036854775807)::bigint, new_counter(-9223372036854775808)::bigint;
SELECT increment(new_counter(9223372036854775807), 1);
SELECT increment(new_g_counter(9223372036854775807), 1);
SELECT (new_counter(9223372036854775807) || new_counter(1))::bigint;
SELECT increment(new_counter(9223372036854775807) || new_counter(1), -9223372036854775807)::bigint;

SELECT '5'::pn_counter;
SELECT '5'::g_counter;
SELECT new_counter(1)::bytea::g_counter;
SELECT '\x5101'::g_counter;
