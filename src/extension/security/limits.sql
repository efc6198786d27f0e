-- What a tenant and its principals may use, where it is not what the settings say.
-- NULL: as the setting of that name; 0: no limit.
CREATE TABLE converge.tenant_limit (
    tenant text COLLATE "C" PRIMARY KEY CHECK (tenant <> ''),
    max_tenant_documents bigint CHECK (max_tenant_documents >= 0),
    max_tenant_bytes bigint CHECK (max_tenant_bytes >= 0),
    max_document_bytes bigint CHECK (max_document_bytes >= 0),
    max_replicas bigint CHECK (max_replicas >= 0),
    max_tombstone_share bigint CHECK (max_tombstone_share BETWEEN 0 AND 100),
    principal_requests bigint CHECK (principal_requests >= 0),
    principal_changes bigint CHECK (principal_changes >= 0),
    tenant_requests bigint CHECK (tenant_requests >= 0),
    tenant_changes bigint CHECK (tenant_changes >= 0),
    max_tenant_grants bigint CHECK (max_tenant_grants >= 0),
    max_tenant_members bigint CHECK (max_tenant_members >= 0)
);
COMMENT ON TABLE converge.tenant_limit IS 'what tenants may use, where it is not what the settings say';
SELECT pg_catalog.pg_extension_config_dump('converge.tenant_limit', '');

-- What the maintenance worker has measured of the tenants that have a limit on it.
-- Not in a dump.
CREATE TABLE converge.tenant_usage (
    tenant text COLLATE "C" PRIMARY KEY,
    bytes bigint NOT NULL,              -- of the log and its snapshots
    measured_at timestamptz NOT NULL
);
COMMENT ON TABLE converge.tenant_usage IS 'what tenants use, as far as there is a limit';

CREATE FUNCTION converge.forget_limits() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_forget_limits' LANGUAGE C;
COMMENT ON FUNCTION converge.forget_limits() IS 'trigger of converge.tenant_limit: every session reads it anew';
CREATE TRIGGER forget_limits AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.tenant_limit
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_limits();
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON converge.tenant_limit
    FOR EACH ROW EXECUTE FUNCTION converge.record_change('limit');
ALTER TABLE converge.tenant_limit ENABLE ALWAYS TRIGGER forget_limits, ENABLE ALWAYS TRIGGER record_change;

CREATE FUNCTION converge.current_limits(OUT principal_requests bigint, OUT principal_changes bigint,
                                        OUT tenant_requests bigint, OUT tenant_changes bigint) RETURNS record
    AS 'MODULE_PATHNAME', 'converge_current_limits'
    LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.current_limits() IS
    'for bridges: what the transaction''s principal, and all of its tenant, may ask in a minute; 0: anything';
