-- What is held of a tenant or a principal, given out and taken away; and how long the audit is kept.
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
CREATE TABLE public.note (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', tags converge.or_set NOT NULL DEFAULT '',
                          body converge.crdt_text NOT NULL DEFAULT '', votes converge.pn_counter NOT NULL DEFAULT '',
                          PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = converge.current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
SELECT converge.track('note', 'tenant');
INSERT INTO note (tenant, id) VALUES ('acme', 'a'), ('acme', 'b'), ('globex', 'a');
CREATE FUNCTION test.pushed(principal text, key text, replica int, seq int, delta bytea) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT code || CASE message WHEN '' THEN '' ELSE ': ' || message END
      FROM test.push(test.token_group(test.token('acme', principal),
           test.document('note', key, test.change(replica, seq, test.payload('props', delta))))) $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
SELECT converge.add_member('acme', 'ann', 'editors');
SELECT converge.set_permission('acme', 'ann', 'write');
CREATE TEMPORARY TABLE started AS SELECT clock_timestamp() AS at;
RESET client_min_messages;
SET ROLE regress_converge_app;
SELECT test.pushed('ann', 'a', 7, 1, converge.new_map('{"by": "ann"}')::bytea);
SELECT test.pushed('ann', 'a', 7, 2, converge.new_map('{"again": "ann"}')::bytea);
SELECT test.pushed('bob', 'a', 8, 1, converge.new_map('{"by": "bob"}')::bytea);
SELECT test.pushed('ann', 'b', 7, 1, 'nonsense');
RESET ROLE;

-- One tenant, all of it, and nobody else's.
CREATE TEMPORARY TABLE exported AS SELECT * FROM converge.export('acme');
SELECT part, count(*) FROM exported WHERE part <> 'audit' GROUP BY part ORDER BY part COLLATE "C";
SELECT count(*) FROM exported WHERE content::text ~ 'globex';
SELECT content->>'id' AS id, (content->>'props')::converge.lww_map::jsonb AS props FROM exported WHERE part = 'row public.note' OR part = 'row note' ORDER BY 1;
SELECT count(*) FROM converge.export('nobody') WHERE part <> 'audit';
-- Policies hide nothing from it without a word.
SET ROLE regress_converge_app;
SELECT * FROM converge.export('acme');
SELECT * FROM converge.erase('acme', 'ann');
RESET ROLE;

-- A principal: what it wrote stays, and who it was goes.
SELECT props::jsonb FROM note WHERE tenant = 'acme' AND id = 'a';
SELECT * FROM converge.erase('acme', 'ann');
SELECT props::jsonb FROM note WHERE tenant = 'acme' AND id = 'a';
SELECT count(*) FILTER (WHERE principal = 'ann') AS ann, count(*) FILTER (WHERE principal = 'bob') AS bob,
       count(*) FILTER (WHERE principal ~ '^erased-[0-9a-f-]{36}$') AS erased FROM converge.change;
SELECT count(*) FILTER (WHERE principal = 'ann') AS ann, count(*) FILTER (WHERE principal = 'bob') AS bob,
       count(DISTINCT principal) FILTER (WHERE principal ~ '^erased-[0-9a-f-]{36}$') AS erased FROM converge.replica;
SELECT (SELECT count(*) FROM converge.permission WHERE grantee = 'ann') AS grants, (SELECT count(*) FROM converge.member WHERE principal = 'ann') AS roles;
-- Its clients are nobody now, and a later ann is another.
SET ROLE regress_converge_app;
SELECT test.pushed('ann', 'a', 7, 3, converge.new_map('{"late": 1}')::bytea);
RESET ROLE;
DELETE FROM converge.revocation;
SET ROLE regress_converge_app;
SELECT test.pushed('ann', 'a', 7, 3, converge.new_map('{"late": 1}')::bytea);
SELECT test.pushed('ann', 'a', 9, 1, converge.new_map('{"new": 1}')::bytea);
RESET ROLE;
SELECT converge.erase('acme', '');

-- The audit, and how long it is kept.
SELECT tenant, event, principal, object, regexp_replace(detail, 'erased-[0-9a-f-]*', 'erased-…') AS detail
  FROM converge.audit, started WHERE recorded_at > at AND event IN ('export', 'erasure', 'revocation') ORDER BY id;
SELECT converge.audit_retention('1 hour');
SELECT converge.audit_retention('0', 'nobody');
SELECT converge.audit_retention('0', 'acme') > 0 AS some;
SELECT tenant, event, object, regexp_replace(detail, '\d+', 'n') AS detail FROM converge.audit WHERE event = 'retention' ORDER BY id;
SELECT converge.audit_retention(NULL);
SELECT converge.audit_retention('-1 day');

RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE public.note;
DELETE FROM converge.jwt_key;
DELETE FROM converge.tenant_limit;
DELETE FROM converge.revocation;
ALTER TABLE converge.audit DISABLE TRIGGER keep_audit;
TRUNCATE converge.audit RESTART IDENTITY;
ALTER TABLE converge.audit ENABLE ALWAYS TRIGGER keep_audit;
DROP VIEW IF EXISTS log;
TRUNCATE converge.change, converge.document, converge.replica, converge.snapshot RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
