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

CREATE FUNCTION converge.current_token_end() RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'converge_current_token_end'
    LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.current_token_end() IS
    'when the token ends whose principal the transaction acts for, NULL when nobody is authenticated';
