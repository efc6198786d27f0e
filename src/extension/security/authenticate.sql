-- The keys that tokens are verified with. Several may be valid at once, so that
-- keys can be rotated; `alg` is fixed here and never taken from a token.
CREATE TABLE converge.jwt_key (
    kid text COLLATE "C" PRIMARY KEY CHECK (kid <> ''),
    alg text NOT NULL CONSTRAINT jwt_key_alg_check CHECK (alg IN ('HS256', 'RS256', 'ES256', 'EdDSA')),
    secret bytea,                       -- of HS256, at least 32 bytes
    valid_until timestamptz,            -- NULL: until it is deleted
    public_key text,                    -- of the others, PEM
    valid_from timestamptz,             -- NULL: from now on
    issuer text CHECK (issuer <> ''),   -- what a token's `iss` has to be; NULL: anything
    audience text CHECK (audience <> ''), -- what its `aud` has to name; NULL: it may have none
    tenant text CHECK (tenant <> ''),   -- the one tenant the key may speak for; NULL: any
    CONSTRAINT jwt_key_material_check CHECK (
        CASE WHEN alg = 'HS256' THEN secret IS NOT NULL AND public_key IS NULL
             ELSE public_key IS NOT NULL AND secret IS NULL END)
);
COMMENT ON TABLE converge.jwt_key IS 'the keys that tokens are verified with';
SELECT pg_catalog.pg_extension_config_dump('converge.jwt_key', '');

CREATE FUNCTION converge.check_jwt_key() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_check_jwt_key' LANGUAGE C;
COMMENT ON FUNCTION converge.check_jwt_key() IS 'trigger of converge.jwt_key: refuses what is no key of its algorithm';
CREATE TRIGGER check_jwt_key BEFORE INSERT OR UPDATE ON converge.jwt_key
    FOR EACH ROW EXECUTE FUNCTION converge.check_jwt_key();

-- Backends keep what they have verified.
CREATE FUNCTION converge.forget_verified_tokens() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_forget_verified_tokens' LANGUAGE C;
COMMENT ON FUNCTION converge.forget_verified_tokens() IS
    'trigger of what verified tokens rest on: every session verifies anew';
CREATE TRIGGER forget_verified_tokens AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.jwt_key
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_verified_tokens();
ALTER TABLE converge.jwt_key ENABLE ALWAYS TRIGGER check_jwt_key, ENABLE ALWAYS TRIGGER forget_verified_tokens;

CREATE FUNCTION converge.authenticate(token text) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_authenticate'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.authenticate(text) IS
    'verifies a JSON Web Token and sets the transaction''s tenant and principal';
