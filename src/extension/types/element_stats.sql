-- Statistics of sets and maps: ANALYZE finds the most common elements, and the
-- operators estimate with them.
CREATE FUNCTION converge.or_set_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'or_set_typanalyze' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_typanalyze(internal) IS 'or_set typanalyze';
CREATE FUNCTION converge.lww_set_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_set_typanalyze' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_typanalyze(internal) IS 'lww_set typanalyze';
CREATE FUNCTION converge.lww_map_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_map_typanalyze' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_typanalyze(internal) IS 'lww_map typanalyze';
ALTER TYPE converge.or_set SET (ANALYZE = converge.or_set_typanalyze);
ALTER TYPE converge.lww_set SET (ANALYZE = converge.lww_set_typanalyze);
ALTER TYPE converge.lww_map SET (ANALYZE = converge.lww_map_typanalyze);

CREATE FUNCTION converge.all_elements_sel(internal, oid, internal, integer) RETURNS float8
    AS 'MODULE_PATHNAME', 'all_elements_sel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.all_elements_sel(internal, oid, internal, integer) IS
    'restriction selectivity of operators that ask for all elements';
CREATE FUNCTION converge.any_element_sel(internal, oid, internal, integer) RETURNS float8
    AS 'MODULE_PATHNAME', 'any_element_sel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.any_element_sel(internal, oid, internal, integer) IS
    'restriction selectivity of operators that ask for any element';
CREATE FUNCTION converge.elements_joinsel(internal, oid, internal, smallint, internal) RETURNS float8
    AS 'MODULE_PATHNAME', 'elements_joinsel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.elements_joinsel(internal, oid, internal, smallint, internal) IS
    'join selectivity of operators that ask for elements';

ALTER OPERATOR converge.@> (converge.or_set, text[]) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.<@ (text[], converge.or_set) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.? (converge.or_set, text) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.&& (converge.or_set, text[]) SET (RESTRICT = converge.any_element_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.@> (converge.lww_set, text[]) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.<@ (text[], converge.lww_set) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.? (converge.lww_set, text) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.&& (converge.lww_set, text[]) SET (RESTRICT = converge.any_element_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.@> (converge.lww_map, jsonb) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.<@ (jsonb, converge.lww_map) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.? (converge.lww_map, text) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.?| (converge.lww_map, text[]) SET (RESTRICT = converge.any_element_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.?& (converge.lww_map, text[]) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
