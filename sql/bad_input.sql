-- What a client may send by mistake or malice: each has a verdict or an error of its own.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
ALTER SYSTEM SET converge.fold_quiet = '1 d';
SELECT pg_reload_conf();
CREATE TABLE note (
    tenant text, id text,
    props converge.lww_map NOT NULL DEFAULT '',
    votes converge.pn_counter NOT NULL DEFAULT '',
    likes converge.g_counter NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));
SELECT converge.track('note', 'tenant', '{likes}');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT SELECT, INSERT, UPDATE ON note TO regress_converge_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
RESET client_min_messages;
INSERT INTO note (tenant, id) VALUES ('acme', 'a');
SELECT test.token('acme', 'ann') AS ann \gset
SET ROLE regress_converge_app;

-- Unknown: a collection, a key, a field.
SELECT code, message FROM test.push(test.token_group(:'ann',
    test.document('none', 'a', test.change(1, 1, test.payload('props', '\x11'))),
    test.document('note', 'none', test.change(1, 1, test.payload('props', '\x11'))),
    test.document('note', 'a', test.change(1, 1, test.payload('none', '\x11'))),
    test.document(repeat('x', 100000), repeat('y', 100000), test.change(1, 1, test.payload('none', '\x11')))));
BEGIN;
SELECT converge.authenticate(:'ann');
SAVEPOINT s;
SELECT converge.pull('none', 'a');
ROLLBACK TO s;
SELECT converge.pull('note', 'none');
ROLLBACK TO s;
SELECT converge.subscribe('none', 'a');
ROLLBACK;

-- Clocks: of the change, and of what is in it. 2038 is far away.
SELECT code, regexp_replace(message, '\d{6,} s ahead', '… s ahead') FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(2, 1, test.payload('props', '\x11'), (2145916800000::bigint << 16)),
    test.change(3, 1, test.payload('props', '\x11010500030001' || test.varint(2145916800000 * 65536::numeric) || '\x02c3a90004000131')),
    test.change(4, 1, test.payload('props', converge.new_map('{"now": 1}')::bytea), ((extract(epoch FROM clock_timestamp()) * 1000 + 50000)::bigint << 16)))));

-- A counter that would overflow: two replicas that go as far as one may.
SELECT test.payload('votes', converge.new_counter(9223372036854775807)::bytea) AS most,
       test.payload('likes', converge.increment(''::converge.g_counter, 9223372036854775807)::bytea) AS most_likes,
       test.payload('votes', converge.increment(''::converge.pn_counter, 1)::bytea) AS one,
       test.payload('likes', converge.increment(''::converge.g_counter, 1)::bytea) AS one_like \gset
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(5, 1, :'most'), test.change(6, 1, :'one'), test.change(7, 1, :'most_likes'), test.change(8, 1, :'one_like'))));
RESET ROLE;
SELECT converge.fold('note');
SELECT votes::bigint, likes::bigint FROM note;
SELECT replica, seq, fields, sqlstate, message FROM converge.quarantine;
UPDATE note SET votes = converge.increment(votes, 1);
SET ROLE regress_converge_app;

-- A request of 100 MB; one that is no larger than it may be and names a million things; a payload that does.
SELECT converge.push(convert_to(repeat('x', 104857600), 'UTF8'));
SELECT converge.push(decode(repeat('0a00', 1000000), 'hex'));
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(9, 1, decode(repeat('1200', 524287), 'hex')),
    test.change(10, 1, test.payload('props', decode('11' || repeat('01', 1048500), 'hex'))),
    test.change(11, 1, test.payload('props', decode('11000000' || repeat('01', 1048500), 'hex'))))));

RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE note;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica, converge.unfolded, converge.quarantine RESTART IDENTITY;
ALTER SYSTEM RESET converge.fold_quiet;
SELECT pg_reload_conf();
