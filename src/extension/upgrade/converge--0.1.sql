\echo Use "CREATE EXTENSION converge" to load this file. \quit

-- src/extension/converge.sql

-- What must hold before anything is installed.

DO $$
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'extension "converge" needs a database with encoding UTF8'
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = format('This database has encoding %s.', getdatabaseencoding());
    END IF;
END
$$;

-- src/extension/security/roles.sql

-- The two roles. Cluster-wide, so another database's converge may have made
-- them already; what they may be is pinned either way.
--
-- converge_owner   owns the log and the tables around it. Nobody logs in as it
--                  and row-level security binds it.
-- converge_client  may authenticate, push, pull and subscribe. A bridge logs in
--                  as a member of it.
DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['converge_owner', 'converge_client'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) role_name) THEN
                EXECUTE pg_catalog.format('CREATE ROLE %I', role_name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database's CREATE EXTENSION was quicker
        END;
        EXECUTE pg_catalog.format(
            'ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOLOGIN NOREPLICATION NOBYPASSRLS',
            role_name);
    END LOOP;
END
$roles$;

GRANT USAGE ON SCHEMA converge TO PUBLIC;

-- build/extension/version_vector.clock.sql

-- version_vector and log_version: a counter for each replica. The Makefile makes
-- it for each version_vector.

CREATE TYPE converge.version_vector;

CREATE FUNCTION converge.version_vector_in(cstring) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'version_vector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.version_vector_in(cstring) IS 'I/O';
CREATE FUNCTION converge.version_vector_out(converge.version_vector) RETURNS cstring
    AS 'MODULE_PATHNAME', 'version_vector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.version_vector_out(converge.version_vector) IS 'I/O';
CREATE FUNCTION converge.version_vector_recv(internal) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'version_vector_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.version_vector_recv(internal) IS 'I/O';
CREATE FUNCTION converge.version_vector_send(converge.version_vector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'version_vector_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.version_vector_send(converge.version_vector) IS 'I/O';

CREATE TYPE converge.version_vector (
    INPUT = converge.version_vector_in, OUTPUT = converge.version_vector_out,
    RECEIVE = converge.version_vector_recv, SEND = converge.version_vector_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

COMMENT ON TYPE converge.version_vector IS 'a counter for each replica';

CREATE CAST (converge.version_vector AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.version_vector_from_bytea(bytea) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'version_vector_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.version_vector_from_bytea(bytea) IS 'a version from its encoding, which is validated';
CREATE CAST (bytea AS converge.version_vector) WITH FUNCTION converge.version_vector_from_bytea(bytea);

CREATE FUNCTION converge.counter(version converge.version_vector, replica bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'version_vector_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.counter(converge.version_vector, bigint) IS 'the replica''s counter, 0 if it is not named';

CREATE FUNCTION converge.merge(a converge.version_vector, b converge.version_vector) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'version_vector_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.version_vector, converge.version_vector) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.version_vector, RIGHTARG = converge.version_vector, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.version_vector, converge.version_vector) IS 'the greater counter of each replica';

-- Equality, and a partial order: no btree.
CREATE FUNCTION converge.equal(a converge.version_vector, b converge.version_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.version_vector, converge.version_vector) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.version_vector, b converge.version_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.version_vector, converge.version_vector) IS 'implementation of <> operator';
CREATE FUNCTION converge.before(a converge.version_vector, b converge.version_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'version_vector_before' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.before(converge.version_vector, converge.version_vector) IS 'implementation of < operator';
CREATE FUNCTION converge.before_or_equal(a converge.version_vector, b converge.version_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'version_vector_before_or_equal' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.before_or_equal(converge.version_vector, converge.version_vector) IS 'implementation of <= operator';
CREATE FUNCTION converge.after(a converge.version_vector, b converge.version_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'version_vector_after' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.after(converge.version_vector, converge.version_vector) IS 'implementation of > operator';
CREATE FUNCTION converge.after_or_equal(a converge.version_vector, b converge.version_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'version_vector_after_or_equal' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.after_or_equal(converge.version_vector, converge.version_vector) IS 'implementation of >= operator';
CREATE FUNCTION converge.concurrent(a converge.version_vector, b converge.version_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'version_vector_concurrent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.concurrent(converge.version_vector, converge.version_vector) IS 'whether each has something that the other lacks';

CREATE OPERATOR converge.= (
    LEFTARG = converge.version_vector, RIGHTARG = converge.version_vector, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.version_vector, converge.version_vector) IS 'same version';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.version_vector, RIGHTARG = converge.version_vector, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.version_vector, converge.version_vector) IS 'different version';
-- A partial order has no negators: neither of two concurrent versions is before the other.
CREATE OPERATOR converge.< (
    LEFTARG = converge.version_vector, RIGHTARG = converge.version_vector, FUNCTION = converge.before, COMMUTATOR = OPERATOR(converge.>)
);
COMMENT ON OPERATOR converge.< (converge.version_vector, converge.version_vector) IS 'lacks something that the other has, and nothing the other way';
CREATE OPERATOR converge.<= (
    LEFTARG = converge.version_vector, RIGHTARG = converge.version_vector, FUNCTION = converge.before_or_equal,
    COMMUTATOR = OPERATOR(converge.>=)
);
COMMENT ON OPERATOR converge.<= (converge.version_vector, converge.version_vector) IS 'has nothing that the other lacks';
CREATE OPERATOR converge.> (
    LEFTARG = converge.version_vector, RIGHTARG = converge.version_vector, FUNCTION = converge.after, COMMUTATOR = OPERATOR(converge.<)
);
COMMENT ON OPERATOR converge.> (converge.version_vector, converge.version_vector) IS 'has all that the other has, and more';
CREATE OPERATOR converge.>= (
    LEFTARG = converge.version_vector, RIGHTARG = converge.version_vector, FUNCTION = converge.after_or_equal,
    COMMUTATOR = OPERATOR(converge.<=)
);
COMMENT ON OPERATOR converge.>= (converge.version_vector, converge.version_vector) IS 'has all that the other has';

CREATE FUNCTION converge.hash(version converge.version_vector) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.version_vector) IS 'hash';
CREATE FUNCTION converge.hash_extended(version converge.version_vector, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.version_vector, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.version_vector_hash_ops DEFAULT FOR TYPE converge.version_vector USING hash AS
    OPERATOR 1 converge.= (converge.version_vector, converge.version_vector),
    FUNCTION 1 converge.hash(converge.version_vector),
    FUNCTION 2 converge.hash_extended(converge.version_vector, bigint);

-- build/extension/log_version.clock.sql

-- version_vector and log_version: a counter for each replica. The Makefile makes
-- it for each log_version.

CREATE TYPE converge.log_version;

CREATE FUNCTION converge.log_version_in(cstring) RETURNS converge.log_version
    AS 'MODULE_PATHNAME', 'log_version_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.log_version_in(cstring) IS 'I/O';
CREATE FUNCTION converge.log_version_out(converge.log_version) RETURNS cstring
    AS 'MODULE_PATHNAME', 'log_version_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.log_version_out(converge.log_version) IS 'I/O';
CREATE FUNCTION converge.log_version_recv(internal) RETURNS converge.log_version
    AS 'MODULE_PATHNAME', 'log_version_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.log_version_recv(internal) IS 'I/O';
CREATE FUNCTION converge.log_version_send(converge.log_version) RETURNS bytea
    AS 'MODULE_PATHNAME', 'log_version_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.log_version_send(converge.log_version) IS 'I/O';

CREATE TYPE converge.log_version (
    INPUT = converge.log_version_in, OUTPUT = converge.log_version_out,
    RECEIVE = converge.log_version_recv, SEND = converge.log_version_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

COMMENT ON TYPE converge.log_version IS 'a counter for each replica';

CREATE CAST (converge.log_version AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.log_version_from_bytea(bytea) RETURNS converge.log_version
    AS 'MODULE_PATHNAME', 'log_version_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.log_version_from_bytea(bytea) IS 'a version from its encoding, which is validated';
CREATE CAST (bytea AS converge.log_version) WITH FUNCTION converge.log_version_from_bytea(bytea);

CREATE FUNCTION converge.counter(version converge.log_version, replica bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'log_version_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.counter(converge.log_version, bigint) IS 'the replica''s counter, 0 if it is not named';

CREATE FUNCTION converge.merge(a converge.log_version, b converge.log_version) RETURNS converge.log_version
    AS 'MODULE_PATHNAME', 'log_version_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.log_version, converge.log_version) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.log_version, RIGHTARG = converge.log_version, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.log_version, converge.log_version) IS 'the greater counter of each replica';

-- Equality, and a partial order: no btree.
CREATE FUNCTION converge.equal(a converge.log_version, b converge.log_version) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.log_version, converge.log_version) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.log_version, b converge.log_version) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.log_version, converge.log_version) IS 'implementation of <> operator';
CREATE FUNCTION converge.before(a converge.log_version, b converge.log_version) RETURNS boolean
    AS 'MODULE_PATHNAME', 'log_version_before' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.before(converge.log_version, converge.log_version) IS 'implementation of < operator';
CREATE FUNCTION converge.before_or_equal(a converge.log_version, b converge.log_version) RETURNS boolean
    AS 'MODULE_PATHNAME', 'log_version_before_or_equal' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.before_or_equal(converge.log_version, converge.log_version) IS 'implementation of <= operator';
CREATE FUNCTION converge.after(a converge.log_version, b converge.log_version) RETURNS boolean
    AS 'MODULE_PATHNAME', 'log_version_after' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.after(converge.log_version, converge.log_version) IS 'implementation of > operator';
CREATE FUNCTION converge.after_or_equal(a converge.log_version, b converge.log_version) RETURNS boolean
    AS 'MODULE_PATHNAME', 'log_version_after_or_equal' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.after_or_equal(converge.log_version, converge.log_version) IS 'implementation of >= operator';
CREATE FUNCTION converge.concurrent(a converge.log_version, b converge.log_version) RETURNS boolean
    AS 'MODULE_PATHNAME', 'log_version_concurrent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.concurrent(converge.log_version, converge.log_version) IS 'whether each has something that the other lacks';

CREATE OPERATOR converge.= (
    LEFTARG = converge.log_version, RIGHTARG = converge.log_version, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.log_version, converge.log_version) IS 'same version';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.log_version, RIGHTARG = converge.log_version, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.log_version, converge.log_version) IS 'different version';
-- A partial order has no negators: neither of two concurrent versions is before the other.
CREATE OPERATOR converge.< (
    LEFTARG = converge.log_version, RIGHTARG = converge.log_version, FUNCTION = converge.before, COMMUTATOR = OPERATOR(converge.>)
);
COMMENT ON OPERATOR converge.< (converge.log_version, converge.log_version) IS 'lacks something that the other has, and nothing the other way';
CREATE OPERATOR converge.<= (
    LEFTARG = converge.log_version, RIGHTARG = converge.log_version, FUNCTION = converge.before_or_equal,
    COMMUTATOR = OPERATOR(converge.>=)
);
COMMENT ON OPERATOR converge.<= (converge.log_version, converge.log_version) IS 'has nothing that the other lacks';
CREATE OPERATOR converge.> (
    LEFTARG = converge.log_version, RIGHTARG = converge.log_version, FUNCTION = converge.after, COMMUTATOR = OPERATOR(converge.<)
);
COMMENT ON OPERATOR converge.> (converge.log_version, converge.log_version) IS 'has all that the other has, and more';
CREATE OPERATOR converge.>= (
    LEFTARG = converge.log_version, RIGHTARG = converge.log_version, FUNCTION = converge.after_or_equal,
    COMMUTATOR = OPERATOR(converge.<=)
);
COMMENT ON OPERATOR converge.>= (converge.log_version, converge.log_version) IS 'has all that the other has';

CREATE FUNCTION converge.hash(version converge.log_version) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.log_version) IS 'hash';
CREATE FUNCTION converge.hash_extended(version converge.log_version, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.log_version, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.log_version_hash_ops DEFAULT FOR TYPE converge.log_version USING hash AS
    OPERATOR 1 converge.= (converge.log_version, converge.log_version),
    FUNCTION 1 converge.hash(converge.log_version),
    FUNCTION 2 converge.hash_extended(converge.log_version, bigint);

-- src/extension/types/hlc.sql

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

-- build/extension/lww_map.state.sql

-- What every CRDT type has. The Makefile makes it for each lww_map.

CREATE TYPE converge.lww_map;

CREATE FUNCTION converge.lww_map_in(cstring) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.lww_map_in(cstring) IS 'I/O';
CREATE FUNCTION converge.lww_map_out(converge.lww_map) RETURNS cstring
    AS 'MODULE_PATHNAME', 'lww_map_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_out(converge.lww_map) IS 'I/O';
CREATE FUNCTION converge.lww_map_recv(internal) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.lww_map_recv(internal) IS 'I/O';
CREATE FUNCTION converge.lww_map_send(converge.lww_map) RETURNS bytea
    AS 'MODULE_PATHNAME', 'lww_map_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_send(converge.lww_map) IS 'I/O';

CREATE TYPE converge.lww_map (
    INPUT = converge.lww_map_in, OUTPUT = converge.lww_map_out,
    RECEIVE = converge.lww_map_recv, SEND = converge.lww_map_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

-- A state is its bytes; bytes are a state if they validate.
CREATE CAST (converge.lww_map AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.lww_map_from_bytea(bytea) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.lww_map_from_bytea(bytea) IS 'a state from its encoding, which is validated';
CREATE CAST (bytea AS converge.lww_map) WITH FUNCTION converge.lww_map_from_bytea(bytea);

-- The join semilattice.
CREATE FUNCTION converge.merge(a converge.lww_map, b converge.lww_map) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.merge(converge.lww_map, converge.lww_map) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.lww_map, RIGHTARG = converge.lww_map, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.lww_map, converge.lww_map) IS 'merge two states, or a state and a delta';

CREATE FUNCTION converge.version(state converge.lww_map) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'lww_map_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.version(converge.lww_map) IS 'how many edits of each replica the state has integrated';
CREATE FUNCTION converge.delta(state converge.lww_map, since converge.version_vector) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.delta(converge.lww_map, converge.version_vector) IS
    'what a state that includes the version may lack';
CREATE FUNCTION converge.difference(older converge.lww_map, newer converge.lww_map) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_difference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.difference(converge.lww_map, converge.lww_map) IS
    'the smallest delta that makes the older state include the newer';

-- Equality is that of the encoding, which is canonical. No order.
CREATE FUNCTION converge.equal(a converge.lww_map, b converge.lww_map) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.lww_map, converge.lww_map) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.lww_map, b converge.lww_map) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.lww_map, converge.lww_map) IS 'implementation of <> operator';
CREATE OPERATOR converge.= (
    LEFTARG = converge.lww_map, RIGHTARG = converge.lww_map, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.lww_map, converge.lww_map) IS 'same state';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.lww_map, RIGHTARG = converge.lww_map, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.lww_map, converge.lww_map) IS 'different state';
CREATE FUNCTION converge.hash(state converge.lww_map) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.lww_map) IS 'hash';
CREATE FUNCTION converge.hash_extended(state converge.lww_map, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.lww_map, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.lww_map_hash_ops DEFAULT FOR TYPE converge.lww_map USING hash AS
    OPERATOR 1 converge.= (converge.lww_map, converge.lww_map),
    FUNCTION 1 converge.hash(converge.lww_map),
    FUNCTION 2 converge.hash_extended(converge.lww_map, bigint);

-- build/extension/or_set.state.sql

-- What every CRDT type has. The Makefile makes it for each or_set.

CREATE TYPE converge.or_set;

CREATE FUNCTION converge.or_set_in(cstring) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.or_set_in(cstring) IS 'I/O';
CREATE FUNCTION converge.or_set_out(converge.or_set) RETURNS cstring
    AS 'MODULE_PATHNAME', 'or_set_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_out(converge.or_set) IS 'I/O';
CREATE FUNCTION converge.or_set_recv(internal) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.or_set_recv(internal) IS 'I/O';
CREATE FUNCTION converge.or_set_send(converge.or_set) RETURNS bytea
    AS 'MODULE_PATHNAME', 'or_set_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_send(converge.or_set) IS 'I/O';

CREATE TYPE converge.or_set (
    INPUT = converge.or_set_in, OUTPUT = converge.or_set_out,
    RECEIVE = converge.or_set_recv, SEND = converge.or_set_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

-- A state is its bytes; bytes are a state if they validate.
CREATE CAST (converge.or_set AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.or_set_from_bytea(bytea) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.or_set_from_bytea(bytea) IS 'a state from its encoding, which is validated';
CREATE CAST (bytea AS converge.or_set) WITH FUNCTION converge.or_set_from_bytea(bytea);

-- The join semilattice.
CREATE FUNCTION converge.merge(a converge.or_set, b converge.or_set) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.merge(converge.or_set, converge.or_set) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.or_set, RIGHTARG = converge.or_set, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.or_set, converge.or_set) IS 'merge two states, or a state and a delta';

CREATE FUNCTION converge.version(state converge.or_set) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'or_set_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.version(converge.or_set) IS 'how many edits of each replica the state has integrated';
CREATE FUNCTION converge.delta(state converge.or_set, since converge.version_vector) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.delta(converge.or_set, converge.version_vector) IS
    'what a state that includes the version may lack';
CREATE FUNCTION converge.difference(older converge.or_set, newer converge.or_set) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_difference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.difference(converge.or_set, converge.or_set) IS
    'the smallest delta that makes the older state include the newer';

-- Equality is that of the encoding, which is canonical. No order.
CREATE FUNCTION converge.equal(a converge.or_set, b converge.or_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.or_set, converge.or_set) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.or_set, b converge.or_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.or_set, converge.or_set) IS 'implementation of <> operator';
CREATE OPERATOR converge.= (
    LEFTARG = converge.or_set, RIGHTARG = converge.or_set, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.or_set, converge.or_set) IS 'same state';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.or_set, RIGHTARG = converge.or_set, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.or_set, converge.or_set) IS 'different state';
CREATE FUNCTION converge.hash(state converge.or_set) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.or_set) IS 'hash';
CREATE FUNCTION converge.hash_extended(state converge.or_set, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.or_set, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.or_set_hash_ops DEFAULT FOR TYPE converge.or_set USING hash AS
    OPERATOR 1 converge.= (converge.or_set, converge.or_set),
    FUNCTION 1 converge.hash(converge.or_set),
    FUNCTION 2 converge.hash_extended(converge.or_set, bigint);

-- build/extension/crdt_text.state.sql

-- What every CRDT type has. The Makefile makes it for each crdt_text.

CREATE TYPE converge.crdt_text;

CREATE FUNCTION converge.crdt_text_in(cstring) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.crdt_text_in(cstring) IS 'I/O';
CREATE FUNCTION converge.crdt_text_out(converge.crdt_text) RETURNS cstring
    AS 'MODULE_PATHNAME', 'crdt_text_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.crdt_text_out(converge.crdt_text) IS 'I/O';
CREATE FUNCTION converge.crdt_text_recv(internal) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.crdt_text_recv(internal) IS 'I/O';
CREATE FUNCTION converge.crdt_text_send(converge.crdt_text) RETURNS bytea
    AS 'MODULE_PATHNAME', 'crdt_text_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.crdt_text_send(converge.crdt_text) IS 'I/O';

CREATE TYPE converge.crdt_text (
    INPUT = converge.crdt_text_in, OUTPUT = converge.crdt_text_out,
    RECEIVE = converge.crdt_text_recv, SEND = converge.crdt_text_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

-- A state is its bytes; bytes are a state if they validate.
CREATE CAST (converge.crdt_text AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.crdt_text_from_bytea(bytea) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.crdt_text_from_bytea(bytea) IS 'a state from its encoding, which is validated';
CREATE CAST (bytea AS converge.crdt_text) WITH FUNCTION converge.crdt_text_from_bytea(bytea);

-- The join semilattice.
CREATE FUNCTION converge.merge(a converge.crdt_text, b converge.crdt_text) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.merge(converge.crdt_text, converge.crdt_text) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.crdt_text, RIGHTARG = converge.crdt_text, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.crdt_text, converge.crdt_text) IS 'merge two states, or a state and a delta';

CREATE FUNCTION converge.version(state converge.crdt_text) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'crdt_text_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.version(converge.crdt_text) IS 'how many edits of each replica the state has integrated';
CREATE FUNCTION converge.delta(state converge.crdt_text, since converge.version_vector) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.delta(converge.crdt_text, converge.version_vector) IS
    'what a state that includes the version may lack';
CREATE FUNCTION converge.difference(older converge.crdt_text, newer converge.crdt_text) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_difference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.difference(converge.crdt_text, converge.crdt_text) IS
    'the smallest delta that makes the older state include the newer';

-- Equality is that of the encoding, which is canonical. No order.
CREATE FUNCTION converge.equal(a converge.crdt_text, b converge.crdt_text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.crdt_text, converge.crdt_text) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.crdt_text, b converge.crdt_text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.crdt_text, converge.crdt_text) IS 'implementation of <> operator';
CREATE OPERATOR converge.= (
    LEFTARG = converge.crdt_text, RIGHTARG = converge.crdt_text, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.crdt_text, converge.crdt_text) IS 'same state';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.crdt_text, RIGHTARG = converge.crdt_text, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.crdt_text, converge.crdt_text) IS 'different state';
CREATE FUNCTION converge.hash(state converge.crdt_text) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.crdt_text) IS 'hash';
CREATE FUNCTION converge.hash_extended(state converge.crdt_text, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.crdt_text, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.crdt_text_hash_ops DEFAULT FOR TYPE converge.crdt_text USING hash AS
    OPERATOR 1 converge.= (converge.crdt_text, converge.crdt_text),
    FUNCTION 1 converge.hash(converge.crdt_text),
    FUNCTION 2 converge.hash_extended(converge.crdt_text, bigint);

-- build/extension/pn_counter.state.sql

-- What every CRDT type has. The Makefile makes it for each pn_counter.

CREATE TYPE converge.pn_counter;

CREATE FUNCTION converge.pn_counter_in(cstring) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.pn_counter_in(cstring) IS 'I/O';
CREATE FUNCTION converge.pn_counter_out(converge.pn_counter) RETURNS cstring
    AS 'MODULE_PATHNAME', 'pn_counter_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pn_counter_out(converge.pn_counter) IS 'I/O';
CREATE FUNCTION converge.pn_counter_recv(internal) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.pn_counter_recv(internal) IS 'I/O';
CREATE FUNCTION converge.pn_counter_send(converge.pn_counter) RETURNS bytea
    AS 'MODULE_PATHNAME', 'pn_counter_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pn_counter_send(converge.pn_counter) IS 'I/O';

CREATE TYPE converge.pn_counter (
    INPUT = converge.pn_counter_in, OUTPUT = converge.pn_counter_out,
    RECEIVE = converge.pn_counter_recv, SEND = converge.pn_counter_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

-- A state is its bytes; bytes are a state if they validate.
CREATE CAST (converge.pn_counter AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.pn_counter_from_bytea(bytea) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.pn_counter_from_bytea(bytea) IS 'a state from its encoding, which is validated';
CREATE CAST (bytea AS converge.pn_counter) WITH FUNCTION converge.pn_counter_from_bytea(bytea);

-- The join semilattice.
CREATE FUNCTION converge.merge(a converge.pn_counter, b converge.pn_counter) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.merge(converge.pn_counter, converge.pn_counter) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.pn_counter, RIGHTARG = converge.pn_counter, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.pn_counter, converge.pn_counter) IS 'merge two states, or a state and a delta';

CREATE FUNCTION converge.version(state converge.pn_counter) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'pn_counter_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.version(converge.pn_counter) IS 'how many edits of each replica the state has integrated';
CREATE FUNCTION converge.delta(state converge.pn_counter, since converge.version_vector) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.delta(converge.pn_counter, converge.version_vector) IS
    'what a state that includes the version may lack';
CREATE FUNCTION converge.difference(older converge.pn_counter, newer converge.pn_counter) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_difference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.difference(converge.pn_counter, converge.pn_counter) IS
    'the smallest delta that makes the older state include the newer';

-- Equality is that of the encoding, which is canonical. No order.
CREATE FUNCTION converge.equal(a converge.pn_counter, b converge.pn_counter) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.pn_counter, converge.pn_counter) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.pn_counter, b converge.pn_counter) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.pn_counter, converge.pn_counter) IS 'implementation of <> operator';
CREATE OPERATOR converge.= (
    LEFTARG = converge.pn_counter, RIGHTARG = converge.pn_counter, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.pn_counter, converge.pn_counter) IS 'same state';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.pn_counter, RIGHTARG = converge.pn_counter, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.pn_counter, converge.pn_counter) IS 'different state';
