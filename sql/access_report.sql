-- Who can do what, and why; and what the audit says of changes of that.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set notes :abs_srcdir '/test/sql/notes.sql'
\set notes_end :abs_srcdir '/test/sql/notes_end.sql'
\set ECHO none
\i :notes
\set ECHO all
SET client_min_messages = warning;
CREATE TABLE public.task (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
RESET client_min_messages;
SELECT converge.track('task', 'tenant');
GRANT SELECT, UPDATE ON task TO regress_converge_app;
GRANT INSERT (tenant, id) ON task TO regress_converge_app;
SELECT converge.isolate('task');
SET datestyle = iso;
CREATE TEMPORARY VIEW recorded AS
    SELECT tenant, event, principal, role = session_user AS by_me, object, regexp_replace(detail, '\d{4}-[^,]*?(?= ->|,|$)', 'then', 'g') AS detail
      FROM converge.audit, started
     WHERE recorded_at > at AND event NOT IN ('authentication_failure', 'denial', 'not_recorded') ORDER BY id;
SELECT * FROM recorded;

-- Grants of principals and roles, narrow and wide, of two tenants.
SELECT converge.set_permission('acme', 'ann', 'admin'), converge.set_permission('globex', 'bob', 'admin');
SELECT converge.set_permission('acme', 'role:editors', 'write', 'note'), converge.set_permission('acme', 'role:everyone', 'read', 'task', 'welcome'),
       converge.set_permission('acme', 'bob', 'read'), converge.set_permission('acme', 'bob', 'write', 'task', 'welcome'),
       converge.set_permission('acme', 'cy', 'read', 'task', 'welcome'), converge.set_permission('acme', 'role:nobody', 'admin', 'task');
SELECT converge.add_member('acme', p, 'editors') FROM unnest('{ann,bob,role:fake}'::text[]) p;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ann'));
SELECT converge.set_permission('acme', 'cy', 'write', 'task', 'welcome');
SELECT converge.set_permission('acme', 'cy', 'write', 'task', 'welcome');
-- The tenant's administrators may ask, and are told of grants and policies' names.
SELECT principal, collection, key, level, given, because, grantor, granted_at IS NOT NULL AS granted_at, detail FROM converge.access_report('acme');
COMMIT;
-- What they say is so.
BEGIN;
CREATE FUNCTION pg_temp.level_of(who text, what regclass, doc text) RETURNS converge.access_level LANGUAGE plpgsql AS $$
BEGIN
    PERFORM converge.authenticate(test.token('acme', who));
    RETURN (SELECT max(l) FROM unnest('{read,write,admin}'::converge.access_level[]) l WHERE converge.can(what, doc, l));
END $$;
SELECT p, pg_temp.level_of(p, 'task', 'welcome') AS welcome, pg_temp.level_of(p, 'task', NULL) AS task, pg_temp.level_of(p, 'note', 'a') AS note,
       pg_temp.level_of(p, NULL, NULL) AS tenant FROM unnest('{ann,bob,cy,dee,role:fake}'::text[]) p;
COMMIT;
-- Nobody else may: of another tenant, with less, and nobody.
BEGIN;
SELECT converge.authenticate(test.token('globex', 'bob'));
SELECT * FROM converge.access_report('acme');
ROLLBACK;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'bob'));
SELECT * FROM converge.access_report('acme');
ROLLBACK;
SELECT * FROM converge.access_report('acme');
SELECT * FROM converge.access_rows('acme', true);
RESET ROLE;
SELECT * FROM converge.access_report(NULL);
SELECT * FROM converge.access_report('');
-- As converge_owner and superusers: also what policies say, and what roles may without them.
SELECT collection, because, detail FROM converge.access_report('acme') WHERE principal IS NULL AND level IS NULL AND because !~ 'owner|^role';
SELECT count(*) > 0 AS owner FROM converge.access_report('acme') WHERE because = 'owner ' || current_user AND detail = 'no policy binds it';
SELECT count(*) AS superuser FROM converge.access_report('acme') WHERE because = 'role ' || current_user AND detail ~ 'superuser';

-- Other ways to change them, and the other tables that access rests on.
UPDATE converge.permission SET level = 'write' WHERE tenant = 'acme' AND grantee = 'bob' AND collection IS NULL;
UPDATE converge.permission SET key = 'other' WHERE tenant = 'acme' AND grantee = 'bob' AND key IS NOT NULL;
DELETE FROM converge.permission WHERE tenant = 'acme' AND grantee = 'bob';
SELECT converge.set_permission('acme', 'cy', 'none', 'task', 'welcome');
SELECT converge.remove_member('acme', 'ann', 'editors'), converge.remove_member('acme', 'ann', 'editors');
DELETE FROM converge.member WHERE principal = 'bob';
INSERT INTO converge.tenant_limit (tenant, max_replicas) VALUES ('acme', 10);
UPDATE converge.tenant_limit SET max_replicas = NULL, tenant_changes = 7;
DELETE FROM converge.tenant_limit;
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('k2', 'HS256', convert_to(repeat('hidden', 6), 'UTF8'));
UPDATE converge.jwt_key SET secret = convert_to(repeat('hidden', 7), 'UTF8'), valid_until = now() WHERE kid = 'k2';
DELETE FROM converge.jwt_key WHERE kid = 'k2';
SELECT converge.revoke('acme', principal => 'cy');
DELETE FROM converge.revocation;
CREATE TABLE test.team (tenant text, person text);
SELECT converge.recheck_on('task', 'test.team');
SELECT converge.untrack('task');
-- What is rolled back has not happened, and what COPY brings has happened elsewhere.
BEGIN;
SELECT converge.set_permission('acme', 'dee', 'read');
ROLLBACK;
COPY converge.member (tenant, principal, role) FROM stdin;
acme	eve	editors
\.
SELECT * FROM recorded OFFSET 2;
SELECT count(*) FROM converge.audit WHERE detail ~ 'hidden' OR detail ~ encode('hidden', 'hex');
-- A number that a restored dump has is not given twice.
BEGIN;
INSERT INTO converge.audit (tenant, id, event) OVERRIDING SYSTEM VALUE
SELECT 'acme', nextval('converge.audit_id_seq') + n, 'restored' FROM generate_series(1, 3) AS n;
SELECT converge.set_permission('acme', 'dee', 'read'), converge.set_permission('acme', 'dee', 'write');
SELECT count(*), count(DISTINCT id) FROM converge.audit WHERE tenant = 'acme' AND (event = 'restored' OR object = 'dee');
ROLLBACK;
-- The triggers are of no other table.
CREATE TABLE test.other (tenant text);
CREATE TRIGGER t AFTER INSERT ON test.other FOR EACH ROW EXECUTE FUNCTION converge.record_change('permission');
INSERT INTO test.other VALUES ('acme');

\set ECHO none
DROP TABLE public.task;
\i :notes_end
