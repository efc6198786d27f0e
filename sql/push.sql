-- push(): the verdicts, and what stands in the log and the rows afterwards.
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
CREATE POLICY no_secret ON note AS RESTRICTIVE FOR SELECT USING (title <> 'secret');
SELECT converge.track('note', 'tenant');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
RESET client_min_messages;
INSERT INTO note (tenant, id, title) VALUES
    ('acme', 'a', ''), ('acme', 'b', ''), ('acme', 'frozen', 'frozen'), ('acme', 'secret', 'secret'), ('globex', 'a', '');
CREATE VIEW log AS
    SELECT d.tenant, d.key, c.replica, c.seq, c.principal, c.payload IS NULL AS refused
      FROM converge.change c JOIN converge.document d USING (tenant, document)
     WHERE c.replica < 1000 ORDER BY c.tenant, c.document, c.replica, c.seq;
GRANT SELECT ON log TO regress_converge_app;
SELECT test.token('acme', 'ann') AS ann, test.token('acme', 'amy') AS amy, test.token('globex', 'bob') AS bob \gset
-- Changes to push: each has identifiers of its own.
CREATE TABLE delta AS
    SELECT n, test.payload('props', converge.new_map(jsonb_build_object('k' || n, n))::bytea) AS payload
      FROM generate_series(1, 20) AS n;
CREATE FUNCTION test.d(wanted int) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT payload FROM public.delta WHERE n = wanted';
GRANT SELECT ON delta TO regress_converge_app;
GRANT EXECUTE ON FUNCTION test.d TO regress_converge_app;
SET ROLE regress_converge_app;

-- Applied; the same again; the next with a gap; the number with other content.
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, test.d(1)), test.change(1, 2, test.d(2)))));
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, test.d(1)), test.change(1, 2, test.d(2)), test.change(1, 3, test.d(3)),
    test.change(1, 5, test.d(5)), test.change(1, 6, test.d(6)))));
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 2, test.d(3)), test.change(1, 4, test.d(4)), test.change(1, 1, test.d(1)))));
SELECT * FROM log WHERE key = 'a';
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT props::jsonb, converge.verify('note', 'a') FROM note WHERE id = 'a';
COMMIT;

-- Without a token, the identity the transaction has; none, and nothing is done.
SELECT * FROM test.push(test.token_group('', test.document('note', 'b', test.change(1, 1, test.d(1)))));
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT * FROM test.push(test.token_group('', test.document('note', 'b', test.change(1, 1, test.d(1)))),
                        test.token_group(:'bob', test.document('note', 'a', test.change(1, 1, test.d(1)))),
                        test.token_group('forged.to.ken', test.document('note', 'b', test.change(1, 2, test.d(2)))));
SELECT converge.current_principal();
COMMIT;
SELECT * FROM log WHERE seq = 1;

-- Two principals of a tenant, documents in any order, and a replica is its principal's.
SELECT * FROM test.push(
    test.token_group(:'amy', test.document('note', 'b', test.change(1, 2, test.d(2)), test.change(2, 1, test.d(3))),
                             test.document('note', 'a', test.change(2, 1, test.d(3)))),
    test.token_group(:'ann', test.document('note', 'b', test.change(1, 2, test.d(2)), test.change(2, 2, test.d(4)))));

-- Documents that are not there, not visible, or may not be changed.
SELECT * FROM test.push(test.token_group(:'ann',
    test.document('note', 'none', test.change(3, 1, test.d(1))),
    test.document('none', 'a', test.change(3, 1, test.d(1))),
    test.document('note', 'secret', test.change(3, 1, test.d(1))),
    test.document('note', 'frozen', test.change(3, 1, test.d(1)), test.change(3, 2, test.d(2)))));
-- Asked again, a refusal stays what it was, and ends the replica on that document only.
SELECT * FROM test.push(test.token_group(:'ann',
    test.document('note', 'frozen', test.change(3, 1, test.d(1)), test.change(3, 2, test.d(2)), test.change(4, 1, test.d(1))),
    test.document('note', 'b', test.change(3, 1, test.d(3)))));
SELECT * FROM log WHERE key = 'frozen';

-- Changes that are not what they say; after each, its replica is at an end.
SELECT code, regexp_replace(message, '\d{6,} s ahead', '… s ahead'), expected FROM test.push(test.token_group(:'ann', test.document('note', 'b',
    test.change(10, 1, '\xff'), test.change(10, 2, test.d(4)),
    test.change(11, 1, test.payload('nothing', '\x11')),
    test.change(12, 1, test.payload('tags', substr(test.d(4), 10))),
    test.change(13, 1, test.payload('props', '\x11ff')),
    test.change(14, 1, test.d(4), 9000000000000000000),
    test.change(15, 1, test.payload('props', '\x11', 1)),
    test.change(16, 1, test.payload('props', '\x11', 9)),
    test.change(17, 1, test.payload('props', decode(repeat('00', 1100000), 'hex'))),
    test.change(18, 1, ''),
    test.change(19, 1, test.payload('props', '\x11') || test.payload('props', '\x11')),
    test.change(20, 1, test.d(4) || test.number(9, 9)),
    test.change(22, 1, test.bytes(2, test.text(1, 'props') || test.bytes(2, '\x11') || test.number(9, 9))),
    test.change(0, 1, test.d(4)), test.change(21, 9007199254740992, test.d(4)), test.change(9007199254740992, 1, test.d(4)))));
