-- What the stream worker of this database shows of itself.

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

-- Its figures span all tenants.
REVOKE ALL ON FUNCTION converge.worker_socket(), converge.worker_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.worker_socket() TO converge_client;
GRANT EXECUTE ON FUNCTION converge.worker_status() TO converge_client, pg_monitor;
