-- Who may do what: grants, members, and the questions that policies ask.

-- Each level holds those before it.
CREATE TYPE converge.access_level AS ENUM ('none', 'read', 'write', 'admin');
COMMENT ON TYPE converge.access_level IS 'what one may do with a document';

-- Grants. The highest of those that cover a document counts.
CREATE TABLE converge.permission (
    tenant text COLLATE "C" NOT NULL CHECK (pg_catalog.octet_length(tenant) BETWEEN 1 AND 256),
    grantee text COLLATE "C" NOT NULL CHECK (grantee NOT IN ('', 'role:')), -- a principal, or role:NAME
    collection integer,                 -- NULL: all of the tenant's
    key text COLLATE "C",               -- NULL: all of the collection's documents
    level converge.access_level NOT NULL CHECK (level > 'none'),
    grantor text NOT NULL,              -- the principal who gave it; empty: SQL without an identity
    granted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE NULLS NOT DISTINCT (tenant, grantee, collection, key),
    CHECK (key IS NULL OR collection IS NOT NULL)
);
COMMENT ON TABLE converge.permission IS 'the levels of access that principals and roles were given';

-- Which principal has which roles.
CREATE TABLE converge.member (
    tenant text COLLATE "C" NOT NULL CHECK (pg_catalog.octet_length(tenant) BETWEEN 1 AND 256),
    principal text COLLATE "C" NOT NULL CHECK (principal <> ''),
    role text COLLATE "C" NOT NULL CHECK (role NOT IN ('', 'everyone')),
    PRIMARY KEY (tenant, principal, role)
);
COMMENT ON TABLE converge.member IS 'the roles that principals have in their tenants';

-- A number for each tenant that is another after each change of the above, or of a
-- table named by recheck_on(). Not in a dump: restoring the above makes new ones.
CREATE TABLE converge.policy_state (
    tenant text COLLATE "C" PRIMARY KEY,  -- empty: all
    state bigint GENERATED ALWAYS AS IDENTITY
);
COMMENT ON TABLE converge.policy_state IS 'which permissions and members of each tenant hold, as a number';

SELECT pg_catalog.pg_extension_config_dump('converge.permission', '');
SELECT pg_catalog.pg_extension_config_dump('converge.member', '');

-- Arguments: the columns that hold the tenant and the principal, empty for none.
CREATE FUNCTION converge.recheck() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_recheck'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.recheck() IS 'has live subscriptions checked again';

CREATE TRIGGER converge_recheck AFTER INSERT OR UPDATE OR DELETE ON converge.permission
    FOR EACH ROW EXECUTE FUNCTION converge.recheck('tenant', 'grantee');
CREATE TRIGGER converge_recheck_truncate AFTER TRUNCATE ON converge.permission
    FOR EACH STATEMENT EXECUTE FUNCTION converge.recheck('', '');
CREATE TRIGGER converge_recheck AFTER INSERT OR UPDATE OR DELETE ON converge.member
    FOR EACH ROW EXECUTE FUNCTION converge.recheck('tenant', 'principal');
CREATE TRIGGER converge_recheck_truncate AFTER TRUNCATE ON converge.member
    FOR EACH STATEMENT EXECUTE FUNCTION converge.recheck('', '');

CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON converge.permission
    FOR EACH ROW EXECUTE FUNCTION converge.record_change('permission');
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON converge.member
    FOR EACH ROW EXECUTE FUNCTION converge.record_change('member');

-- Also where rows come by logical replication.
ALTER TABLE converge.permission ENABLE ALWAYS TRIGGER record_change;
ALTER TABLE converge.member ENABLE ALWAYS TRIGGER record_change;
ALTER TABLE converge.permission ENABLE ALWAYS TRIGGER converge_recheck;
ALTER TABLE converge.permission ENABLE ALWAYS TRIGGER converge_recheck_truncate;
ALTER TABLE converge.member ENABLE ALWAYS TRIGGER converge_recheck;
ALTER TABLE converge.member ENABLE ALWAYS TRIGGER converge_recheck_truncate;

-- For policies. STABLE: of reading, the statement's snapshot answers; of more, the
-- newest state does, which is locked until the transaction ends.
CREATE FUNCTION converge.can(collection regclass, key text, level converge.access_level) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_can'
    LANGUAGE C STABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION converge.can(regclass, text, converge.access_level) IS
    'whether the transaction''s principal has a level on a document, a collection (key NULL) or its tenant (both NULL)';

CREATE FUNCTION converge.set_permission(tenant text, grantee text, level converge.access_level,
                                        collection regclass DEFAULT NULL, key text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_set_permission'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.set_permission(text, text, converge.access_level, regclass, text) IS
    'gives a principal, or a role as role:NAME, a level on a document, a collection or a tenant; none takes it away';

CREATE FUNCTION converge.add_member(tenant text, principal text, role text) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_add_member'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.add_member(text, text, text) IS 'gives a principal a role in a tenant';

CREATE FUNCTION converge.remove_member(tenant text, principal text, role text) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_remove_member'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.remove_member(text, text, text) IS 'takes a role from a principal of a tenant';

CREATE FUNCTION converge.isolate(collection regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_isolate'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.isolate(regclass) IS
    'gives a tracked table the standard policies: its tenant''s principals by their permissions';

CREATE FUNCTION converge.recheck_on(collection regclass, membership regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_recheck_on'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.recheck_on(regclass, regclass) IS
    'names a table that a tracked table''s policies look at: where it changes, live subscriptions are checked at once';
