-- Permissions: grants, roles, members, can(), isolate(), and who may change them.
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
SELECT converge.track('note', 'tenant', include => '{title}');
SELECT converge.isolate('note');
SELECT polname, polcmd, pg_get_expr(polqual, polrelid) AS using, pg_get_expr(polwithcheck, polrelid) AS check
  FROM pg_policy WHERE polrelid = 'note'::regclass ORDER BY polname;
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
RESET client_min_messages;
INSERT INTO note (tenant, id, title)
SELECT tenant, id, tenant || ' ' || id FROM unnest(ARRAY['acme', 'globex']) AS tenant, unnest(ARRAY['a', 'b', 'c']) AS id;
SELECT test.token('acme', 'ann') AS ann, test.token('acme', 'amy') AS amy, test.token('globex', 'bob') AS bob,
       test.token('acme', 'role:editors') AS pretender \gset

-- Without a grant nobody sees anything; each grant adds to the others.
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT count(*) FROM note;
RESET ROLE;
SELECT converge.set_permission('acme', 'ann', 'read', 'note', 'a');
SELECT converge.set_permission('acme', 'ann', 'write', 'note', 'b');
SET ROLE regress_converge_app;
SELECT tenant, id, can('note', id, 'read') AS read, can('note', id, 'write') AS write, can('note', id, 'admin') AS admin FROM note;
RESET ROLE;
SELECT converge.set_permission('acme', 'ann', 'read', 'note');
SET ROLE regress_converge_app;
SELECT id, can('note', id, 'write') AS write FROM note ORDER BY id;
-- What it allows: editing b, and nothing else.
UPDATE note SET title = 'by ann' RETURNING id;
DELETE FROM note WHERE id IN ('a', 'c') RETURNING id;
SAVEPOINT s;
INSERT INTO note (tenant, id) VALUES ('acme', 'd');
ROLLBACK TO s;
INSERT INTO note (tenant, id) VALUES ('globex', 'd');
ROLLBACK TO s;
-- The same through push() and pull().
SELECT * FROM test.push(test.token_group('',
    test.document('note', 'a', test.change(11, 1, test.payload('props', new_map('{"k": 1}')::bytea))),
    test.document('note', 'b', test.change(11, 1, test.payload('props', new_map('{"k": 1}')::bytea))),
    test.document('note', 'new', test.change(11, 1, test.payload('props', new_map('{"k": 1}')::bytea, 1)))));
SELECT length(converge.pull('note', 'a')) > 0 AS pulled;
-- A level for the tenant covers all of its collections.
RESET ROLE;
SELECT converge.set_permission('acme', 'ann', 'write');
SET ROLE regress_converge_app;
INSERT INTO note (tenant, id) VALUES ('acme', 'd');
SELECT can('note', NULL, 'write') AS collection, can(NULL, NULL, 'write') AS tenant, can(NULL, NULL, 'admin') AS admin,
       can('note', 'z', 'write') AS document, can('pg_class', 'z', 'none') AS untracked, can('note', 'a', NULL) IS NULL AS unknown;
ROLLBACK;
RESET ROLE;

-- Roles, of which each principal of the tenant has one. A principal who is called as
-- a role is written is none.
SELECT converge.set_permission('acme', 'role:editors', 'write', 'note'),
       converge.set_permission('acme', 'role:everyone', 'read', 'note', 'c'),
       converge.add_member('acme', 'ann', 'editors');
SELECT converge.add_member('acme', 'ann', 'editors');
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT id, can('note', id, 'write') AS write FROM note ORDER BY id;
SELECT converge.authenticate(:'amy');
SELECT id, can('note', id, 'write') AS write FROM note ORDER BY id;
SELECT converge.authenticate(:'pretender');
SELECT id, can('note', id, 'write') AS write FROM note ORDER BY id;
SELECT converge.authenticate(:'bob');
SELECT count(*) FROM note;
COMMIT;
RESET ROLE;
SELECT converge.remove_member('acme', 'ann', 'editors');
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT id FROM note ORDER BY id;
COMMIT;
SELECT converge.can('note', 'c', 'read') AS nobody;