CREATE FUNCTION converge.hash(state converge.pn_counter) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.pn_counter) IS 'hash';
CREATE FUNCTION converge.hash_extended(state converge.pn_counter, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.pn_counter, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.pn_counter_hash_ops DEFAULT FOR TYPE converge.pn_counter USING hash AS
    OPERATOR 1 converge.= (converge.pn_counter, converge.pn_counter),
    FUNCTION 1 converge.hash(converge.pn_counter),
    FUNCTION 2 converge.hash_extended(converge.pn_counter, bigint);

-- build/extension/g_counter.state.sql

-- What every CRDT type has. The Makefile makes it for each g_counter.

CREATE TYPE converge.g_counter;

CREATE FUNCTION converge.g_counter_in(cstring) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.g_counter_in(cstring) IS 'I/O';
CREATE FUNCTION converge.g_counter_out(converge.g_counter) RETURNS cstring
    AS 'MODULE_PATHNAME', 'g_counter_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.g_counter_out(converge.g_counter) IS 'I/O';
CREATE FUNCTION converge.g_counter_recv(internal) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.g_counter_recv(internal) IS 'I/O';
CREATE FUNCTION converge.g_counter_send(converge.g_counter) RETURNS bytea
    AS 'MODULE_PATHNAME', 'g_counter_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.g_counter_send(converge.g_counter) IS 'I/O';

CREATE TYPE converge.g_counter (
    INPUT = converge.g_counter_in, OUTPUT = converge.g_counter_out,
    RECEIVE = converge.g_counter_recv, SEND = converge.g_counter_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

-- A state is its bytes; bytes are a state if they validate.
CREATE CAST (converge.g_counter AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.g_counter_from_bytea(bytea) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.g_counter_from_bytea(bytea) IS 'a state from its encoding, which is validated';
CREATE CAST (bytea AS converge.g_counter) WITH FUNCTION converge.g_counter_from_bytea(bytea);

-- The join semilattice.
CREATE FUNCTION converge.merge(a converge.g_counter, b converge.g_counter) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.merge(converge.g_counter, converge.g_counter) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.g_counter, RIGHTARG = converge.g_counter, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.g_counter, converge.g_counter) IS 'merge two states, or a state and a delta';

CREATE FUNCTION converge.version(state converge.g_counter) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'g_counter_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.version(converge.g_counter) IS 'how many edits of each replica the state has integrated';
CREATE FUNCTION converge.delta(state converge.g_counter, since converge.version_vector) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.delta(converge.g_counter, converge.version_vector) IS
    'what a state that includes the version may lack';
CREATE FUNCTION converge.difference(older converge.g_counter, newer converge.g_counter) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_difference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.difference(converge.g_counter, converge.g_counter) IS
    'the smallest delta that makes the older state include the newer';

-- Equality is that of the encoding, which is canonical. No order.
CREATE FUNCTION converge.equal(a converge.g_counter, b converge.g_counter) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.g_counter, converge.g_counter) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.g_counter, b converge.g_counter) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.g_counter, converge.g_counter) IS 'implementation of <> operator';
CREATE OPERATOR converge.= (
    LEFTARG = converge.g_counter, RIGHTARG = converge.g_counter, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.g_counter, converge.g_counter) IS 'same state';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.g_counter, RIGHTARG = converge.g_counter, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.g_counter, converge.g_counter) IS 'different state';
