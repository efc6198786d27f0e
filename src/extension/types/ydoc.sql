-- ydoc: a whole Yjs document. Updates and state vectors are Yjs's own; formats are
-- 1 and 2.
COMMENT ON TYPE converge.ydoc IS 'CRDT: a Yjs document';

CREATE FUNCTION converge.yjs_apply(doc converge.ydoc, update bytea, format integer) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_apply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_apply(converge.ydoc, bytea, integer) IS 'applies a Yjs update of this format';
CREATE FUNCTION converge.yjs_apply(doc converge.ydoc, update bytea) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_apply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_apply(converge.ydoc, bytea) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (LEFTARG = converge.ydoc, RIGHTARG = bytea, FUNCTION = converge.yjs_apply);
COMMENT ON OPERATOR converge.|| (converge.ydoc, bytea) IS 'apply a Yjs update v1';
CREATE FUNCTION converge.new_ydoc(update bytea) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.new_ydoc(bytea) IS 'the document that a Yjs update v1 makes';

CREATE FUNCTION converge.yjs_update(doc converge.ydoc, since bytea DEFAULT '\x', format integer DEFAULT 1) RETURNS bytea
    AS 'MODULE_PATHNAME', 'ydoc_update' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_update(converge.ydoc, bytea, integer) IS
    'the Yjs update for a document of this state vector; for an empty one, all';
CREATE FUNCTION converge.yjs_state_vector(doc converge.ydoc) RETURNS bytea
    AS 'MODULE_PATHNAME', 'ydoc_state_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.yjs_state_vector(converge.ydoc) IS 'what of each client the document has, for Yjs';

CREATE FUNCTION converge.to_jsonb(doc converge.ydoc) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'ydoc_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.to_jsonb(converge.ydoc) IS 'all roots, as toJSON gives them in Yjs';
CREATE CAST (converge.ydoc AS jsonb) WITH FUNCTION converge.to_jsonb(converge.ydoc) AS ASSIGNMENT;
CREATE FUNCTION converge.yjs_text(doc converge.ydoc, root text) RETURNS text
    AS 'MODULE_PATHNAME', 'ydoc_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_text(converge.ydoc, text) IS 'the text of a root, without marks';
CREATE FUNCTION converge.yjs_xml(doc converge.ydoc, root text) RETURNS text
    AS 'MODULE_PATHNAME', 'ydoc_xml' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_xml(converge.ydoc, text) IS 'the XML of a root, as toString gives it in Yjs';

CREATE FUNCTION converge.yjs_insert(doc converge.ydoc, root text, at integer, value text) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_insert' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.yjs_insert(converge.ydoc, text, integer, text) IS
    'inserts into a root text, before the character at a position counted from 0';
CREATE FUNCTION converge.yjs_delete(doc converge.ydoc, root text, at integer, count integer) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_delete' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.yjs_delete(converge.ydoc, text, integer, integer) IS
    'deletes characters of a root text, or items of a root array, from a position on';
CREATE FUNCTION converge.yjs_set(doc converge.ydoc, root text, key text, value jsonb) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_set' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.yjs_set(converge.ydoc, text, text, jsonb) IS 'sets a key of a root map';
CREATE FUNCTION converge.yjs_unset(doc converge.ydoc, root text, key text) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_unset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.yjs_unset(converge.ydoc, text, text) IS 'takes a key out of a root map';
