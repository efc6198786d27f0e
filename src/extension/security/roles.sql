-- The two roles. Cluster-wide, so another database's converge may have made
-- them already; what they may be is pinned either way.
--
-- converge_owner   owns the log and the tables around it. Nobody logs in as it
--                  and row-level security binds it.
-- converge_client  may authenticate, push, pull and subscribe. A bridge logs in
--                  as a member of it.
DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['converge_owner', 'converge_client'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) role_name) THEN
                EXECUTE pg_catalog.format('CREATE ROLE %I', role_name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database's CREATE EXTENSION was quicker
        END;
        EXECUTE pg_catalog.format(
            'ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOLOGIN NOREPLICATION NOBYPASSRLS',
            role_name);
    END LOOP;
END
$roles$;

GRANT USAGE ON SCHEMA converge TO PUBLIC;
