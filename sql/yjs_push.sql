-- Yjs clients: changes that the server numbers, whose client identifiers are, and yjs_pull().
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE page (tenant text, id text, title text DEFAULT '', body converge.ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
ALTER TABLE page ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON page USING (tenant = converge.current_tenant());
CREATE POLICY no_frozen ON page AS RESTRICTIVE FOR UPDATE TO converge_client USING (title <> 'frozen');
CREATE TABLE leaf (LIKE page INCLUDING ALL);
ALTER TABLE leaf ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON leaf FOR SELECT USING (tenant = converge.current_tenant());
CREATE POLICY written ON leaf FOR UPDATE USING (tenant = converge.current_tenant());
SELECT converge.track('page', 'tenant'), converge.track('leaf', 'tenant', '{body}');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON page, leaf TO regress_converge_app;
RESET client_min_messages;
INSERT INTO page (tenant, id, title) VALUES ('acme', 'a', ''), ('acme', 'frozen', 'frozen');
INSERT INTO leaf (tenant, id) VALUES ('acme', 'a');
CREATE VIEW log AS
    SELECT d.key, c.replica, c.seq, c.principal, c.hlc > 65536 AS has_clock
      FROM converge.change c JOIN converge.document d USING (tenant, document)
     WHERE c.replica < 1000 ORDER BY c.document, c.replica, c.seq;
SELECT test.token('acme', 'ann') AS ann, test.token('acme', 'amy') AS amy \gset
-- What Yjs's client 100 does: types "Hi", then "!", deletes the "H"; and all of it at
-- once. Client 200 types "?" behind the "Hi".
CREATE FUNCTION test.y(what text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT test.payload('body', converge.new_ydoc(decode(CASE what
        WHEN 'Hi' THEN '01016400040104626f647902486900'
        WHEN '!' THEN '01016402846401012100'
        WHEN 'delete' THEN '000164010001'
        WHEN 'all' THEN '01026400010104626f6479018464000269210164010001'
        WHEN '?' THEN '0101c80100846401013f00' END, 'hex'))::bytea) $$;
-- Without a number and without a clock, as the bridge pushes them.
CREATE FUNCTION test.unnumbered(replica numeric, payload bytea, is_new boolean DEFAULT false) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.change(replica, 0, payload, 0) || test.number(6, is_new::int) $$;
SET ROLE regress_converge_app;

-- Numbered by the server; what adds nothing is as good as applied, and not logged.
SELECT code, message FROM test.push(test.token_group(:'ann',
    test.document('page', 'a', test.unnumbered(1, test.y('Hi')), test.unnumbered(1, test.y('!')), test.unnumbered(1, test.y('!'))),
    test.document('leaf', 'a', test.unnumbered(1, test.y('Hi')), test.unnumbered(1, test.y('!')), test.unnumbered(1, test.y('!')))));
SELECT code, message FROM test.push(test.token_group(:'ann',
    test.document('page', 'a', test.unnumbered(1, test.y('delete')), test.unnumbered(2, test.y('delete')), test.unnumbered(2, test.y('all'))),
    test.document('leaf', 'a', test.unnumbered(1, test.y('delete')), test.unnumbered(2, test.y('delete')), test.unnumbered(2, test.y('all')))));
RESET ROLE;
SELECT * FROM log;
SELECT yjs_text(body, 'body') FROM page WHERE id = 'a';
SELECT yjs_text((current(l)).body, 'body') FROM leaf l;
SELECT tenant, client, principal FROM converge.yjs_client ORDER BY document, client;

-- Said to be new, it is logged without a look; the row is the same.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'a', test.unnumbered(1, test.y('Hi'), true))));
-- A number of its own and one of the server's.
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'a', test.change(3, 1, test.y('Hi')), test.unnumbered(3, test.y('?')))));

-- Another principal's client: what the document has already is accepted, more is not;
-- nothing is logged, and the replica goes on.
SELECT code, message FROM test.push(test.token_group(:'amy',
    test.document('leaf', 'a', test.unnumbered(5, test.y('all')), test.unnumbered(5, test.y('?'))),
    test.document('page', 'a', test.unnumbered(5, test.y('?')))));
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('leaf', 'a', test.unnumbered(6, test.y('?')))));
SELECT code, message FROM test.push(test.token_group(:'amy', test.document('leaf', 'a',
    test.unnumbered(5, test.payload('body', converge.new_ydoc('\x01016403846402013f00')::bytea)))));
