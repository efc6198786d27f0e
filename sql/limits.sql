-- What a tenant and its principals may use.
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
CREATE FUNCTION test.pushed(tenant text, principal text, key text, replica int, seq int, payload bytea) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT code || CASE message WHEN '' THEN '' ELSE ': ' || message END
      FROM test.push(test.token_group(test.token(tenant, principal),
           test.document('note', key, test.change(replica, seq, payload)))) $$;
CREATE FUNCTION test.text_of(length int) RETURNS bytea LANGUAGE sql AS $$ SELECT converge.new_text(repeat('x', length))::bytea $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
RESET client_min_messages;
SET ROLE regress_converge_app;

-- For everybody, or for one tenant.
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ann'));
SELECT * FROM converge.current_limits();
RESET ROLE;
INSERT INTO converge.tenant_limit (tenant, principal_requests, tenant_changes) VALUES ('acme', 7, 9);
SET ROLE regress_converge_app;
SELECT * FROM converge.current_limits();
SELECT converge.authenticate(test.token('globex', 'ann'));
SELECT * FROM converge.current_limits();
RESET ROLE;
SET LOCAL converge.principal_requests = 50;
SET ROLE regress_converge_app;
SELECT * FROM converge.current_limits();
ROLLBACK;

-- Replicas of a principal on a document.
RESET ROLE;
INSERT INTO converge.tenant_limit (tenant, max_replicas) VALUES ('acme', 2);
SET ROLE regress_converge_app;
SELECT test.pushed('acme', 'ann', 'a', replica, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea)) FROM generate_series(7, 9) replica;
SELECT test.pushed('acme', 'ann', 'a', 7, 2, test.payload('props', converge.new_map('{"k": 2}')::bytea)) AS goes_on;
SELECT test.pushed('acme', 'ann', 'b', 9, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea)) AS elsewhere;
SELECT test.pushed('acme', 'bob', 'a', 10, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea)) AS somebody_else;
SELECT test.pushed('globex', 'ann', 'a', replica, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea)) FROM generate_series(7, 9) replica;

-- Documents of a tenant.
RESET ROLE;
UPDATE converge.tenant_limit SET max_tenant_documents = 3, max_replicas = NULL;
SET ROLE regress_converge_app;
SELECT test.pushed('acme', 'ann', key, 7, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea, 1)) FROM unnest(ARRAY['c', 'd']) key;
SELECT test.pushed('globex', 'ann', key, 7, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea, 1)) FROM unnest(ARRAY['c', 'd', 'e']) key;
RESET ROLE;
UPDATE converge.tenant_limit SET max_tenant_documents = 0;
SET ROLE regress_converge_app;
SELECT test.pushed('acme', 'ann', 'd', 7, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea, 1));

-- Bytes of a document: all of its fields.
RESET ROLE;
UPDATE converge.tenant_limit SET max_document_bytes = 2000;
SET ROLE regress_converge_app;
SELECT test.pushed('acme', 'ann', 'b', 11, 1, test.payload('body', test.text_of(1800)));
SELECT test.pushed('acme', 'ann', 'b', 11, 2, test.payload('body', test.text_of(300)));
SELECT test.pushed('acme', 'ann', 'b', 12, 1, test.payload('tags', converge.new_set(ARRAY[repeat('y', 300)])::bytea));
SELECT test.pushed('globex', 'ann', 'a', 12, 1, test.payload('body', test.text_of(3000)));

-- How much of a text may be what was deleted: every other of 4,000 characters.
RESET ROLE;
UPDATE converge.tenant_limit SET max_document_bytes = NULL, max_tombstone_share = 50;
CREATE FUNCTION test.thinned(body converge.crdt_text, length int) RETURNS converge.crdt_text LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN REVERSE length / 2 - 1 .. 0 LOOP
        body := converge.delete(body, i * 2, 1);
    END LOOP;
    RETURN body;
END $$;
CREATE TABLE test.step AS SELECT 0 AS n, converge.new_text((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 125) i)) AS body;
INSERT INTO test.step SELECT 1, test.thinned(body, 4000) FROM test.step;
GRANT SELECT ON test.step TO regress_converge_app;
SELECT octet_length(body::bytea) / 100 AS hundred_bytes, char_length(body::text) FROM test.step ORDER BY n;
SET ROLE regress_converge_app;
SELECT test.pushed('acme', 'ann', 'c', 20, 1, test.payload('body', body::bytea)) FROM test.step WHERE n = 0;
SELECT test.pushed('acme', 'ann', 'c', 20, 2, test.payload('body', converge.difference((SELECT body FROM test.step WHERE n = 0), body)::bytea)) FROM test.step WHERE n = 1;
SELECT test.pushed('globex', 'ann', 'a', 20, 1, test.payload('body', body::bytea)) FROM test.step WHERE n = 1;

-- Bytes of a tenant, as they were measured last.
RESET ROLE;
UPDATE converge.tenant_limit SET max_tombstone_share = NULL, max_tenant_bytes = 1000;
INSERT INTO converge.tenant_usage VALUES ('acme', 1001, now()) ON CONFLICT (tenant) DO UPDATE SET bytes = 1001;
SET ROLE regress_converge_app;
SELECT test.pushed('acme', 'ann', 'b', 13, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea));
SELECT test.pushed('globex', 'ann', 'a', 13, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea));
RESET ROLE;
UPDATE converge.tenant_usage SET bytes = 999;
SET ROLE regress_converge_app;
SELECT test.pushed('acme', 'ann', 'b', 13, 1, test.payload('props', converge.new_map('{"k": 1}')::bytea));
RESET ROLE;
DELETE FROM converge.tenant_usage;

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
