CREATE FUNCTION converge.compact(collection text, tenant text, key text, keep interval DEFAULT '0') RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_compact'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.compact(text, text, text, interval) IS
    'drops settled changes older than "keep" from a document''s log, where a snapshot holds them; how many';

-- Outside a transaction block it commits as it goes.
CREATE PROCEDURE converge.compact(collection text, keep interval DEFAULT '0')
    AS 'MODULE_PATHNAME', 'converge_compact_collection'
    LANGUAGE C;
COMMENT ON PROCEDURE converge.compact(text, interval) IS
    'drops settled changes older than "keep" from the logs of all documents of a collection';
