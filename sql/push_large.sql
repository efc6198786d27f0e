-- Changes of which the payload is stored out of line, alone and among others.
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
SET client_min_messages = warning;
CREATE TABLE public.note (tenant text, id text, body converge.crdt_text NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT converge.track('note', 'tenant');
INSERT INTO note (tenant, id) VALUES ('acme', 'a');
CREATE FUNCTION test.text_of(length int) RETURNS bytea LANGUAGE sql AS
    $$ SELECT converge.new_text((SELECT string_agg(md5(i::text), '') FROM generate_series(1, length / 32) i))::bytea $$;
CREATE TABLE test.step AS SELECT seq, test.change(7, seq, test.payload('body', test.text_of(CASE seq WHEN 2 THEN 9600 WHEN 3 THEN 3200 WHEN 6 THEN 96000 ELSE 32 END))) AS change
  FROM generate_series(1, 6) seq;
SELECT converge.defer('note', ARRAY['body']::name[]);
RESET client_min_messages;

SELECT code FROM test.push(test.token_group(test.token('acme', 'ann'), test.document('note', 'a', VARIADIC ARRAY(SELECT change FROM test.step WHERE seq <= 4 ORDER BY seq))));
-- The next number follows, and what is there is found again.
SELECT code FROM test.push(test.token_group(test.token('acme', 'ann'), test.document('note', 'a', VARIADIC ARRAY(SELECT change FROM test.step WHERE seq >= 4 ORDER BY seq))));
SELECT code FROM test.push(test.token_group(test.token('acme', 'ann'), test.document('note', 'a', VARIADIC ARRAY(SELECT change FROM test.step ORDER BY seq))));
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT seq, octet_length(payload) > 2000 AS large FROM converge.change WHERE tenant = 'acme' AND replica = 7 ORDER BY seq;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT converge.fold('note');
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ann'));
SELECT converge.verify_row('note', 'a');
COMMIT;
SELECT converge.char_length(body) FROM note;

\set ECHO none
SET client_min_messages = warning;
DROP TABLE public.note;
DELETE FROM converge.jwt_key;
DROP VIEW IF EXISTS log;
TRUNCATE converge.change, converge.document, converge.replica, converge.snapshot RESTART IDENTITY;
DROP SCHEMA test CASCADE;
