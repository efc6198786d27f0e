-- How push() locks a row: by its statement's plan where that is a look into one table by an
-- index, and through the executor otherwise. Either way, and whatever was changed since the
-- last push, policies and privileges say the same.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE FUNCTION test.by_plan() RETURNS bigint LANGUAGE c AS '$libdir/converge', 'converge_row_locks_by_plan';
CREATE TABLE note (tenant text, id text, title text NOT NULL DEFAULT '', props lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = current_tenant());
CREATE POLICY no_frozen ON note AS RESTRICTIVE FOR UPDATE USING (title <> 'frozen');
CREATE POLICY no_secret ON note AS RESTRICTIVE FOR SELECT USING (title <> 'secret');
SELECT track('note', 'tenant', '{props}');
INSERT INTO note (tenant, id, title) VALUES
    ('acme', 'a', ''), ('acme', 'b', ''), ('acme', 'frozen', 'frozen'), ('acme', 'secret', 'secret'), ('globex', 'g', '');
SET client_min_messages = warning;
CREATE ROLE regress_converge_group;
CREATE ROLE regress_converge_app IN ROLE converge_client, regress_converge_group;
CREATE ROLE regress_converge_other IN ROLE converge_client;
RESET client_min_messages;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app, regress_converge_other;
SELECT test.token('acme', 'ann') AS ann, test.token('globex', 'bob') AS bob \gset
-- A change of a replica of its own, pushed: what became of it, and how many looks for the
-- row took no executor.
CREATE SEQUENCE test.replica;
CREATE FUNCTION test.attempt(token text, collection text, key text, OUT code text, OUT message text, OUT by_plan bigint)
LANGUAGE plpgsql AS $$
DECLARE
    before bigint := test.by_plan();
BEGIN
    SELECT p.code, p.message INTO code, message
      FROM test.push(test.token_group(token, test.document(collection, key,
               test.change(nextval('test.replica'), 1, test.payload('props', converge.new_map('{"k": 1}')::bytea))))) p;
    by_plan := test.by_plan() - before;
END $$;
GRANT USAGE ON SEQUENCE test.replica TO PUBLIC;
SET ROLE regress_converge_app;

-- Allowed; not to be changed, which is looked at again in case that it was deleted and made
-- again meanwhile; not to be seen; another tenant's.
SELECT * FROM test.attempt(:'ann', 'note', 'a');
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
SELECT * FROM test.attempt(:'ann', 'note', 'secret');
SELECT * FROM test.attempt(:'ann', 'note', 'g');
SELECT * FROM test.attempt(:'bob', 'note', 'g');

-- Where what was seen has to stay true, the executor looks after that.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
COMMIT;

-- Policies that are changed between two pushes of a session.
RESET ROLE;
ALTER POLICY no_frozen ON note USING (title <> 'a title');
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
RESET ROLE;
ALTER POLICY no_frozen ON note USING (title <> 'frozen');
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
RESET ROLE;
ALTER TABLE note DISABLE ROW LEVEL SECURITY;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
RESET ROLE;
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
-- The owner is under its policies only where they are forced.
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
ALTER TABLE note OWNER TO regress_converge_other;
SET ROLE regress_converge_other;
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
ALTER TABLE note FORCE ROW LEVEL SECURITY;
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
-- Roles that take turns, each under its own policies.
CREATE POLICY not_a ON note AS RESTRICTIVE FOR UPDATE TO regress_converge_app USING (id <> 'a');
SELECT * FROM test.attempt(:'ann', 'note', 'a');
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
SELECT * FROM test.attempt(:'ann', 'note', 'b');
SET ROLE regress_converge_other;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
DROP POLICY not_a ON note;

-- A policy with a subquery needs the executor, one with a function does not.
RESET ROLE;
CREATE TABLE member (principal text);
GRANT SELECT ON member TO PUBLIC;
CREATE POLICY joined ON note AS RESTRICTIVE USING (EXISTS (SELECT FROM member WHERE principal = current_principal()));
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
INSERT INTO member VALUES ('ann');
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
CREATE FUNCTION is_member() RETURNS boolean STABLE LANGUAGE plpgsql
    AS 'BEGIN RETURN EXISTS (SELECT FROM public.member WHERE principal = converge.current_principal()); END';
ALTER POLICY joined ON note USING (is_member());
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
DELETE FROM member;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
INSERT INTO member VALUES ('ann');
-- The function is another one, may not be called, or not any more as a member of a group.
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
CREATE OR REPLACE FUNCTION is_member() RETURNS boolean STABLE LANGUAGE sql BEGIN ATOMIC SELECT current_principal() <> 'ann'; END;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
CREATE OR REPLACE FUNCTION is_member() RETURNS boolean STABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
REVOKE EXECUTE ON FUNCTION is_member() FROM PUBLIC;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
GRANT EXECUTE ON FUNCTION is_member() TO regress_converge_group;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
REVOKE regress_converge_group FROM regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
GRANT EXECUTE ON FUNCTION is_member() TO PUBLIC;