CREATE FUNCTION converge.hash(state converge.g_counter) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.g_counter) IS 'hash';
CREATE FUNCTION converge.hash_extended(state converge.g_counter, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.g_counter, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.g_counter_hash_ops DEFAULT FOR TYPE converge.g_counter USING hash AS
    OPERATOR 1 converge.= (converge.g_counter, converge.g_counter),
    FUNCTION 1 converge.hash(converge.g_counter),
    FUNCTION 2 converge.hash_extended(converge.g_counter, bigint);

-- build/extension/mv_register.state.sql

-- What every CRDT type has. The Makefile makes it for each mv_register.

CREATE TYPE converge.mv_register;

CREATE FUNCTION converge.mv_register_in(cstring) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.mv_register_in(cstring) IS 'I/O';
CREATE FUNCTION converge.mv_register_out(converge.mv_register) RETURNS cstring
    AS 'MODULE_PATHNAME', 'mv_register_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mv_register_out(converge.mv_register) IS 'I/O';
CREATE FUNCTION converge.mv_register_recv(internal) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.mv_register_recv(internal) IS 'I/O';
CREATE FUNCTION converge.mv_register_send(converge.mv_register) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mv_register_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mv_register_send(converge.mv_register) IS 'I/O';

CREATE TYPE converge.mv_register (
    INPUT = converge.mv_register_in, OUTPUT = converge.mv_register_out,
    RECEIVE = converge.mv_register_recv, SEND = converge.mv_register_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

-- A state is its bytes; bytes are a state if they validate.
CREATE CAST (converge.mv_register AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.mv_register_from_bytea(bytea) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.mv_register_from_bytea(bytea) IS 'a state from its encoding, which is validated';
CREATE CAST (bytea AS converge.mv_register) WITH FUNCTION converge.mv_register_from_bytea(bytea);

-- The join semilattice.
CREATE FUNCTION converge.merge(a converge.mv_register, b converge.mv_register) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.merge(converge.mv_register, converge.mv_register) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.mv_register, RIGHTARG = converge.mv_register, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.mv_register, converge.mv_register) IS 'merge two states, or a state and a delta';

CREATE FUNCTION converge.version(state converge.mv_register) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'mv_register_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.version(converge.mv_register) IS 'how many edits of each replica the state has integrated';
CREATE FUNCTION converge.delta(state converge.mv_register, since converge.version_vector) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.delta(converge.mv_register, converge.version_vector) IS
    'what a state that includes the version may lack';
CREATE FUNCTION converge.difference(older converge.mv_register, newer converge.mv_register) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_difference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.difference(converge.mv_register, converge.mv_register) IS
    'the smallest delta that makes the older state include the newer';

-- Equality is that of the encoding, which is canonical. No order.
CREATE FUNCTION converge.equal(a converge.mv_register, b converge.mv_register) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.mv_register, converge.mv_register) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.mv_register, b converge.mv_register) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.mv_register, converge.mv_register) IS 'implementation of <> operator';
CREATE OPERATOR converge.= (
    LEFTARG = converge.mv_register, RIGHTARG = converge.mv_register, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.mv_register, converge.mv_register) IS 'same state';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.mv_register, RIGHTARG = converge.mv_register, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.mv_register, converge.mv_register) IS 'different state';
