CREATE FUNCTION converge.compact(collection text, tenant text, key text, keep interval DEFAULT '0') RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_compact'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.compact(text, text, text, interval) IS
    'drops settled changes older than "keep" from a document''s log, where a snapshot holds them; how many';

CREATE FUNCTION converge.keep_log(collection regclass, keep interval) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_keep_log'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.keep_log(regclass, interval) IS
    'how long the maintenance worker keeps the log of a collection''s documents; null: as converge.compact_keep says';

-- Outside a transaction block it commits as it goes.
CREATE PROCEDURE converge.compact(collection text, keep interval DEFAULT '0')
    AS 'MODULE_PATHNAME', 'converge_compact_collection'
    LANGUAGE C;
COMMENT ON PROCEDURE converge.compact(text, interval) IS
    'drops settled changes older than "keep" from the logs of all documents of a collection';
