-- Who wrote what in a crdt_text, and places that stay where they are while it is edited.
CREATE FUNCTION converge.authors(content converge.crdt_text, OUT at integer, OUT count integer, OUT replica bigint,
                                 OUT clock bigint)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'crdt_text_authors' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 100;
COMMENT ON FUNCTION converge.authors(converge.crdt_text) IS
    'the visible characters by the replica that wrote them: position from 0, number, replica, its clock at the first';
CREATE FUNCTION converge.anchor(content converge.crdt_text, at integer, side text DEFAULT 'before') RETURNS bytea
    AS 'MODULE_PATHNAME', 'crdt_text_anchor' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.anchor(converge.crdt_text, integer, text) IS
    'a place beside a character, at a position counted from 0, that edits elsewhere do not move';
CREATE FUNCTION converge.position_of(content converge.crdt_text, anchor bytea) RETURNS integer
    AS 'MODULE_PATHNAME', 'crdt_text_position_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.position_of(converge.crdt_text, bytea) IS 'where an anchor stands now, counted from 0';
