-- What other tables and statements do to tracked rows is logged: cascades, TRUNCATE,
-- COPY, upserts, MERGE, partitions that come and go.
SET search_path = public, converge;
CREATE TABLE owner (tenant text, name text, PRIMARY KEY (tenant, name));
CREATE TABLE note (
    tenant text, id text, owner text, reviewer text, props lww_map NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, owner) REFERENCES owner ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY (tenant, reviewer) REFERENCES owner ON DELETE SET NULL (reviewer));
CREATE TABLE comment (
    tenant text, note text, n int, body crdt_text NOT NULL DEFAULT '', PRIMARY KEY (tenant, note, n),
    FOREIGN KEY (tenant, note) REFERENCES note ON DELETE CASCADE ON UPDATE CASCADE);
SELECT track('note', 'tenant', include => '{owner,reviewer}'), track('comment', 'tenant');
-- Of each change what it did: 0 an edit, 1 the row came, 2 it went; the columns that
-- it carries. And whether all rows are what their logs say.
CREATE VIEW logged AS
    SELECT d.key, c.seq, CASE WHEN get_byte(c.payload, 0) = 8 THEN get_byte(c.payload, 1) ELSE 0 END AS operation,
           position('owner'::bytea IN c.payload) > 0 AS owner, position('reviewer'::bytea IN c.payload) > 0 AS reviewer
      FROM converge.change c JOIN converge.document d USING (tenant, document) ORDER BY d.document, c.seq;
CREATE FUNCTION differing() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT 'note ' || id FROM note WHERE converge.rebuild('note', tenant, id)
    UNION ALL SELECT 'comment ' || n FROM comment WHERE converge.rebuild('comment', tenant, format('["%s", "%s"]', note, n)) $$;

-- From a table that is not tracked, and on from one that is.
INSERT INTO owner VALUES ('acme', 'ann'), ('acme', 'amy'), ('acme', 'abe');
INSERT INTO note VALUES ('acme', 'a', 'ann', 'amy'), ('acme', 'b', 'amy', 'abe'), ('acme', 'c', NULL, 'abe');
INSERT INTO comment VALUES ('acme', 'a', 1, new_text('first')), ('acme', 'a', 2, ''), ('acme', 'b', 1, '');
DELETE FROM owner WHERE name = 'abe';
UPDATE owner SET name = 'anna' WHERE name = 'ann';
DELETE FROM owner WHERE name = 'anna';
SELECT * FROM logged;
SELECT * FROM differing();
-- A cascade that would change a key is refused, with all of it.
UPDATE note SET id = 'z' WHERE id = 'b';
SELECT id, owner, reviewer FROM note ORDER BY id;
-- A deferred constraint that fails takes the changes back.
ALTER TABLE note ALTER CONSTRAINT note_tenant_owner_fkey DEFERRABLE INITIALLY DEFERRED;
BEGIN;
UPDATE note SET props = set(props, 'k', '1') WHERE id = 'b';
INSERT INTO note VALUES ('acme', 'd', 'nobody');
COMMIT;
SELECT * FROM logged WHERE key IN ('b', 'd');

-- TRUNCATE, also of what refers to the table, and in a transaction that does not commit.
BEGIN;
TRUNCATE note CASCADE;
ROLLBACK;
SELECT count(*) FROM note;
TRUNCATE owner CASCADE;
SELECT count(*) FROM note;
SELECT key, seq, operation FROM logged WHERE operation = 2;

-- COPY brings whole states; the same rows as INSERT … SELECT are other documents
-- with the same content.
INSERT INTO note (tenant, id, props) VALUES ('acme', 'e', new_map('{"k": 1}')), ('acme', 'f', '');
UPDATE note SET props = set(props, 'k', '2') WHERE id = 'e';
CREATE TEMPORARY TABLE copied AS SELECT tenant, 'copy of ' || id AS id, props FROM note;
INSERT INTO note (tenant, id, props) SELECT tenant, id, props FROM copied;
SELECT id, props::jsonb FROM note ORDER BY id;
COPY note (tenant, id, props) FROM stdin;
acme	g	
acme	h	\N
\.
COPY note (tenant, id, props) FROM stdin;
acme	g	
acme	h	
\.
-- What is there joins what comes.
INSERT INTO note (tenant, id, props) VALUES ('acme', 'e', new_map('{"j": 3}')), ('acme', 'i', new_map('{"j": 3}'))
    ON CONFLICT (tenant, id) DO UPDATE SET props = note.props || EXCLUDED.props;
