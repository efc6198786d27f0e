CREATE FUNCTION converge.verify(collection text, key text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_verify'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.verify(text, text) IS
    'whether a document''s row equals the replay of its log';

CREATE FUNCTION converge.verify_row(collection text, key text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_verify'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.verify_row(text, text) IS
    'whether a document''s row equals the replay of its log';

CREATE FUNCTION converge.rebuild(collection text, tenant text, key text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_rebuild'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.rebuild(text, text, text) IS
    'makes a document''s row what the replay of its log says; whether it was something else';
