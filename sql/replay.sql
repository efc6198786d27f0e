-- verify() and rebuild() replay logs of any size, and whatever the log's index holds.
SET search_path = public, converge;
CREATE TABLE note (
    tenant text, id text,
    body converge.crdt_text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));
SELECT converge.track('note', 'tenant');
INSERT INTO note VALUES ('acme', 'long');
DO $$
BEGIN
    FOR i IN 1..24 LOOP
        UPDATE note SET body = converge.insert(body, 0, repeat(md5(i::text), 4000)) WHERE id = 'long';
    END LOOP;
END
$$;
SELECT count(*), sum(length(payload)) > 3000000 AS large FROM converge.change;
SELECT converge.rebuild('note', 'acme', 'long');

-- A number that is gone leaves a dead entry in the index, which the scan meets
-- before it has read what it joins at a time. (Whether the row changes is not the
-- point: the text that hangs on the lost part is pending.)
DELETE FROM converge.change WHERE seq = 2;
SELECT converge.rebuild('note', 'acme', 'long');
SELECT converge.rebuild('note', 'acme', 'long');

-- A schema that is renamed under a session that knows its tables.
CREATE SCHEMA before;
CREATE TABLE before.note (LIKE note INCLUDING ALL);
SELECT converge.track('before.note', 'tenant');
INSERT INTO before.note VALUES ('acme', 'a', converge.new_text('a'));
SELECT converge.rebuild('before.note', 'acme', 'a');
ALTER SCHEMA before RENAME TO after;
SELECT converge.rebuild('before.note', 'acme', 'a');
UPDATE after.note SET body = converge.insert(body, 1, 'b');
SELECT converge.rebuild('before.note', 'acme', 'a');

SET client_min_messages = warning;
DROP SCHEMA after CASCADE;
DROP TABLE note;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
