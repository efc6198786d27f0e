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
