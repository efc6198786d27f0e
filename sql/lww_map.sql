-- lww_map: keys with JSON values, where the last write of a key wins.
SET search_path = public, converge;

-- Making one, and its value.
SELECT new_map('{"b": 2, "a": [1, {"x": null}], "": "empty key", "ключ": "значение"}')::jsonb;
SELECT new_map('{}')::jsonb, new_map('{}') = '' AS is_empty, ''::lww_map::jsonb;
SELECT new_map(NULL) IS NULL AS null_stays_null;
-- Numbers and strings come back as jsonb has them.
SELECT new_map('{"n": 1.50, "big": 123456789012345678901234567890.5e10, "s": "\u00e9\n\"\\", "f": false}')::jsonb;
SELECT new_map('[1, 2]');
SELECT new_map('"text"');
SELECT new_map('null');
SELECT new_map('{"a": 1');

-- Access.
CREATE TEMP TABLE doc (id integer, m lww_map NOT NULL DEFAULT '');
INSERT INTO doc VALUES (1, new_map('{"title": "Plan", "n": 7, "nothing": null, "list": [1, 2]}'));
INSERT INTO doc (id) VALUES (2);
SELECT id, m -> 'title' AS json, m ->> 'title' AS text, m ->> 'n' AS number, m -> 'nothing' AS json_null,
       m ->> 'nothing' IS NULL AS null_text, m ->> 'list' AS list, m -> 'absent' IS NULL AS absent
  FROM doc ORDER BY id;
SELECT id, m ? 'title' AS title, m ? 'nothing' AS nothing, m ? '' AS empty, keys(m) FROM doc ORDER BY id;
SELECT m -> NULL IS NULL AS a, m ? NULL IS NULL AS b FROM doc WHERE id = 1;

-- Edits.
UPDATE doc SET m = set(m, 'title', '"Plan B"') WHERE id = 1;
UPDATE doc SET m = unset(m, 'nothing') WHERE id = 1;
UPDATE doc SET m = set(m, '{"a": 1, "b": {"c": 2}}') WHERE id = 1;
UPDATE doc SET m = unset(m, ARRAY['list', 'absent']) WHERE id = 1;
SELECT m::jsonb FROM doc WHERE id = 1;
SELECT set(m, NULL, '1') IS NULL AS key, set(m, 'a', NULL) IS NULL AS value, unset(m, NULL::text) IS NULL AS unset
  FROM doc WHERE id = 1;
SELECT unset(m, ARRAY['a', NULL]) FROM doc WHERE id = 1;
SELECT set(m, '[1]') FROM doc WHERE id = 1;
SELECT unset(''::lww_map, 'x') = '' AS unset_of_nothing_is_nothing;
SELECT set(set(''::lww_map, 'k', 'null'), 'k2', '""')::jsonb;

-- A join semilattice: merging commutes, associates and repeats without harm.
CREATE TEMP TABLE three AS
    SELECT base, set(base, 'k', '"a"') AS a, unset(base, 'gone') AS b, set(base, 'other', '1') AS c
      FROM (SELECT new_map('{"k": 0, "gone": 1}') AS base OFFSET 0) made;
SELECT a || b = b || a AS commutes, (a || b) || c = a || (b || c) AS associates, a || a = a AS idempotent,
       a || '' = a AS bottom, base || a = a AS includes, (a || b || c)::jsonb AS all_edits
  FROM three;
SELECT a <> b AS different, a = a AS same, hash(a) = hash(a || base) AS same_hash FROM three;
-- An unset key stays out, whatever older write comes later.
SELECT (b || base)::jsonb, (base || b)::jsonb FROM three;

-- Version, delta and difference: what is lacking, and no more.
SELECT version(base) < version(a) AS grows, concurrent(version(a), version(c)) AS concurrent,
       version(''::lww_map) AS empty_version
  FROM three;
SELECT base || delta(a, version(base)) = a AS delta_suffices,
       base || difference(base, a) = a AS difference_suffices,
       difference(a, base) = '' AS nothing_lacking,
       octet_length(difference(base, a)::bytea) < octet_length(a::bytea) AS smaller,
       delta(a, '{}') = a AS all_of_it
  FROM three;

-- Every literal is lossless or refused.
SELECT a::text::lww_map = a AS by_text, a::bytea::lww_map = a AS by_bytea, ''::lww_map::text AS empty_literal,
       lww_map_recv IS NOT NULL AS has_binary
  FROM three, (SELECT 'converge.lww_map_recv'::regproc AS lww_map_recv) p;
SELECT '{"a": 1}'::lww_map;
SELECT 'null'::lww_map;
SELECT '\x'::lww_map;
SELECT '\x1'::lww_map;
SELECT '\xzz'::lww_map;
SELECT ' \x11'::lww_map;
SELECT '\x12'::lww_map;
SELECT '\x1100'::lww_map;
SELECT '\xff00ff00'::lww_map;
SELECT new_set('{a}')::bytea::lww_map;
SELECT new_text('a')::bytea::lww_map;
SELECT ''::bytea::lww_map;
UPDATE doc SET m = m || new_set('{a}');
UPDATE doc SET m = '{"a": 1}';

-- Bounds and hostile values.
SELECT set(''::lww_map, repeat('k', 2048), '1') ? repeat('k', 2048) AS longest_key;
SELECT set(''::lww_map, repeat('k', 2049), '1');
SELECT octet_length(set(''::lww_map, 'k', to_jsonb(repeat('x', 1000000)))::bytea) > 1000000 AS large_value;
SELECT set(''::lww_map, 'k', to_jsonb(repeat('x', 1048576)));
SELECT set(''::lww_map, 'k', (repeat('[', 513) || repeat(']', 513))::jsonb);
SELECT jsonb_array_length(m::jsonb -> 'k500') FROM
    (SELECT new_map(jsonb_object_agg('k' || i, '[1, 2, 3]'::jsonb)) AS m FROM generate_series(1, 5000) i) s;
