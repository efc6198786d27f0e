-- The role of the SQL box (docs/reference/bridge.md): run by a superuser, in each database
-- that has one. Whoever comes by the box is told apart by the token alone, so that the role
-- may do nothing that reaches beyond a statement, its rows and their policies.
DO $role$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sql_box') THEN
        CREATE ROLE sql_box LOGIN CONNECTION LIMIT 20 IN ROLE converge_client;
    END IF;
END
$role$;

-- One would read another's statement in pg_stat_activity, and the disk would be the bound of
-- what a statement sorts.
ALTER ROLE sql_box SET track_activities = off;
ALTER ROLE sql_box SET temp_file_limit = '64MB';

-- What everybody may call, and this role must not: to end others' statements, to hold locks
-- that have nothing to do with rows, to leave behind what no policy guards. Roles of the same
-- database that need them are granted them by name.
DO $functions$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT oid FROM pg_proc
         WHERE pronamespace = 'pg_catalog'::regnamespace
           AND (proname IN ('pg_cancel_backend', 'pg_terminate_backend', 'pg_notify', 'pg_logical_emit_message',
                            'lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import')
                OR proname LIKE 'pg\_%advisory%')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
END
$functions$;
