-- may_write(): whether push() will let one change a field, asked before: by the same plan, and
-- without a lock on anything.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE page (tenant text, id text, title text NOT NULL DEFAULT '', body lww_map NOT NULL DEFAULT '',
                   notes lww_map NOT NULL DEFAULT '', size int GENERATED ALWAYS AS (length(title)) STORED, PRIMARY KEY (tenant, id));
SELECT track('page', 'tenant', '{body}');
INSERT INTO page (tenant, id, title) VALUES ('acme', 'a', ''), ('acme', 'done', 'done'), ('acme', 'secret', 'secret'), ('globex', 'g', '');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
CREATE ROLE regress_converge_owner IN ROLE converge_client;
RESET client_min_messages;
SELECT test.token('acme', 'ann') AS ann, test.token('acme', 'eve') AS eve, test.token('globex', 'bob') AS bob \gset
-- What is answered, and what then becomes of a change of that field.
CREATE SEQUENCE test.replica;
GRANT USAGE ON SEQUENCE test.replica TO PUBLIC;
CREATE FUNCTION test.ask(token text, collection text, key text, field text DEFAULT 'body',
                         OUT may boolean, OUT code text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM converge.authenticate(token);
    may := converge.may_write(collection, key, field);
    SELECT p.code, p.message INTO code, message
      FROM test.push(test.token_group(token, test.document(collection, key,
               test.change(nextval('test.replica'), 1, test.payload(field, converge.new_map('{"k": 1}')::bytea))))) p;
END $$;

-- Nobody; no privileges; no privilege to write.
SELECT may_write('page', 'a', 'body');
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
GRANT SELECT ON page TO regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
-- On one column.
RESET ROLE;
GRANT UPDATE (body) ON page TO regress_converge_app;
SET ROLE regress_converge_app;
SELECT field, a.* FROM (VALUES ('body'), ('notes'), ('title'), ('size'), ('id'), ('none')) f(field), test.ask(:'ann', 'page', 'a', field) a;
-- On the table, without row-level security: all there is, of the token's tenant.
RESET ROLE;
GRANT UPDATE ON page TO regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
SELECT * FROM test.ask(:'ann', 'page', 'g');
SELECT * FROM test.ask(:'bob', 'page', 'g');
SELECT * FROM test.ask(:'ann', 'page', 'none');
SELECT * FROM test.ask(:'ann', 'none', 'a');
SELECT may_write(NULL, 'a', 'body'), may_write('page', NULL, 'body'), may_write('page', 'a', NULL);

-- Row-level security without policies; for SELECT only; with USING for UPDATE.
RESET ROLE;
ALTER TABLE page ENABLE ROW LEVEL SECURITY;
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
CREATE POLICY read ON page FOR SELECT USING (tenant = current_tenant());
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
CREATE POLICY write ON page FOR UPDATE USING (current_principal() = 'ann' AND title <> 'done');
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
SELECT * FROM test.ask(:'eve', 'page', 'a');
SELECT * FROM test.ask(:'ann', 'page', 'done');
SELECT * FROM test.ask(:'ann', 'page', 'g');
-- What may be written and not read is neither.
RESET ROLE;
CREATE POLICY hidden ON page AS RESTRICTIVE FOR SELECT USING (title <> 'secret');
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'secret');
-- Its owner is under the policies only where they are forced.
RESET ROLE;
ALTER TABLE page OWNER TO regress_converge_owner;
SET ROLE regress_converge_owner;
SELECT * FROM test.ask(:'ann', 'page', 'done');
ALTER TABLE page FORCE ROW LEVEL SECURITY;
SELECT * FROM test.ask(:'ann', 'page', 'done');
ALTER TABLE page NO FORCE ROW LEVEL SECURITY;

