-- state_at(), history(), blame(), diff(), restore(), snapshot(): what a document was,
-- and who made it so.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
CREATE TABLE note (
    tenant text, id text, secret boolean NOT NULL DEFAULT false,
    body converge.crdt_text NOT NULL DEFAULT '',
    props converge.lww_map NOT NULL DEFAULT '',
    tags converge.or_set NOT NULL DEFAULT '',
    flags converge.lww_set NOT NULL DEFAULT '',
    likes converge.pn_counter NOT NULL DEFAULT '',
    views converge.g_counter NOT NULL DEFAULT '',
    state converge.mv_register NOT NULL DEFAULT '',
    page converge.ydoc NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = converge.current_tenant());
CREATE POLICY no_secret ON note AS RESTRICTIVE FOR SELECT USING (NOT secret OR converge.current_principal() = 'ann');
CREATE POLICY ann_writes ON note AS RESTRICTIVE FOR UPDATE USING (converge.current_principal() <> 'eve');
SELECT converge.track('note', 'tenant', deferred => '{body}');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
RESET client_min_messages;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
SELECT test.token('acme', 'ann') AS ann, test.token('acme', 'bob') AS bob, test.token('acme', 'eve') AS eve \gset
SELECT converge.epoch() > 0 AS epoch;
-- Moments to ask for: the test's own clock, one for each line below.
CREATE TABLE moment (name text PRIMARY KEY, at timestamptz);
GRANT SELECT, INSERT ON moment TO regress_converge_app;
CREATE FUNCTION at(name text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT at FROM moment WHERE moment.name = at.name $$;
CREATE FUNCTION mark(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.001);
    INSERT INTO moment VALUES (mark.name, clock_timestamp());
    PERFORM pg_sleep(0.001);
END $$;

SELECT mark('before');
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'ann');
INSERT INTO note VALUES ('acme', 'a', false, new_text('Hello world'), new_map('{"title": "Plan", "n": 1}'),
    new_set(ARRAY['red', 'blue']), new_lww_set(ARRAY['x']), new_counter(5), new_g_counter(3), new_register('"draft"'));
COMMIT;
SELECT mark('made');
BEGIN;
SELECT converge.authenticate(:'bob');
UPDATE note SET body = splice(body, 0, 5, 'Goodbye'), props = unset(set(props, 'title', '"Plan B"'), 'n'),
    tags = remove(add(tags, 'green'), 'red'), flags = add(remove(flags, 'x'), 'y'), likes = increment(likes, -2),
    views = increment(views, 1), state = assign(state, '"final"'), page = yjs_insert(page, 'p', 0, 'Hi') WHERE id = 'a';
COMMIT;
SELECT mark('edited');

-- As of a moment.
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.state_at('note', 'a', at('before'));
SELECT jsonb_pretty(converge.state_at('note', 'a', at('made')));
SELECT jsonb_pretty(converge.state_at('note', 'a', at('edited')));
SELECT converge.state_at('note', 'a', 'infinity') = converge.state_at('note', 'a', at('edited')) AS is_now;
-- Between two.
SELECT * FROM converge.diff('note', 'a', at('made'), at('edited'));
SELECT * FROM converge.diff('note', 'a', at('edited'), at('made')) WHERE field IN ('body', 'likes', 'tags');
SELECT count(*) FROM converge.diff('note', 'a', at('edited'));
-- Who, and what.
SELECT principal, seq, operation, field, bytes > 0 AS has_bytes, summary FROM converge.history('note', 'a');
SELECT at, item, value, principal, since BETWEEN at('before') AND at('edited') AS then, until = since AS once
  FROM converge.blame('note', 'a', 'body');
SELECT item, value, principal FROM converge.blame('note', 'a', 'props');
SELECT item, principal FROM converge.blame('note', 'a', 'tags');
SELECT item, principal FROM converge.blame('note', 'a', 'flags');
SELECT value, principal FROM converge.blame('note', 'a', 'state');
COMMIT;
RESET ROLE;

-- A page ends between two moments, and the next one begins there.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'bob', test.document('note', 'a',
    test.change(7, 1, test.payload('props', new_map('{"k": 1}')::bytea)),
    test.change(7, 2, test.payload('props', new_map('{"k": 2}')::bytea)))));
SELECT mark('pushed');
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT recorded_at AS first, replica, seq, principal, summary FROM converge.history('note', 'a', changes => 1) \gset page_
SELECT :page_replica AS replica, :page_seq AS seq, :'page_principal' AS principal, :'page_summary' AS summary;
SELECT replica = 7 AS pushed, seq FROM converge.history('note', 'a', :'page_first', 1);
SELECT count(DISTINCT (replica, seq)) FROM converge.history('note', 'a', at('before'));
SELECT count(*) FROM converge.history('note', 'a', changes => 0);
ROLLBACK;