CREATE FUNCTION converge.hash(state converge.mv_register) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.mv_register) IS 'hash';
CREATE FUNCTION converge.hash_extended(state converge.mv_register, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.mv_register, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.mv_register_hash_ops DEFAULT FOR TYPE converge.mv_register USING hash AS
    OPERATOR 1 converge.= (converge.mv_register, converge.mv_register),
    FUNCTION 1 converge.hash(converge.mv_register),
    FUNCTION 2 converge.hash_extended(converge.mv_register, bigint);

-- build/extension/lww_set.state.sql

-- What every CRDT type has. The Makefile makes it for each lww_set.

CREATE TYPE converge.lww_set;

CREATE FUNCTION converge.lww_set_in(cstring) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.lww_set_in(cstring) IS 'I/O';
CREATE FUNCTION converge.lww_set_out(converge.lww_set) RETURNS cstring
    AS 'MODULE_PATHNAME', 'lww_set_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_out(converge.lww_set) IS 'I/O';
CREATE FUNCTION converge.lww_set_recv(internal) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.lww_set_recv(internal) IS 'I/O';
CREATE FUNCTION converge.lww_set_send(converge.lww_set) RETURNS bytea
    AS 'MODULE_PATHNAME', 'lww_set_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_send(converge.lww_set) IS 'I/O';

CREATE TYPE converge.lww_set (
    INPUT = converge.lww_set_in, OUTPUT = converge.lww_set_out,
    RECEIVE = converge.lww_set_recv, SEND = converge.lww_set_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

-- A state is its bytes; bytes are a state if they validate.
CREATE CAST (converge.lww_set AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.lww_set_from_bytea(bytea) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.lww_set_from_bytea(bytea) IS 'a state from its encoding, which is validated';
CREATE CAST (bytea AS converge.lww_set) WITH FUNCTION converge.lww_set_from_bytea(bytea);

-- The join semilattice.
CREATE FUNCTION converge.merge(a converge.lww_set, b converge.lww_set) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.merge(converge.lww_set, converge.lww_set) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.lww_set, RIGHTARG = converge.lww_set, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.lww_set, converge.lww_set) IS 'merge two states, or a state and a delta';

CREATE FUNCTION converge.version(state converge.lww_set) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'lww_set_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.version(converge.lww_set) IS 'how many edits of each replica the state has integrated';
CREATE FUNCTION converge.delta(state converge.lww_set, since converge.version_vector) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.delta(converge.lww_set, converge.version_vector) IS
    'what a state that includes the version may lack';
CREATE FUNCTION converge.difference(older converge.lww_set, newer converge.lww_set) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_difference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.difference(converge.lww_set, converge.lww_set) IS
    'the smallest delta that makes the older state include the newer';

-- Equality is that of the encoding, which is canonical. No order.
CREATE FUNCTION converge.equal(a converge.lww_set, b converge.lww_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.lww_set, converge.lww_set) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.lww_set, b converge.lww_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.lww_set, converge.lww_set) IS 'implementation of <> operator';
CREATE OPERATOR converge.= (
    LEFTARG = converge.lww_set, RIGHTARG = converge.lww_set, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.lww_set, converge.lww_set) IS 'same state';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.lww_set, RIGHTARG = converge.lww_set, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.lww_set, converge.lww_set) IS 'different state';
