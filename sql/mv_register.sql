-- mv_register: concurrent assignments all stand until one that has seen them.
SET search_path = public, converge;
SELECT new_register('{"a": 1}')::jsonb[], ''::mv_register::jsonb[], assign(new_register('1'), '"two"')::jsonb[];
SELECT new_register(NULL) IS NULL AS a, assign(new_register('1'), NULL) IS NULL AS b, new_register('null')::jsonb[];
CREATE TEMP TABLE r AS
    SELECT base, assign(base, '"left"') AS a, assign(base, '"right"') AS b FROM (SELECT new_register('0') AS base OFFSET 0) s;
SELECT (a || b)::jsonb[] AS both, cardinality(a || b), assign(a || b, '"settled"')::jsonb[],
       (assign(a || b, '"settled"') || a || base)::jsonb[] AS stays
  FROM r;
SELECT a || b = b || a AS commutes, a || a = a AS idempotent, base || delta(a, version(base)) = a AS delta,
       base || difference(base, a) = a AS difference, difference(a, base) = '' AS nothing,
       concurrent(version(a), version(b)) AS concurrent
  FROM r;
-- The same value assigned twice is one value.
SELECT (new_register('1') || new_register('1'))::jsonb[];
SELECT '{"a": 1}'::mv_register;
SELECT new_counter(1)::bytea::mv_register;
SELECT '\x6100'::mv_register;