SELECT * FROM log WHERE key = 'b' AND replica >= 10;

-- Requests that are none.
SELECT converge.push('\xff');
SELECT converge.push('');
SELECT converge.push(decode(repeat('00', 16777217), 'hex'));
SELECT converge.push(decode(repeat('0a00', 8000000), 'hex'));
SELECT converge.push(test.bytes(1, decode(repeat(encode(test.bytes(2, test.document('note', repeat('k', 60), VARIADIC '{}')), 'hex'), 65537), 'hex')));

-- A user's trigger refuses one change: the others are applied.
RESET ROLE;
CREATE FUNCTION no_seven() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.props::jsonb ? 'k7' THEN RAISE EXCEPTION 'no sevens here'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER no_seven BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION no_seven();
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'ann',
    test.document('note', 'a', test.change(30, 1, test.d(8)), test.change(31, 1, test.d(7)), test.change(31, 2, test.d(9)),
                               test.change(30, 2, test.d(10))),
    test.document('note', 'b', test.change(30, 1, test.d(11)))));
SELECT * FROM log WHERE replica IN (30, 31);
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT id, props::jsonb, converge.verify('note', id) FROM note WHERE id IN ('a', 'b') ORDER BY id;
COMMIT;

-- A deferred constraint decides under the identity of the change that it concerns.
RESET ROLE;
DROP TRIGGER no_seven ON note;
CREATE FUNCTION no_twelve() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.props::jsonb ? 'k12' THEN RAISE check_violation USING MESSAGE = 'not by ' || converge.current_principal(); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER no_twelve AFTER UPDATE ON note DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION no_twelve();
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(40, 1, test.d(12)))),
                        test.token_group(:'bob', test.document('note', 'a', test.change(40, 1, test.d(13)))),
                        test.token_group(:'amy', test.document('note', 'a', test.change(41, 1, test.d(13)))));
RESET ROLE;
-- What the caller deferred before is the caller's.
BEGIN;
SELECT converge.authenticate(:'bob');
UPDATE note SET props = converge.set(props, 'k12', '1') WHERE id = 'a' AND tenant = 'acme';
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(42, 1, test.d(14)))));
ROLLBACK;
DROP TRIGGER no_twelve ON note;

-- What a user's trigger adds to a pushed change is a change of the server's.
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.props = converge.set(NEW.props, 'stamped', 'true');
    RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE UPDATE ON note FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION stamp();
SELECT count(*) AS before FROM converge.change \gset
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'amy', test.document('note', 'a', test.change(42, 1, test.d(14)))));
RESET ROLE;
SELECT count(*) - :before AS added, count(*) FILTER (WHERE c.replica = n.replica AND c.principal = 'amy') AS by_trigger
  FROM converge.change c, converge.node n;
DROP TRIGGER stamp ON note;
CREATE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE note SET props = converge.set(props, 'answered', 'true') WHERE tenant = NEW.tenant AND id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER answer AFTER UPDATE ON note FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION answer();
SELECT count(*) AS before FROM converge.change \gset
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'amy', test.document('note', 'a', test.change(42, 2, test.d(15)))));
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT props::jsonb ? 'answered' AS answered, props::jsonb ? 'stamped' AS stamped, converge.verify('note', 'a')
  FROM note WHERE id = 'a';
COMMIT;
RESET ROLE;
SELECT count(*) - :before AS added FROM converge.change;
DROP TRIGGER answer ON note;

-- A trigger that keeps the row as it was refuses the change.
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION keep();
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'amy', test.document('note', 'a', test.change(43, 1, test.d(16)))));
RESET ROLE;
DROP TRIGGER keep ON note;

-- Without the privilege to update: readable, but not to be changed.
REVOKE UPDATE ON note FROM regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'amy', test.document('note', 'a', test.change(44, 1, test.d(16)))));
RESET ROLE;
REVOKE SELECT ON note FROM regress_converge_app;
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'amy', test.document('note', 'a', test.change(45, 1, test.d(16)))));
RESET ROLE;
GRANT SELECT, UPDATE ON note TO regress_converge_app;

-- A document made again under the same key is another one.
SELECT document AS first FROM converge.document WHERE tenant = 'acme' AND key = 'b' \gset
DELETE FROM note WHERE id = 'b';
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(1, 3, test.d(17)))));
RESET ROLE;
INSERT INTO note (tenant, id) VALUES ('acme', 'b');
SET ROLE regress_converge_app;
SELECT * FROM test.push(test.token_group(:'ann',
    test.document('note', 'b', test.change(1, 3, test.d(17))),
    test.document('note', 'b', test.change(1, 1, test.d(17))) || test.number(3, :first),
    test.document('note', 'b', test.change(1, 1, test.d(17)))));

-- In a transaction that only reads, and under a snapshot of its own.
BEGIN READ ONLY;
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(50, 1, test.d(18)))));
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(50, 1, test.d(18)))));
SELECT * FROM test.push(test.token_group(:'ann', test.document('note', 'a', test.change(50, 2, test.d(19)))));
COMMIT;
SELECT * FROM log WHERE replica = 50;

RESET ROLE;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT bool_and(converge.verify('note', id)) FROM note WHERE tenant = 'acme';
COMMIT;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE note, delta CASCADE;
DELETE FROM converge.jwt_key;
DROP VIEW IF EXISTS log;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP FUNCTION no_seven, no_twelve, stamp, answer, keep;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
