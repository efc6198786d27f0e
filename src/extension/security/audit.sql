-- Who did what to whom. Rows are added and never changed; retention deletes them.
CREATE TABLE converge.audit (
    tenant text COLLATE "C" NOT NULL,   -- empty: of none, or not known
    id bigint GENERATED ALWAYS AS IDENTITY,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    event text NOT NULL,                -- what happened: docs/reference/security.md lists the events
    principal text NOT NULL DEFAULT '', -- who did it, or was refused; empty: SQL without an identity
    role name NOT NULL DEFAULT session_user,
    object text NOT NULL DEFAULT '',    -- to what or whom
    detail text NOT NULL DEFAULT '',
    count bigint NOT NULL DEFAULT 1,    -- how often, where like events are recorded as one
    PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE converge.audit IS 'who did what to whom';
SELECT pg_catalog.pg_extension_config_dump('converge.audit', '');
SELECT pg_catalog.pg_extension_config_dump('converge.audit_id_seq', '');

CREATE FUNCTION converge.keep_audit() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'rows of converge.audit cannot be changed or deleted',
        HINT = 'converge.audit_retention() deletes what is old enough.';
END
$$;
COMMENT ON FUNCTION converge.keep_audit() IS 'trigger of converge.audit: rows are added only';
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE OR TRUNCATE ON converge.audit
    FOR EACH STATEMENT EXECUTE FUNCTION converge.keep_audit();
ALTER TABLE converge.audit ENABLE ALWAYS TRIGGER keep_audit;

-- Arguments: the event, and the columns that say which row it is.
CREATE FUNCTION converge.record_change() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_record_change'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.record_change() IS 'trigger of what access rests on: the audit says what was changed';

CREATE FUNCTION converge.audit_retention(keep interval, tenant text DEFAULT NULL) RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_audit_retention'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.audit_retention(interval, text) IS
    'deletes what a tenant''s audit, or everybody''s, has recorded longer ago; how many rows';
