-- crdt_text: a text that many replicas edit at once. Positions count characters from 0.
SET search_path = public, converge;

-- Making one, and its value.
SELECT new_text('naïve 🎻 text')::text, char_length(new_text('naïve 🎻 text'));
SELECT new_text('')::text = '' AS nothing, new_text('') = '' AS is_empty, char_length(''), ''::crdt_text::text;
SELECT new_text(NULL) IS NULL AS null_stays_null;
-- Beside a text it is one; beside a literal, the literal has to be a state.
SELECT 'a'::text || new_text('b') || 'c'::text AS concatenates_as_text;
SELECT new_text('b') || 'c';

-- Edits.
CREATE TEMP TABLE doc (id integer, body crdt_text NOT NULL DEFAULT '');
INSERT INTO doc VALUES (1, new_text('hello'));
INSERT INTO doc (id) VALUES (2);
UPDATE doc SET body = insert(body, 5, ' 🎻 world') WHERE id = 1;
SELECT body::text FROM doc WHERE id = 1;
UPDATE doc SET body = delete(body, 5, 2) WHERE id = 1;
SELECT body::text FROM doc WHERE id = 1;
UPDATE doc SET body = splice(body, 0, 1, 'J') WHERE id = 1;
SELECT body::text FROM doc WHERE id = 1;
UPDATE doc SET body = assign(body, 'Jello, wide world!') WHERE id = 1;
SELECT body::text FROM doc WHERE id = 1;
UPDATE doc SET body = assign(body, '') WHERE id = 1;
SELECT body::text = '' AS emptied, body <> '' AS but_remembered FROM doc WHERE id = 1;
SELECT insert(body, NULL, 'x') IS NULL AS insert, delete(body, 0, NULL) IS NULL AS delete,
       splice(body, 0, 0, NULL) IS NULL AS splice, assign(body, NULL) IS NULL AS assign
  FROM doc WHERE id = 1;
-- What changes nothing makes nothing.
SELECT insert(t, 1, '') = t AS insert, delete(t, 1, 0) = t AS delete, assign(t, 'abc') = t AS assign
  FROM (SELECT new_text('abc') AS t OFFSET 0) made;
-- The ends are positions, and what lies beyond is an error.
SELECT insert(new_text('abc'), 0, '>')::text, insert(new_text('abc'), 3, '<')::text, delete(new_text('abc'), 3, 0)::text;
SELECT insert(new_text('abc'), 4, 'x');
SELECT insert(new_text('abc'), -1, 'x');
SELECT delete(new_text('abc'), 2, 2);
SELECT delete(new_text('abc'), 0, -1);
SELECT delete(new_text('abc'), 2147483647, 2147483647);
SELECT splice(new_text('abc'), 4, 0, 'x');
SELECT splice(''::crdt_text, 0, 1, 'x');

-- A join semilattice: concurrent edits all survive.
CREATE TEMP TABLE three AS
    SELECT base, insert(base, 4, 'very ') AS a, delete(base, 4, 6) AS b, assign(base, 'the quick red fox') AS c
      FROM (SELECT new_text('the quick fox') AS base OFFSET 0) made;
SELECT a || b = b || a AS commutes, (a || b) || c = a || (b || c) AS associates, a || a = a AS idempotent,
       a || '' = a AS bottom, base || a = a AS includes, (a || b || c)::text AS all_edits
  FROM three;
SELECT a <> b AS different, a = a AS same, hash(a) = hash(a || base) AS same_hash FROM three;

-- Version, delta and difference; a delta that depends on what is not there waits.
SELECT version(base) < version(a) AS grows, version(base) = version(b) AS deletions_are_no_edits,
       concurrent(version(a), version(c)) AS concurrent
  FROM three;
SELECT base || delta(a, version(base)) = a AS delta_suffices, base || delta(b, version(base)) = b AS with_deletions,
       base || difference(base, a || b) = a || b AS difference_suffices, difference(a, base) = '' AS nothing_lacking,
       octet_length(difference(base, a)::bytea) < 40 AS small
  FROM three;
SELECT difference(base, a)::text AS waits, (difference(base, a) || base)::text AS arrives,
       difference(base, a) || base = a AS the_same
  FROM three;

-- Every literal is lossless or refused.
SELECT a::bytea::crdt_text = a AS by_bytea, ''::crdt_text::bytea AS empty_state,
       crdt_text_in(crdt_text_out(a)) = a AS by_literal
  FROM three;
SELECT 'hello'::crdt_text;
SELECT '\x32'::crdt_text;
SELECT '\x3100'::crdt_text;
SELECT '\x31deadbeef'::crdt_text;
SELECT new_set('{a}')::bytea::crdt_text;
UPDATE doc SET body = 'hello';
UPDATE doc SET body = body || 'hello';
UPDATE doc SET body = body || new_map('{"a": 1}');

-- Large ones.
SELECT char_length(t), md5(t::text) = md5(v) AS value, char_length(insert(t, 500000, '🎻')) AS grown
  FROM (SELECT new_text(v) AS t, v FROM (SELECT repeat('0123456789', 100000) AS v) w OFFSET 0) made;
DO $$
DECLARE
    t converge.crdt_text := '';
    v text := '';
    at integer;
BEGIN
    PERFORM setseed(0.5);
    FOR i IN 1 .. 2000 LOOP
        at := floor(random() * (char_length(v) + 1));
        IF random() < 0.7 OR at = char_length(v) THEN
            t := converge.insert(t, at, chr(19968 + i));
            v := overlay(v PLACING chr(19968 + i) FROM at + 1 FOR 0);
        ELSE
            t := converge.delete(t, at, 1);
            v := overlay(v PLACING '' FROM at + 1 FOR 1);
        END IF;
    END LOOP;
    ASSERT t::text = v;
    ASSERT t::bytea::converge.crdt_text = t;
END
$$;
