-- track(), untrack(), and what their triggers log.
SET search_path = public, converge;
CREATE TABLE note (
    tenant text, id text, title text,
    props converge.lww_map NOT NULL DEFAULT '',
    tags converge.or_set NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));

-- What cannot be tracked, and why.
SELECT converge.track('note', 'nobody');
SELECT converge.track('note', 'title');
SELECT converge.track('pg_class', 'relname');
SELECT converge.track('converge.change', 'tenant');
CREATE TABLE no_key (tenant text, id text, props converge.lww_map NOT NULL);
SELECT converge.track('no_key', 'tenant');
CREATE TABLE only_tenant (tenant text PRIMARY KEY, props converge.lww_map NOT NULL);
SELECT converge.track('only_tenant', 'tenant');
CREATE TABLE no_field (tenant text, id text, PRIMARY KEY (tenant, id));
SELECT converge.track('no_field', 'tenant');
CREATE TABLE nullable (tenant text, id text, props converge.lww_map, PRIMARY KEY (tenant, id));
SELECT converge.track('nullable', 'tenant');
CREATE TABLE late_key (tenant text, id text, props converge.lww_map NOT NULL,
                       PRIMARY KEY (tenant, id) DEFERRABLE);
SELECT converge.track('late_key', 'tenant');
CREATE TABLE dated (tenant text, at timestamptz, props converge.lww_map NOT NULL, PRIMARY KEY (tenant, at));
SELECT converge.track('dated', 'tenant');
CREATE UNLOGGED TABLE unlogged (tenant text, id text, props converge.lww_map NOT NULL, PRIMARY KEY (tenant, id));
SELECT converge.track('unlogged', 'tenant');
CREATE VIEW a_view AS SELECT * FROM note;
SELECT converge.track('a_view', 'tenant');
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "~~later" BEFORE UPDATE ON no_key FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE no_key ADD PRIMARY KEY (tenant, id);
SELECT converge.track('no_key', 'tenant');
DROP TRIGGER "~~later" ON no_key;
CREATE TRIGGER "!a" AFTER INSERT ON no_key FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT converge.track('no_key', 'tenant');
SELECT converge.track('note', 'tenant', '{title}');
SELECT converge.track('note', 'tenant', '{nobody}');
DROP TABLE no_key, only_tenant, no_field, nullable, late_key, dated, unlogged;
DROP VIEW a_view;
SELECT count(*) AS collections FROM converge.collection;

-- The rows that are there become documents.
INSERT INTO note (tenant, id, title, props) VALUES ('acme', 'old', 'old', converge.new_map('{"a": 1}'));
SELECT converge.track('note', 'tenant');
-- Called again, it has nothing to add.
SELECT converge.track('note', 'tenant');
CREATE VIEW log AS
    SELECT d.key, c.seq, c.principal, get_byte(c.payload, 0) = 8 AND get_byte(c.payload, 1) = 1 AS inserted,
           get_byte(c.payload || '\x00', 0) = 8 AND get_byte(c.payload || '\x0000', 1) = 2 AS deleted
      FROM converge.change c JOIN converge.document d USING (tenant, document)
     ORDER BY c.document, c.seq;
SELECT * FROM log;

-- An edit is one change; what changes no field is none.
INSERT INTO note (tenant, id, title) VALUES ('acme', 'new', 'new');
UPDATE note SET props = converge.set(props, 'b', '2') WHERE id = 'new';
UPDATE note SET props = props || converge.new_map('{"c": 3}'), tags = converge.add(tags, 'red') WHERE id = 'new';
UPDATE note SET title = 'newer' WHERE id = 'new';
UPDATE note SET props = props || props WHERE id = 'new';
SELECT * FROM log WHERE key = 'new';

-- No assignment loses history.
UPDATE note SET props = '' WHERE id = 'new';
UPDATE note SET tags = '' WHERE id = 'new';
SELECT props::jsonb, tags::text[] FROM note WHERE id = 'new';
INSERT INTO note (tenant, id, props) VALUES ('acme', 'new', converge.new_map('{"d": 4}'))
    ON CONFLICT (tenant, id) DO UPDATE SET props = EXCLUDED.props;
SELECT props::jsonb FROM note WHERE id = 'new';

-- Not even a user's trigger does.
CREATE FUNCTION clear_props() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.props = ''; RETURN NEW; END $$;
CREATE TRIGGER clear BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION clear_props();
UPDATE note SET title = 'cleared?' WHERE id = 'new';
DROP TRIGGER clear ON note;
SELECT title, props::jsonb FROM note WHERE id = 'new';

