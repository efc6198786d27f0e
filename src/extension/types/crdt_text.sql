-- crdt_text: a text that many replicas edit at once.
COMMENT ON TYPE converge.crdt_text IS 'CRDT: text that many edit at once';

-- A large text is read and written as it is, and its start without the rest
-- (docs/decisions.md has the figures).
ALTER TYPE converge.crdt_text SET (STORAGE = external);

CREATE FUNCTION converge.new_text(value text) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.new_text(text) IS 'a new text with this content';

CREATE FUNCTION converge.insert(content converge.crdt_text, at integer, value text) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_insert' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.insert(converge.crdt_text, integer, text) IS
    'inserts before the character at a position, counted from 0';
CREATE FUNCTION converge.delete(content converge.crdt_text, at integer, count integer) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_delete' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.delete(converge.crdt_text, integer, integer) IS
    'deletes characters from a position on, counted from 0';
CREATE FUNCTION converge.splice(content converge.crdt_text, at integer, count integer, value text)
    RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_splice' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.splice(converge.crdt_text, integer, integer, text) IS
    'replaces characters from a position on, counted from 0';
CREATE FUNCTION converge.assign(content converge.crdt_text, value text) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 200;
COMMENT ON FUNCTION converge.assign(converge.crdt_text, text) IS
    'makes the content this by the fewest edits, so that concurrent ones elsewhere survive';
CREATE FUNCTION converge.three_way(base converge.crdt_text, mine text, theirs converge.crdt_text)
    RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 200;
COMMENT ON FUNCTION converge.three_way(converge.crdt_text, text, converge.crdt_text) IS
    'does to theirs, a later state of base, what makes base mine';

CREATE FUNCTION converge.to_text(content converge.crdt_text) RETURNS text
    AS 'MODULE_PATHNAME', 'crdt_text_to_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.to_text(converge.crdt_text) IS 'the text''s value';
CREATE CAST (converge.crdt_text AS text) WITH FUNCTION converge.to_text(converge.crdt_text) AS ASSIGNMENT;

CREATE FUNCTION converge.char_length(content converge.crdt_text) RETURNS integer
    AS 'MODULE_PATHNAME', 'crdt_text_char_length' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.char_length(converge.crdt_text) IS 'the number of characters';
CREATE FUNCTION converge.substr(content converge.crdt_text, start integer, count integer) RETURNS text
    AS 'MODULE_PATHNAME', 'crdt_text_substr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.substr(converge.crdt_text, integer, integer) IS
    'a part of the text, its start counted from 1 as in substr(text, …)';
CREATE FUNCTION converge.substr(content converge.crdt_text, start integer) RETURNS text
    AS 'MODULE_PATHNAME', 'crdt_text_substr_from' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.substr(converge.crdt_text, integer) IS
    'the rest of the text from a character on, counted from 1 as in substr(text, …)';
CREATE FUNCTION converge.strpos(content converge.crdt_text, part text) RETURNS integer
    AS 'MODULE_PATHNAME', 'crdt_text_strpos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.strpos(converge.crdt_text, text) IS
    'where a part first begins, counted from 1 as in strpos(text, text); 0 if nowhere';
