-- The GIN operator class of a map: that of the jsonb which it stands for.

CREATE FUNCTION converge.lww_map_gin_extract_value(converge.lww_map, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_map_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_gin_extract_value(converge.lww_map, internal) IS 'GIN support';

-- jsonb's own, declared on the type, as GIN's validator wants it; the query they
-- are given is the operator's right side.
CREATE FUNCTION converge.lww_map_gin_extract_query(converge.lww_map, internal, int2, internal, internal, internal, internal)
    RETURNS internal AS 'gin_extract_jsonb_query' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_gin_extract_query(converge.lww_map, internal, int2, internal, internal, internal, internal)
    IS 'GIN support';
CREATE FUNCTION converge.lww_map_gin_consistent(internal, int2, converge.lww_map, int4, internal, internal, internal, internal)
    RETURNS boolean AS 'gin_consistent_jsonb' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_gin_consistent(internal, int2, converge.lww_map, int4, internal, internal, internal, internal)
    IS 'GIN support';
CREATE FUNCTION converge.lww_map_gin_triconsistent(internal, int2, converge.lww_map, int4, internal, internal, internal)
    RETURNS "char" AS 'gin_triconsistent_jsonb' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_gin_triconsistent(internal, int2, converge.lww_map, int4, internal, internal, internal)
    IS 'GIN support';

CREATE OPERATOR CLASS converge.lww_map_gin_ops DEFAULT FOR TYPE converge.lww_map USING gin AS
    OPERATOR 7 converge.@> (converge.lww_map, jsonb),
    OPERATOR 9 converge.? (converge.lww_map, text),
    OPERATOR 10 converge.?| (converge.lww_map, text[]),
    OPERATOR 11 converge.?& (converge.lww_map, text[]),
    FUNCTION 1 pg_catalog.gin_compare_jsonb(text, text),
    FUNCTION 2 converge.lww_map_gin_extract_value(converge.lww_map, internal),
    FUNCTION 3 converge.lww_map_gin_extract_query(converge.lww_map, internal, int2, internal, internal, internal, internal),
    FUNCTION 4 converge.lww_map_gin_consistent(internal, int2, converge.lww_map, int4, internal, internal, internal, internal),
    FUNCTION 6 converge.lww_map_gin_triconsistent(internal, int2, converge.lww_map, int4, internal, internal, internal),
    STORAGE text;
