-- crdt_text: a text that many replicas edit at once.
COMMENT ON TYPE converge.crdt_text IS 'CRDT: text that many edit at once';

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

CREATE FUNCTION converge.to_text(content converge.crdt_text) RETURNS text
    AS 'MODULE_PATHNAME', 'crdt_text_to_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.to_text(converge.crdt_text) IS 'the text''s value';
CREATE CAST (converge.crdt_text AS text) WITH FUNCTION converge.to_text(converge.crdt_text) AS ASSIGNMENT;

CREATE FUNCTION converge.char_length(content converge.crdt_text) RETURNS integer
    AS 'MODULE_PATHNAME', 'crdt_text_char_length' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.char_length(converge.crdt_text) IS 'the number of characters';