-- A token's own permissions narrow what grants give, and give nothing themselves.
RESET ROLE;
SELECT converge.set_permission('acme', 'ann', 'admin');
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(test.signed('{"alg":"HS256","kid":"test"}', '{"tenant": "acme", "sub": "ann", "exp": 4102444800, "permissions": {"note/a": "write", "note/b": "read"}}', test.secret()));
SELECT id, can('note', id, 'write') AS write, can('note', id, 'admin') AS admin FROM note ORDER BY id;
SELECT can('note', NULL, 'read') AS collection, can(NULL, NULL, 'read') AS tenant;
SELECT code, message FROM test.push(test.token_group('',
    test.document('note', 'b', test.change(12, 1, test.payload('props', new_map('{"k": 1}')::bytea))),
    test.document('note', 'c', test.change(12, 1, test.payload('props', new_map('{"k": 1}')::bytea))),
    test.document('note', 'new', test.change(12, 1, test.payload('props', new_map('{"k": 1}')::bytea, 1)))));
SAVEPOINT s;
SELECT converge.pull('note', 'c');
ROLLBACK TO s;
SELECT converge.set_permission('acme', 'amy', 'read', 'note', 'a');
ROLLBACK TO s;
SELECT converge.authenticate(test.signed('{"alg":"HS256","kid":"test"}', '{"tenant": "acme", "sub": "amy", "exp": 4102444800, "permissions": {"*": "admin"}}', test.secret()));
SELECT id, can('note', id, 'write') AS write FROM note ORDER BY id;
COMMIT;
RESET ROLE;
SELECT converge.set_permission('acme', 'ann', 'none');
SET ROLE regress_converge_app;

-- Who may change them: an administrator of what is given, in the tenant alone.
BEGIN;
SELECT converge.authenticate(:'ann');
\set VERBOSITY default
SAVEPOINT s;
SELECT converge.set_permission('acme', 'ann', 'admin');
ROLLBACK TO s;
SELECT converge.add_member('acme', 'ann', 'editors');
ROLLBACK TO s;
SELECT converge.remove_member('acme', 'ann', 'editors');
ROLLBACK TO s;
RESET ROLE;
SELECT converge.set_permission('acme', 'ann', 'admin', 'note', 'a');
SET ROLE regress_converge_app;
SELECT converge.set_permission('acme', 'amy', 'admin', 'note', 'a');
SELECT converge.set_permission('acme', 'amy', 'none', 'note', 'a');
SAVEPOINT s;
SELECT converge.set_permission('acme', 'amy', 'read', 'note');
ROLLBACK TO s;
SELECT converge.set_permission('acme', 'amy', 'read', 'note', 'b');
ROLLBACK TO s;
RESET ROLE;
SELECT converge.set_permission('acme', 'ann', 'admin');
SET ROLE regress_converge_app;
SELECT converge.add_member('acme', 'amy', 'editors');
SAVEPOINT s;
SELECT converge.set_permission('globex', 'ann', 'read');
ROLLBACK TO s;
SELECT converge.add_member('globex', 'ann', 'editors');
ROLLBACK TO s;
SELECT converge.isolate('note');
ROLLBACK TO s;
SELECT converge.recheck_on('note', 'note');
ROLLBACK TO s;
TABLE converge.permission;
ROLLBACK;
RESET ROLE;

-- What is refused.
SELECT converge.set_permission('', 'ann', 'read');
SELECT converge.set_permission('acme', '', 'read');
SELECT converge.set_permission('acme', 'role:', 'read');
SELECT converge.set_permission('acme', repeat('x', 257), 'read');
SELECT converge.set_permission('acme', 'ann', NULL);
SELECT converge.set_permission('acme', 'ann', 'own');
SELECT converge.set_permission('acme', 'ann', 'read', 'pg_class');
SELECT converge.set_permission('acme', 'ann', 'read', NULL, 'a');
SELECT converge.add_member('acme', 'ann', 'everyone');
SELECT converge.isolate('pg_class');
TRUNCATE converge.permission;
\set VERBOSITY terse
INSERT INTO converge.permission (tenant, grantee, level, grantor) VALUES ('acme', 'ann', 'none', '');
SELECT count(converge.add_member('acme', 'many', 'r' || n)) FROM generate_series(1, 256) AS n;
SELECT converge.add_member('acme', 'many', 'one more');

-- A change by other ways counts as well, a rollback takes it back, and a cached
-- decision lasts no longer than what it rests on.
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'amy');
SELECT can('note', 'a', 'read'), can('note', 'c', 'read');
RESET ROLE;
SAVEPOINT s;
INSERT INTO converge.permission (tenant, grantee, collection, key, level, grantor)
SELECT 'acme', 'amy', collection, 'a', 'write', '' FROM converge.collection WHERE name = 'note';
SELECT can('note', 'a', 'read'), can('note', 'a', 'write');
ROLLBACK TO s;
SELECT can('note', 'a', 'read'), can('note', 'a', 'write');
DELETE FROM converge.permission WHERE tenant = 'acme' AND grantee = 'role:everyone';
SELECT can('note', 'c', 'read');
ROLLBACK;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'amy');
SELECT can('note', 'c', 'read');
COMMIT;
RESET ROLE;

