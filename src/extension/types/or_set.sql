-- or_set: a set of texts where an add wins over a concurrent remove.
COMMENT ON TYPE converge.or_set IS 'CRDT: set of texts, an add wins over a concurrent remove';

CREATE FUNCTION converge.new_set(elements text[]) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.new_set(text[]) IS 'a new set with these elements';

CREATE FUNCTION converge.add(set converge.or_set, element text) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_add' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.add(converge.or_set, text) IS
    'adds an element, also one that is there (it then outlives a concurrent remove)';
CREATE FUNCTION converge.add(set converge.or_set, elements text[]) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_add_elements' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.add(converge.or_set, text[]) IS 'adds several elements';
CREATE FUNCTION converge.remove(set converge.or_set, element text) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_remove' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.remove(converge.or_set, text) IS 'removes an element';
CREATE FUNCTION converge.remove(set converge.or_set, elements text[]) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_remove_elements' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.remove(converge.or_set, text[]) IS 'removes several elements';

CREATE FUNCTION converge.to_array(set converge.or_set) RETURNS text[]
    AS 'MODULE_PATHNAME', 'or_set_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.to_array(converge.or_set) IS 'the set''s value: its elements in byte order';
CREATE CAST (converge.or_set AS text[]) WITH FUNCTION converge.to_array(converge.or_set) AS ASSIGNMENT;

CREATE FUNCTION converge.has_element(set converge.or_set, element text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'or_set_has_element' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.has_element(converge.or_set, text) IS 'implementation of ? operator';
CREATE OPERATOR converge.? (
    LEFTARG = converge.or_set, RIGHTARG = text, FUNCTION = converge.has_element,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.? (converge.or_set, text) IS 'element is in the set';

CREATE FUNCTION converge.contains(set converge.or_set, elements text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'or_set_contains' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.contains(converge.or_set, text[]) IS 'implementation of @> operator';
CREATE OPERATOR converge.@> (
    LEFTARG = converge.or_set, RIGHTARG = text[], FUNCTION = converge.contains,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.or_set, text[]) IS 'contains all';

CREATE FUNCTION converge.overlaps(set converge.or_set, elements text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'or_set_overlaps' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.overlaps(converge.or_set, text[]) IS 'implementation of && operator';
CREATE OPERATOR converge.&& (
    LEFTARG = converge.or_set, RIGHTARG = text[], FUNCTION = converge.overlaps,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.or_set, text[]) IS 'contains any';

CREATE FUNCTION converge.cardinality(set converge.or_set) RETURNS integer
    AS 'MODULE_PATHNAME', 'or_set_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.cardinality(converge.or_set) IS 'the number of elements';