CREATE FUNCTION converge.hash(state converge.lww_set) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.lww_set) IS 'hash';
CREATE FUNCTION converge.hash_extended(state converge.lww_set, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.lww_set, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.lww_set_hash_ops DEFAULT FOR TYPE converge.lww_set USING hash AS
    OPERATOR 1 converge.= (converge.lww_set, converge.lww_set),
    FUNCTION 1 converge.hash(converge.lww_set),
    FUNCTION 2 converge.hash_extended(converge.lww_set, bigint);

-- build/extension/lww_map.merge_agg.sql

-- merge_agg() of a state type. The Makefile makes it for each lww_map.

CREATE FUNCTION converge.merge_transition(gathered internal, state converge.lww_map) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_map_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge_transition(internal, converge.lww_map) IS 'aggregate transition function';
CREATE FUNCTION converge.lww_map_merge_combine(a internal, b internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_map_merge_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_merge_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION converge.lww_map_merge_serialize(gathered internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'lww_map_merge_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_merge_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION converge.lww_map_merge_deserialize(bytes bytea, gathered internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_map_merge_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_merge_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION converge.lww_map_merge_final(gathered internal) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_merge_final(internal) IS 'aggregate final function';

CREATE AGGREGATE converge.merge_agg(state converge.lww_map) (
    SFUNC = converge.merge_transition, STYPE = internal, SSPACE = 4096,
    FINALFUNC = converge.lww_map_merge_final,
    COMBINEFUNC = converge.lww_map_merge_combine,
    SERIALFUNC = converge.lww_map_merge_serialize, DESERIALFUNC = converge.lww_map_merge_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE converge.merge_agg(converge.lww_map) IS 'merges all states, null if there is none';

-- build/extension/or_set.merge_agg.sql

-- merge_agg() of a state type. The Makefile makes it for each or_set.

CREATE FUNCTION converge.merge_transition(gathered internal, state converge.or_set) RETURNS internal
    AS 'MODULE_PATHNAME', 'or_set_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge_transition(internal, converge.or_set) IS 'aggregate transition function';
CREATE FUNCTION converge.or_set_merge_combine(a internal, b internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'or_set_merge_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_merge_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION converge.or_set_merge_serialize(gathered internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'or_set_merge_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_merge_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION converge.or_set_merge_deserialize(bytes bytea, gathered internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'or_set_merge_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_merge_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION converge.or_set_merge_final(gathered internal) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_merge_final(internal) IS 'aggregate final function';

CREATE AGGREGATE converge.merge_agg(state converge.or_set) (
    SFUNC = converge.merge_transition, STYPE = internal, SSPACE = 4096,
    FINALFUNC = converge.or_set_merge_final,
    COMBINEFUNC = converge.or_set_merge_combine,
    SERIALFUNC = converge.or_set_merge_serialize, DESERIALFUNC = converge.or_set_merge_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE converge.merge_agg(converge.or_set) IS 'merges all states, null if there is none';

-- build/extension/crdt_text.merge_agg.sql

-- merge_agg() of a state type. The Makefile makes it for each crdt_text.

CREATE FUNCTION converge.merge_transition(gathered internal, state converge.crdt_text) RETURNS internal
    AS 'MODULE_PATHNAME', 'crdt_text_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge_transition(internal, converge.crdt_text) IS 'aggregate transition function';
CREATE FUNCTION converge.crdt_text_merge_combine(a internal, b internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'crdt_text_merge_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.crdt_text_merge_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION converge.crdt_text_merge_serialize(gathered internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'crdt_text_merge_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.crdt_text_merge_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION converge.crdt_text_merge_deserialize(bytes bytea, gathered internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'crdt_text_merge_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.crdt_text_merge_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION converge.crdt_text_merge_final(gathered internal) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.crdt_text_merge_final(internal) IS 'aggregate final function';

CREATE AGGREGATE converge.merge_agg(state converge.crdt_text) (
    SFUNC = converge.merge_transition, STYPE = internal, SSPACE = 4096,
    FINALFUNC = converge.crdt_text_merge_final,
    COMBINEFUNC = converge.crdt_text_merge_combine,
    SERIALFUNC = converge.crdt_text_merge_serialize, DESERIALFUNC = converge.crdt_text_merge_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE converge.merge_agg(converge.crdt_text) IS 'merges all states, null if there is none';

-- build/extension/pn_counter.merge_agg.sql

-- merge_agg() of a state type. The Makefile makes it for each pn_counter.

CREATE FUNCTION converge.merge_transition(gathered internal, state converge.pn_counter) RETURNS internal
    AS 'MODULE_PATHNAME', 'pn_counter_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge_transition(internal, converge.pn_counter) IS 'aggregate transition function';
CREATE FUNCTION converge.pn_counter_merge_combine(a internal, b internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'pn_counter_merge_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.pn_counter_merge_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION converge.pn_counter_merge_serialize(gathered internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'pn_counter_merge_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pn_counter_merge_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION converge.pn_counter_merge_deserialize(bytes bytea, gathered internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'pn_counter_merge_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pn_counter_merge_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION converge.pn_counter_merge_final(gathered internal) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.pn_counter_merge_final(internal) IS 'aggregate final function';

CREATE AGGREGATE converge.merge_agg(state converge.pn_counter) (
    SFUNC = converge.merge_transition, STYPE = internal, SSPACE = 4096,
    FINALFUNC = converge.pn_counter_merge_final,
    COMBINEFUNC = converge.pn_counter_merge_combine,
    SERIALFUNC = converge.pn_counter_merge_serialize, DESERIALFUNC = converge.pn_counter_merge_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE converge.merge_agg(converge.pn_counter) IS 'merges all states, null if there is none';

-- build/extension/g_counter.merge_agg.sql

-- merge_agg() of a state type. The Makefile makes it for each g_counter.

CREATE FUNCTION converge.merge_transition(gathered internal, state converge.g_counter) RETURNS internal
    AS 'MODULE_PATHNAME', 'g_counter_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge_transition(internal, converge.g_counter) IS 'aggregate transition function';
CREATE FUNCTION converge.g_counter_merge_combine(a internal, b internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'g_counter_merge_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.g_counter_merge_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION converge.g_counter_merge_serialize(gathered internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'g_counter_merge_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.g_counter_merge_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION converge.g_counter_merge_deserialize(bytes bytea, gathered internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'g_counter_merge_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.g_counter_merge_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION converge.g_counter_merge_final(gathered internal) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.g_counter_merge_final(internal) IS 'aggregate final function';

CREATE AGGREGATE converge.merge_agg(state converge.g_counter) (
    SFUNC = converge.merge_transition, STYPE = internal, SSPACE = 4096,
    FINALFUNC = converge.g_counter_merge_final,
    COMBINEFUNC = converge.g_counter_merge_combine,
    SERIALFUNC = converge.g_counter_merge_serialize, DESERIALFUNC = converge.g_counter_merge_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE converge.merge_agg(converge.g_counter) IS 'merges all states, null if there is none';

-- build/extension/mv_register.merge_agg.sql

-- merge_agg() of a state type. The Makefile makes it for each mv_register.

CREATE FUNCTION converge.merge_transition(gathered internal, state converge.mv_register) RETURNS internal
    AS 'MODULE_PATHNAME', 'mv_register_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge_transition(internal, converge.mv_register) IS 'aggregate transition function';
CREATE FUNCTION converge.mv_register_merge_combine(a internal, b internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'mv_register_merge_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.mv_register_merge_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION converge.mv_register_merge_serialize(gathered internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'mv_register_merge_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mv_register_merge_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION converge.mv_register_merge_deserialize(bytes bytea, gathered internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'mv_register_merge_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mv_register_merge_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION converge.mv_register_merge_final(gathered internal) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.mv_register_merge_final(internal) IS 'aggregate final function';

CREATE AGGREGATE converge.merge_agg(state converge.mv_register) (
    SFUNC = converge.merge_transition, STYPE = internal, SSPACE = 4096,
    FINALFUNC = converge.mv_register_merge_final,
    COMBINEFUNC = converge.mv_register_merge_combine,
    SERIALFUNC = converge.mv_register_merge_serialize, DESERIALFUNC = converge.mv_register_merge_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE converge.merge_agg(converge.mv_register) IS 'merges all states, null if there is none';

-- build/extension/lww_set.merge_agg.sql

-- merge_agg() of a state type. The Makefile makes it for each lww_set.

CREATE FUNCTION converge.merge_transition(gathered internal, state converge.lww_set) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_set_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge_transition(internal, converge.lww_set) IS 'aggregate transition function';
CREATE FUNCTION converge.lww_set_merge_combine(a internal, b internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_set_merge_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_merge_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION converge.lww_set_merge_serialize(gathered internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'lww_set_merge_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_merge_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION converge.lww_set_merge_deserialize(bytes bytea, gathered internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_set_merge_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_merge_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION converge.lww_set_merge_final(gathered internal) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_merge_final(internal) IS 'aggregate final function';

CREATE AGGREGATE converge.merge_agg(state converge.lww_set) (
    SFUNC = converge.merge_transition, STYPE = internal, SSPACE = 4096,
    FINALFUNC = converge.lww_set_merge_final,
    COMBINEFUNC = converge.lww_set_merge_combine,
    SERIALFUNC = converge.lww_set_merge_serialize, DESERIALFUNC = converge.lww_set_merge_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE converge.merge_agg(converge.lww_set) IS 'merges all states, null if there is none';

-- build/extension/or_set.set.sql

-- What or_set and lww_set have beyond state.sql.in. The Makefile makes it for
-- each or_set.

CREATE FUNCTION converge.add(set converge.or_set, element text) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_add' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.add(converge.or_set, text) IS
    'adds an element, also one that is there: the add is then repeated';
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
    AS 'MODULE_PATHNAME', 'or_set_has_element' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.has_element(converge.or_set, text) IS 'implementation of ? operator';
CREATE OPERATOR converge.? (
    LEFTARG = converge.or_set, RIGHTARG = text, FUNCTION = converge.has_element,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.? (converge.or_set, text) IS 'element is in the set';

CREATE FUNCTION converge.contains(set converge.or_set, elements text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'or_set_contains' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.contains(converge.or_set, text[]) IS 'implementation of @> operator';
CREATE OPERATOR converge.@> (
    LEFTARG = converge.or_set, RIGHTARG = text[], FUNCTION = converge.contains,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.or_set, text[]) IS 'contains all';

CREATE FUNCTION converge.overlaps(set converge.or_set, elements text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'or_set_overlaps' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.overlaps(converge.or_set, text[]) IS 'implementation of && operator';
CREATE OPERATOR converge.&& (
    LEFTARG = converge.or_set, RIGHTARG = text[], FUNCTION = converge.overlaps,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.or_set, text[]) IS 'contains any';

CREATE FUNCTION converge.cardinality(set converge.or_set) RETURNS integer
    AS 'MODULE_PATHNAME', 'or_set_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.cardinality(converge.or_set) IS 'the number of elements';

-- build/extension/lww_set.set.sql

-- What or_set and lww_set have beyond state.sql.in. The Makefile makes it for
-- each lww_set.

CREATE FUNCTION converge.add(set converge.lww_set, element text) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_add' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.add(converge.lww_set, text) IS
    'adds an element, also one that is there: the add is then repeated';
CREATE FUNCTION converge.add(set converge.lww_set, elements text[]) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_add_elements' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.add(converge.lww_set, text[]) IS 'adds several elements';
CREATE FUNCTION converge.remove(set converge.lww_set, element text) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_remove' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.remove(converge.lww_set, text) IS 'removes an element';
CREATE FUNCTION converge.remove(set converge.lww_set, elements text[]) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_remove_elements' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.remove(converge.lww_set, text[]) IS 'removes several elements';

CREATE FUNCTION converge.to_array(set converge.lww_set) RETURNS text[]
    AS 'MODULE_PATHNAME', 'lww_set_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.to_array(converge.lww_set) IS 'the set''s value: its elements in byte order';
CREATE CAST (converge.lww_set AS text[]) WITH FUNCTION converge.to_array(converge.lww_set) AS ASSIGNMENT;

CREATE FUNCTION converge.has_element(set converge.lww_set, element text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_set_has_element' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.has_element(converge.lww_set, text) IS 'implementation of ? operator';
CREATE OPERATOR converge.? (
    LEFTARG = converge.lww_set, RIGHTARG = text, FUNCTION = converge.has_element,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.? (converge.lww_set, text) IS 'element is in the set';

CREATE FUNCTION converge.contains(set converge.lww_set, elements text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_set_contains' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.contains(converge.lww_set, text[]) IS 'implementation of @> operator';
CREATE OPERATOR converge.@> (
    LEFTARG = converge.lww_set, RIGHTARG = text[], FUNCTION = converge.contains,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.lww_set, text[]) IS 'contains all';

CREATE FUNCTION converge.overlaps(set converge.lww_set, elements text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_set_overlaps' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.overlaps(converge.lww_set, text[]) IS 'implementation of && operator';
CREATE OPERATOR converge.&& (
    LEFTARG = converge.lww_set, RIGHTARG = text[], FUNCTION = converge.overlaps,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.lww_set, text[]) IS 'contains any';

CREATE FUNCTION converge.cardinality(set converge.lww_set) RETURNS integer
    AS 'MODULE_PATHNAME', 'lww_set_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.cardinality(converge.lww_set) IS 'the number of elements';

-- build/extension/or_set.set_gin.sql

-- The GIN operator class of a set: its elements are the keys. The Makefile makes
-- it for each or_set. The support functions are declared on the type, as GIN's
-- validator wants it; the query they are given is the operator's right side.

CREATE FUNCTION converge.or_set_gin_extract_value(converge.or_set, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'or_set_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_gin_extract_value(converge.or_set, internal) IS 'GIN support';
CREATE FUNCTION converge.or_set_gin_extract_query(converge.or_set, internal, int2, internal, internal, internal, internal)
    RETURNS internal AS 'MODULE_PATHNAME', 'set_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_gin_extract_query(converge.or_set, internal, int2, internal, internal, internal, internal)
    IS 'GIN support';
CREATE FUNCTION converge.or_set_gin_consistent(internal, int2, converge.or_set, int4, internal, internal, internal, internal)
    RETURNS boolean AS 'MODULE_PATHNAME', 'set_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_gin_consistent(internal, int2, converge.or_set, int4, internal, internal, internal, internal)
    IS 'GIN support';
CREATE FUNCTION converge.or_set_gin_triconsistent(internal, int2, converge.or_set, int4, internal, internal, internal)
    RETURNS "char" AS 'MODULE_PATHNAME', 'set_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_gin_triconsistent(internal, int2, converge.or_set, int4, internal, internal, internal)
    IS 'GIN support';

CREATE OPERATOR CLASS converge.or_set_gin_ops DEFAULT FOR TYPE converge.or_set USING gin AS
    OPERATOR 7 converge.@> (converge.or_set, text[]),
    OPERATOR 9 converge.? (converge.or_set, text),
    OPERATOR 10 converge.&& (converge.or_set, text[]),
    FUNCTION 1 pg_catalog.bttextcmp(text, text),
    FUNCTION 2 converge.or_set_gin_extract_value(converge.or_set, internal),
    FUNCTION 3 converge.or_set_gin_extract_query(converge.or_set, internal, int2, internal, internal, internal, internal),
    FUNCTION 4 converge.or_set_gin_consistent(internal, int2, converge.or_set, int4, internal, internal, internal, internal),
    FUNCTION 6 converge.or_set_gin_triconsistent(internal, int2, converge.or_set, int4, internal, internal, internal),
    STORAGE text;

-- build/extension/lww_set.set_gin.sql

-- The GIN operator class of a set: its elements are the keys. The Makefile makes
-- it for each lww_set. The support functions are declared on the type, as GIN's
-- validator wants it; the query they are given is the operator's right side.

CREATE FUNCTION converge.lww_set_gin_extract_value(converge.lww_set, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_set_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_gin_extract_value(converge.lww_set, internal) IS 'GIN support';
CREATE FUNCTION converge.lww_set_gin_extract_query(converge.lww_set, internal, int2, internal, internal, internal, internal)
    RETURNS internal AS 'MODULE_PATHNAME', 'set_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_gin_extract_query(converge.lww_set, internal, int2, internal, internal, internal, internal)
    IS 'GIN support';
CREATE FUNCTION converge.lww_set_gin_consistent(internal, int2, converge.lww_set, int4, internal, internal, internal, internal)
    RETURNS boolean AS 'MODULE_PATHNAME', 'set_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_gin_consistent(internal, int2, converge.lww_set, int4, internal, internal, internal, internal)
    IS 'GIN support';
CREATE FUNCTION converge.lww_set_gin_triconsistent(internal, int2, converge.lww_set, int4, internal, internal, internal)
    RETURNS "char" AS 'MODULE_PATHNAME', 'set_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_gin_triconsistent(internal, int2, converge.lww_set, int4, internal, internal, internal)
    IS 'GIN support';

CREATE OPERATOR CLASS converge.lww_set_gin_ops DEFAULT FOR TYPE converge.lww_set USING gin AS
    OPERATOR 7 converge.@> (converge.lww_set, text[]),
    OPERATOR 9 converge.? (converge.lww_set, text),
    OPERATOR 10 converge.&& (converge.lww_set, text[]),
    FUNCTION 1 pg_catalog.bttextcmp(text, text),
    FUNCTION 2 converge.lww_set_gin_extract_value(converge.lww_set, internal),
    FUNCTION 3 converge.lww_set_gin_extract_query(converge.lww_set, internal, int2, internal, internal, internal, internal),
    FUNCTION 4 converge.lww_set_gin_consistent(internal, int2, converge.lww_set, int4, internal, internal, internal, internal),
    FUNCTION 6 converge.lww_set_gin_triconsistent(internal, int2, converge.lww_set, int4, internal, internal, internal),
    STORAGE text;

-- src/extension/types/lww_map.sql

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

CREATE FUNCTION converge.keys(map converge.lww_map) RETURNS text[]
    AS 'MODULE_PATHNAME', 'lww_map_keys' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.keys(converge.lww_map) IS 'the keys that are set, in byte order';

-- src/extension/types/lww_map_gin.sql

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

-- src/extension/types/or_set.sql

-- or_set: a set of texts where an add wins over a concurrent remove.
COMMENT ON TYPE converge.or_set IS 'CRDT: set of texts, an add wins over a concurrent remove';

CREATE FUNCTION converge.new_set(elements text[]) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.new_set(text[]) IS 'a new set with these elements';

-- src/extension/types/crdt_text.sql

-- crdt_text: a text that many replicas edit at once.
COMMENT ON TYPE converge.crdt_text IS 'CRDT: text that many edit at once';

CREATE FUNCTION converge.new_text(value text) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.new_text(text) IS 'a new text with this content';

CREATE FUNCTION converge.insert(content converge.crdt_text, at integer, value text) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_insert' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.insert(converge.crdt_text, integer, text) IS
    'inserts before the character at a position, counted from 0';
CREATE FUNCTION converge.delete(content converge.crdt_text, at integer, count integer) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_delete' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.delete(converge.crdt_text, integer, integer) IS
    'deletes characters from a position on, counted from 0';
CREATE FUNCTION converge.splice(content converge.crdt_text, at integer, count integer, value text)
    RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_splice' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.splice(converge.crdt_text, integer, integer, text) IS
    'replaces characters from a position on, counted from 0';
CREATE FUNCTION converge.assign(content converge.crdt_text, value text) RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 200;
COMMENT ON FUNCTION converge.assign(converge.crdt_text, text) IS
    'makes the content this by the fewest edits, so that concurrent ones elsewhere survive';

CREATE FUNCTION converge.to_text(content converge.crdt_text) RETURNS text
    AS 'MODULE_PATHNAME', 'crdt_text_to_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.to_text(converge.crdt_text) IS 'the text''s value';
CREATE CAST (converge.crdt_text AS text) WITH FUNCTION converge.to_text(converge.crdt_text) AS ASSIGNMENT;

CREATE FUNCTION converge.char_length(content converge.crdt_text) RETURNS integer
    AS 'MODULE_PATHNAME', 'crdt_text_char_length' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.char_length(converge.crdt_text) IS 'the number of characters';

-- src/extension/types/counter.sql

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

CREATE FUNCTION converge.to_bigint(counter converge.pn_counter) RETURNS bigint
    AS 'MODULE_PATHNAME', 'pn_counter_to_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION converge.to_bigint(converge.pn_counter) IS 'the counter''s value';
CREATE CAST (converge.pn_counter AS bigint) WITH FUNCTION converge.to_bigint(converge.pn_counter) AS ASSIGNMENT;
CREATE FUNCTION converge.to_bigint(counter converge.g_counter) RETURNS bigint
    AS 'MODULE_PATHNAME', 'g_counter_to_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION converge.to_bigint(converge.g_counter) IS 'the counter''s value';
CREATE CAST (converge.g_counter AS bigint) WITH FUNCTION converge.to_bigint(converge.g_counter) AS ASSIGNMENT;

-- src/extension/types/mv_register.sql

-- mv_register: a JSON value; concurrent assignments all stand until one that has
-- seen them replaces them.
COMMENT ON TYPE converge.mv_register IS 'CRDT: JSON value that keeps concurrent assignments';

CREATE FUNCTION converge.new_register(value jsonb) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION converge.new_register(jsonb) IS 'a new register with this value';
CREATE FUNCTION converge.assign(register converge.mv_register, value jsonb) RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.assign(converge.mv_register, jsonb) IS 'replaces every value that stands';

CREATE FUNCTION converge.to_array(register converge.mv_register) RETURNS jsonb[]
    AS 'MODULE_PATHNAME', 'mv_register_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.to_array(converge.mv_register) IS
    'the values that stand: none before the first assignment, several after concurrent ones';
CREATE CAST (converge.mv_register AS jsonb[]) WITH FUNCTION converge.to_array(converge.mv_register) AS ASSIGNMENT;
CREATE FUNCTION converge.cardinality(register converge.mv_register) RETURNS integer
    AS 'MODULE_PATHNAME', 'mv_register_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.cardinality(converge.mv_register) IS 'the number of values that stand';

-- src/extension/types/lww_set.sql

-- lww_set: a set of texts where the last add or remove of an element wins.
COMMENT ON TYPE converge.lww_set IS 'CRDT: set of texts, the last add or remove of an element wins';

CREATE FUNCTION converge.new_lww_set(elements text[]) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_new' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.new_lww_set(text[]) IS 'a new set with these elements';

-- src/extension/security/identity.sql

CREATE FUNCTION converge.current_tenant() RETURNS text
    AS 'MODULE_PATHNAME', 'converge_current_tenant'
    LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.current_tenant() IS
    'the tenant of the transaction''s principal, NULL when nobody is authenticated';

CREATE FUNCTION converge.current_principal() RETURNS text
    AS 'MODULE_PATHNAME', 'converge_current_principal'
    LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.current_principal() IS
    'whom the transaction acts for, NULL when nobody is authenticated';

-- src/extension/security/authenticate.sql

-- The keys that tokens are verified with. Several may be valid at once, so that
-- keys can be rotated; `alg` is fixed here and never taken from a token.
CREATE TABLE converge.jwt_key (
    kid text COLLATE "C" PRIMARY KEY CHECK (kid <> ''),
    alg text NOT NULL CHECK (alg IN ('HS256')),
    secret bytea NOT NULL,
    valid_until timestamptz,            -- NULL: until it is deleted
    CHECK (alg <> 'HS256' OR pg_catalog.octet_length(secret) >= 32)
);
COMMENT ON TABLE converge.jwt_key IS 'the keys that tokens are verified with';
SELECT pg_catalog.pg_extension_config_dump('converge.jwt_key', '');

CREATE FUNCTION converge.authenticate(token text) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_authenticate'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.authenticate(text) IS
    'verifies a JSON Web Token and sets the transaction''s tenant and principal';

-- src/extension/documents/log.sql

-- The log and the tables around it. Every key starts with the tenant. Written
-- only by append_change(), track() and the owner functions for compaction. Text
-- that is a key is compared by bytes (COLLATE "C"), so that no new version of a
-- locale can reorder an index.

-- This node's identity as a writer. One row, made when it is first needed. A
-- server that finds another system identifier, timeline or database than its
-- own here was restored or promoted, or the database is a copy: it takes a new
-- epoch and replica.
CREATE TABLE converge.node (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    replica bigint NOT NULL,            -- under which SQL edits are logged
    epoch bigint NOT NULL,              -- microseconds since 1970 when it began
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    database oid NOT NULL
);

-- The tracked tables. user_catalog_table: the output plugin reads it while decoding.
CREATE TABLE converge.collection (
    collection integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,  -- on the wire: the table's name, with its schema unless that is public
    relation regclass NOT NULL UNIQUE,
    tenant_column name NOT NULL,
    key_columns name[] NOT NULL,        -- the primary key without the tenant column
    deferred name[] NOT NULL DEFAULT '{}'
) WITH (user_catalog_table = true);

-- The documents: rows of tracked tables. Rows never change. A row that is
-- deleted and inserted again is another document, an incarnation of the same
-- key: the one with the greatest number is the one that may live.
-- user_catalog_table as above.
CREATE TABLE converge.document (
    tenant text COLLATE "C" NOT NULL,
    document bigint GENERATED ALWAYS AS IDENTITY,
    collection integer NOT NULL,
    key text COLLATE "C" NOT NULL,      -- the column's text; of several columns, a JSON array of texts
    PRIMARY KEY (tenant, document),
    UNIQUE (tenant, collection, key, document)
) WITH (user_catalog_table = true);

-- The log.
CREATE TABLE converge.change (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    seq bigint NOT NULL,
    hlc bigint NOT NULL,
    principal text NOT NULL,            -- whose edit; empty: SQL without an identity
    xid xid8 NOT NULL,
    epoch bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    payload bytea,                      -- wire.Payload; NULL: this number was refused
    hash bytea NOT NULL,                -- first 16 bytes of SHA-256 over hlc (8 bytes, big endian) and payload
    PRIMARY KEY (tenant, document, replica, seq)
);

-- What is known of a replica on a document beyond what the log's key answers.
-- A row is made when the replica first appears there.
CREATE TABLE converge.replica (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    principal text NOT NULL,            -- whose it is; empty: this server's
    last_seq bigint NOT NULL DEFAULT 0, -- as of the last compaction
    last_hash bytea,
    refused_from bigint,                -- this number and all above it are refused
    refused_code integer,               -- and why: a wire.Code and its message
    refused_message text,
    PRIMARY KEY (tenant, document, replica)
);

-- A dump holds them: what was acknowledged is part of the data.
SELECT pg_catalog.pg_extension_config_dump('converge.node', '');
SELECT pg_catalog.pg_extension_config_dump('converge.collection', '');
SELECT pg_catalog.pg_extension_config_dump('converge.collection_collection_seq', '');
SELECT pg_catalog.pg_extension_config_dump('converge.document', '');
SELECT pg_catalog.pg_extension_config_dump('converge.document_document_seq', '');
SELECT pg_catalog.pg_extension_config_dump('converge.change', '');
SELECT pg_catalog.pg_extension_config_dump('converge.replica', '');

COMMENT ON TABLE converge.node IS 'this server''s identity as a writer';
COMMENT ON TABLE converge.collection IS 'the tracked tables';
COMMENT ON TABLE converge.document IS 'the rows of tracked tables, each a document';
COMMENT ON TABLE converge.change IS 'the log: every edit of every document';
COMMENT ON TABLE converge.replica IS 'the writers of each document';

-- src/extension/documents/node.sql

-- VOLATILE: the first call after a restore or promotion begins the new epoch.
CREATE FUNCTION converge.epoch() RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_epoch'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.epoch() IS
    'the server''s epoch, which changes when the server is restored from a backup or promoted';

-- src/extension/documents/track.sql

-- The triggers that track() puts on a table. They may be attached by any
-- table's owner and raise where the table is not tracked.
CREATE FUNCTION converge.join_old() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_join_old'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.join_old() IS
    'stores the old and the new state of each field together, so that no assignment loses history';

CREATE FUNCTION converge.capture() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_capture'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.capture() IS 'logs what an edit of a tracked row added';

CREATE FUNCTION converge.capture_truncate() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_capture_truncate'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.capture_truncate() IS 'logs the deletion of every row of a tracked table';

CREATE FUNCTION converge.track(collection regclass, tenant name, deferred name[] DEFAULT '{}') RETURNS void
    AS 'MODULE_PATHNAME', 'converge_track'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.track(regclass, name, name[]) IS
    'makes every row of a table a document that clients can edit';

CREATE FUNCTION converge.untrack(collection regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_untrack'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.untrack(regclass) IS 'ends what track() began; the log stays';

-- A table that is dropped is tracked no more.
CREATE FUNCTION converge.forget_dropped_collections() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    DELETE FROM converge.collection c
     USING pg_catalog.pg_event_trigger_dropped_objects() d
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.objid = c.relation::pg_catalog.oid AND d.objsubid = 0;
END
$$;
COMMENT ON FUNCTION converge.forget_dropped_collections() IS 'removes dropped tables from converge.collection';

CREATE EVENT TRIGGER converge_forget_dropped_collections ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP TYPE', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION')
    EXECUTE FUNCTION converge.forget_dropped_collections();

-- src/extension/documents/sync.sql

CREATE FUNCTION converge.push(request bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_push'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.push(bytea) IS
    'applies changes of clients (wire.PushRequest) and gives a verdict on each (wire.PushResponse)';

-- STABLE: row and log are read in the statement's one snapshot.
CREATE FUNCTION converge.pull(collection text, key text, since converge.log_version DEFAULT NULL) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_pull'
    LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.pull(text, text, converge.log_version) IS
    'what a client that has "since" lacks of a document (wire.PullResponse)';

CREATE FUNCTION converge.subscribe(collection text, key text, OUT document bigint, OUT tenant text, OUT ticket bytea)
    AS 'MODULE_PATHNAME', 'converge_subscribe'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.subscribe(text, text) IS
    'a ticket for the stream worker to forward a document that the caller may read';

-- src/extension/documents/repair.sql

CREATE FUNCTION converge.verify(collection text, key text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_verify'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.verify(text, text) IS
    'whether a document''s row equals the replay of its log';

CREATE FUNCTION converge.rebuild(collection text, tenant text, key text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_rebuild'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.rebuild(text, text, text) IS
    'makes a document''s row what the replay of its log says; whether it was something else';

-- worker/background/status.sql

-- What the stream worker of this database shows of itself.

CREATE FUNCTION converge.worker_socket() RETURNS text
    AS 'MODULE_PATHNAME', 'converge_worker_socket'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.worker_socket() IS
    'path of the Unix socket where bridges attach to this database''s stream worker';

CREATE FUNCTION converge.worker_status(
        OUT state text,             -- running, creating slot, starting, waiting, or absent
        OUT pid integer,
        OUT problem text,           -- why the last one ended, if by an error
        OUT slot name,
        OUT confirmed_lsn pg_lsn,   -- everything before is dealt with
        OUT bridges integer,        -- attached now
        OUT watches bigint,         -- of all bridges
        OUT frames bigint,          -- decoded since the worker started
        OUT bytes_forwarded bigint, -- to all bridges, since the worker started
        OUT bridges_dropped bigint) -- for not reading in time, since the worker started
    AS 'MODULE_PATHNAME', 'converge_worker_status'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.worker_status() IS
    'state of this database''s stream worker';

-- Its figures span all tenants.
REVOKE ALL ON FUNCTION converge.worker_socket(), converge.worker_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.worker_socket() TO converge_client;
GRANT EXECUTE ON FUNCTION converge.worker_status() TO converge_client, pg_monitor;

-- src/extension/security/grants.sql

-- Who may what; the last part of the script. Only what takes part in ordinary
-- expressions and policies stays with PUBLIC: the types, the triggers of a
-- tracked table, and the questions who the caller is.
DO $grants$
DECLARE
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['node', 'collection', 'document', 'change', 'replica', 'jwt_key'] LOOP
        EXECUTE pg_catalog.format('ALTER TABLE converge.%I OWNER TO converge_owner', object);
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE converge.%I FROM PUBLIC', object);
    END LOOP;
    FOREACH object IN ARRAY ARRAY[
        'authenticate(text)', 'epoch()', 'track(regclass, name, name[])', 'untrack(regclass)',
        'forget_dropped_collections()', 'push(bytea)', 'pull(text, text, converge.log_version)',
        'subscribe(text, text)', 'verify(text, text)', 'rebuild(text, text, text)'] LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION converge.%s FROM PUBLIC', object);
    END LOOP;
    FOREACH object IN ARRAY ARRAY[
        'authenticate(text)', 'epoch()', 'push(bytea)', 'pull(text, text, converge.log_version)',
        'subscribe(text, text)', 'verify(text, text)'] LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION converge.%s TO converge_client', object);
    END LOOP;
END
$grants$;