-- Composite keys, and types whose cast to text is not what names the document.
CREATE TABLE part (
    tenant uuid, kind char(4), done boolean, id int,
    props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, kind, done, id));
SELECT converge.track('part', 'tenant'), converge.isolate('part');
SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = 'part'::regclass AND polname = 'converge_read';
INSERT INTO part VALUES ('00000000-0000-0000-0000-000000000001', 'a"b', true, 1), ('00000000-0000-0000-0000-000000000001', 'x', false, 2);
SELECT key FROM converge.document WHERE tenant LIKE '0000%' ORDER BY document;
SELECT converge.set_permission(tenant, 'ann', 'read', 'part', key) FROM converge.document WHERE key LIKE '%"2"%';
GRANT SELECT ON part TO regress_converge_app;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(test.token('00000000-0000-0000-0000-000000000001', 'ann'));
SELECT kind, done, id FROM part;
COMMIT;
RESET ROLE;

-- isolate() refuses a unique index that does not lead with the tenant, and may be
-- called again.
CREATE TABLE late (id int, tenant text, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (id, tenant));
SELECT converge.track('late', 'tenant');
\set VERBOSITY default
SELECT converge.isolate('late');
\set VERBOSITY terse
DROP TABLE late;
CREATE TABLE late (id int, tenant text, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT converge.track('late', 'tenant');
SELECT converge.isolate('late'), converge.isolate('late');
SELECT count(*) FROM pg_policy WHERE polrelid = 'late'::regclass;

-- The plan for a tenant's rows among 300,000 is an index scan.
CREATE TABLE many (tenant text, id int, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
INSERT INTO many SELECT 'tenant ' || n % 1000, n FROM generate_series(1, 300000) AS n;
ANALYZE many;
-- Tracking would log every row; the policies are the same.
ALTER TABLE many ENABLE ROW LEVEL SECURITY;
CREATE POLICY converge_read ON many FOR SELECT USING (
    tenant OPERATOR(pg_catalog.=) converge.current_tenant() AND
    converge.can('public.note'::regclass, CAST(id AS text), 'read'));
GRANT SELECT ON many TO regress_converge_app;
SELECT converge.set_permission('tenant 7', 'ann', 'read');
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(test.token('tenant 7', 'ann'));
SET LOCAL enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM many;
EXPLAIN (COSTS OFF) SELECT * FROM many WHERE id = 7;
SELECT count(*) FROM many;
COMMIT;
RESET ROLE;

-- Parallel workers decide as their leader does, and that as without them: in sessions that have
-- looked up nothing yet.
SELECT converge.set_permission('acme', 'ann', 'write', 'note');
\c
SET search_path = public, converge;
SELECT set_config(name, 'on', false) AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
BEGIN;
SELECT authenticate(:'ann');
SET LOCAL ROLE regress_converge_app;
SELECT count(*), count(*) FILTER (WHERE can('note', id, 'write')) AS writable, count(*) FILTER (WHERE can('note', id, 'admin')) AS owned FROM note;
COMMIT;
\c
SET search_path = public, converge;
SELECT set_config(name, 'on', false) AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
BEGIN;
SELECT authenticate(:'ann');
SET LOCAL ROLE regress_converge_app;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT (current(n)).title FROM note n ORDER BY 1;
SELECT (current(n)).title FROM note n ORDER BY 1;
SELECT principal_requests FROM current_limits(), (SELECT count(*) FROM note) counted;
COMMIT;

-- Grants end with their collection, however that ends.
SELECT collection IS NOT NULL AS of_a_collection, count(*) > 0 AS there_are FROM converge.permission GROUP BY 1 ORDER BY 1;
SELECT converge.set_permission('acme', 'ann', 'read', 'late');
SELECT converge.untrack('late');
SELECT count(*) FROM converge.permission p WHERE collection IS NOT NULL AND NOT EXISTS (SELECT FROM converge.collection c WHERE c.collection = p.collection);
DROP TABLE note, part, late, many;
SELECT count(*) FROM converge.permission WHERE collection IS NOT NULL;
DELETE FROM converge.jwt_key;
DELETE FROM converge.permission;
DELETE FROM converge.member;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
