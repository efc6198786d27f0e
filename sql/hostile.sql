-- Truncated, mutated and random values for every type: refused with an error of
-- the right class, or a state that is stored as it came. Never a crash, never an
-- internal error.
SET search_path = public, converge;
CREATE TEMP TABLE sample (type text, bytes bytea);
INSERT INTO sample
SELECT 'lww_map', (set(m, 'k', '"a"') || unset(set(m, 'k', '[1, 2]'), 'gone'))::bytea
  FROM (SELECT new_map('{"k": 0, "gone": 1, "ü": {"x": null}}') AS m OFFSET 0) s
UNION ALL
SELECT 'or_set', (add(s, 'k') || remove(s, 'k') || add(s, 'x'))::bytea FROM (SELECT new_set('{k, l, ü}') AS s OFFSET 0) s
UNION ALL
SELECT 'crdt_text', (insert(t, 3, 'ünd 🎻') || delete(t, 2, 4) || splice(t, 5, 3, 'xyz'))::bytea
  FROM (SELECT new_text('hello, world') AS t OFFSET 0) s
UNION ALL
SELECT 'crdt_text', difference(t, insert(insert(t, 3, 'waits'), 0, 'too'))::bytea
  FROM (SELECT new_text('hello, world') AS t OFFSET 0) s
UNION ALL
SELECT 'pn_counter', (increment(c, 5) || increment(c, -700))::bytea FROM (SELECT new_counter(10) AS c OFFSET 0) s
UNION ALL
SELECT 'g_counter', (increment(c, 5) || increment(c, 700))::bytea FROM (SELECT new_g_counter(10) AS c OFFSET 0) s
UNION ALL
SELECT 'mv_register', (assign(r, '"a"') || assign(r, '"b"'))::bytea FROM (SELECT new_register('1') AS r OFFSET 0) s
UNION ALL
SELECT 'lww_set', (add(s, 'k') || remove(s, 'k') || add(s, 'x'))::bytea FROM (SELECT new_lww_set('{k, l, ü}') AS s OFFSET 0) s
UNION ALL
SELECT 'version_vector', version(new_text('a') || new_text('b'))::bytea
UNION ALL
SELECT 'log_version', '{"1": 2, "9007199254740991": 9007199254740991}'::log_version::bytea;

-- What became of each attempt. For what is accepted every function is tried.
CREATE FUNCTION attempt(type text, bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    back bytea;
    ignored text;
BEGIN
    EXECUTE format('SELECT ($1::converge.%I)::bytea', type) INTO back USING bytes;
    IF type NOT LIKE '%version%' THEN
        IF back <> bytes THEN
            RETURN 'changed';
        END IF;
        EXECUTE format('SELECT (s || s) = s AND s || %L = s AND s = converge.%s_in(converge.%s_out(s))
                           AND converge.difference(s, s) = %L AND converge.version(s) IS NOT NULL
                           AND %L || converge.delta(s, %L) = s
                          FROM (SELECT $1::converge.%I AS s) v', '', type, type, '', '', '{}', type)
           INTO ignored USING bytes;
        IF ignored <> 'true' THEN
            RETURN 'accepted, but breaks a law';
        END IF;
    END IF;
    RETURN 'accepted';
EXCEPTION
    WHEN invalid_binary_representation OR datatype_mismatch OR program_limit_exceeded THEN
        RETURN 'refused';
    WHEN OTHERS THEN
        RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

SELECT type, bool_and(attempt(type, bytes) = 'accepted') FROM sample GROUP BY type ORDER BY type;

-- Truncated: nothing but the empty state, and a version cut between entries, is one.
SELECT DISTINCT type, attempt(type, substr(bytes, 1, n)) FROM sample, generate_series(2, octet_length(bytes) - 1) n
 WHERE type NOT LIKE '%version%' ORDER BY 1, 2;
SELECT DISTINCT type, attempt(type, substr(bytes, 1, n)) FROM sample, generate_series(2, octet_length(bytes) - 1) n
 WHERE type LIKE '%version%' ORDER BY 1, 2;
-- With more behind it.
SELECT DISTINCT type, attempt(type, bytes || '\x00') FROM sample ORDER BY 1;
-- Another type's.
SELECT DISTINCT attempt(a.type, b.bytes) FROM sample a, sample b WHERE a.type <> b.type;

-- Every byte changed in several ways; bytes taken out and doubled.
SELECT attempt, count(*) > 0 AS some FROM (
    SELECT attempt(type, set_byte(bytes, n, (get_byte(bytes, n) # x)))
      FROM sample, generate_series(0, octet_length(bytes) - 1) n, unnest('{1, 2, 4, 8, 16, 32, 64, 128, 127, 255}'::int[]) x
    UNION ALL
    SELECT attempt(type, overlay(bytes PLACING '' FROM n FOR 1)) FROM sample, generate_series(1, octet_length(bytes)) n
    UNION ALL
    SELECT attempt(type, overlay(bytes PLACING substr(bytes, n, 1) FROM n FOR 0))
      FROM sample, generate_series(1, octet_length(bytes)) n) tried
 GROUP BY attempt ORDER BY attempt;

-- Random bytes behind the right first ones.
SELECT setseed(0.25);
SELECT attempt, count(*) > 0 AS some FROM (
    SELECT attempt(type, substr(bytes, 1, 1 + n % 4) || decode(substr(md5(random()::text), 1, 2 * (n % 16)), 'hex'))
      FROM sample, generate_series(1, 500) n) tried
 GROUP BY attempt ORDER BY attempt;

DROP FUNCTION attempt;
