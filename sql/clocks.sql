-- version_vector, log_version and hlc.
SET search_path = public, converge;

-- A counter for each replica; one that is not named stands at 0.
SELECT '{"19": 1, "7": 3}'::version_vector, '{}'::version_vector, ' { "5" : 0 } '::log_version;
SELECT counter('{"19": 1, "7": 3}'::version_vector, 7), counter('{"7": 3}'::log_version, 8),
       counter('{"7": 3}'::log_version, -1);
SELECT '{"7": 3, "8": 1}'::log_version || '{"7": 2, "9": 4}';
SELECT ''::bytea::version_vector AS no_bytes_are_none, '{"7": 3}'::version_vector::bytea;

-- A partial order.
SELECT a, b, a < b AS lt, a <= b AS le, a > b AS gt, a >= b AS ge, a = b AS eq, a <> b AS ne, concurrent(a, b)
  FROM (VALUES ('{}'::version_vector, '{}'::version_vector), ('{}', '{"1": 1}'), ('{"1": 2}', '{"1": 1}'),
               ('{"1": 1}', '{"2": 1}'), ('{"1": 2, "2": 1}', '{"1": 1, "2": 2}'),
               ('{"1": 1, "2": 1}', '{"2": 1, "1": 1}')) v (a, b);
-- So no btree, and no sorting, but grouping.
SELECT v FROM (VALUES ('{"1": 1}'::version_vector)) t (v) ORDER BY v;
SELECT v, count(*) FROM (VALUES ('{"1": 1}'::log_version), ('{"1": 1, "2": 0}')) t (v) GROUP BY v;

-- Bad ones.
SELECT ''::version_vector;
SELECT '{"1": 1'::version_vector;
SELECT '{"1": -1}'::version_vector;
SELECT '{"1": 1.5}'::version_vector;
SELECT '{"x": 1}'::version_vector;
SELECT '{"1": 1, "1": 2}'::log_version;
SELECT '{"9007199254740992": 1}'::log_version;
SELECT '{"1": 9007199254740992}'::log_version;
SELECT '{"9007199254740991": 9007199254740991}'::log_version;
SELECT '\x8101'::bytea::version_vector;
SELECT '\x81010100'::bytea::version_vector;
SELECT '{"7": 3}'::version_vector::bytea::log_version;
SELECT '{"7": 3}'::version_vector = '{"7": 3}'::log_version;

-- hlc: a time and a counter, in order.
SELECT '2026-11-21T04:03:02.123Z/7'::hlc, '1970-01-01T00:00:00.000Z/0'::hlc::bigint, (-1)::bigint::hlc;
SELECT h::timestamptz AT TIME ZONE 'UTC' AS time, counter(h), h::bigint::hlc = h AS lossless
  FROM (SELECT '2026-11-21T04:03:02.123Z/7'::hlc AS h) s;
SELECT h FROM (VALUES ('2026-11-21T04:03:02.123Z/7'::hlc), ('2026-11-21T04:03:02.123Z/10'), ((-1)::bigint::hlc),
                      ('2026-11-21T04:03:02.122Z/65535')) t (h) ORDER BY h;
SELECT max(h::bigint) FROM (VALUES ('2026-11-21T04:03:02.123Z/7'::hlc)) t (h);
SELECT 'now'::hlc;
SELECT '2026-11-21T04:03:02Z/7'::hlc;
SELECT '2026-02-30T04:03:02.000Z/7'::hlc;
SELECT '2026-02-20T24:03:02.000Z/7'::hlc;
SELECT '2026-02-20T04:03:02.000Z/65536'::hlc;
SELECT '1969-12-31T23:59:59.999Z/0'::hlc;
SELECT '10889-08-02T05:31:50.656Z/0'::hlc;
