-- Expanded values: the edits of one statement decode once and encode once, and a
-- value that somebody else may read is never changed in place.
SET search_path = public, converge;
\getenv library BOUNDARY_LIBRARY
CREATE FUNCTION states_expanded() RETURNS bigint LANGUAGE c VOLATILE AS :'library', 'states_expanded';
CREATE FUNCTION states_flattened() RETURNS bigint LANGUAGE c VOLATILE AS :'library', 'states_flattened';

CREATE TABLE doc (id integer PRIMARY KEY, m lww_map NOT NULL, s or_set NOT NULL, t crdt_text NOT NULL,
                  c pn_counter NOT NULL, g g_counter NOT NULL, r mv_register NOT NULL, l lww_set NOT NULL);
INSERT INTO doc SELECT 1, new_map('{"a": 0}'), new_set('{a}'), new_text('hello'), new_counter(1), new_g_counter(1),
                       new_register('1'), new_lww_set('{a}');

-- What a statement costs: (values decoded, values encoded).
CREATE FUNCTION cost(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    expanded bigint := states_expanded();
    flattened bigint := states_flattened();
BEGIN
    EXECUTE statement;
    RETURN format('decoded %s, encoded %s', states_expanded() - expanded, states_flattened() - flattened);
END
$$;
SELECT cost('UPDATE doc SET m = set(m, ''b'', ''1'')') AS one_edit;
SELECT cost('UPDATE doc SET m = set(unset(set(set(m, ''b'', ''2''), ''{"c": 3, "d": 4}''), ''a''), ''e'', ''5'')') AS chained;
SELECT cost('UPDATE doc SET m[''a''] = ''1'', m[''b''] = ''{}'', m[''b''][''deep''] = ''3''') AS subscripts;
SELECT cost('UPDATE doc SET s = add(remove(add(s, ''b''), ''a''), ARRAY[''c'', ''d''])') AS set;
SELECT cost('UPDATE doc SET l = add(remove(add(l, ''b''), ''a''), ARRAY[''c'', ''d''])') AS lww_set;
SELECT cost('UPDATE doc SET t = assign(splice(delete(insert(t, 5, '' world''), 0, 1), 0, 0, ''J''), ''Jello, world'')') AS text;
SELECT cost('UPDATE doc SET c = increment(increment(c, 5), -2), g = increment(increment(g))') AS two_counters;
SELECT cost('UPDATE doc SET r = assign(assign(r, ''2''), ''3'')') AS register;
SELECT cost('UPDATE doc SET m = m || new_map(''{"x": 1}'') || new_map(''{"y": 1}'')') AS merges;
SELECT m::jsonb, s::text[], t::text, c::bigint, g::bigint, r::jsonb[], l::text[] FROM doc;
-- Reading what was just edited needs no encoding.
SELECT cost('SELECT keys(set(m, ''z'', ''1'')), set(m, ''z'', ''1'') -> ''z'', set(m, ''z'', ''1'')::jsonb,
                    version(set(m, ''z'', ''1'')), insert(t, 0, ''x'')::text, char_length(insert(t, 0, ''x'')),
                    add(s, ''z'')::text[], add(s, ''z'') ? ''z'', increment(c)::bigint, assign(r, ''1'')::jsonb[],
                    difference(m, set(m, ''z'', ''1'')) FROM doc') AS read;
-- What is looked at more than once is encoded once.
SELECT cost('SELECT e, e, octet_length(e::bytea) FROM (SELECT set(m, ''z'', ''1'') AS e FROM doc OFFSET 0) v') AS shown;

-- A value that is used twice: neither use sees the other's edit.
SELECT (x -> 'x')::text AS x, (x -> 'y')::text AS not_y, (y -> 'y')::text AS y, (y -> 'x')::text AS not_x, e::jsonb ? 'x' AS e
  FROM (SELECT set(e, 'x', '1') AS x, set(e, 'y', '2') AS y, e
          FROM (SELECT set(new_map('{"base": 1}'), 'base', '2') AS e OFFSET 0) v OFFSET 0) w;
WITH edited AS MATERIALIZED (SELECT insert(new_text('abc'), 3, 'd') AS t)
SELECT insert(t, 4, 'e')::text, delete(t, 0, 1)::text, t::text, (t || insert(t, 4, 'f'))::text FROM edited;
SELECT CASE add(add(''::or_set, 'a'), 'b')::text[] WHEN '{a}' THEN 'one' WHEN '{a,b}' THEN 'both' END AS by_case;
DO $$
DECLARE
    base converge.crdt_text := converge.insert(converge.new_text('abc'), 3, 'd');
    other converge.crdt_text := base;
    m converge.lww_map;
    n converge.lww_map;
BEGIN
    other := converge.insert(other, 4, 'e');
    ASSERT base::text = 'abcd' AND other::text = 'abcde';
    base := converge.delete(base, 0, 1);
    ASSERT base::text = 'bcd' AND other::text = 'abcde' AND (base || other)::text = 'bcde';
    m['a'] := '1';
    n := m;
    n['a'] := '2';
    m['b']['c'] := '3';
    ASSERT m::jsonb = '{"a": 1, "b": {"c": 3}}' AND n::jsonb = '{"a": 2}';
    -- Two edits of one base are two writers'.
    ASSERT (m || n) = (n || m) AND converge.concurrent(converge.version(m), converge.version(n));
    -- An edit that fails leaves the variable as it was.
    BEGIN
        base := converge.insert(base, 100, 'x');
    EXCEPTION WHEN numeric_value_out_of_range THEN
        NULL;
    END;
    BEGIN
        m := converge.unset(converge.set(m, 'a', '"lost"'), ARRAY['b', NULL]);
    EXCEPTION WHEN null_value_not_allowed THEN
        NULL;
    END;
    ASSERT base::text = 'bcd' AND m::jsonb = '{"a": 1, "b": {"c": 3}}';
END
$$;
-- A function that gets it, an aggregate, a window, a sort, a set operation.
CREATE FUNCTION edited(m lww_map) RETURNS lww_map LANGUAGE plpgsql AS $$ BEGIN m['f'] := '1'; RETURN m; END $$;
SELECT edited(e)::jsonb AS in_function, e::jsonb AS outside FROM (SELECT set('', 'a', '1') AS e OFFSET 0) v;
SELECT merge_agg(set(m, 'n' || n, '1')) ?& '{n1,n2,n3,n4,n5}' AS all_of_them FROM doc, generate_series(1, 5) n;
SELECT n, add(s, n::text)::text[] FROM (SELECT n, add(''::or_set, 'w' || n) AS s, lag(n) OVER (ORDER BY n) FROM generate_series(1, 3) n) v
 ORDER BY n DESC;
SELECT count(*) FROM (SELECT increment(c) AS c FROM doc UNION SELECT c FROM doc) v;

-- By way of bytea it stays what it is.
SELECT add(s, 'x')::bytea::or_set ? 'x' AS same FROM doc;
SELECT add(s, 'x')::bytea::lww_set FROM doc;
-- Rows, arrays and records of them.
CREATE TYPE pair AS (i integer, m lww_map);
SELECT (r).m -> 'a' FROM (SELECT ROW(1, set('', 'a', '1'))::pair AS r OFFSET 0) v;
SELECT (ARRAY[set('', 'a', '1'), set('', 'b', '2')])[2] -> 'b';
DROP TYPE pair;
DROP TABLE doc;
DROP FUNCTION cost, edited, states_expanded, states_flattened;