-- A volatile function is called as often, and one that raises refuses as much: not what
-- comes beside it.
CREATE SEQUENCE asked;
CREATE FUNCTION is_asked(id text) RETURNS boolean VOLATILE SECURITY DEFINER LANGUAGE plpgsql AS $$
BEGIN
    IF id = 'b' THEN
        RAISE EXCEPTION 'asked about b';
    END IF;
    RETURN nextval('public.asked') > 0;
END $$;
ALTER POLICY joined ON note USING (is_asked(id));
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
SELECT last_value FROM asked;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SET LOCAL ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
COMMIT;
SELECT last_value FROM asked;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'b');
SELECT code, message FROM test.push(test.token_group(:'ann',
    test.document('note', 'b', test.change(900, 1, test.payload('props', new_map('{"k": 1}')::bytea))),
    test.document('note', 'a', test.change(900, 1, test.payload('props', new_map('{"k": 1}')::bytea)))));

-- The lock of the tenant's policies, too, is had again after a part that failed, and kept.
BEGIN;
SELECT code, message FROM test.push(test.token_group(:'ann',
    test.document('note', 'b', test.change(901, 1, test.payload('props', new_map('{"k": 1}')::bytea))),
    test.document('note', 'a', test.change(901, 1, test.payload('props', new_map('{"k": 1}')::bytea)))));
SELECT mode, count(*) FROM pg_locks
 WHERE locktype = 'object' AND classid = 'converge.policy_state'::regclass AND pid = pg_backend_pid() GROUP BY mode;
COMMIT;

-- A function that pushes itself, to the same table.
RESET ROLE;
CREATE FUNCTION pushes(id text) RETURNS boolean VOLATILE LANGUAGE plpgsql AS $$
BEGIN
    IF id = 'a' THEN
        PERFORM test.push(test.token_group('', test.document('note', 'b',
            test.change(nextval('test.replica'), 1, test.payload('props', converge.new_map('{"k": 2}')::bytea)))));
    END IF;
    RETURN true;
END $$;
DROP POLICY joined ON note;
CREATE POLICY pushing ON note AS RESTRICTIVE FOR UPDATE USING (pushes(id));
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
SELECT count(*) FROM change JOIN document USING (tenant, document) WHERE key = 'b' AND replica < 900;
DROP POLICY pushing ON note;

-- A column that came after the row: the row has its default in it.
ALTER TABLE note ADD closed boolean NOT NULL DEFAULT true, ADD writable boolean NOT NULL DEFAULT true;
CREATE POLICY late_column ON note AS RESTRICTIVE FOR UPDATE USING (closed IS NOT TRUE);
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
ALTER POLICY late_column ON note USING (writable);
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
DROP POLICY late_column ON note;
ALTER TABLE note DROP closed, DROP writable;

-- Privileges: on the table, on columns, and none.
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
REVOKE SELECT, UPDATE ON note FROM regress_converge_app;
GRANT SELECT (tenant, id), UPDATE (props) ON note TO regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
REVOKE UPDATE (props) ON note FROM regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
REVOKE SELECT (id) ON note FROM regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
GRANT SELECT, UPDATE ON note TO regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');

-- Other plans: no index, one that does not find it all by itself, a partition.
RESET ROLE;
ALTER TABLE note DROP CONSTRAINT note_pkey;
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
RESET ROLE;
CREATE INDEX by_id ON note (id);
SET ROLE regress_converge_app;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT * FROM test.attempt(:'ann', 'note', 'a');
SELECT * FROM test.attempt(:'ann', 'note', 'frozen');
SELECT * FROM test.attempt(:'ann', 'note', 'g');
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET ROLE;
CREATE TABLE part (tenant text, id int, props lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id)) PARTITION BY RANGE (id);
CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10);
ALTER TABLE part ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON part USING (tenant = current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON part TO regress_converge_app;
SELECT track('part', 'tenant');
INSERT INTO part (tenant, id) VALUES ('acme', 1);
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'part', '1');
RESET ROLE;
-- A table that is inherited from is not one table any more.
CREATE TABLE plain (tenant text, id int, props lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
GRANT SELECT, INSERT, UPDATE, DELETE ON plain TO regress_converge_app;
SELECT track('plain', 'tenant');
INSERT INTO plain (tenant, id) VALUES ('acme', 1);
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'plain', '1');
RESET ROLE;
CREATE TABLE child () INHERITS (plain);
SET ROLE regress_converge_app;
SELECT * FROM test.attempt(:'ann', 'plain', '1');
RESET ROLE;

-- Everything that was accepted is what its log says.
BEGIN;
SELECT authenticate(:'ann');
SELECT key, verify(collection, key) FROM (VALUES ('note', 'a'), ('note', 'b'), ('part', '1'), ('plain', '1')) d(collection, key);
COMMIT;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE note, member, part, child, plain;
DROP FUNCTION is_member, is_asked, pushes;
DROP SEQUENCE asked;
DELETE FROM jwt_key;
TRUNCATE change, document, replica, unfolded RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app, regress_converge_other;
DROP ROLE regress_converge_app, regress_converge_other, regress_converge_group;
