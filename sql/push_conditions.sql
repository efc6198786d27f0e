-- push(): packets that expect a version, groups that apply whole or not at all, and policies that raise.
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
CREATE POLICY no_frozen ON note AS RESTRICTIVE FOR UPDATE USING (title <> 'frozen');
SELECT converge.track('note', 'tenant', '{tags}');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
RESET client_min_messages;
INSERT INTO note (tenant, id, title) VALUES ('acme', 'a', ''), ('acme', 'b', ''), ('acme', 'frozen', 'frozen');
SELECT test.token('acme', 'ann') AS ann, test.token('acme', 'amy') AS amy \gset
-- Stored, so that they can be sent again.
CREATE TABLE delta AS
    SELECT n, test.payload('props', converge.new_map(jsonb_build_object('k' || n, n))::bytea) AS payload
      FROM generate_series(1, 30) AS n;
CREATE FUNCTION test.d(wanted int) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT payload FROM public.delta WHERE n = wanted';
CREATE FUNCTION test.expecting(version text, document bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT document || test.bytes(4, version::converge.log_version::bytea) $$;
CREATE FUNCTION test.atomic(token text, VARIADIC documents bytea[]) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.token_group(token, VARIADIC documents) || test.number(3, 1) $$;
-- What the server knows of a document: the version that its author would have seen.
CREATE FUNCTION test.seen(wanted text) RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT coalesce(json_object_agg(replica::text, last ORDER BY replica)::text, '{}') FROM (
        SELECT replica, max(seq) AS last FROM converge.change c JOIN converge.document d USING (tenant, document)
         WHERE d.key = wanted GROUP BY replica) l $$;
CREATE VIEW log AS
    SELECT d.key, c.replica, c.seq, c.payload IS NULL AS refused
      FROM converge.change c JOIN converge.document d USING (tenant, document)
     WHERE c.replica < 1000 ORDER BY c.document, c.replica, c.seq;
GRANT SELECT ON log, delta TO regress_converge_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
SET ROLE regress_converge_app;

-- Nobody has written since: applied, and so is the replica's own next packet.
SELECT test.seen('a') AS seen \gset
SELECT * FROM test.push(test.token_group(:'ann', test.expecting(:'seen', test.document('note', 'a', test.change(1, 1, test.d(1)), test.change(1, 2, test.d(2))))));
SELECT * FROM test.push(test.token_group(:'ann', test.expecting(:'seen', test.document('note', 'a', test.change(1, 3, test.d(3))))));
-- Asked again, all of it is there: the expectation is not asked.
SELECT code FROM test.push(test.token_group(:'amy', test.document('note', 'a', test.change(2, 1, test.d(4)))));
SELECT code FROM test.push(test.token_group(:'ann', test.expecting(:'seen', test.document('note', 'a', test.change(1, 3, test.d(3))))));
-- Somebody has: refused, for good.
SELECT * FROM test.push(test.token_group(:'ann', test.expecting(:'seen', test.document('note', 'a', test.change(1, 4, test.d(5)), test.change(1, 5, test.d(6))))));
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(1, 4, test.d(5)))));
-- With the version of now, under another replica; a SQL edit counts too.
SELECT test.seen('a') AS seen \gset
SELECT code FROM test.push(test.token_group(:'ann', test.expecting(:'seen', test.document('note', 'a', test.change(3, 1, test.d(5))))));
RESET ROLE;
UPDATE note SET props = converge.set(props, 'sql', '1') WHERE id = 'a';
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.expecting(:'seen', test.document('note', 'a', test.change(3, 2, test.d(6))))));
-- What was refused is nothing that anybody wrote.
SELECT test.seen('a') AS seen \gset
SELECT code FROM test.push(test.token_group(:'amy', test.document('note', 'a', test.change(30, 1, '\xff'))));
SELECT code FROM test.push(test.token_group(:'ann', test.expecting(:'seen', test.document('note', 'a', test.change(31, 1, test.d(6))))));
-- What an earlier part of the same request wrote counts as well.
SELECT test.seen('b') AS seen \gset
SELECT code FROM test.push(
    test.token_group(:'amy', test.document('note', 'b', test.change(2, 1, test.d(7)))),
    test.token_group(:'ann', test.expecting(:'seen', test.document('note', 'b', test.change(1, 1, test.d(8))))));
-- A document that is to be made is expected not to be there.
SELECT code FROM test.push(test.token_group(:'ann', test.expecting('{}', test.document('note', 'new', test.change(1, 1, test.number(1, 1))))));
SELECT code FROM test.push(test.token_group(:'amy', test.expecting('{}', test.document('note', 'new', test.change(2, 1, test.number(1, 1))))));
-- What is no version, and packets of several replicas.
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(4, 1, test.d(9))) || test.bytes(4, '\xffff')));
SELECT code, message FROM test.push(test.token_group(:'ann', test.expecting('{}', test.document('note', 'b', test.change(5, 1, test.d(9)), test.change(6, 1, test.d(10))))));
SELECT * FROM log;

