-- Parts of a crdt_text, who wrote them, and anchors.
SET search_path = public, converge;
CREATE TABLE doc (id text PRIMARY KEY, body crdt_text NOT NULL);
INSERT INTO doc VALUES ('short', new_text('naïve 🎻 text')), ('empty', ''), ('long', new_text(repeat('0123456789', 20000))),
    ('astral', new_text(repeat('🎻', 20000) || 'end'));
UPDATE doc SET body = delete(body, 10, 5) WHERE id = 'long';
INSERT INTO doc SELECT 'packed', body FROM doc WHERE id = 'long';

-- substr() and strpos() count from 1, as PostgreSQL's, and answer as they do.
SELECT substr(body, 1, 5), substr(body, 7), substr(body, 7, 1), substr(body, 0, 3), substr(body, -1, 3), substr(body, 12, 100),
       substr(body, 13) = '' AS beyond, substr(body, 3, 0) = '' AS nothing
  FROM doc WHERE id = 'short';
SELECT id, every(substr(body, f, n) IS NOT DISTINCT FROM substr(body::text, f, n)) AS substr,
       every(substr(body, f) = substr(body::text, f)) AS substr_from,
       every(substr(insert(body, 0, ''), f, n) = substr(body::text, f, n)) AS live
  FROM doc, unnest('{-2147483648, -5, 0, 1, 2, 8, 13, 14, 4000, 199990, 20001, 2147483647}'::int[]) f,
       unnest('{0, 1, 2, 13, 5000, 2147483647}'::int[]) n
 WHERE f::bigint + n <= 2147483647 GROUP BY id ORDER BY id;
SELECT substr(body, 2147483647, 2147483647) = '' AS far FROM doc WHERE id = 'long';
SELECT substr(body, 1, -1) FROM doc WHERE id = 'short';
SELECT id, every(strpos(body, s) = strpos(body::text, s)) AS strpos, every(strpos(insert(body, 0, ''), s) = strpos(body::text, s)) AS live
  FROM doc, unnest('{"", n, 🎻, "🎻 t", end, text, texts, 56789, 3456}'::text[]) s GROUP BY id ORDER BY id;
SELECT strpos(body, NULL) IS NULL AND substr(body, NULL) IS NULL AND substr(body, 1, NULL) IS NULL AS null FROM doc WHERE id = 'short';

-- The start of a large text that is stored out of line is read without the rest.
ALTER TABLE doc ALTER body SET STORAGE extended;
UPDATE doc SET body = body || '' WHERE id = 'packed';
SELECT pg_column_size(body) > 200000 AS plain, substr(body, 5, 10), substr(body, 100001, 3), char_length(body) FROM doc WHERE id = 'long';
SELECT substr(body, 5, 10), substr(body, 100001, 3), char_length(body) FROM doc WHERE id = 'packed';

-- Who wrote what: the log knows who a replica was.
CREATE TABLE two AS SELECT base, insert(base, 4, 'very ') AS a, insert(base, 13, ' jumps') AS b FROM (SELECT new_text('the quick fox') AS base OFFSET 0) v;
CREATE FUNCTION author(crdt_text) RETURNS bigint LANGUAGE sql AS $$ SELECT replica FROM authors($1) LIMIT 1 $$;
SELECT at, count, CASE WHEN replica = author(base) THEN 'base' WHEN replica = author(difference(base, a) || base) THEN 'base' ELSE 'another' END AS author,
       clock, substr(body, at + 1, count) AS part
  FROM (SELECT base, a, a || b AS body FROM two) v, authors(body) ORDER BY at;
SELECT count(*) FROM authors('');
SELECT sum(count) = char_length(body) AS all FROM doc, authors(body) WHERE id = 'short' GROUP BY body;

-- Anchors stay where they are while others edit.
SELECT position_of(base, f) AS at, position_of(a, f) AS after_insert, position_of(b, f) AS elsewhere, position_of(delete(a, 6, 12), f) AS deleted,
       position_of(a, anchor(base, 13, 'after')) AS end, position_of(b, anchor(base, 13)) AS still_end
  FROM (SELECT *, anchor(base, 10) AS f FROM two OFFSET 0) v;
SELECT anchor(base, 14) FROM two;
SELECT anchor(base, -1) FROM two;
SELECT anchor(base, 1, 'beside') FROM two;
\set VERBOSITY terse
SELECT position_of(base, anchor(b, 15)) FROM two;
\set VERBOSITY default
SELECT position_of(base, '\x') FROM two;
SELECT position_of(base, '\xff00') FROM two;
SELECT position_of(base, NULL) IS NULL AND anchor(base, NULL) IS NULL AS null FROM two;
DROP FUNCTION author;
DROP TABLE doc, two;
