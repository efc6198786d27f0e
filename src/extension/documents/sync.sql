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

-- As subscribe(), of many clients at once, by their tokens.
CREATE FUNCTION converge.check_access(request bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_check_access'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.check_access(bytea) IS
    'which documents clients may still read (wire.AccessRequest, wire.AccessResponse)';