-- An atomic group, of two documents: both or none.
SELECT code FROM test.push(test.atomic(:'ann', test.document('note', 'a', test.change(10, 1, test.d(11))), test.document('note', 'b', test.change(10, 1, test.d(11)))));
SELECT code FROM test.push(test.atomic(:'ann', test.document('note', 'a', test.change(10, 1, test.d(11)), test.change(10, 2, test.d(12))), test.document('note', 'b', test.change(10, 1, test.d(11)))));
SELECT code, message FROM test.push(
    test.atomic(:'ann', test.document('note', 'a', test.change(10, 3, test.d(13)), test.change(10, 4, test.d(14))),
                        test.document('note', 'frozen', test.change(10, 1, test.d(13))),
                        test.document('note', 'b', test.change(10, 1, test.d(11)), test.change(10, 2, test.d(13)))),
    test.token_group(:'amy', test.document('note', 'b', test.change(11, 1, test.d(14)))));
-- The same again: it stays refused; what was there is there.
SELECT code FROM test.push(
    test.atomic(:'ann', test.document('note', 'a', test.change(10, 3, test.d(13)), test.change(10, 4, test.d(14))),
                        test.document('note', 'frozen', test.change(10, 1, test.d(13))),
                        test.document('note', 'b', test.change(10, 1, test.d(11)), test.change(10, 2, test.d(13)))));
SELECT * FROM log WHERE replica IN (10, 11);
-- A gap can be filled: nothing is over.
SELECT code, expected FROM test.push(test.atomic(:'ann', test.document('note', 'a', test.change(12, 1, test.d(15))), test.document('note', 'b', test.change(12, 2, test.d(15)))));
SELECT code FROM test.push(test.atomic(:'ann', test.document('note', 'a', test.change(12, 1, test.d(15))), test.document('note', 'b', test.change(12, 1, test.d(16)), test.change(12, 2, test.d(15)))));
-- An expectation that fails takes the rest with it, also what would be made.
SELECT code FROM test.push(test.atomic(:'ann', test.expecting('{}', test.document('note', 'a', test.change(13, 1, test.d(17)))),
    test.document('note', 'other', test.change(13, 1, test.number(1, 1)))));
SELECT code FROM test.push(test.atomic(:'ann', test.document('note', 'a', test.change(14, 1, test.d(17))), test.document('note', 'none', test.change(14, 1, test.d(17)))));
SELECT code FROM test.push(test.atomic('forged', test.document('note', 'a', test.change(15, 1, test.d(17))), test.document('note', 'b', test.change(15, 1, test.d(17)))));
SELECT count(*) FROM log WHERE replica = 15 OR key IN ('other', 'none');
RESET ROLE;
-- A constraint that is decided at the end refuses the whole.
CREATE FUNCTION too_many() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.props ? 'k20' THEN RAISE EXCEPTION 'too many'; END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER too_many AFTER UPDATE ON note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION too_many();
SET ROLE regress_converge_app;
SELECT code, message FROM test.push(test.atomic(:'ann', test.document('note', 'a', test.change(16, 1, test.d(18))), test.document('note', 'b', test.change(16, 1, test.d(20)))));
SELECT * FROM log WHERE replica = 16;
RESET ROLE;
DROP TRIGGER too_many ON note;

-- A policy that raises denies, and what it says of a row is not told.
CREATE FUNCTION judge(title text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF title = 'secret' THEN RAISE EXCEPTION 'the secret is 42'; END IF;
    IF title = 'zero' THEN RETURN 1 / length('') > 0; END IF;
    RETURN true;
END $$;
CREATE POLICY judged ON note AS RESTRICTIVE FOR UPDATE USING (judge(title));
INSERT INTO note (tenant, id, title) VALUES ('acme', 'secret', 'secret'), ('acme', 'zero', 'zero');
SET ROLE regress_converge_app;
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'secret', test.change(20, 1, test.d(21))),
    test.document('note', 'zero', test.change(20, 1, test.d(21))), test.document('note', 'a', test.change(20, 1, test.d(21)))));
RESET ROLE;
DROP POLICY judged ON note;
CREATE POLICY judged ON note AS RESTRICTIVE USING (judge(title));
SET ROLE regress_converge_app;
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'secret', test.change(21, 1, test.d(22))), test.document('note', 'a', test.change(21, 1, test.d(22)))));
RESET ROLE;

\set ECHO none
SET client_min_messages = warning;
DROP TABLE note CASCADE;
DROP VIEW log;
DROP TABLE delta;
DROP FUNCTION judge, too_many;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica, converge.unfolded RESTART IDENTITY;