-- A text keeps each of its edits.
ALTER TABLE note ADD body converge.crdt_text NOT NULL DEFAULT '';
UPDATE note SET body = converge.insert(body, 0, 'hello') WHERE id = 'new';
UPDATE note SET body = converge.insert(body, 5, ' world') WHERE id = 'new';
UPDATE note SET body = converge.delete(body, 0, 1) WHERE id = 'new';
UPDATE note SET body = converge.assign(body, 'Hello, world') WHERE id = 'new';
UPDATE note SET body = converge.new_text('!') WHERE id = 'new';
SELECT char_length(body::text), body::text IN ('Hello, world!', '!Hello, world') AS kept FROM note WHERE id = 'new';
SELECT count(*), max(seq) FROM log WHERE key = 'new';

-- What a rolled-back edit said is nowhere.
SELECT count(*) AS logged FROM log \gset
BEGIN;
UPDATE note SET props = converge.set(props, 'gone', 'true') WHERE id = 'new';
SAVEPOINT s;
UPDATE note SET props = converge.set(props, 'gone too', 'true') WHERE id = 'new';
ROLLBACK TO s;
SELECT count(*) - :logged AS more FROM log;
ROLLBACK;
SELECT count(*) - :logged AS more FROM log;
UPDATE note SET props = converge.set(props, 'e', '5') WHERE id = 'new';
SELECT max(seq) FROM log WHERE key = 'new';

-- Tenant and key stay.
UPDATE note SET id = 'other' WHERE id = 'new';
UPDATE note SET tenant = 'globex' WHERE id = 'new';
UPDATE note SET id = id WHERE id = 'new';

-- Deleted and made again, it is another document.
DELETE FROM note WHERE id = 'old';
INSERT INTO note (tenant, id) VALUES ('acme', 'old');
SELECT key, seq, inserted, deleted FROM log WHERE key = 'old';
SELECT count(DISTINCT document) FROM converge.document WHERE key = 'old';
BEGIN;
TRUNCATE note;
SELECT key, deleted FROM log WHERE deleted ORDER BY key;
ROLLBACK;

-- COPY and MERGE are edits as any.
COPY note (tenant, id) FROM stdin;
acme	copied
\.
MERGE INTO note USING (VALUES ('acme', 'copied'), ('acme', 'merged')) s(tenant, id)
    ON note.tenant = s.tenant AND note.id = s.id
    WHEN MATCHED THEN UPDATE SET props = converge.set(props, 'm', '1')
    WHEN NOT MATCHED THEN INSERT (tenant, id) VALUES (s.tenant, s.id);
SELECT key, seq, inserted FROM log WHERE key IN ('copied', 'merged') ORDER BY key, seq;

-- A column added later is a field; the check against the log goes over all.
ALTER TABLE note ADD more converge.lww_map NOT NULL DEFAULT '';
UPDATE note SET more = converge.set(more, 'x', '1') WHERE id = 'new';
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ann'));
SELECT id, converge.verify('note', id) FROM note WHERE tenant = 'acme' ORDER BY id;
UPDATE note SET more = converge.set(more, 'y', '2') WHERE id = 'new';
COMMIT;
SELECT principal FROM log WHERE key = 'new' ORDER BY seq DESC LIMIT 1;

-- Names that need quotes, keys of several columns and of other types.
CREATE SCHEMA "My Schema";
CREATE TABLE "My Schema"."My Table" (
    "Tenant Id" uuid, "a b" int, c varchar(10), "Field""s" converge.lww_map NOT NULL DEFAULT '',
    PRIMARY KEY (c, "Tenant Id", "a b"));
SELECT converge.track('"My Schema"."My Table"', 'Tenant Id');
INSERT INTO "My Schema"."My Table" VALUES ('00000000-0000-0000-0000-000000000001', 7, '2026-01-31');
UPDATE "My Schema"."My Table" SET "Field""s" = converge.set("Field""s", 'k', '1');
SELECT name, tenant_column, key_columns FROM converge.collection WHERE name <> 'note';
SELECT tenant, key FROM converge.document WHERE tenant LIKE '00%';
BEGIN;
SELECT converge.authenticate(test.token('00000000-0000-0000-0000-000000000001', 'ann'));
SELECT converge.verify('My Schema.My Table', '["2026-01-31", "7"]');
SELECT converge.verify('My Schema.My Table', '["2026-01-31", "8"]');
ROLLBACK;
DROP SCHEMA "My Schema" CASCADE;
SELECT name FROM converge.collection;