-- Subqueries, which are once for the statement or once for the row; as members come and go.
RESET ROLE;
CREATE TABLE member (principal text, page text);
GRANT SELECT ON member TO PUBLIC;
CREATE POLICY members ON page AS RESTRICTIVE FOR UPDATE USING (
    EXISTS (SELECT FROM member m WHERE m.principal = current_principal()) AND
    EXISTS (SELECT FROM member m WHERE m.page = page.id));
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
INSERT INTO member VALUES ('ann', 'b');
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
UPDATE member SET page = 'a';
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
DROP POLICY members ON page;

-- What a row may become is asked of what it is, as far as that stays.
ALTER POLICY write ON page USING (true) WITH CHECK (title <> 'done');
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
SELECT * FROM test.ask(:'ann', 'page', 'done');
SELECT * FROM test.ask(:'ann', 'page', 'none');
RESET ROLE;
ALTER POLICY write ON page WITH CHECK (current_principal() = 'ann' AND body::jsonb = '{}' AND size < 100);
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'eve', 'page', 'a');
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
ALTER POLICY write ON page WITH CHECK (EXISTS (SELECT FROM member m WHERE m.principal = current_principal()) AND
                                       EXISTS (SELECT FROM member m WHERE m.page = page.id));
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
SELECT * FROM test.ask(:'eve', 'page', 'a');
SELECT * FROM test.ask(:'ann', 'page', 'done');
RESET ROLE;
ALTER POLICY write ON page USING (tenant = current_tenant()) WITH CHECK (false);
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
ALTER POLICY write ON page USING (true) WITH CHECK (true);

-- A policy that raises: at the edit's fault or not.
CREATE FUNCTION raises(code text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'about a row' USING ERRCODE = code;
END $$;
CREATE POLICY raising ON page AS RESTRICTIVE FOR UPDATE USING (raises(CASE title WHEN 'done' THEN '55P03' ELSE 'P0001' END));
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
SELECT * FROM test.ask(:'ann', 'page', 'done');
RESET ROLE;
DROP POLICY raising ON page;
-- One that asks itself, one that writes.
CREATE FUNCTION asks(id text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RETURN id <> 'a' OR converge.may_write('page', 'secret2', 'body') IS FALSE AND converge.may_write('page', 'done', 'body'); END $$;
CREATE POLICY asking ON page AS RESTRICTIVE FOR UPDATE USING (asks(id));
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
DROP POLICY asking ON page;
CREATE TABLE seen (id text);
CREATE FUNCTION notes(id text) RETURNS boolean SECURITY DEFINER LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.seen VALUES (id); RETURN true; END $$;
CREATE POLICY noting ON page AS RESTRICTIVE FOR UPDATE USING (notes(id));
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
RESET ROLE;
SELECT count(*) FROM seen;
DROP POLICY noting ON page;

-- The claims of a token.
SELECT test.signed('{"alg":"HS256","kid":"test"}', '{"tenant": "acme", "sub": "ann", "exp": 4102444800,
                    "permissions": {"page/a": "read", "*": "write"}}', test.secret()) AS narrowed \gset
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'narrowed', 'page', 'a');
SELECT * FROM test.ask(:'narrowed', 'page', 'done');

-- Grants, by isolate(): nothing is locked, neither the row nor the tenant's permissions, and
-- whoever changes them need not wait.
RESET ROLE;
DROP POLICY write ON page;
DROP POLICY read ON page;
DROP POLICY hidden ON page;
SELECT isolate('page');
SELECT set_permission('acme', 'ann', 'write', 'page'), set_permission('acme', 'eve', 'read', 'page');
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'page', 'a');
SELECT * FROM test.ask(:'eve', 'page', 'a');
-- The same of check_access(), for who asks.
SELECT test.code(test.first_number(d.bytes, 1)) AS code, test.code(test.first_number(d.bytes, 5)) AS writing
  FROM (VALUES (:'ann'), (:'eve'), (:'bob')) t(token), test.fields(check_access(test.bytes(1, test.text(1, token) ||
           test.bytes(2, test.text(1, 'page') || test.text(2, 'a')) || test.bytes(3, 'body') ||
           test.bytes(2, test.text(1, 'page') || test.text(2, 'done')) || test.bytes(3, '') ||
           test.bytes(2, test.text(1, 'page') || test.text(2, 'secret'))))) a, test.fields(a.bytes) d
 WHERE d.field = 3;
