-- pn_counter goes both ways, g_counter only grows.
COMMENT ON TYPE converge.pn_counter IS 'CRDT: counter that goes both ways';
COMMENT ON TYPE converge.g_counter IS 'CRDT: counter that only grows';

CREATE FUNCTION converge.new_counter(value bigint) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION converge.new_counter(bigint) IS 'a new counter that stands at a value';
CREATE FUNCTION converge.new_g_counter(value bigint) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION converge.new_g_counter(bigint) IS 'a new counter that stands at a value, at least 0';

CREATE FUNCTION converge.increment(counter converge.pn_counter, by bigint DEFAULT 1) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_increment' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.increment(converge.pn_counter, bigint) IS 'adds to the counter, or takes from it';
CREATE FUNCTION converge.increment(counter converge.g_counter, by bigint DEFAULT 1) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_increment' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.increment(converge.g_counter, bigint) IS 'adds to the counter';
CREATE FUNCTION converge.assign(counter converge.pn_counter, value bigint) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.assign(converge.pn_counter, bigint) IS
    'adds what makes the counter stand at a value; concurrent increments count on top';
CREATE FUNCTION converge.assign(counter converge.g_counter, value bigint) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.assign(converge.g_counter, bigint) IS
    'adds what makes the counter stand at a value, at least its own; concurrent increments count on top';
CREATE FUNCTION converge.three_way(base converge.pn_counter, mine bigint, theirs converge.pn_counter)
    RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.three_way(converge.pn_counter, bigint, converge.pn_counter) IS
    'does to theirs, a later state of base, what makes base mine';
CREATE FUNCTION converge.three_way(base converge.g_counter, mine bigint, theirs converge.g_counter)
    RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.three_way(converge.g_counter, bigint, converge.g_counter) IS
    'does to theirs, a later state of base, what makes base mine';

CREATE FUNCTION converge.to_bigint(counter converge.pn_counter) RETURNS bigint
    AS 'MODULE_PATHNAME', 'pn_counter_to_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION converge.to_bigint(converge.pn_counter) IS 'the counter''s value';
CREATE CAST (converge.pn_counter AS bigint) WITH FUNCTION converge.to_bigint(converge.pn_counter) AS ASSIGNMENT;
CREATE FUNCTION converge.to_bigint(counter converge.g_counter) RETURNS bigint
    AS 'MODULE_PATHNAME', 'g_counter_to_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION converge.to_bigint(converge.g_counter) IS 'the counter''s value';
CREATE CAST (converge.g_counter AS bigint) WITH FUNCTION converge.to_bigint(converge.g_counter) AS ASSIGNMENT;