-- Partitions.
CREATE TABLE part (tenant text, id int, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id))
    PARTITION BY RANGE (id);
CREATE TABLE part_low (extra int, tenant text NOT NULL, props converge.lww_map NOT NULL DEFAULT '', id int NOT NULL);
ALTER TABLE part_low DROP extra;
ALTER TABLE part ATTACH PARTITION part_low FOR VALUES FROM (0) TO (10);
CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (20);
SELECT converge.track('part_low', 'tenant');
INSERT INTO part VALUES ('acme', 1);
SELECT converge.track('part', 'tenant');
INSERT INTO part VALUES ('acme', 11);
UPDATE part SET props = converge.set(props, 'p', '1');
SELECT key, seq, inserted FROM log WHERE key IN ('1', '11') ORDER BY key, seq;
UPDATE part SET id = id + 10 WHERE id = 1;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ann'));
SELECT converge.verify('part', '1'), converge.verify('part', '11');
ROLLBACK;
DROP TABLE part;

-- A trigger that would fire after the join, made when the table was tracked already.
CREATE TRIGGER "~~later" BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION nothing();
UPDATE note SET title = 'x' WHERE id = 'new';
ALTER TABLE note DISABLE TRIGGER "~~later";
UPDATE note SET title = 'x' WHERE id = 'new';
DROP TRIGGER "~~later" ON note;

-- Nor may one fire before the capture: what it did to the fresh row would be of no document yet.
CREATE FUNCTION edit_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE note SET props = converge.set(props, 'again', '1') WHERE tenant = NEW.tenant AND id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER "!again" AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION edit_again();
INSERT INTO note (tenant, id) VALUES ('acme', 'edited again');
ALTER TRIGGER "!again" ON note RENAME TO again;
INSERT INTO note (tenant, id) VALUES ('acme', 'edited again');
SELECT key, seq, inserted FROM log WHERE key = 'edited again';
DROP TRIGGER again ON note;

-- A table that goes with its type.
CREATE TYPE paper AS (tenant text, id text, props converge.lww_map);
CREATE TABLE typed OF paper (props WITH OPTIONS NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT converge.track('typed', 'tenant');
SET client_min_messages = warning;
DROP TYPE paper CASCADE;
RESET client_min_messages;
SELECT name FROM converge.collection ORDER BY name;

-- Untracked, the table is as any other and the log stays.
SELECT count(*) > 0 AS kept FROM log WHERE key = 'new';
SELECT converge.untrack('note');
SELECT converge.untrack('note');
UPDATE note SET id = 'renamed' WHERE id = 'merged';
SELECT count(*) > 0 AS kept FROM log WHERE key = 'new';
SELECT tgname FROM pg_trigger WHERE tgrelid = 'note'::regclass;
SELECT converge.capture();
CREATE TRIGGER capture AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION converge.capture();
INSERT INTO note (tenant, id) VALUES ('acme', 'x');

DROP VIEW log;
DROP TABLE note;
DROP FUNCTION nothing(), clear_props(), edit_again();
-- A key's text names the document: what would change it is refused.
CREATE TYPE colour AS ENUM ('red', 'blue');
CREATE DOMAIN paint AS colour;
CREATE TABLE wall (tenant text, id paint, coats numeric(6,2), props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id, coats));
SELECT converge.track('wall', 'tenant');
INSERT INTO wall VALUES ('acme', 'red', 1.5);
ALTER TYPE colour RENAME VALUE 'red' TO 'scarlet';
ALTER TYPE colour RENAME VALUE 'blue' TO 'azure';
ALTER TABLE wall ALTER COLUMN coats TYPE numeric(6,3);
ALTER TABLE wall ALTER COLUMN tenant TYPE text USING upper(tenant);
ALTER TABLE wall ALTER COLUMN coats TYPE numeric(8,2), ALTER COLUMN tenant TYPE varchar(20);
UPDATE wall SET props = converge.set(props, 'k', '1');
SELECT d.tenant, d.key FROM converge.document d JOIN converge.collection c USING (collection) WHERE c.name = 'wall';
DROP TABLE wall;
DROP DOMAIN paint;
DROP TYPE colour;
-- A session keeps nothing of tables that are gone.
CREATE TABLE passing (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT converge.track('passing', 'tenant');
INSERT INTO passing VALUES ('acme', 'a');
DROP TABLE passing;
BEGIN;
COMMIT;
SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'converge collection' OR name LIKE 'converge row lock%';
\set ECHO none
SET client_min_messages = warning;
DROP SCHEMA test CASCADE;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
