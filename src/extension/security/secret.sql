-- A value that is passed to a function and shown nowhere: its output is the same
-- whatever it holds, and what PostgreSQL logs of a statement's parameters is their
-- output (of those that come in binary format; the text of others may be logged as
-- it came). Tokens, and requests that hold tokens, are to be passed as
-- `$1::converge.secret::text` and `$1::converge.secret::bytea`. Not for storing.
CREATE TYPE converge.secret;

CREATE FUNCTION converge.secret_in(cstring) RETURNS converge.secret
    AS 'MODULE_PATHNAME', 'converge_secret_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_in(cstring) IS 'I/O';
CREATE FUNCTION converge.secret_out(converge.secret) RETURNS cstring
    AS 'MODULE_PATHNAME', 'converge_secret_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_out(converge.secret) IS 'I/O';
CREATE FUNCTION converge.secret_recv(internal) RETURNS converge.secret
    AS 'MODULE_PATHNAME', 'converge_secret_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_recv(internal) IS 'I/O';
CREATE FUNCTION converge.secret_send(converge.secret) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_secret_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_send(converge.secret) IS 'I/O';

CREATE TYPE converge.secret (
    INPUT = converge.secret_in, OUTPUT = converge.secret_out,
    RECEIVE = converge.secret_recv, SEND = converge.secret_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);
COMMENT ON TYPE converge.secret IS 'a value that is passed to a function and shown nowhere';

-- VOLATILE: otherwise planning would make a constant of what they give, which
-- auto_explain shows.
CREATE FUNCTION converge.secret_to_bytea(converge.secret) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_secret_to_bytea' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_to_bytea(converge.secret) IS 'the bytes that were passed as a secret';
CREATE CAST (converge.secret AS bytea) WITH FUNCTION converge.secret_to_bytea(converge.secret);
CREATE FUNCTION converge.secret_to_text(converge.secret) RETURNS text
    AS 'MODULE_PATHNAME', 'converge_secret_to_text' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_to_text(converge.secret) IS 'the text that was passed as a secret';
CREATE CAST (converge.secret AS text) WITH FUNCTION converge.secret_to_text(converge.secret);
