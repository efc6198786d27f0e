-- What Yjs clients need of the database (docs/reference/bridge.md).

-- Whose the Yjs clients are: the principal that first wrote to a document under a
-- client identifier, empty while only SQL has. Another one's structs under it are
-- refused.
CREATE TABLE converge.yjs_client (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    client bigint NOT NULL,
    principal text NOT NULL,
    PRIMARY KEY (tenant, document, client)
);
COMMENT ON TABLE converge.yjs_client IS 'the principals that write under the Yjs clients of each document';
SELECT pg_catalog.pg_extension_config_dump('converge.yjs_client', '');
ALTER TABLE converge.yjs_client OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.yjs_client FROM PUBLIC;
-- Sessions remember whose they are (known_document.sql).
CREATE TRIGGER forget_documents AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.yjs_client
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_documents();
ALTER TABLE converge.yjs_client ENABLE ALWAYS TRIGGER forget_documents;

-- STABLE: row and log are read in the statement's one snapshot.
CREATE FUNCTION converge.yjs_pull(collection text, key text, field text, since bytea DEFAULT '\x',
                                  state_up_to integer DEFAULT 0) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_yjs_pull'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.yjs_pull(text, text, text, bytea, integer) IS
    'what a Yjs client with the state vector "since" lacks of a field, or the field itself if it has up to so many bytes (wire.PullResponse)';
REVOKE ALL ON FUNCTION converge.yjs_pull(text, text, text, bytea, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.yjs_pull(text, text, text, bytea, integer) TO converge_client;

-- VOLATILE: as push(), it goes by what is committed, whatever the statement's snapshot.
CREATE FUNCTION converge.may_write(collection text, key text, field text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_may_write'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.may_write(text, text, text) IS
    'whether push() lets the transaction''s principal change a field of a document, NULL while that is not known';
REVOKE ALL ON FUNCTION converge.may_write(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.may_write(text, text, text) TO converge_client;
