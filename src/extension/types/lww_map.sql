-- lww_map: keys with JSON values, where the last write of a key wins.
COMMENT ON TYPE converge.lww_map IS 'CRDT: keys with JSON values, the last write of a key wins';

-- Whatever makes identifiers is VOLATILE: it is to run once for each row, not
-- once for the plan.
CREATE FUNCTION converge.new_map(value jsonb) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.new_map(jsonb) IS 'a new map with the members of a JSON object';

CREATE FUNCTION converge.set(map converge.lww_map, key text, value jsonb) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_set' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.set(converge.lww_map, text, jsonb) IS 'sets a key';
CREATE FUNCTION converge.set(map converge.lww_map, members jsonb) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_set_members' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.set(converge.lww_map, jsonb) IS 'sets every key of a JSON object';
CREATE FUNCTION converge.unset(map converge.lww_map, key text) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_unset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.unset(converge.lww_map, text) IS 'takes a key out';
CREATE FUNCTION converge.unset(map converge.lww_map, keys text[]) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_unset_keys' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.unset(converge.lww_map, text[]) IS 'takes several keys out';
CREATE FUNCTION converge.assign(map converge.lww_map, value jsonb) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION converge.assign(converge.lww_map, jsonb) IS
    'sets and takes out what makes the map''s value this object';
CREATE FUNCTION converge.three_way(base converge.lww_map, mine jsonb, theirs converge.lww_map) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 200;
COMMENT ON FUNCTION converge.three_way(converge.lww_map, jsonb, converge.lww_map) IS
    'does to theirs, a later state of base, what makes base mine';

CREATE FUNCTION converge.to_jsonb(map converge.lww_map) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'lww_map_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.to_jsonb(converge.lww_map) IS 'the map''s value, a JSON object';
CREATE CAST (converge.lww_map AS jsonb) WITH FUNCTION converge.to_jsonb(converge.lww_map) AS ASSIGNMENT;

CREATE FUNCTION converge.get(map converge.lww_map, key text) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'lww_map_get' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.get(converge.lww_map, text) IS 'implementation of -> operator';
CREATE OPERATOR converge.-> (LEFTARG = converge.lww_map, RIGHTARG = text, FUNCTION = converge.get);
COMMENT ON OPERATOR converge.-> (converge.lww_map, text) IS 'value of a key';

CREATE FUNCTION converge.get_text(map converge.lww_map, key text) RETURNS text
    AS 'MODULE_PATHNAME', 'lww_map_get_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.get_text(converge.lww_map, text) IS 'implementation of ->> operator';
CREATE OPERATOR converge.->> (LEFTARG = converge.lww_map, RIGHTARG = text, FUNCTION = converge.get_text);
COMMENT ON OPERATOR converge.->> (converge.lww_map, text) IS 'value of a key as text';

CREATE FUNCTION converge.has_key(map converge.lww_map, key text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_map_has_key' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.has_key(converge.lww_map, text) IS 'implementation of ? operator';
CREATE OPERATOR converge.? (
    LEFTARG = converge.lww_map, RIGHTARG = text, FUNCTION = converge.has_key,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.? (converge.lww_map, text) IS 'key is set';

CREATE FUNCTION converge.has_any_key(map converge.lww_map, keys text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_map_has_any_key' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.has_any_key(converge.lww_map, text[]) IS 'implementation of ?| operator';
CREATE OPERATOR converge.?| (
    LEFTARG = converge.lww_map, RIGHTARG = text[], FUNCTION = converge.has_any_key,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.?| (converge.lww_map, text[]) IS 'any key is set';

CREATE FUNCTION converge.has_all_keys(map converge.lww_map, keys text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_map_has_all_keys' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.has_all_keys(converge.lww_map, text[]) IS 'implementation of ?& operator';
CREATE OPERATOR converge.?& (
    LEFTARG = converge.lww_map, RIGHTARG = text[], FUNCTION = converge.has_all_keys,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.?& (converge.lww_map, text[]) IS 'all keys are set';

-- Leakproof: it looks at the query's keys only, one by one, and what a map holds
-- is JSON that jsonb can hold.
CREATE FUNCTION converge.contains(map converge.lww_map, members jsonb) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_map_contains' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 30;
COMMENT ON FUNCTION converge.contains(converge.lww_map, jsonb) IS 'implementation of @> operator';
CREATE OPERATOR converge.@> (
    LEFTARG = converge.lww_map, RIGHTARG = jsonb, FUNCTION = converge.contains,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.lww_map, jsonb) IS 'contains, as jsonb has it';

CREATE FUNCTION converge.contained(members jsonb, map converge.lww_map) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_map_contained' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 30;
COMMENT ON FUNCTION converge.contained(jsonb, converge.lww_map) IS 'implementation of <@ operator';
CREATE OPERATOR converge.<@ (
    LEFTARG = jsonb, RIGHTARG = converge.lww_map, FUNCTION = converge.contained,
    COMMUTATOR = OPERATOR(converge.@>), RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.<@ (jsonb, converge.lww_map) IS 'is contained, as jsonb has it';

CREATE FUNCTION converge.keys(map converge.lww_map) RETURNS text[]
    AS 'MODULE_PATHNAME', 'lww_map_keys' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.keys(converge.lww_map) IS 'the keys that are set, in byte order';
