-- A ydoc as a deferred field, under policies, with the fold and quarantine; and indexes
-- on what it says: chosen, with a scan's answers.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
-- The maintenance worker is to stay away.
ALTER SYSTEM SET converge.fold_quiet = '1 d';
ALTER SYSTEM SET converge.fold_latest = '1 d';
SELECT pg_reload_conf();

CREATE TABLE page (tenant text, id text, body ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT converge.track('page', 'tenant', '{body}');
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
GRANT SELECT, INSERT, UPDATE ON page TO regress_converge_app;
RESET client_min_messages;
ALTER TABLE page ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON page USING (tenant = converge.current_tenant());
CREATE POLICY no_frozen ON page AS RESTRICTIVE FOR UPDATE USING (id <> 'frozen');
INSERT INTO page VALUES ('acme', 'a', yjs_insert('', 'body', 0, 'Hello')), ('acme', 'frozen', ''), ('globex', 'a', '');
SELECT test.token('acme', 'ann') AS ann, test.token('globex', 'bob') AS bob \gset
-- What an edit of the text at its end adds to the document as it is, as a change.
CREATE FUNCTION test.typed(key text, addition text) RETURNS bytea LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT test.payload('body', difference(d, yjs_insert(d, 'body', length(yjs_text(d, 'body')), addition))::bytea)
      FROM (SELECT (converge.current(p)).body AS d FROM public.page p WHERE tenant = 'acme' AND id = key OFFSET 0) s $$;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;

-- Pushed changes wait; what is read up to date has them, the row has not.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'a', test.change(5, 1, test.typed('a', ' world')))));
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'a', test.change(5, 2, test.typed('a', '!')))));
-- Policies: another tenant's row of that name is another document; a row that may not be updated.
SELECT code FROM test.push(test.token_group(:'bob', test.document('page', 'a', test.change(6, 1, test.typed('a', 'globex')))));
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'frozen', test.change(7, 1, test.typed('frozen', 'x')))));
-- Bytes that are no ydoc.
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('page', 'a', test.change(8, 1, test.payload('body', '\xa10102')))));
RESET ROLE;
SELECT tenant, id, yjs_text(body, 'body') AS row, yjs_text((converge.current(p)).body, 'body') AS current FROM page p ORDER BY 1, 2;
SELECT converge.fold('page', 'acme', 'a');
SELECT yjs_text(body, 'body') FROM page WHERE tenant = 'acme' AND id = 'a';
-- SQL writes the row at once, and what waits goes with it.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'a', test.change(5, 3, test.typed('a', ' Waits.')))));
RESET ROLE;
UPDATE page SET body = yjs_insert(body, 'body', 0, 'SQL: ') WHERE tenant = 'acme' AND id = 'a';
SELECT converge.fold('page');
SELECT yjs_text(body, 'body') FROM page WHERE tenant = 'acme' AND id = 'a';

-- A change that a trigger does not take is put into quarantine, alone.
CREATE FUNCTION no_bad() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF converge.yjs_text(NEW.body, 'body') LIKE '%bad%' THEN RAISE EXCEPTION 'no bad words'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER no_bad BEFORE UPDATE ON page FOR EACH ROW EXECUTE FUNCTION no_bad();
SELECT test.typed('a', ' good') AS good, test.typed('a', ' bad') AS bad \gset
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('page', 'a',
    test.change(9, 1, :'bad'), test.change(10, 1, :'good'))));
RESET ROLE;
SELECT converge.fold('page', 'acme', 'a');
SELECT replica, seq, fields, message FROM converge.quarantine;
SELECT yjs_text(body, 'body') FROM page WHERE tenant = 'acme' AND id = 'a';
DROP TRIGGER no_bad ON page;
SELECT converge.quarantine_retry(id) FROM converge.quarantine;
SELECT yjs_text(body, 'body') IN ('SQL: Hello world! Waits. good bad', 'SQL: Hello world! Waits. bad good') AS both
  FROM page WHERE tenant = 'acme' AND id = 'a';
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('page', 'a');
COMMIT;

-- Indexes on what a document says; not while the field is deferred.
CREATE INDEX page_words ON page USING gin (to_tsvector('simple', yjs_text(body, 'body')));
SELECT converge.track('page', 'tenant', '{body}');
SELECT converge.defer('page', '{}');
SELECT untrack('page');
CREATE TABLE doc AS
SELECT n AS id, yjs_set(yjs_insert('', 'body', 0, CASE WHEN n % 1000 = 7 THEN 'The quick foxes were jumping' ELSE 'nothing of note ' || n END),
                        'meta', 'title', to_jsonb('title ' || n % 500)) AS d
  FROM generate_series(1, 10000) n;
CREATE INDEX doc_words ON doc USING gin (to_tsvector('english', yjs_text(d, 'body')));
CREATE INDEX doc_json ON doc USING gin ((d::jsonb) jsonb_path_ops);
CREATE INDEX doc_title ON doc ((d::jsonb -> 'meta' ->> 'title'));
ANALYZE doc;
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE to_tsvector('english', yjs_text(d, 'body')) @@ to_tsquery('english', 'jump & fox');
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE d::jsonb @> '{"meta": {"title": "title 77"}}';
EXPLAIN (COSTS OFF) SELECT id FROM doc WHERE d::jsonb -> 'meta' ->> 'title' = 'title 77';
-- An index follows the edits.
UPDATE doc SET d = yjs_set(yjs_insert(d, 'body', 0, 'jumping fox '), 'meta', 'title', '"title 77"') WHERE id = 10000;
SET enable_seqscan = off;
SELECT array_agg(id ORDER BY id) AS by_index FROM doc WHERE to_tsvector('english', yjs_text(d, 'body')) @@ to_tsquery('english', 'jump & fox') \gset
SELECT count(*), max(id) FROM doc WHERE d::jsonb @> '{"meta": {"title": "title 77"}}';
SELECT count(*), max(id) FROM doc WHERE d::jsonb -> 'meta' ->> 'title' = 'title 77';
RESET enable_seqscan;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT cardinality(:'by_index'::int[]), array_agg(id ORDER BY id) = :'by_index' AS same
  FROM doc WHERE to_tsvector('english', yjs_text(d, 'body')) @@ to_tsquery('english', 'jump & fox');
DROP TABLE doc;

DROP FUNCTION no_bad() CASCADE;
DROP TABLE page;
ALTER SYSTEM RESET converge.fold_quiet;
ALTER SYSTEM RESET converge.fold_latest;
SELECT pg_reload_conf();
SET client_min_messages = warning;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
DROP SCHEMA test CASCADE;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica, converge.quarantine, converge.snapshot, converge.yjs_client RESTART IDENTITY;
