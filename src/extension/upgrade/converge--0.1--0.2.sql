\echo Use "ALTER EXTENSION converge UPDATE TO '0.2'" to load this file. \quit

-- From 0.1 to 0.2. What it makes is what a fresh install of 0.2 makes: test/upgrade
-- compares the two. The order is that of the install script.

-- src/extension/documents/log.sql

-- What is not in the rows yet: a replica's changes of a document from this number
-- on have not been folded into its deferred fields. A row is made with the first
-- such change and goes when it is folded: no row means that the document's row
-- holds all of the replica's changes, but those in quarantine. Compaction keeps
-- what is named here.
CREATE TABLE converge.unfolded (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    from_seq bigint NOT NULL,
    since timestamptz NOT NULL,         -- when that change was logged
    PRIMARY KEY (tenant, document, replica)
);

-- Logged changes that could not be folded: the row goes on without these fields
-- of theirs. quarantine_retry() tries again, quarantine_drop() gives them up; the
-- row stays then, and says that they are to be left out for good.
CREATE TABLE converge.quarantine (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    seq bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    fields name[] NOT NULL,             -- the fields of the change that are not in the row
    quarantined_at timestamptz NOT NULL,
    sqlstate text NOT NULL,             -- what the fold raised
    message text NOT NULL,
    detail text NOT NULL,               -- empty: none
    dropped_at timestamptz,             -- given up by quarantine_drop()
    PRIMARY KEY (tenant, document, replica, seq)
);

SELECT pg_catalog.pg_extension_config_dump('converge.unfolded', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine_id_seq', '');
COMMENT ON TABLE converge.unfolded IS 'logged changes that are not in the documents'' rows yet';
COMMENT ON TABLE converge.quarantine IS 'logged changes that could not be folded into the documents'' rows';

-- src/extension/documents/fold.sql

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

-- worker/background/status.sql

CREATE FUNCTION converge.maintenance_status(
        OUT state text,             -- running, starting, waiting, or absent
        OUT pid integer,
        OUT problem text,           -- why it ended, or why it cannot fold a document
        OUT documents_waiting bigint,   -- with changes that are not in their rows yet
        OUT changes_waiting bigint, -- of those documents, as far as it knows
        OUT waiting_since timestamptz,  -- since when the oldest of them does
        OUT documents_folded bigint,    -- since the worker started
        OUT changes_folded bigint,      -- since the worker started
        OUT changes_quarantined bigint) -- since the worker started
    AS 'MODULE_PATHNAME', 'converge_maintenance_status'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.maintenance_status() IS
    'state of this database''s maintenance worker and what waits to be folded';

REVOKE ALL ON FUNCTION converge.maintenance_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.maintenance_status() TO converge_client, pg_monitor;

-- src/extension/security/grants.sql

ALTER TABLE converge.unfolded OWNER TO converge_owner;
ALTER TABLE converge.quarantine OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.unfolded, converge.quarantine FROM PUBLIC;
REVOKE ALL ON FUNCTION converge.defer(regclass, name[]), converge.fold(text, text, text), converge.current(anyelement),
    converge.quarantine_retry(bigint), converge.quarantine_drop(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.current(anyelement) TO converge_client;
