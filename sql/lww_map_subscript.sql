-- m['key'] of a lww_map.
SET search_path = public, converge;
CREATE TABLE doc (id integer PRIMARY KEY, m lww_map DEFAULT '');
INSERT INTO doc VALUES (1, new_map('{"a": 1, "n": {"x": [1, 2]}, "": "empty", "null": null}')), (2, ''), (3, NULL);

-- Reading.
SELECT id, m['a'], m[''], m['null'], m['absent'], m[NULL] FROM doc ORDER BY id;
SELECT m['n']['x'], m['n']['x'][1], m['n']['x'][-1], m['n']['x']['1'], m['n'][NULL], m['a']['b'], m['absent']['b'] FROM doc WHERE id = 1;
SELECT m['a'] = m -> 'a' AS as_arrow, pg_typeof(m['a']) FROM doc WHERE id = 1;
SELECT id FROM doc WHERE m['a'] = '1' ORDER BY m['a'];

-- Writing.
UPDATE doc SET m['a'] = '2', m['b'] = '"text"' WHERE id = 1;
UPDATE doc SET m['n']['x'][0] = '9', m['n']['y'] = 'true' WHERE id = 1;
SELECT m::jsonb FROM doc WHERE id = 1;
-- SQL's null becomes JSON's, as in a jsonb; unset() takes a key out.
UPDATE doc SET m['b'] = NULL WHERE id = 1;
SELECT m['b'], m ? 'b' AS still_set, unset(m, 'b') ? 'b' AS unset FROM doc WHERE id = 1;
-- A null map counts as empty, a missing part of a path is made.
UPDATE doc SET m['a'] = '1', m['p']['q'][1] = '2' WHERE id > 1;
SELECT id, m::jsonb FROM doc WHERE id > 1 ORDER BY id;
-- As jsonb does it.
SELECT m::jsonb = j AS same FROM (SELECT m FROM doc WHERE id = 2) d,
    (SELECT jsonb_set('{"a": 1}', '{p}', '{"q": [null, 2]}') AS j) e;
INSERT INTO doc (id, m['k'], m['l']) VALUES (4, '"inserted"', '[]');
SELECT m::jsonb FROM doc WHERE id = 4;
-- Beside what is there, a later write: the insert knows nothing of the row it meets.
DO $$ BEGIN PERFORM pg_sleep(0.01); END $$;
INSERT INTO doc (id, m['k']) VALUES (4, '"again"') ON CONFLICT (id) DO UPDATE SET m = doc.m || EXCLUDED.m;
SELECT m::jsonb FROM doc WHERE id = 4;
DO $$
DECLARE
    m converge.lww_map;
    before converge.version_vector;
BEGIN
    m['a'] := '1';
    before := converge.version(m);
    FOR i IN 1 .. 3 LOOP
        m['i']['j'] := to_jsonb(i);
    END LOOP;
    RAISE NOTICE '%, % at i', m::jsonb, m['i']['j'];
    ASSERT before < converge.version(m);
END
$$;

-- Each execution makes identifiers of its own, also where the planner sees only constants.
PREPARE make AS INSERT INTO doc (id, m['k']) SELECT max(id) + 1, '1' FROM doc RETURNING version(m)::text AS v;
SET plan_cache_mode = force_generic_plan;
EXECUTE make \gset first_
EXECUTE make \gset second_
RESET plan_cache_mode;
SELECT :'first_v' <> :'second_v' AS new_each_time;
CREATE FUNCTION made() RETURNS text LANGUAGE plpgsql AS $$
DECLARE m converge.lww_map := '';
BEGIN
    m['a'] := '1';
    RETURN converge.version(m)::text;
END $$;
SELECT count(DISTINCT made()) FROM generate_series(1, 100);
EXPLAIN (VERBOSE, COSTS OFF) UPDATE doc SET m['a'] = '2', m['b']['c'] = '3';

-- Through a view; in a tracked column of another's table it is an update like any other.
CREATE VIEW seen AS SELECT id, m FROM doc WHERE m['a'] = '1';
UPDATE seen SET m['v'] = '"view"' WHERE id = 2;
SELECT m['v'] FROM doc WHERE id = 2;
SELECT replace(pg_get_viewdef('seen'), 'doc.', '') AS definition;
CREATE DOMAIN props AS lww_map CHECK (VALUE -> 'bad' IS NULL);
CREATE TABLE with_domain (p props DEFAULT '');
INSERT INTO with_domain DEFAULT VALUES;
UPDATE with_domain SET p['a'] = '1';
UPDATE with_domain SET p['bad'] = '1';
SELECT p['a'] FROM with_domain;
-- An index on one key.
CREATE INDEX doc_a ON doc ((m['a']));

-- What is refused.
SELECT m[1] FROM doc;
SELECT m['a':'b'] FROM doc;
SELECT m[:] FROM doc;
SELECT m['n'][1.5] FROM doc;
UPDATE doc SET m[NULL] = '1';
UPDATE doc SET m['n'][NULL] = '1';
UPDATE doc SET m['a']['b'] = '1' WHERE id = 1;
UPDATE doc SET m['n']['x'][-9] = '1' WHERE id = 1;
UPDATE doc SET m['a'] = 'no json';
UPDATE doc SET m['a'] = new_text('a');
UPDATE doc SET m[repeat('k', 2049)] = '1';
SELECT (new_set('{a}'))['a'];
DROP VIEW seen;
DROP TABLE doc, with_domain;
DROP DOMAIN props;
DROP FUNCTION made;
