-- What a tenant and its principals may use.
\getenv abs_srcdir PG_ABS_SRCDIR
\set notes :abs_srcdir '/test/sql/notes.sql'
\set notes_end :abs_srcdir '/test/sql/notes_end.sql'
\set ECHO none
\i :notes
\set ECHO all
CREATE FUNCTION test.text_of(length int) RETURNS bytea LANGUAGE sql AS $$ SELECT converge.new_text(repeat('x', length))::bytea $$;
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

-- What a bridge asks when a client connects: authenticate(), and whose the token is.
BEGIN;
SELECT tenant, principal, epoch = converge.epoch() AS of_the_server, token_ms > 0 AS good,
       principal_requests, principal_changes, tenant_requests, tenant_changes
  FROM converge.identify(test.token('acme', 'ann'));
SELECT converge.current_tenant(), converge.current_principal();
SELECT (1000 * extract(epoch FROM converge.current_token_end() - clock_timestamp()) - token_ms) BETWEEN -60000 AND 60000 AS as_long
  FROM converge.identify(test.token('globex', 'bob'));
SELECT converge.current_tenant(), converge.current_principal();
SAVEPOINT refused;
SELECT * FROM converge.identify('not a token');
ROLLBACK TO refused;
SELECT converge.current_principal();
ROLLBACK;
SELECT converge.identify(NULL) IS NULL AS nobody;

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

-- Grants and members of a tenant, whoever makes them.
UPDATE converge.tenant_limit SET max_tenant_bytes = NULL, max_tenant_grants = 3, max_tenant_members = 2;
SELECT converge.set_permission('acme', 'ada', 'admin');
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ada'));
SELECT count(converge.set_permission('acme', 'p' || n, 'read')) FROM generate_series(1, 2) n;
SAVEPOINT filled;
SELECT converge.set_permission('acme', 'p3', 'read');
ROLLBACK TO filled;
SELECT converge.set_permission('acme', 'p2', 'write') AS another_level, converge.set_permission('acme', 'p1', 'none') AS one_less,
       converge.set_permission('acme', 'p3', 'read') AS has_room, converge.add_member('acme', 'bob', 'editors') AS member,
       converge.add_member('acme', 'bob', 'editors') AS the_same, converge.add_member('acme', 'eve', 'editors') AS the_last;
SAVEPOINT filled;
SELECT converge.add_member('acme', 'eve', 'readers');
ROLLBACK TO filled;
SELECT converge.remove_member('acme', 'eve', 'editors'), converge.add_member('acme', 'eve', 'readers');
-- What is taken away and rolled back makes no room.
SAVEPOINT filled;
SELECT converge.set_permission('acme', 'p2', 'none'), converge.set_permission('acme', 'p3', 'none'), converge.set_permission('acme', 'p4', 'read');
ROLLBACK TO filled;
SELECT converge.set_permission('acme', 'p4', 'read');
ROLLBACK;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ada'));
SELECT count(converge.set_permission('acme', 'p' || n, 'read')) FROM generate_series(1, 2) n;
COMMIT;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ada'));
SELECT count(converge.set_permission('acme', 'p' || n, 'none')) FROM generate_series(1, 2) n;
SELECT converge.set_permission('acme', 'p3', 'read');
ROLLBACK;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ada'));
SELECT converge.set_permission('acme', 'p3', 'read');
ROLLBACK;
RESET ROLE;
SELECT count(converge.set_permission('globex', 'p' || n, 'read')) AS elsewhere FROM generate_series(1, 4) n;

\set ECHO none
\i :notes_end
