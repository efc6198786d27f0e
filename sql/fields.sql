-- Fields keep their names in the log: columns that are renamed, dropped and made
-- again lose no change.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE note (
    tenant text, id text, state text,
    props converge.lww_map NOT NULL DEFAULT '',
    tags converge.or_set NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));
SELECT converge.track('note', 'tenant');
SELECT test.token('acme', 'ann') AS ann \gset
CREATE VIEW fields AS SELECT name, column_name, type FROM converge.field ORDER BY name;
CREATE FUNCTION test.verified() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM converge.authenticate(test.token('acme', 'ann'));
    RETURN converge.verify_row('note', 'a');
END $$;
CREATE FUNCTION test.pulled_fields() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM converge.authenticate(test.token('acme', 'ann'));
    RETURN QUERY SELECT convert_from(test.first_bytes(f.bytes, 1), 'UTF8')
                   FROM test.fields(converge.pull('note', 'a')) f WHERE f.field = 1 ORDER BY 1;
END $$;
INSERT INTO note (tenant, id, props) VALUES ('acme', 'a', converge.new_map('{"n": 1}'));
SELECT * FROM fields;

-- Renamed: clients that know the field by its name go on, what is logged is still its own.
ALTER TABLE note RENAME COLUMN props TO properties;
SELECT * FROM fields;
SELECT * FROM test.pulled_fields();
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, test.payload('props', converge.new_map('{"m": 2}')::bytea)))));
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(2, 1, test.payload('properties', converge.new_map('{"m": 2}')::bytea)))));
UPDATE note SET properties = converge.set(properties, 'o', '3');
SELECT properties::jsonb FROM note;
SELECT test.verified();
SELECT converge.rebuild('note', 'acme', 'a');

-- A new column with the old name is another field.
ALTER TABLE note ADD props converge.or_set NOT NULL DEFAULT '';
SELECT * FROM fields;
UPDATE note SET props = converge.add(props, 'x');
SELECT props::text[], properties::jsonb FROM note;
SELECT test.verified();

-- Dropped, the field's changes stay in the log, and in the snapshot after compaction.
ALTER TABLE note DROP COLUMN properties;
SELECT * FROM fields;
SELECT test.verified();
SELECT converge.compact('note', 'acme', 'a');
SELECT convert_from(test.first_bytes(f.bytes, 1), 'UTF8') AS name
  FROM converge.snapshot s, test.fields(s.state) f WHERE f.field = 1 ORDER BY 1;
SELECT test.verified();
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(3, 1, test.payload('props', converge.new_map('{"late": 1}')::bytea)))));

-- Dropped and made again in one command, another type given, and a rolled-back change of the table.
ALTER TABLE note DROP COLUMN tags, ADD COLUMN tags converge.or_set NOT NULL DEFAULT '';
SELECT * FROM fields;
ALTER TABLE note ALTER COLUMN tags DROP DEFAULT,
                 ALTER COLUMN tags TYPE converge.lww_set USING converge.new_lww_set(tags::text[]),
                 ALTER COLUMN tags SET DEFAULT '';
SELECT * FROM fields;
BEGIN;
ALTER TABLE note RENAME COLUMN tags TO labels;
UPDATE note SET labels = converge.add(labels, 'y');
ROLLBACK;
UPDATE note SET tags = converge.add(tags, 'y');
SELECT * FROM fields;
SELECT test.verified();

-- A plain column becomes a field.
ALTER TABLE note ALTER COLUMN state TYPE converge.lww_map USING '', ALTER COLUMN state SET NOT NULL;
UPDATE note SET state = converge.set(state, 'k', '1');
ALTER TABLE note DROP COLUMN state;
ALTER TABLE note ADD COLUMN state converge.lww_map NOT NULL DEFAULT '';
SELECT * FROM fields;

-- The key's columns and the tenant's are followed too.
ALTER TABLE note RENAME COLUMN tenant TO owner;
ALTER TABLE note RENAME COLUMN id TO number;
SELECT tenant_column, key_columns FROM converge.collection;
UPDATE note SET state = converge.set(state, 'k', '2');
SELECT test.verified();

-- So is what a statement for another kind of relation does, what comes by way of a table that
-- this one inherits from by now, and what a replica's session does.
ALTER VIEW note RENAME COLUMN tags TO viewed;
ALTER FOREIGN TABLE note RENAME COLUMN viewed TO foreign_tags;
ALTER MATERIALIZED VIEW note RENAME COLUMN foreign_tags TO tags;
CREATE TABLE above (owner text NOT NULL, number text NOT NULL, tags converge.lww_set NOT NULL);
ALTER TABLE note INHERIT above;
ALTER TABLE above RENAME COLUMN tags TO inherited;
ALTER TABLE above RENAME COLUMN number TO id;
ALTER TABLE above ADD COLUMN more converge.or_set NOT NULL DEFAULT '';
SELECT * FROM fields;
SELECT tenant_column, key_columns FROM converge.collection;
ALTER TABLE note NO INHERIT above;
DROP TABLE above;
SET session_replication_role = replica;
ALTER TABLE note RENAME COLUMN inherited TO tags;
ALTER TABLE note DROP COLUMN more;
RESET session_replication_role;
UPDATE note SET tags = converge.add(tags, 'z');
SELECT * FROM fields;
SELECT test.verified();

-- A column made while event triggers did not fire.
ALTER EVENT TRIGGER converge_follow_schema_change DISABLE;
ALTER TABLE note RENAME COLUMN state TO old_state;
ALTER TABLE note ADD COLUMN "state" converge.lww_map NOT NULL DEFAULT '';
ALTER TABLE note ADD COLUMN "state.2" converge.lww_map NOT NULL DEFAULT '';
ALTER EVENT TRIGGER converge_follow_schema_change ENABLE ALWAYS;
UPDATE note SET "state.2" = converge.set("state.2", 'k', '3');

-- A table of a type.
CREATE TYPE paper AS (tenant text, id text, props converge.lww_map);
CREATE TABLE typed OF paper (props WITH OPTIONS NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT converge.track('typed', 'tenant');
INSERT INTO typed VALUES ('acme', 't', converge.new_map('{"t": 1}'));
ALTER TYPE paper RENAME ATTRIBUTE props TO content CASCADE;
UPDATE typed SET content = converge.set(content, 'u', '2');
SELECT converge.rebuild('typed', 'acme', 't');
SELECT name, column_name FROM fields WHERE column_name = 'content';

-- Untracked and dropped tables have no fields.
SELECT converge.untrack('typed');
SELECT name, column_name FROM fields WHERE column_name = 'content';
DROP TABLE note, typed;
SELECT * FROM fields;
\set ECHO none
SET client_min_messages = warning;
DROP TYPE paper;
DROP VIEW fields;
DROP SCHEMA test CASCADE;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica, converge.snapshot RESTART IDENTITY;
