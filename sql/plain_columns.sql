-- Plain columns: those that clients may read, and the one that says that a row is
-- deleted. And track() called again.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE task (
    tenant text, id text,
    title text NOT NULL DEFAULT '', due timestamptz, "Number" numeric, tags text[], deleted_at timestamptz,
    shout text GENERATED ALWAYS AS (upper(title)) STORED,
    props converge.lww_map NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));
ALTER TABLE task ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON task USING (tenant = converge.current_tenant());
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
RESET client_min_messages;
GRANT SELECT, INSERT, UPDATE, DELETE ON task TO regress_converge_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
SELECT test.token('acme', 'ann') AS ann \gset
CREATE FUNCTION test.d(key text, value text, operation int DEFAULT 0) RETURNS bytea LANGUAGE sql
    AS $$ SELECT test.payload('props', converge.new_map(jsonb_build_object(key, value))::bytea, operation) $$;
-- wire.ColumnValue messages of a Payload or DocumentState.
CREATE FUNCTION test.columns(message bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(convert_from(test.first_bytes(f.bytes, 1), 'UTF8') || '=' ||
                      convert_from(test.first_bytes(f.bytes, 2), 'UTF8'), ' ')
      FROM test.fields(message) f WHERE f.field = 3 $$;
CREATE VIEW log AS
    SELECT d.key, c.seq, c.principal, test.first_number(c.payload, 1) AS operation, test.columns(c.payload) AS columns,
           (SELECT count(*) FROM test.fields(c.payload) WHERE field = 2) AS fields
      FROM converge.change c JOIN converge.document d USING (tenant, document) ORDER BY c.recorded_at, c.seq;
CREATE FUNCTION test.pull_state(key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM converge.authenticate(test.token('acme', 'ann'));
    RETURN test.columns(test.first_bytes(converge.pull('task', key), 2));
END $$;

-- Bad input.
SELECT converge.track('task', 'tenant', include => '{nobody}');
SELECT converge.track('task', 'tenant', include => '{props}');
SELECT converge.track('task', 'tenant', include => '{title,title}');
SELECT converge.track('task', 'tenant', include => ARRAY[NULL]::name[]);
SELECT converge.track('task', 'tenant', include => (SELECT array_agg('c' || n)::name[] FROM generate_series(1, 33) n));
SELECT converge.track('task', 'tenant', deletion_column => 'title');
SELECT converge.track('task', NULL);

-- Their values come with the changes, as JSON, and with the state.
SELECT converge.track('task', 'tenant', include => '{title,due,Number,tags,shout}');
SET timezone = 'UTC';
INSERT INTO task (tenant, id, title, due, "Number") VALUES ('acme', 'a', 'say "hi"', '2026-11-21 10:00+02', 1.50);
UPDATE task SET title = 'Bye', tags = '{x,"y z"}' WHERE id = 'a';
UPDATE task SET title = 'Bye' WHERE id = 'a';
UPDATE task SET due = NULL, props = converge.set(props, 'k', '1') WHERE id = 'a';
SELECT * FROM log;
SELECT test.pull_state('a');

-- No client sets them; what a trigger sets because of a client's change is logged.
CREATE FUNCTION count_edits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW."Number" = coalesce(NEW."Number", 0) + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER count_edits BEFORE INSERT OR UPDATE ON task FOR EACH ROW EXECUTE FUNCTION count_edits();
SET ROLE regress_converge_app;
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('task', 'a',
    test.change(1, 1, test.d('x', '1') || test.bytes(3, test.text(1, 'title') || test.text(2, '"mine"'))))));
SELECT code FROM test.push(test.token_group(:'ann', test.document('task', 'a', test.change(2, 1, test.d('x', '1')))));
SELECT code FROM test.push(test.token_group(:'ann', test.document('task', 'made', test.change(3, 1, test.d('x', '1', 1)))));
RESET ROLE;
SELECT * FROM log OFFSET 3;
DROP TRIGGER count_edits ON task;

-- Renamed and dropped ones.
ALTER TABLE task RENAME COLUMN title TO heading;
ALTER TABLE task DROP COLUMN tags;
SELECT included FROM converge.collection;
UPDATE task SET heading = 'renamed' WHERE id = 'a';
SELECT columns FROM log WHERE key = 'a' ORDER BY seq DESC LIMIT 1;
SELECT test.pull_state('a');

-- track() again: other options, and what is not logged yet.
SET session_replication_role = replica;
INSERT INTO task (tenant, id) VALUES ('acme', 'unlogged');
UPDATE task SET props = converge.set(props, 'unlogged', '1') WHERE id = 'a';
RESET session_replication_role;
ALTER TABLE task ADD note converge.crdt_text NOT NULL DEFAULT '';
ALTER TABLE task DISABLE TRIGGER USER;
UPDATE task SET note = converge.new_text('before') WHERE id = 'a';
ALTER TABLE task ENABLE TRIGGER USER;
DROP TRIGGER "!converge_capture" ON task;
SELECT count(*) AS logged FROM log \gset
SELECT converge.track('task', 'tenant', include => '{heading}', deletion_column => 'deleted_at');
SELECT deferred, included, deletion_column FROM converge.collection;
SELECT key, operation, fields, columns FROM log OFFSET :logged;
SELECT converge.rebuild('task', 'acme', 'a') AS differed;
SELECT converge.track('task', 'id');

-- Softly deleted: for clients it is gone, what they edited meanwhile is kept, and SQL brings all of it back.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('task', 'a',
    test.change(2, 2, test.number(1, 2)), test.change(2, 3, test.d('after', '1')))));
RESET ROLE;
SELECT deleted_at IS NOT NULL AS deleted, props::jsonb FROM task WHERE id = 'a';
SELECT test.pull_state('a');
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('task', 'a', test.change(4, 1, test.d('late', '1')))));
SELECT code FROM test.push(test.token_group(:'ann', test.document('task', 'a', test.change(4, 2, test.number(1, 2)))));
RESET ROLE;
UPDATE task SET deleted_at = NULL WHERE id = 'a';
SELECT props::jsonb FROM task WHERE id = 'a';
SELECT test.pull_state('a') IS NULL AS no_state_or_gone;
-- In SQL, deleted and edited in one statement; made again by a client who means to make it.
UPDATE task SET deleted_at = now(), props = converge.set(props, 'last', '1') WHERE id = 'a';
UPDATE task SET deleted_at = deleted_at + interval '1 s' WHERE id = 'a';
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('task', 'a', test.change(5, 1, test.d('again', '1', 1)))));
RESET ROLE;
SELECT deleted_at IS NULL AS live, props::jsonb FROM task WHERE id = 'a';
SELECT principal, operation, fields FROM log WHERE key = 'a' OFFSET 8;
-- A row that is deleted is gone, here too.
DELETE FROM task WHERE id = 'made';
SELECT operation FROM log WHERE key = 'made' ORDER BY seq DESC LIMIT 1;
SELECT converge.compact('task', 'acme', 'a') > 5 AS with_deletions;
SELECT converge.rebuild('task', 'acme', 'a') AS differed;
-- A policy that keeps the row as it is.
CREATE POLICY no_deletion ON task AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (deleted_at IS NULL);
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('task', 'a', test.change(6, 1, test.number(1, 2)))));
RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
DROP VIEW log;
DROP TABLE task;
DROP FUNCTION count_edits();
DROP SCHEMA test CASCADE;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica, converge.snapshot RESTART IDENTITY;