BEGIN;
SELECT authenticate(:'ann');
SELECT may_write('page', 'a', 'body'), pg_current_xact_id_if_assigned() IS NULL AS wrote_nothing;
SELECT locktype, relation::regclass, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND (locktype <> 'relation' OR relation = 'page'::regclass) AND locktype <> 'virtualxid' ORDER BY 1, 3;
-- Who writes in the same transaction holds what is decided, as ever.
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'a',
    test.change(nextval('test.replica'), 1, test.payload('body', new_map('{"k": 1}')::bytea)))));
SELECT may_write('page', 'a', 'body');
SELECT mode, count(*) FROM pg_locks
 WHERE locktype = 'object' AND classid = 'converge.policy_state'::regclass AND pid = pg_backend_pid() GROUP BY mode;
ROLLBACK;
-- Also where the answer was an error.
RESET ROLE;
CREATE POLICY raising ON page AS RESTRICTIVE FOR UPDATE USING (raises('57014'));
SET ROLE regress_converge_app;
BEGIN;
SELECT authenticate(:'ann');
SELECT may_write('page', 'a', 'body');
ROLLBACK;
RESET ROLE;
DROP POLICY raising ON page;
SET ROLE regress_converge_app;
BEGIN;
SELECT authenticate(:'ann');
UPDATE page SET body = set(body, 'k', '2') WHERE id = 'a';
SELECT mode, count(*) FROM pg_locks
 WHERE locktype = 'object' AND classid = 'converge.policy_state'::regclass AND pid = pg_backend_pid() GROUP BY mode;
ROLLBACK;
-- Where nothing can be written, and under a snapshot that is older than what is committed.
BEGIN READ ONLY;
SELECT authenticate(:'ann');
SELECT may_write('page', 'a', 'body');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT authenticate(:'ann');
SELECT may_write('page', 'a', 'body');
COMMIT;

-- Partitions, and a key of several columns.
RESET ROLE;
CREATE TABLE part (tenant text, year int, id int, body lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, year, id)) PARTITION BY RANGE (year);
CREATE TABLE part_old PARTITION OF part FOR VALUES FROM (0) TO (2000);
CREATE TABLE part_new PARTITION OF part FOR VALUES FROM (2000) TO (3000);
ALTER TABLE part ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON part USING (tenant = current_tenant());
CREATE POLICY closed ON part AS RESTRICTIVE FOR UPDATE USING (year >= 2000);
GRANT SELECT, UPDATE ON part TO regress_converge_app;
SELECT track('part', 'tenant');
INSERT INTO part VALUES ('acme', 1999, 1), ('acme', 2026, 1);
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'part', '["2026", "1"]');
SELECT * FROM test.ask(:'ann', 'part', '["1999", "1"]');
RESET ROLE;
CREATE POLICY odd ON part AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (id % 2 = 1 OR current_principal() = 'eve');
INSERT INTO part VALUES ('acme', 2026, 2);
SET ROLE regress_converge_app;
SELECT * FROM test.ask(:'ann', 'part', '["2026", "1"]');
SELECT * FROM test.ask(:'ann', 'part', '["2026", "2"]');
SELECT * FROM test.ask(:'eve', 'part', '["2026", "2"]');
SELECT * FROM test.ask(:'ann', 'part', '["1999", "1"]');
SELECT * FROM test.ask(:'ann', 'part', '["1999"]');
SELECT * FROM test.ask(:'ann', 'part', 'x');
RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE page, part, member, seen;
DROP FUNCTION raises, asks, notes;
DELETE FROM jwt_key;
DELETE FROM permission;
TRUNCATE change, document, replica, unfolded RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app, regress_converge_owner;
DROP ROLE regress_converge_app, regress_converge_owner;
