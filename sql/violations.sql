-- Changes that a constraint or a trigger of the table's refuses: the verdict says
-- which one, and only they are refused.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE author (tenant text, name text, PRIMARY KEY (tenant, name));
CREATE TABLE note (
    tenant text, id text,
    props lww_map NOT NULL DEFAULT '',
    words text GENERATED ALWAYS AS (props ->> 'words') STORED NOT NULL CHECK (length(words) < 10),
    slug text GENERATED ALWAYS AS (props ->> 'slug') STORED,
    author text GENERATED ALWAYS AS (props ->> 'author') STORED,
    room int GENERATED ALWAYS AS ((props ->> 'room')::int) STORED,
    PRIMARY KEY (tenant, id),
    UNIQUE (slug),
    FOREIGN KEY (tenant, author) REFERENCES author,
    EXCLUDE USING btree (room WITH =));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = converge.current_tenant());
INSERT INTO note (tenant, id, props)
    VALUES ('acme', 'a', new_map('{"words": "few"}')),
           ('globex', 'b', new_map('{"words": "few", "slug": "taken", "room": 3}'));
SELECT track('note', 'tenant');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
RESET client_min_messages;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
SELECT test.token('acme', 'ann') AS ann \gset
CREATE FUNCTION test.set(key text, value jsonb) RETURNS bytea LANGUAGE sql VOLATILE AS
    $$ SELECT test.payload('props', new_map(jsonb_build_object(key, value))::bytea) $$;
GRANT EXECUTE ON FUNCTION test.set TO regress_converge_app;
SET ROLE regress_converge_app;

-- Each kind, a replica each, beside changes that are applied. Nothing is told of
-- the other tenant's row but that there is one.
SELECT test.request(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, test.set('title', '"kept"')),
    test.change(1, 2, test.set('words', '"more than a few"')),
    test.change(2, 1, test.set('words', 'null')),
    test.change(3, 1, test.set('slug', '"taken"')),
    test.change(4, 1, test.set('author', '"nobody"')),
    test.change(5, 1, test.set('room', '3')),
    test.change(6, 1, test.set('room', '"nine"')),
    test.change(7, 1, test.set('colour', '"red"'))))) AS request \gset
-- As a whole it is an error, which tells nothing: nothing is recorded, and the caller is
-- who it was.
SELECT test.token('acme', 'amy') AS amy \gset
BEGIN;
SELECT authenticate(:'amy');
SAVEPOINT before;
SELECT converge.push(:'request'::bytea || '\x1001');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO before;
SELECT current_principal();
COMMIT;
SELECT * FROM test.violations(converge.push(:'request'));
-- Asked again, the same; and the replica is at an end.
SELECT * FROM test.violations(converge.push(:'request'));
SELECT code, message, expected FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 3, test.set('words', '"fewer"')))));
BEGIN;
SELECT authenticate(:'ann');
SELECT props::jsonb, verify('note', 'a') FROM note;
COMMIT;

-- A deferred constraint, and a whole atomic group.
RESET ROLE;
ALTER TABLE note DROP CONSTRAINT note_tenant_author_fkey,
    ADD CONSTRAINT known_author FOREIGN KEY (tenant, author) REFERENCES author DEFERRABLE INITIALLY DEFERRED;
SET ROLE regress_converge_app;
SELECT * FROM test.violations(converge.push(test.request(test.token_group(:'ann', test.document('note', 'a',
    test.change(10, 1, test.set('author', '"nobody"')), test.change(11, 1, test.set('colour', '"green"')))))));
SELECT * FROM test.violations(converge.push(test.request(test.token_group(:'ann', test.document('note', 'a',
    test.change(13, 1, test.set('colour', '"blue"')), test.change(13, 2, test.set('words', '"more than a few"'))))
    || test.number(3, 1))));

-- Triggers: what they raise, with a SQLSTATE of their own too, and a row that they
-- keep as it was.
RESET ROLE;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE NEW.props ->> 'raise'
        WHEN 'plain' THEN RAISE 'not this way' USING DETAIL = 'a secret';
        WHEN 'check' THEN RAISE check_violation USING MESSAGE = 'too many', CONSTRAINT = 'at_most_three';
        WHEN 'own' THEN RAISE SQLSTATE 'ZZ007' USING MESSAGE = 'the lake is frozen';
        WHEN 'bug' THEN PERFORM no_such_function();
        WHEN 'null' THEN RETURN NULL;
        ELSE RETURN NEW;
    END CASE;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION refuse();
SET ROLE regress_converge_app;
SELECT * FROM test.violations(converge.push(test.request(test.token_group(:'ann', test.document('note', 'a',
    test.change(20, 1, test.set('raise', '"plain"')),
    test.change(21, 1, test.set('raise', '"check"')),
    test.change(22, 1, test.set('raise', '"own"')),
    test.change(23, 1, test.set('raise', '"null"')),
    test.change(24, 1, test.set('raise', '"bug"')),
    test.change(25, 1, test.set('colour', '"grey"')))))));
-- As a whole: verdicts that need no error are as ever.
SELECT * FROM test.violations(converge.push(test.request(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, test.set('title', '"other"')),
    test.change(25, 2, test.set('colour', '"black"')),
    test.change(26, 2, test.set('colour', '"white"'))))) || '\x1001'));
BEGIN;
SELECT authenticate(:'ann');
SELECT props::jsonb, verify('note', 'a') FROM note;
COMMIT;

RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE note, author CASCADE;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP FUNCTION refuse;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
