-- ydoc: Yjs documents. test/yjs has the comparison with real Yjs.
SET search_path = public, converge;
-- Written by Yjs 13.6: clients 5 and 9, every shared type; and what client 9 did, v2.
CREATE TEMP TABLE written (format integer, update bytea);
INSERT INTO written VALUES
  (1, '\x02020900c405010502036d6964a80514017d03170500040101740368c3a9840501016c81050202810504018405050bf09f98802077c3b6726c6446050004626f6c640474727565c10504050501c60502050304626f6c64046e756c6cc5051005030d7b2261223a5b312c2278225d7dc105110503012101016d0161022101016d0162012701016d016e0128000516016b017e2901016d01640167760001010161018805190378760101787d407702c3bcc70519051a020400051d02696e410519010101017801000687052105016801050503030f01120419012008'),
  (2, '\x000003094501020226010403c400a805036d696403000001010102007d0301050503020900020303000607');
CREATE TEMP TABLE doc AS SELECT new_ydoc(update) AS d FROM written WHERE format = 1;
SELECT d::jsonb, yjs_text(d, 't'), yjs_xml(d, 't'), yjs_text(d, 'none') FROM doc;
SELECT version(d), yjs_state_vector(d) FROM doc;
-- What comes early waits, and goes into the document when the rest is there.
SELECT early::jsonb, version(early), early || d = d AS arrived, yjs_apply(d, update, 2) = d AS known_already
  FROM doc, written, LATERAL (SELECT yjs_apply('', update, 2) AS early) e WHERE format = 2;
-- Updates of either format make the same document; a state vector leaves out what is known.
SELECT new_ydoc(yjs_update(d)) = d AS v1, yjs_apply('', yjs_update(d, format => 2), 2) = d AS v2,
       octet_length(yjs_update(d, yjs_state_vector(d))) < octet_length(yjs_update(d)) AS less
  FROM doc;
SELECT d || d = d AS idempotent, '' || d = d AS unit, '' || delta(d, '{}') = d AS delta, difference(d, d) = '' AS nothing
  FROM doc;
SELECT merge_agg(d) = (SELECT d FROM doc) AS merged FROM (SELECT d FROM doc UNION ALL SELECT ''::ydoc) t;
-- Edits.
SELECT yjs_text(yjs_insert(d, 't', 2, '__'), 't'), yjs_text(yjs_delete(d, 't', 0, 2), 't'),
       yjs_set(d, 'm', 'a', '{"b": [1, 2.50]}')::jsonb -> 'm' -> 'a' AS set,
       yjs_unset(d, 'm', 'n')::jsonb -> 'm' ? 'n' AS unset, yjs_delete(d, 'a', 1, 2)::jsonb -> 'a' AS array
  FROM doc;
SELECT yjs_set(yjs_insert('', 'body', 0, 'Größe 😀'), 'meta', 'title', '"x"')::jsonb;
SELECT base || difference(base, a) || difference(base, b) = b || a AS concurrent,
       yjs_text(a || b, 'body') IN ('12x', '21x') AS both
  FROM (SELECT base, yjs_insert(base, 'body', 0, '1') AS a, yjs_insert(base, 'body', 0, '2') AS b
          FROM (SELECT yjs_insert('', 'body', 0, 'x') AS base OFFSET 0) s OFFSET 0) t;
-- Lossless, and indexable by what it says.
SELECT d::text::ydoc = d AS literal, d::bytea::ydoc = d AS bytes FROM doc;
CREATE INDEX ON doc USING gin ((d::jsonb));
CREATE INDEX ON doc USING gin (to_tsvector('simple', yjs_text(d, 't')));
-- What is refused.
SELECT yjs_insert(d, 't', 100, 'x') FROM doc;
SELECT yjs_insert(d, 't', -1, 'x') FROM doc;
SELECT ''::ydoc || '\x010101000b0101740000'::bytea;
SELECT ''::ydoc || '\x0101010004010174010000'::bytea;
SELECT yjs_apply('', '\x00', 3);
SELECT yjs_update('', '\x01');
SELECT 'hello'::ydoc;
SELECT '\xa101'::ydoc;
SELECT '\x31'::bytea::ydoc;
-- What would be shown as far more than is stored is refused: 4,000 marks around each of 4,000 embeds.
CREATE FUNCTION pg_temp.varint(n integer) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN n < 128 THEN set_byte('\x00', 0, n) ELSE set_byte(set_byte('\x0000', 0, n % 128 + 128), 1, n / 128) END $$;
CREATE TEMP TABLE marked AS
  SELECT '\x01'::bytea || pg_temp.varint(8001) || '\x0100' || '\x0701017806'
         || string_agg(CASE WHEN i = 0 THEN '\x06000100'::bytea
                            WHEN i < 4000 THEN '\x8601'::bytea || pg_temp.varint(i) ELSE '\x8501'::bytea || pg_temp.varint(i) END
                       || CASE WHEN i < 4000 THEN pg_temp.varint(length('m' || i)) || convert_to('m' || i, 'UTF8') || '\x0474727565'
                               ELSE '\x027b7d' END, '' ORDER BY i)
         || '\x00' AS update
    FROM generate_series(0, 7999) i;
SELECT octet_length(update) < 100000 AS small, octet_length(new_ydoc(update)::bytea) < 100000 AS stored FROM marked;
SELECT yjs_xml(new_ydoc(update), 'x') FROM marked;
SELECT new_ydoc(update)::jsonb FROM marked;
\set VERBOSITY sqlstate
SELECT new_ydoc(update)::jsonb FROM marked;
\set VERBOSITY default
-- A live field like any other.
CREATE TABLE page (tenant text, id text, body ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
SELECT converge.track('page', 'tenant');
INSERT INTO page VALUES ('t', 'p', yjs_insert('', 'body', 0, 'Hello'));
UPDATE page SET body = yjs_insert(body, 'body', 5, '!');
UPDATE page SET body = body || update FROM written WHERE format = 1;
SELECT yjs_text(body, 'body'), yjs_text(body, 't') FROM page;
-- A merge that changes nothing is no change.
UPDATE page SET body = body || update FROM written WHERE format = 1;
SELECT count(*) FROM converge.change;
SELECT untrack('page');
DROP TABLE page;
