-- m['key'], m['key'] = value. The type is altered, not created with it, so that an
-- upgrade is the same statements.
CREATE FUNCTION converge.lww_map_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_map_subscript' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_subscript(internal) IS 'subscripting of lww_map';
CREATE FUNCTION converge.assigned_key(key text) RETURNS text
    AS 'MODULE_PATHNAME', 'lww_map_assigned_key' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.assigned_key(text) IS
    'the key of m[key] = value: volatile, so that no assignment is done at planning';
ALTER TYPE converge.lww_map SET (SUBSCRIPT = converge.lww_map_subscript);
