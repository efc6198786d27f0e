-- mv_register: a JSON value; concurrent assignments all stand until one that has
-- seen them replaces them.
COMMENT ON TYPE converge.mv_register IS 'CRDT: JSON value that keeps concurrent assignments';

CREATE FUNCTION converge.new_register(value jsonb) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION converge.new_register(jsonb) IS 'a new register with this value';
CREATE FUNCTION converge.assign(register converge.mv_register, value jsonb) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.assign(converge.mv_register, jsonb) IS 'replaces every value that stands';
CREATE FUNCTION converge.three_way(base converge.mv_register, mine jsonb, theirs converge.mv_register)
    RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.three_way(converge.mv_register, jsonb, converge.mv_register) IS
    'does to theirs, a later state of base, what makes base mine: an assignment beside those that base had not seen';

CREATE FUNCTION converge.to_array(register converge.mv_register) RETURNS jsonb[]
    AS 'MODULE_PATHNAME', 'mv_register_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.to_array(converge.mv_register) IS
    'the values that stand: none before the first assignment, several after concurrent ones';
CREATE CAST (converge.mv_register AS jsonb[]) WITH FUNCTION converge.to_array(converge.mv_register) AS ASSIGNMENT;
CREATE FUNCTION converge.cardinality(register converge.mv_register) RETURNS integer
    AS 'MODULE_PATHNAME', 'mv_register_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.cardinality(converge.mv_register) IS 'the number of values that stand';
