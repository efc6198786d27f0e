-- The triggers that track() puts on a table. They may be attached by any
-- table's owner and raise where the table is not tracked.
CREATE FUNCTION converge.join_old() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_join_old'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.join_old() IS
    'stores the old and the new state of each field together, so that no assignment loses history';

CREATE FUNCTION converge.capture() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_capture'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.capture() IS 'logs what an edit of a tracked row added';

CREATE FUNCTION converge.capture_truncate() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_capture_truncate'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.capture_truncate() IS 'logs the deletion of every row of a tracked table';

CREATE FUNCTION converge.track(collection regclass, tenant name, deferred name[] DEFAULT '{}',
                               include name[] DEFAULT '{}', deletion_column name DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_track'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.track(regclass, name, name[], name[], name) IS
    'makes every row of a table a document that clients can edit; called again, gives it other options';

CREATE FUNCTION converge.untrack(collection regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_untrack'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.untrack(regclass) IS 'ends what track() began; the log stays';

-- Columns that are renamed or made keep or get the names of their fields.
CREATE FUNCTION converge.follow_schema_change() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'converge_follow_schema_change'
    LANGUAGE C;
COMMENT ON FUNCTION converge.follow_schema_change() IS
    'keeps converge.field and converge.collection at the columns that they mean';

-- ALTER VIEW and the like rename columns of tables too. Also where session_replication_role
-- keeps other triggers quiet: the names would be lost.
CREATE EVENT TRIGGER converge_follow_schema_change ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'ALTER TYPE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE')
    EXECUTE FUNCTION converge.follow_schema_change();
ALTER EVENT TRIGGER converge_follow_schema_change ENABLE ALWAYS;

-- A table that is dropped is tracked no more, and a dropped column is no field.
CREATE FUNCTION converge.forget_dropped_collections() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE converge.field f SET column_name = NULL
      FROM converge.collection c, pg_catalog.pg_event_trigger_dropped_objects() d
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.objid = c.relation::pg_catalog.oid AND d.objsubid > 0
       AND f.collection = c.collection AND f.column_name = d.address_names[3];
    WITH dropped AS (
        DELETE FROM converge.collection c
         USING pg_catalog.pg_event_trigger_dropped_objects() d
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND d.objid = c.relation::pg_catalog.oid AND d.objsubid = 0
        RETURNING c.collection),
    forgotten AS (DELETE FROM converge.field f USING dropped d WHERE f.collection = d.collection)
    DELETE FROM converge.permission p USING dropped d WHERE p.collection = d.collection;
END
$$;
COMMENT ON FUNCTION converge.forget_dropped_collections() IS 'removes dropped tables and columns from converge.collection and converge.field';

CREATE EVENT TRIGGER converge_forget_dropped_collections ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP TYPE', 'DROP DOMAIN', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION',
                 'ALTER TABLE', 'ALTER TYPE')
    EXECUTE FUNCTION converge.forget_dropped_collections();
ALTER EVENT TRIGGER converge_forget_dropped_collections ENABLE ALWAYS;
