-- pull(), subscribe() and verify(): what a caller gets of a document.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE note (
    tenant text, id text, title text DEFAULT '',
    props converge.lww_map NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = converge.current_tenant());
CREATE POLICY no_secret ON note AS RESTRICTIVE FOR SELECT USING (title <> 'secret');
SELECT converge.track('note', 'tenant');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
GRANT SELECT, UPDATE ON note TO regress_converge_app;
RESET client_min_messages;
INSERT INTO note (tenant, id, title) VALUES ('acme', 'a', ''), ('acme', 'secret', 'secret'), ('globex', 'b', '');
SELECT test.token('acme', 'ann') AS ann, test.token('globex', 'bob') AS bob \gset
CREATE FUNCTION test.d(key text, value text) RETURNS bytea LANGUAGE sql
    AS $$ SELECT test.payload('props', converge.new_map(jsonb_build_object(key, value))::bytea) $$;
GRANT EXECUTE ON FUNCTION test.d TO regress_converge_app;
SET ROLE regress_converge_app;

-- Nobody gets anything.
SELECT converge.pull('note', 'a');
SELECT converge.subscribe('note', 'a');
SELECT converge.verify('note', 'a');

-- Nothing of another tenant, of what a policy hides, of what is not there.
BEGIN;
SELECT converge.authenticate(:'ann');
SAVEPOINT s;
SELECT converge.pull('note', 'b');
ROLLBACK TO s;
SELECT converge.pull('note', 'secret');
ROLLBACK TO s;
SELECT converge.subscribe('note', 'secret');
ROLLBACK TO s;
SELECT converge.pull('note', 'none');
ROLLBACK TO s;
SELECT converge.pull('none', 'a');
ROLLBACK TO s;
SELECT converge.pull(NULL, 'a') IS NULL AS nothing;
COMMIT;

-- The fields with their types, this server's epoch, the document's number.
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT convert_from(test.first_bytes(f.bytes, 1), 'UTF8') AS field, test.first_number(f.bytes, 2) AS type
  FROM test.fields(converge.pull('note', 'a')) AS r, LATERAL (SELECT r.bytes) f WHERE r.field = 1;
SELECT test.first_number(p, 5) = converge.epoch() AS epoch, test.first_number(p, 6) > 0 AS incarnation
  FROM converge.pull('note', 'a') AS p;
COMMIT;

-- The changes since a version, numbers that were refused among them; the state
-- where that is smaller.
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, test.d('x', repeat('y', 100))), test.change(1, 2, test.d('x', 'z')), test.change(2, 1, '\xff'))));
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT kind, field, delta = (SELECT props::bytea FROM note WHERE id = 'a') AS is_row
  FROM test.pulled(converge.pull('note', 'a'));
SELECT test.version_after(converge.pull('note', 'a')) AS version \gset
SELECT count(*) FROM test.pulled(converge.pull('note', 'a', :'version'::bytea::converge.log_version));
COMMIT;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 3, test.d('x', 'w')), test.change(3, 1, test.d('w', 'w')), test.change(4, 1, '\xff'))));
UPDATE note SET props = converge.set(props, 'big', to_jsonb(repeat('y', 5000)));
BEGIN;
SELECT converge.authenticate(:'ann');
UPDATE note SET props = converge.set(props, 'big', to_jsonb(repeat('z', 5000)));
SELECT test.version_after(converge.pull('note', 'a')) AS version_2 \gset
SELECT kind, replica, seq, refused FROM test.pulled(converge.pull('note', 'a', :'version_2'::bytea::converge.log_version));
SELECT kind, field FROM test.pulled(converge.pull('note', 'a', :'version'::bytea::converge.log_version));
COMMIT;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 4, test.d('x', 'v')), test.change(5, 1, test.d('w', 'w')), test.change(6, 1, '\xff'))));
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT kind, replica, seq, refused FROM test.pulled(converge.pull('note', 'a', :'version_2'::bytea::converge.log_version));
SELECT converge.verify('note', 'a');
COMMIT;
-- A version that is none.
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.pull('note', 'a', '\xffff'::bytea::converge.log_version);
ROLLBACK;

-- What a snapshot sees: the row and the log go together.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT converge.authenticate(:'ann');
SELECT count(*) FROM note;
SELECT converge.verify('note', 'a');
COMMIT;

-- A ticket names the document; without the privilege to read there is none.
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT document = (SELECT test.first_number(converge.pull('note', 'a'), 6)) AS same, tenant, length(ticket) > 32 AS signed
  FROM converge.subscribe('note', 'a');
ROLLBACK;
RESET ROLE;
REVOKE SELECT ON note FROM regress_converge_app;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.subscribe('note', 'a');
ROLLBACK;

-- verify() tells when a row is not what its log says.
RESET ROLE;
ALTER TABLE note DISABLE TRIGGER USER;
UPDATE note SET props = '' WHERE id = 'a';
ALTER TABLE note ENABLE TRIGGER USER;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'a');
ROLLBACK;

-- rebuild() makes it so, for the table's owner, whatever the policies say.
ALTER TABLE note FORCE ROW LEVEL SECURITY;
SET client_min_messages = warning;
CREATE ROLE regress_converge_owner;
RESET client_min_messages;
GRANT EXECUTE ON FUNCTION converge.rebuild TO regress_converge_app, regress_converge_owner;
GRANT CREATE ON SCHEMA public TO regress_converge_owner;
ALTER TABLE note OWNER TO regress_converge_owner;
SET ROLE regress_converge_app;
SELECT converge.rebuild('note', 'acme', 'a');
RESET ROLE;
SET ROLE regress_converge_owner;
SELECT count(*) AS seen FROM note;
SELECT converge.rebuild('note', 'acme', 'a');
SELECT converge.rebuild('note', 'acme', 'a');
SELECT converge.rebuild('note', 'acme', 'none');
SELECT converge.rebuild('none', 'acme', 'a');
SELECT count(*) AS seen FROM note;
SHOW session_replication_role;
RESET ROLE;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'a'), props::jsonb ->> 'x' AS x FROM note WHERE id = 'a';
ROLLBACK;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE note CASCADE;
DELETE FROM converge.jwt_key;
DROP VIEW IF EXISTS log;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP OWNED BY regress_converge_owner;
DROP ROLE regress_converge_app, regress_converge_owner;