-- Also of a change that has a number: that ends the replica, as every refusal.
SELECT code, message FROM test.push(test.token_group(:'amy', test.document('leaf', 'a',
    test.change(7, 1, test.payload('body', converge.new_ydoc('\x01016403846402013f00')::bytea)),
    test.change(7, 2, test.y('all')))));
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('leaf', 'a',
    test.unnumbered(6, test.payload('body', converge.new_ydoc('\x01016403846402013f00')::bytea)))));

-- Of very many clients at once: the others in the call would wait for them. Also where the
-- change makes the document.
RESET ROLE;
CREATE FUNCTION test.of_clients(clients integer) RETURNS bytea LANGUAGE sql VOLATILE AS $$
    SELECT test.payload('body', converge.new_ydoc(test.varint(clients) || string_agg(
        '\x01'::bytea || test.varint(1000 + n) || '\x00040101740178', '' ORDER BY n DESC) || '\x00')::bytea)
      FROM generate_series(1, clients) n $$;
SET ROLE regress_converge_app;
SELECT code, message FROM test.push(test.token_group(:'ann',
    test.document('page', 'a', test.unnumbered(8, test.of_clients(4097)), test.unnumbered(8, test.of_clients(3), true)),
    test.document('page', 'made', test.change(9, 1, '\x0801'::bytea || test.of_clients(4097)))));
RESET ROLE;
SELECT count(*) FROM converge.yjs_client WHERE client > 1000;

-- Who may not write may send what is there.
UPDATE page SET body = new_ydoc('\x01016400040104626f647902486900') WHERE id = 'frozen';
SET ROLE regress_converge_app;
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('page', 'frozen',
    test.unnumbered(1, test.y('Hi')), test.unnumbered(1, test.y('!')))));
-- What SQL wrote is no principal's until one goes on under the same client.
RESET ROLE;
INSERT INTO page (tenant, id, body) VALUES ('acme', 'sql', new_ydoc('\x01016400040104626f647902486900'));
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'amy', test.document('page', 'sql', test.unnumbered(1, test.y('Hi')))));
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'sql', test.unnumbered(2, test.y('!')))));
SELECT code, message FROM test.push(test.token_group(:'amy', test.document('page', 'sql',
    test.unnumbered(1, test.payload('body', converge.new_ydoc('\x01016403846402013f00')::bytea)))));
-- A change without a number is an update.
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('page', 'new',
    test.unnumbered(1, test.payload('body', converge.new_ydoc('\x01016400040104626f647902486900')::bytea, 1)))));
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('page', 'a', test.unnumbered(1, test.number(1, 2)))));
RESET ROLE;
SELECT * FROM log;
SELECT d.key, y.client, y.principal FROM converge.yjs_client y JOIN converge.document d USING (tenant, document) ORDER BY document, client;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('page', 'a') AS page, converge.verify('leaf', 'a') AS leaf;
COMMIT;

-- yjs_pull(): the update since a state vector, and the server's own vector.
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT yjs_text(new_ydoc(test.first_bytes(test.first_bytes(converge.yjs_pull('leaf', 'a', 'body'), 7), 1)), 'body');
SELECT test.first_bytes(pulled, 1) AS update, test.first_bytes(pulled, 2) AS state_vector,
       test.first_bytes(answer, 4) = test.first_bytes(converge.pull('leaf', 'a'), 4) AS same_version
  FROM (SELECT answer, test.first_bytes(answer, 7) AS pulled
          FROM converge.yjs_pull('leaf', 'a', 'body', '\x026404c80101') AS answer) AS a;
-- Of few bytes the field itself, whatever the state vector.
SELECT up_to, length(test.first_bytes(pulled, 4)) > 1 AS state, length(test.first_bytes(pulled, 1)) > 0 AS update
  FROM (VALUES (-1), (1), (100000)) AS v (up_to),
       LATERAL (SELECT test.first_bytes(converge.yjs_pull('leaf', 'a', 'body', '\x026404c80101', up_to), 7) AS pulled) AS a;
SELECT converge.yjs_pull('leaf', 'a', 'body', '\x0264');
ROLLBACK;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.yjs_pull('leaf', 'a', 'text');
ROLLBACK;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.yjs_pull('leaf', 'none', 'body');
ROLLBACK;
SELECT converge.yjs_pull('leaf', 'a', 'body');
RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE page, leaf CASCADE;
DELETE FROM converge.jwt_key;
DROP VIEW log;
TRUNCATE converge.change, converge.document, converge.replica, converge.unfolded, converge.yjs_client RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
