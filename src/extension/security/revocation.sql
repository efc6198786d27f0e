-- Tokens that are no longer good though they verify. A row stands until an
-- administrator deletes it: it has to outlive the tokens it is about.
CREATE TABLE converge.revocation (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('tenant', 'principal', 'token_id', 'token_hash')),
    name text COLLATE "C" NOT NULL,     -- the principal, the token's `jti`, or its SHA-256 in hex; empty for the tenant
    revoked_at timestamptz NOT NULL,    -- of principal and tenant: tokens issued up to here
    PRIMARY KEY (tenant, kind, name)
);
COMMENT ON TABLE converge.revocation IS 'tokens that are no longer good though they verify';
SELECT pg_catalog.pg_extension_config_dump('converge.revocation', '');

CREATE TRIGGER forget_verified_tokens AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.revocation
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_verified_tokens();
ALTER TABLE converge.revocation ENABLE ALWAYS TRIGGER forget_verified_tokens;

-- Live connections whose tokens may be no longer good show them again at once.
CREATE TRIGGER converge_recheck AFTER INSERT OR UPDATE ON converge.revocation
    FOR EACH ROW EXECUTE FUNCTION converge.recheck('tenant', '');
CREATE TRIGGER converge_recheck AFTER UPDATE OR DELETE ON converge.jwt_key
    FOR EACH ROW EXECUTE FUNCTION converge.recheck('tenant', '');
ALTER TABLE converge.revocation ENABLE ALWAYS TRIGGER converge_recheck;
ALTER TABLE converge.jwt_key ENABLE ALWAYS TRIGGER converge_recheck;

-- revoke() says itself what it does.
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON converge.jwt_key
    FOR EACH ROW EXECUTE FUNCTION converge.record_change('key', 'kid');
CREATE TRIGGER record_change AFTER DELETE ON converge.revocation
    FOR EACH ROW EXECUTE FUNCTION converge.record_change('revocation', 'kind', 'name');
ALTER TABLE converge.jwt_key ENABLE ALWAYS TRIGGER record_change;
ALTER TABLE converge.revocation ENABLE ALWAYS TRIGGER record_change;

CREATE FUNCTION converge.revoke(tenant text DEFAULT NULL, principal text DEFAULT NULL, token_id text DEFAULT NULL,
                                token_hash bytea DEFAULT NULL, key_id text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
<<revoke>>
DECLARE
    kind text;
    name text;
BEGIN
    IF key_id IS NOT NULL THEN
        IF num_nonnulls(tenant, principal, token_id, token_hash) > 0 THEN
            RAISE invalid_parameter_value USING MESSAGE = 'a key is revoked by its key_id alone';
        END IF;
        UPDATE converge.jwt_key SET valid_until = clock_timestamp()
         WHERE kid = key_id AND (valid_until IS NULL OR valid_until > clock_timestamp());
        IF NOT FOUND THEN
            RAISE undefined_object USING MESSAGE = format('key "%s" does not exist or is not valid any more', key_id);
        END IF;
        INSERT INTO converge.audit (tenant, event, object) VALUES ('', 'revocation', 'key ' || key_id);
        RETURN;
    END IF;
    IF tenant IS NULL OR tenant = '' THEN
        RAISE null_value_not_allowed USING MESSAGE = 'tenant of the tokens to revoke is missing';
    END IF;
    IF num_nonnulls(principal, token_id, token_hash) > 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a revocation names a principal, a token_id or a token_hash',
            HINT = 'Call revoke() once for each.';
    END IF;
    IF length(token_hash) <> 32 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'token_hash is no SHA-256 of a token',
            DETAIL = format('It has %s bytes instead of 32.', length(token_hash));
    END IF;
    kind := CASE WHEN principal IS NOT NULL THEN 'principal' WHEN token_id IS NOT NULL THEN 'token_id'
                 WHEN token_hash IS NOT NULL THEN 'token_hash' ELSE 'tenant' END;
    name := coalesce(principal, token_id, encode(token_hash, 'hex'), '');
    INSERT INTO converge.revocation VALUES (revoke.tenant, revoke.kind, revoke.name, clock_timestamp())
        ON CONFLICT ON CONSTRAINT revocation_pkey DO UPDATE SET revoked_at = EXCLUDED.revoked_at;
    INSERT INTO converge.audit (tenant, event, object)
        VALUES (revoke.tenant, 'revocation', revoke.kind || CASE revoke.name WHEN '' THEN '' ELSE ' ' || revoke.name END);
END
$$;
COMMENT ON FUNCTION converge.revoke(text, text, text, bytea, text) IS
    'ends tokens: all that a tenant or principal was issued so far, one by its id or hash, or all of a key';
