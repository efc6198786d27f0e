-- Who may what; the last part of the script. Only what takes part in ordinary
-- expressions and policies stays with PUBLIC: the types, the triggers of a
-- tracked table, and the questions who the caller is.
DO $grants$
DECLARE
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['node', 'collection', 'field', 'document', 'change', 'replica', 'snapshot', 'unfolded', 'temporary_key', 'quarantine', 'jwt_key',
        'audit', 'revocation', 'tenant_limit', 'tenant_usage', 'permission', 'member', 'policy_state',
        'kept_state'] LOOP
        EXECUTE pg_catalog.format('ALTER TABLE converge.%I OWNER TO converge_owner', object);
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE converge.%I FROM PUBLIC', object);
    END LOOP;
    FOREACH object IN ARRAY ARRAY[
        'authenticate(text)', 'revoke(text, text, text, bytea, text)', 'audit_retention(interval, text)', 'export(text)',
        'erase(text, text)', 'rename_author(bytea, text, text)', 'current_limits()', 'epoch()', 'track(regclass, name, name[], name[], name)', 'untrack(regclass)',
        'forget_dropped_collections()', 'follow_schema_change()', 'push(bytea)', 'pull(text, text, converge.log_version)',
        'subscribe(text, text)', 'verify(text, text)', 'verify_row(text, text)', 'rebuild(text, text, text)',
        'compact(text, text, text, interval)', 'keep_log(regclass, interval)', 'defer(regclass, name[])', 'fold(text, text, text)',
        'current(anyelement)', 'quarantine_retry(bigint)', 'quarantine_drop(bigint)', 'recheck()', 'check_access(bytea)', 'record_change()', 'access_rows(text, boolean)', 'access_report(text)',
        'set_permission(text, text, converge.access_level, regclass, text)', 'add_member(text, text, text)',
        'remove_member(text, text, text)', 'isolate(regclass)', 'recheck_on(regclass, regclass)',
        'state_at(text, text, timestamptz)', 'diff(text, text, timestamptz, timestamptz)',
        'history(text, text, timestamptz, integer)', 'blame(text, text, text)', 'restore(text, text, timestamptz)',
        'snapshot(text, text, text)', 'snapshots(text, text)', 'drop_snapshot(text, text, timestamptz)'] LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION converge.%s FROM PUBLIC', object);
    END LOOP;
    REVOKE ALL ON PROCEDURE converge.compact(text, interval) FROM PUBLIC;
    -- They write converge's own tables.
    ALTER FUNCTION converge.revoke(text, text, text, bytea, text) OWNER TO converge_owner;
    ALTER FUNCTION converge.access_rows(text, boolean) OWNER TO converge_owner;
    FOREACH object IN ARRAY ARRAY[
        'authenticate(text)', 'epoch()', 'push(bytea)', 'pull(text, text, converge.log_version)',
        'subscribe(text, text)', 'verify(text, text)', 'verify_row(text, text)', 'current(anyelement)',
        'set_permission(text, text, converge.access_level, regclass, text)', 'add_member(text, text, text)',
        'remove_member(text, text, text)', 'current_limits()', 'check_access(bytea)', 'access_report(text)',
        'state_at(text, text, timestamptz)', 'diff(text, text, timestamptz, timestamptz)',
        'history(text, text, timestamptz, integer)', 'blame(text, text, text)', 'restore(text, text, timestamptz)',
        'snapshot(text, text, text)', 'snapshots(text, text)', 'drop_snapshot(text, text, timestamptz)'] LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION converge.%s TO converge_client', object);
    END LOOP;
END
$grants$;
