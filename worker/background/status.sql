-- What the workers of this database show of themselves.

CREATE FUNCTION converge.worker_socket() RETURNS text
    AS 'MODULE_PATHNAME', 'converge_worker_socket'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.worker_socket() IS
    'path of the Unix socket where bridges attach to this database''s stream worker';

CREATE FUNCTION converge.worker_status(
        OUT state text,             -- running, creating slot, starting, waiting, or absent
        OUT pid integer,
        OUT problem text,           -- why the last one ended, if by an error
        OUT slot name,
        OUT confirmed_lsn pg_lsn,   -- everything before is dealt with
        OUT bridges integer,        -- attached now
        OUT watches bigint,         -- of all bridges
        OUT frames bigint,          -- decoded since the worker started
        OUT bytes_forwarded bigint, -- to all bridges, since the worker started
        OUT bridges_dropped bigint) -- for not reading in time, since the worker started
    AS 'MODULE_PATHNAME', 'converge_worker_status'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.worker_status() IS
    'state of this database''s stream worker';

CREATE FUNCTION converge.maintenance_status(
        OUT state text,             -- running, starting, waiting, or absent
        OUT pid integer,
        OUT problem text,           -- why it ended, or why it cannot fold a document
        OUT documents_waiting bigint,   -- with changes that are not in their rows yet
        OUT changes_waiting bigint, -- of those documents, as far as it knows
        OUT waiting_since timestamptz,  -- since when the oldest of them does
        OUT documents_folded bigint,    -- since the worker started
        OUT changes_folded bigint,      -- since the worker started
        OUT changes_quarantined bigint, -- since the worker started
        OUT documents_compacted bigint, -- since the worker started
        OUT changes_compacted bigint)   -- since the worker started
    AS 'MODULE_PATHNAME', 'converge_maintenance_status'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.maintenance_status() IS
    'state of this database''s maintenance worker and what waits to be folded';

-- Their figures span all tenants.
REVOKE ALL ON FUNCTION converge.worker_socket(), converge.worker_status(), converge.maintenance_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.worker_socket() TO converge_client;
GRANT EXECUTE ON FUNCTION converge.worker_status(), converge.maintenance_status() TO converge_client, pg_monitor;