INSERT INTO note (tenant, id, props) VALUES ('acme', 'e', new_map('{"never": 1}')) ON CONFLICT DO NOTHING;
MERGE INTO note USING (VALUES ('e', 'keep'), ('f', 'drop'), ('j', 'make')) AS s (id, what)
    ON note.tenant = 'acme' AND note.id = s.id
    WHEN MATCHED AND what = 'drop' THEN DELETE
    WHEN MATCHED THEN UPDATE SET props = set(props, 'merged', '1')
    WHEN NOT MATCHED THEN INSERT (tenant, id, props) VALUES ('acme', s.id, new_map('{"made": 1}'));
WITH gone AS (DELETE FROM note WHERE id = 'i' RETURNING tenant, props)
    INSERT INTO note (tenant, id, props) SELECT tenant, 'k', props FROM gone;
SELECT id, props::jsonb FROM note ORDER BY id;
SELECT key, seq, operation FROM logged WHERE key IN ('e', 'f', 'g', 'h', 'i', 'j', 'k');
SELECT * FROM differing();

-- Columns that are generated from fields follow, and are none themselves.
ALTER TABLE note ADD k text GENERATED ALWAYS AS (props ->> 'k') STORED,
    ADD twin lww_map GENERATED ALWAYS AS (props) STORED;
SELECT track('note', 'tenant', include => '{k}');
UPDATE note SET props = set(props, 'k', '"new"') WHERE id = 'e';
SELECT k, twin::jsonb ->> 'k' AS twin FROM note WHERE id = 'e';
SELECT f.name FROM converge.field f JOIN converge.collection c USING (collection) WHERE c.name = 'note' ORDER BY 1;
SELECT position('"new"' IN convert_from(substr(payload, position('"new"'::bytea IN payload), 5), 'UTF8')) > 0 AS carried
  FROM converge.change c JOIN converge.document d USING (tenant, document) WHERE key = 'e' ORDER BY seq DESC LIMIT 1;
SELECT * FROM differing();

-- Partitions. A row's partition is its key's, so it does not move.
CREATE TABLE part (tenant text, id int, props lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id)) PARTITION BY RANGE (id);
CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (20);
SELECT track('part', 'tenant');
INSERT INTO part SELECT 'acme', n, new_map('{"k": 1}') FROM generate_series(8, 12, 2) AS n;
UPDATE part SET id = 18 WHERE id = 8;
-- Detached, it is a table of its own; edits there are not logged.
ALTER TABLE part DETACH PARTITION part_high;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'part_high'::regclass;
UPDATE part_high SET props = set(props, 'apart', '1') WHERE id = 10;
INSERT INTO part_high VALUES ('acme', 14);
DELETE FROM part_high WHERE id = 12;
UPDATE part SET props = set(props, 'k', '2');
ALTER TABLE part ATTACH PARTITION part_high FOR VALUES FROM (10) TO (20);
SELECT id, props::jsonb, (SELECT count(*) FROM converge.document WHERE key = id::text) AS documents FROM part ORDER BY id;
-- track() logs what the log does not have; until then an edit does, of its own row.
UPDATE part SET props = set(props, 'k', '3') WHERE id = 14;
SELECT track('part', 'tenant');
SELECT id, props::jsonb, converge.rebuild('part', tenant, id::text) AS differed FROM part ORDER BY id;
CREATE TABLE part_new (LIKE part INCLUDING ALL);
INSERT INTO part_new VALUES ('acme', 20, new_map('{"k": 4}'));
ALTER TABLE part ATTACH PARTITION part_new FOR VALUES FROM (20) TO (30);
INSERT INTO part VALUES ('acme', 21) ;
SELECT track('part', 'tenant');
SELECT id, props::jsonb, converge.rebuild('part', tenant, id::text) AS differed FROM part WHERE id >= 20 ORDER BY id;
TRUNCATE part;
SELECT key, operation FROM logged l JOIN converge.document d USING (key) JOIN converge.collection c USING (collection)
 WHERE c.name = 'part' AND operation = 2 ORDER BY key::int;

\set ECHO none
SET client_min_messages = warning;
DROP VIEW logged;
DROP FUNCTION differing;
DROP TABLE owner, note, comment, part;
TRUNCATE converge.change, converge.document, converge.replica, converge.snapshot RESTART IDENTITY;
