-- Identifiers are never made twice: SQL edits mint under random replicas of the
-- backend's own and continue one only on the state where it was left.
SET search_path = public, converge;

-- How many replicas a version names.
CREATE FUNCTION replicas(version version_vector) RETURNS bigint
    LANGUAGE sql AS 'SELECT count(*) FROM jsonb_object_keys(version::text::jsonb)';

-- A chain of edits is one replica's.
SELECT replicas(version(insert(insert(insert(new_text('a'), 1, 'b'), 2, 'c'), 3, 'd'))) AS one;
SELECT replicas(version(set(set(new_map('{"a": 1}'), 'b', '2'), 'c', '3'))) AS one;
SELECT replicas(version(add(add(new_set('{a}'), 'b'), 'c'))) AS one;

-- Two edits of one base are two replicas', and neither loses to the other.
CREATE TEMP TABLE base AS SELECT new_text('x') AS t, new_map('{"n": 0}') AS m, new_set('{a}') AS s;
SELECT (insert(t, 0, 'left ') || insert(t, 1, ' right'))::text FROM base;
SELECT replicas(version(set(m, 'p', '1') || set(m, 'q', '2'))) > 1 AS two, (set(m, 'p', '1') || set(m, 'q', '2'))::jsonb
  FROM base;
SELECT (add(s, 'b') || add(s, 'c'))::text[] FROM base;
-- The constructor is a new writer each time, for each row too.
SELECT (new_text('ab') || new_text('ab'))::text;
SELECT count(DISTINCT version(new_text('ab'))::text) FROM generate_series(1, 1000);
SELECT count(DISTINCT version(new_map('{"a": 1}'))::text) FROM generate_series(1, 1000);

-- An edit that was rolled back, but whose delta escaped.
CREATE TEMP TABLE doc AS SELECT new_text('base') AS body;
BEGIN;
UPDATE doc SET body = insert(body, 4, ' rolled back');
SELECT body AS escaped FROM doc \gset
ROLLBACK;
UPDATE doc SET body = insert(body, 4, ' committed');
SELECT body::text, char_length((body || :'escaped')::text) = char_length('base rolled back committed') AS both FROM doc;

-- A function that is inlined, and one whose argument is used twice.
CREATE FUNCTION twice(crdt_text) RETURNS crdt_text LANGUAGE sql AS
    $$ SELECT insert($1, 0, '1') || insert($1, 0, '2') $$;
SELECT char_length(twice(new_text('x'))) AS three, char_length(twice(twice(new_text('x')))) AS five FROM base;
CREATE FUNCTION used_twice(m lww_map) RETURNS boolean LANGUAGE sql AS $$ SELECT m = m $$;
SELECT used_twice(new_map('{"a": 1}')) AS evaluated_once;

-- A generic plan and a constant argument: run at each execution, not at planning.
PREPARE make AS SELECT version(new_text('ab'))::text AS v;
SET plan_cache_mode = force_generic_plan;
EXECUTE make \gset first_
EXECUTE make \gset second_
SELECT :'first_v' <> :'second_v' AS new_each_time;
RESET plan_cache_mode;
-- A default is run for each row.
CREATE TEMP TABLE with_default (id integer, body crdt_text DEFAULT new_text('x'));
INSERT INTO with_default (id) SELECT generate_series(1, 3);
SELECT count(DISTINCT version(body)::text) FROM with_default;

-- ON CONFLICT.
CREATE TEMP TABLE note (id integer PRIMARY KEY, body crdt_text, props lww_map, tags or_set);
INSERT INTO note VALUES (1, new_text('one'), new_map('{"a": 1}'), new_set('{a}'))
    ON CONFLICT (id) DO UPDATE SET body = note.body || EXCLUDED.body;
INSERT INTO note VALUES (1, new_text('two'), new_map('{"b": 1}'), new_set('{b}'))
    ON CONFLICT (id) DO UPDATE
    SET body = note.body || EXCLUDED.body, props = note.props || EXCLUDED.props, tags = note.tags || EXCLUDED.tags;
INSERT INTO note VALUES (1, new_text('two'), new_map('{"b": 1}'), new_set('{b}'))
    ON CONFLICT (id) DO UPDATE
    SET body = note.body || EXCLUDED.body, props = note.props || EXCLUDED.props, tags = note.tags || EXCLUDED.tags;
SELECT char_length(body) AS nine, props::jsonb, tags::text[] FROM note;

-- More documents by turns than a backend remembers: each still gets every edit.
CREATE TEMP TABLE many AS SELECT i, new_text('x') AS body FROM generate_series(1, 200) i;
UPDATE many SET body = insert(body, 1, 'y');
UPDATE many SET body = insert(body, 2, 'z');
SELECT count(*) FROM many WHERE body::text = 'xyz';
-- And a few by turns keep their replicas.
CREATE TEMP TABLE few AS SELECT i, new_text('x') AS body FROM generate_series(1, 20) i;
UPDATE few SET body = insert(body, 1, 'y');
UPDATE few SET body = insert(body, 2, 'z');
SELECT max(replicas(version(body))) FROM few;

-- Parallel workers never mint.
SELECT proname, provolatile, proparallel FROM pg_proc
 WHERE pronamespace = 'converge'::regnamespace
   AND proname IN ('new_map', 'new_set', 'new_text', 'set', 'unset', 'add', 'remove', 'insert', 'delete', 'splice',
                   'assign')
   AND (provolatile <> 'v' OR proparallel = 's');
DROP FUNCTION twice, used_twice, replicas;