-- Who may not see the row gets nothing, who may not change it changes nothing.
BEGIN;
SELECT converge.authenticate(:'eve');
SELECT converge.state_at('note', 'a', at('made')) ->> 'body' AS body;
SAVEPOINT s;
SELECT converge.restore('note', 'a', at('made'));
ROLLBACK TO s;
SELECT converge.snapshot('note', 'a');
ROLLBACK TO s;
SELECT converge.drop_snapshot('note', 'a', at('made'));
ROLLBACK;
RESET ROLE;
UPDATE note SET secret = true;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'bob');
SAVEPOINT s;
SELECT converge.state_at('note', 'a', at('made'));
ROLLBACK TO s;
SELECT * FROM converge.diff('note', 'a', at('made'), at('edited'));
ROLLBACK TO s;
SELECT * FROM converge.history('note', 'a');
ROLLBACK TO s;
SELECT * FROM converge.blame('note', 'a', 'body');
ROLLBACK TO s;
SELECT converge.restore('note', 'a', at('made'));
ROLLBACK TO s;
SELECT * FROM converge.snapshots('note', 'a');
ROLLBACK;
RESET ROLE;
UPDATE note SET secret = false;
SELECT converge.state_at('note', 'a', at('made'));

-- A restore is an edit: of what is in the row and of what only the log has yet.
SELECT difference(body, insert(body, char_length(body), '. More')) AS delta FROM note \gset
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'bob', test.document('note', 'a',
    test.change(8, 1, test.payload('body', :'delta'::bytea)))));
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.snapshot('note', 'a', 'before the restore') AS kept \gset
SELECT converge.state_at('note', 'a', :'kept') ->> 'body' AS body;
SELECT converge.restore('note', 'a', at('made'));
SELECT converge.restore('note', 'a', at('made'));
SELECT field, older, newer FROM converge.diff('note', 'a', at('made'));
SELECT body::text, props::jsonb, tags::text[], flags::text[], likes::bigint, state::jsonb[] FROM note;
SELECT converge.verify_row('note', 'a');
SELECT principal, operation, field, summary FROM converge.history('note', 'a', changes => 1) WHERE field IN ('props', 'likes', 'body');
SAVEPOINT s;
\set VERBOSITY sqlstate
SELECT converge.restore('note', 'a', at('before'));
\set VERBOSITY default
ROLLBACK TO s;
SELECT * FROM converge.blame('note', 'a', 'likes');
ROLLBACK TO s;
SELECT * FROM converge.blame('note', 'a', 'nosuch');
ROLLBACK TO s;
SELECT converge.state_at('note', 'b', at('made'));
ROLLBACK TO s;
SELECT converge.state_at('nosuch', 'a', at('made'));
ROLLBACK TO s;
COMMIT;
RESET ROLE;

-- Concurrent edits and a restore converge: a client that had not seen it goes on.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'bob', test.document('note', 'a',
    test.change(7, 3, test.payload('props', new_map('{"late": true}')::bytea)))));
RESET ROLE;
SELECT converge.fold('note');
SELECT props::jsonb FROM note;

-- Through compaction: who made what is kept, the moments before are not, but those
-- that were snapshots.
CREATE TABLE blame AS SELECT 0 AS n, 'body' AS field, b.* FROM converge.blame('note', 'a', 'body') b LIMIT 0;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(:'ann');
RESET ROLE;
INSERT INTO blame SELECT 1, f, b.* FROM unnest('{body, props, tags, flags, state}'::text[]) f, converge.blame('note', 'a', f) b;
COMMIT;
SELECT mark('late');
SELECT converge.compact('note', 'acme', 'a') > 0 AS compacted;
SELECT count(*) AS left FROM converge.change;
BEGIN;
SELECT converge.authenticate(:'ann');
INSERT INTO blame SELECT 2, f, b.* FROM unnest('{body, props, tags, flags, state}'::text[]) f, converge.blame('note', 'a', f) b;
SELECT count(*) > 5 AS some, count(*) FILTER (WHERE principal IS NULL) AS unknown FROM blame WHERE n = 2;
SELECT field, at, item, value, principal, replica, since, until FROM blame WHERE n = 1
EXCEPT SELECT field, at, item, value, principal, replica, since, until FROM blame WHERE n = 2;
SELECT count(*) FROM converge.history('note', 'a');
SELECT converge.state_at('note', 'a', at('late')) = converge.state_at('note', 'a', 'infinity') AS as_it_is;
SELECT converge.state_at('note', 'a', :'kept') ->> 'body' AS body;
SELECT moment = :'kept' AS kept, principal, label FROM converge.snapshots('note', 'a');
SELECT field, action, at, older, newer FROM converge.diff('note', 'a', :'kept') WHERE field = 'body';
\set VERBOSITY sqlstate
SELECT converge.state_at('note', 'a', at('made'));
ROLLBACK;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.restore('note', 'a', at('edited'));
ROLLBACK;
\set VERBOSITY default
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.restore('note', 'a', :'kept');
SELECT body::text FROM note;
SELECT converge.drop_snapshot('note', 'a', :'kept');
SELECT count(*) FROM converge.snapshots('note', 'a');
SAVEPOINT s;
SELECT converge.snapshot('note', 'a', repeat('x', 257));
ROLLBACK TO s;
SELECT count(converge.snapshot('note', 'a')) FROM generate_series(1, 256);
SELECT converge.snapshot('note', 'a');
ROLLBACK;

-- After a second compaction too; what is not known is null.
UPDATE note SET body = insert(body, 0, '>');
SELECT converge.compact('note', 'acme', 'a');
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT at, item, principal FROM converge.blame('note', 'a', 'body');
UPDATE converge.snapshot SET authors = '';
SELECT at, item, principal, replica, since FROM converge.blame('note', 'a', 'body');
ROLLBACK;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE note, moment, blame;
DROP FUNCTION at, mark;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica, converge.snapshot, converge.kept_state, converge.unfolded RESTART IDENTITY;
