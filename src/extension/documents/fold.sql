-- Deferred fields: push() only logs what it gets of them, and the maintenance
-- worker folds it into the rows.

CREATE FUNCTION converge.defer(collection regclass, fields name[]) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_defer'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.defer(regclass, name[]) IS
    'says which fields of a tracked table are deferred from now on; all others are immediate';

CREATE FUNCTION converge.fold(collection text, tenant text DEFAULT NULL, key text DEFAULT NULL) RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_fold'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.fold(text, text, text) IS
    'merges the logged changes that wait into a document''s row, or into all rows of a collection; how many';

-- STABLE: row and log are read in the statement's one snapshot.
CREATE FUNCTION converge.current(document anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'converge_current'
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.current(anyelement) IS
    'a row of a tracked table with its deferred fields up to date';

CREATE FUNCTION converge.quarantine_retry(id bigint) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_quarantine_retry'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.quarantine_retry(bigint) IS
    'merges a change in quarantine into its document''s row';

CREATE FUNCTION converge.quarantine_drop(id bigint) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_quarantine_drop'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.quarantine_drop(bigint) IS
    'gives up a change in quarantine: the document stays without it';
