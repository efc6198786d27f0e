-- compact(): what a snapshot holds leaves the log.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE note (
    tenant text, id text, title text DEFAULT '',
    props converge.lww_map NOT NULL DEFAULT '',
    tags converge.or_set NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = converge.current_tenant());
CREATE POLICY no_secret ON note AS RESTRICTIVE FOR UPDATE USING (title <> 'read only');
SELECT converge.track('note', 'tenant');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
RESET client_min_messages;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
SELECT test.token('acme', 'ann') AS ann \gset
CREATE FUNCTION test.d(key text, value text) RETURNS bytea LANGUAGE sql
    AS $$ SELECT test.payload('props', converge.new_map(jsonb_build_object(key, value))::bytea) $$;
CREATE FUNCTION test.log() RETURNS TABLE (key text, replica text, seq bigint, refused boolean) LANGUAGE sql AS $$
    SELECT d.key, CASE WHEN c.replica = n.replica THEN 'server' ELSE c.replica::text END, c.seq, c.payload IS NULL
      FROM converge.change c JOIN converge.document d USING (tenant, document), converge.node n
     ORDER BY c.document, 2, c.seq $$;
-- One document, pulled without knowing anything and then from a version.
CREATE FUNCTION test.kinds(since bytea DEFAULT NULL) RETURNS TABLE (kind text, count bigint) LANGUAGE sql AS $$
    SELECT kind, count(*) FROM test.pulled(converge.pull('note', 'a', since::converge.log_version)) GROUP BY 1 ORDER BY 1 $$;

INSERT INTO note (tenant, id) VALUES ('acme', 'a'), ('acme', 'b');
SELECT test.d('x', repeat('x', 200)) AS one, test.d('y', '2') AS two, test.d('z', '3') AS three \gset
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, :'one'), test.change(1, 2, :'two'), test.change(2, 1, :'three'), test.change(3, 1, '\xff'))));
UPDATE note SET tags = converge.add(tags, 'red') WHERE id = 'a';
SELECT * FROM test.log();
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT test.version_after(converge.pull('note', 'a')) AS before \gset
COMMIT;

-- What is to be kept stays; a refusal always does; the other document's is not touched.
SELECT converge.compact('note', 'acme', 'a', '1 hour');
SELECT converge.compact('note', 'acme', 'a');
SELECT converge.compact('note', 'acme', 'a');
SELECT * FROM test.log();
SELECT replica = (SELECT replica FROM converge.node) AS server, last_seq, last_hash IS NOT NULL AS hash
  FROM converge.replica WHERE document = (SELECT min(document) FROM converge.document) ORDER BY last_seq, 1;

-- Row and log still agree, and the row can be made from them.
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'a');
COMMIT;
SET session_replication_role = replica;
UPDATE note SET props = '', tags = '' WHERE id = 'a';
RESET session_replication_role;
SELECT converge.rebuild('note', 'acme', 'a');
SELECT props::jsonb - 'x' AS props, length(props ->> 'x') AS x, tags::text[] FROM note WHERE id = 'a';

-- Numbers go on, known ones are duplicates or refused as before, other content under the last one is found out.
SELECT code, expected FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, :'one'), test.change(1, 2, :'two'), test.change(1, 4, :'one'), test.change(3, 1, '\xff'),
    test.change(3, 2, :'one'))));
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(2, 1, :'one'))));
SELECT test.d('late', '4') AS late \gset
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(1, 3, :'late'))));
UPDATE note SET tags = converge.add(tags, 'blue') WHERE id = 'a';
SELECT * FROM test.log() WHERE key = 'a';

-- Who has everything that is gone gets changes; who lacks some of it gets the state.
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT * FROM test.kinds(:'before');
SELECT * FROM test.kinds();
SELECT test.version_after(converge.pull('note', 'a'))::converge.log_version = test.version_after(
       converge.pull('note', 'a', :'before'::bytea::converge.log_version))::converge.log_version AS same_version;
COMMIT;

-- What this transaction or one that is not over has logged is not settled.
BEGIN;
UPDATE note SET tags = converge.add(tags, 'green') WHERE id = 'a';
SELECT converge.compact('note', 'acme', 'a');
COMMIT;
SELECT converge.compact('note', 'acme', 'a');

-- A transaction number of another server says nothing: its epoch is past.
UPDATE note SET tags = converge.add(tags, 'white') WHERE id = 'a';
UPDATE converge.change SET xid = '18446744073709551615'::xid8 WHERE payload IS NOT NULL AND document = 1;
SELECT converge.compact('note', 'acme', 'a');
UPDATE converge.change SET epoch = epoch - 1 WHERE payload IS NOT NULL AND document = 1;
SELECT converge.compact('note', 'acme', 'a');

-- A deletion stays, what came before it goes; a new incarnation is another document.
DELETE FROM note WHERE id = 'a';
INSERT INTO note (tenant, id, title) VALUES ('acme', 'a', 'read only');
SELECT converge.compact('note', 'acme', 'a');
SELECT * FROM test.log() WHERE key = 'a';

-- Where the caller may only read, refusals and compaction keep out of each other's way.
SET ROLE regress_converge_app;
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(7, 1, test.d('q', '1')))));
RESET ROLE;
SELECT converge.compact('note', 'acme', 'a');
SELECT * FROM test.log() WHERE replica = '7';

-- All documents of a collection, and none of another one.
CREATE TABLE other (LIKE note INCLUDING ALL);
SELECT converge.track('other', 'tenant');
INSERT INTO other (tenant, id) VALUES ('acme', 'a');
INSERT INTO note (tenant, id) SELECT tenant, n::text FROM unnest('{acme,globex}'::text[]) tenant, generate_series(1, 120) n;
SELECT count(*) FROM test.log();
CALL converge.compact('note', '1 day');
SELECT count(*) FROM test.log();
CALL converge.compact('note');
SELECT key, replica, refused FROM test.log();
SELECT count(*) FROM converge.snapshot;
BEGIN;
CALL converge.compact('other');
COMMIT;
SELECT key, replica, refused FROM test.log();

-- Bad input.
SELECT converge.compact('none', 'acme', 'a');
SELECT converge.compact('note', 'acme', 'none');
SELECT converge.compact('note', 'acme', 'a', '-1 s');
CALL converge.compact('none');
CALL converge.compact(NULL);
SELECT converge.keep_log('note', '-1 s');
SELECT converge.keep_log(NULL, '1 s');
SELECT converge.keep_log('converge.change', '1 s');
SET ROLE regress_converge_app;
SELECT converge.compact('note', 'acme', 'a');
SELECT converge.keep_log('note', '1 s');
CALL converge.compact('note');
RESET ROLE;
SET client_min_messages = warning;
CREATE ROLE regress_converge_other;
GRANT USAGE ON SCHEMA converge TO regress_converge_other;
GRANT EXECUTE ON FUNCTION converge.compact(text, text, text, interval) TO regress_converge_other;
SET ROLE regress_converge_other;
SELECT converge.compact('note', 'acme', 'a');
RESET ROLE;
\set ECHO none
DROP OWNED BY regress_converge_app, regress_converge_other;
DROP ROLE regress_converge_app, regress_converge_other;
DROP TABLE note, other;
DROP SCHEMA test CASCADE;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica, converge.snapshot RESTART IDENTITY;
