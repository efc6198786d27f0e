-- push(): documents that clients make and delete.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE note (
    tenant text, id int, title text NOT NULL DEFAULT 'untitled' CHECK (title <> 'forbidden'),
    props converge.lww_map NOT NULL DEFAULT '',
    tags converge.or_set NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = converge.current_tenant());
CREATE POLICY no_big ON note AS RESTRICTIVE FOR INSERT WITH CHECK (id < 100);
CREATE POLICY no_keep ON note AS RESTRICTIVE FOR DELETE USING (title <> 'keep');
CREATE POLICY no_secret ON note AS RESTRICTIVE FOR SELECT USING (title <> 'secret');
SELECT converge.track('note', 'tenant');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
RESET client_min_messages;
SELECT test.token('acme', 'ann') AS ann, test.token('acme', 'amy') AS amy, test.token('globex', 'bob') AS bob \gset
CREATE TABLE delta AS
    SELECT n, test.payload('props', converge.new_map(jsonb_build_object('k' || n, n))::bytea) AS payload
      FROM generate_series(1, 20) AS n;
CREATE FUNCTION test.d(wanted int) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT payload FROM public.delta WHERE n = wanted';
CREATE FUNCTION test.make(wanted int) RETURNS bytea LANGUAGE sql STABLE AS $$ SELECT '\x0801' || test.d(wanted) $$;
GRANT SELECT ON delta TO regress_converge_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
\set drop '''\\x0802''::bytea'
CREATE VIEW log AS
    SELECT d.tenant, d.key, d.document, c.replica, c.seq, c.principal, get_byte(c.payload || '\x00', 0) = 8 AS made_or_deleted,
           c.payload IS NULL AS refused
      FROM converge.change c JOIN converge.document d USING (tenant, document)
     ORDER BY d.tenant, d.document, c.replica, c.seq;
SET ROLE regress_converge_app;

-- Made, with edits in the same request; asked again; made by a second client too.
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', '1',
    test.change(1, 1, test.make(1)), test.change(1, 2, test.d(2)))));
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', '1',
    test.change(1, 1, test.make(1)), test.change(1, 2, test.d(2)), test.change(1, 3, test.d(3)))));
SELECT * FROM test.push(test.token_group(:'amy', test.document('note', '1', test.change(2, 1, test.make(4)))),
                        test.token_group(:'bob', test.document('note', '1', test.change(1, 1, test.make(1)))),
                        test.token_group(:'ann', test.document('note', '2', test.change(1, 1, '\x0801'))),
                        test.token_group(:'amy', test.document('note', '2', test.change(2, 1, test.make(5)))));
RESET ROLE;
SELECT tenant, key, replica, seq, principal, made_or_deleted, refused FROM log;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT id, title, props::jsonb, converge.verify('note', id::text) FROM note ORDER BY id;
COMMIT;

-- Not made: a policy, a key that is none or not as the column writes it, a row
-- that is hidden, a later number, an edit.
RESET ROLE;
INSERT INTO note (tenant, id, title) VALUES ('acme', 50, 'secret');
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'ann',
    test.document('note', '100', test.change(3, 1, test.make(1)), test.change(3, 2, test.d(2))),
    test.document('note', 'x', test.change(3, 1, test.make(1))),
    test.document('note', '007', test.change(3, 1, test.make(1))),
    test.document('note', '50', test.change(3, 1, test.make(1))),
    test.document('note', '8', test.change(3, 2, test.make(1))),
    test.document('note', '8', test.change(3, 1, test.d(1))),
    test.document('note', '8', test.change(3, 1, '\x0801' || test.payload('nothing', '\x11'))),
    test.document('none', '8', test.change(3, 1, test.make(1))),
    test.document('note', '9', test.change(3, 1, test.make(1)))));
RESET ROLE;
SELECT id FROM note WHERE tenant = 'acme' ORDER BY id;

-- Deleted: what comes later finds no document; made again it is another one.
INSERT INTO note (tenant, id, title) VALUES ('acme', 60, 'keep');
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'ann',
    test.document('note', '1', test.change(1, 4, test.d(6)), test.change(1, 5, :drop), test.change(1, 6, test.d(7))),
    test.document('note', '60', test.change(1, 1, :drop), test.change(1, 2, test.d(7))),
    test.document('note', '9', test.change(4, 1, :drop || test.d(1))),
    test.document('note', '2', test.change(1, 2, :drop))),
    test.token_group(:'amy', test.document('note', '1', test.change(2, 2, test.d(8)))));
SELECT * FROM test.push(test.token_group(:'amy', test.document('note', '1', test.change(2, 1, test.make(9)))));
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT id, props::jsonb, converge.verify('note', id::text) FROM note ORDER BY id;
COMMIT;
RESET ROLE;
SELECT key, dense_rank() OVER (PARTITION BY key ORDER BY document) AS incarnation, replica, seq, made_or_deleted, refused
  FROM log WHERE tenant = 'acme' AND key = '1';

-- What a trigger adds to a new row is a change of the server's.
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tags = converge.add(NEW.tags, 'stamped');
    RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION stamp();
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', '70', test.change(1, 1, test.make(10)))));
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT props::jsonb, tags::text[], converge.verify('note', '70') FROM note WHERE id = 70;
COMMIT;
RESET ROLE;
SELECT count(*), count(*) FILTER (WHERE replica = 1) AS by_client FROM log WHERE key = '70';

-- Without the privileges.
REVOKE INSERT, DELETE ON note FROM regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'ann',
    test.document('note', '71', test.change(1, 1, test.make(10))),
    test.document('note', '70', test.change(1, 2, :drop), test.change(2, 1, test.d(11)))));
RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE note, delta CASCADE;
DROP VIEW log;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
DROP VIEW IF EXISTS log;
DROP SCHEMA test CASCADE;
DROP FUNCTION stamp;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
