-- authenticate(), with all that a bridge has to know of a client that connects: in one
-- statement, because a client that comes back waits for it.
CREATE FUNCTION converge.identify(token text, OUT tenant text, OUT principal text, OUT epoch bigint,
                                  OUT token_ms bigint, OUT principal_requests bigint, OUT principal_changes bigint,
                                  OUT tenant_requests bigint, OUT tenant_changes bigint) RETURNS record
    AS 'MODULE_PATHNAME', 'converge_identify'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.identify(text) IS
    'for bridges: authenticate(), and whose the token is and for how long, the server''s epoch, and the current_limits()';
REVOKE ALL ON FUNCTION converge.identify(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.identify(text) TO converge_client;
