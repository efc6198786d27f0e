-- hlc: a hybrid logical clock, milliseconds since 1970 and a counter in a bigint's bits.
CREATE TYPE converge.hlc;

CREATE FUNCTION converge.hlc_in(cstring) RETURNS converge.hlc
    AS 'MODULE_PATHNAME', 'hlc_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.hlc_in(cstring) IS 'I/O';
CREATE FUNCTION converge.hlc_out(converge.hlc) RETURNS cstring
    AS 'MODULE_PATHNAME', 'hlc_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.hlc_out(converge.hlc) IS 'I/O';
CREATE FUNCTION converge.hlc_recv(internal) RETURNS converge.hlc
    AS 'MODULE_PATHNAME', 'hlc_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.hlc_recv(internal) IS 'I/O';
CREATE FUNCTION converge.hlc_send(converge.hlc) RETURNS bytea
    AS 'MODULE_PATHNAME', 'hlc_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.hlc_send(converge.hlc) IS 'I/O';

CREATE TYPE converge.hlc (
    INPUT = converge.hlc_in, OUTPUT = converge.hlc_out,
    RECEIVE = converge.hlc_recv, SEND = converge.hlc_send, LIKE = bigint
);
COMMENT ON TYPE converge.hlc IS 'hybrid logical clock: milliseconds and a counter';

CREATE CAST (converge.hlc AS bigint) WITHOUT FUNCTION;
CREATE CAST (bigint AS converge.hlc) WITHOUT FUNCTION;
CREATE FUNCTION converge.to_timestamp(clock converge.hlc) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'hlc_to_timestamptz' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.to_timestamp(converge.hlc) IS 'the time, without the counter';
CREATE CAST (converge.hlc AS timestamptz) WITH FUNCTION converge.to_timestamp(converge.hlc);
CREATE FUNCTION converge.counter(clock converge.hlc) RETURNS integer
    AS 'MODULE_PATHNAME', 'hlc_counter' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.counter(converge.hlc) IS 'the counter within the millisecond';

CREATE FUNCTION converge.equal(a converge.hlc, b converge.hlc) RETURNS boolean
    AS 'MODULE_PATHNAME', 'hlc_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.hlc, converge.hlc) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.hlc, b converge.hlc) RETURNS boolean
    AS 'MODULE_PATHNAME', 'hlc_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.hlc, converge.hlc) IS 'implementation of <> operator';
CREATE FUNCTION converge.before(a converge.hlc, b converge.hlc) RETURNS boolean
    AS 'MODULE_PATHNAME', 'hlc_lt' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.before(converge.hlc, converge.hlc) IS 'implementation of < operator';
CREATE FUNCTION converge.before_or_equal(a converge.hlc, b converge.hlc) RETURNS boolean
    AS 'MODULE_PATHNAME', 'hlc_le' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.before_or_equal(converge.hlc, converge.hlc) IS 'implementation of <= operator';
CREATE FUNCTION converge.after(a converge.hlc, b converge.hlc) RETURNS boolean
    AS 'MODULE_PATHNAME', 'hlc_gt' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.after(converge.hlc, converge.hlc) IS 'implementation of > operator';
CREATE FUNCTION converge.after_or_equal(a converge.hlc, b converge.hlc) RETURNS boolean
    AS 'MODULE_PATHNAME', 'hlc_ge' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.after_or_equal(converge.hlc, converge.hlc) IS 'implementation of >= operator';
CREATE FUNCTION converge.compare(a converge.hlc, b converge.hlc) RETURNS integer
    AS 'MODULE_PATHNAME', 'hlc_cmp' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.compare(converge.hlc, converge.hlc) IS 'less-equal-greater';

CREATE OPERATOR converge.= (
    LEFTARG = converge.hlc, RIGHTARG = converge.hlc, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR converge.= (converge.hlc, converge.hlc) IS 'equal';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.hlc, RIGHTARG = converge.hlc, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.hlc, converge.hlc) IS 'not equal';
CREATE OPERATOR converge.< (
    LEFTARG = converge.hlc, RIGHTARG = converge.hlc, FUNCTION = converge.before,
    COMMUTATOR = OPERATOR(converge.>), NEGATOR = OPERATOR(converge.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (converge.hlc, converge.hlc) IS 'less than';
CREATE OPERATOR converge.<= (
    LEFTARG = converge.hlc, RIGHTARG = converge.hlc, FUNCTION = converge.before_or_equal,
    COMMUTATOR = OPERATOR(converge.>=), NEGATOR = OPERATOR(converge.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (converge.hlc, converge.hlc) IS 'less than or equal';
CREATE OPERATOR converge.> (
    LEFTARG = converge.hlc, RIGHTARG = converge.hlc, FUNCTION = converge.after,
    COMMUTATOR = OPERATOR(converge.<), NEGATOR = OPERATOR(converge.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (converge.hlc, converge.hlc) IS 'greater than';
CREATE OPERATOR converge.>= (
    LEFTARG = converge.hlc, RIGHTARG = converge.hlc, FUNCTION = converge.after_or_equal,
    COMMUTATOR = OPERATOR(converge.<=), NEGATOR = OPERATOR(converge.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (converge.hlc, converge.hlc) IS 'greater than or equal';

CREATE OPERATOR CLASS converge.hlc_ops DEFAULT FOR TYPE converge.hlc USING btree AS
    OPERATOR 1 converge.<, OPERATOR 2 converge.<=, OPERATOR 3 converge.=,
    OPERATOR 4 converge.>=, OPERATOR 5 converge.>,
    FUNCTION 1 converge.compare(converge.hlc, converge.hlc);
CREATE FUNCTION converge.hash(clock converge.hlc) RETURNS integer
    AS 'hashint8' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.hlc) IS 'hash';
CREATE FUNCTION converge.hash_extended(clock converge.hlc, seed bigint) RETURNS bigint
    AS 'hashint8extended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.hlc, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.hlc_hash_ops DEFAULT FOR TYPE converge.hlc USING hash AS
    OPERATOR 1 converge.=,
    FUNCTION 1 converge.hash(converge.hlc),
    FUNCTION 2 converge.hash_extended(converge.hlc, bigint);
