-- The schema has to be the extension's alone, before anything is made in it: whoever
-- owned it, or could make functions and operators in it, could have calls of the
-- extension's mean his own. (A restored dump has made the schema, empty, before.)
-- Everything here is qualified, since the schema is first in the script's path.
DO $schema$
DECLARE
    schema_oid pg_catalog.oid := pg_catalog.to_regnamespace('converge');
    other pg_catalog.text;
BEGIN
    SELECT r.rolname INTO other
      FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
     WHERE n.oid OPERATOR(pg_catalog.=) schema_oid AND NOT r.rolsuper;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = pg_catalog.format('schema "converge" belongs to role "%s", who is no superuser', other),
            HINT = 'Drop it, or look what is in it and give it to a superuser.';
    END IF;
    SELECT coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC') INTO other
      FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) g
      LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) g.grantee
     WHERE n.oid OPERATOR(pg_catalog.=) schema_oid AND g.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
       AND NOT coalesce(r.rolsuper, false) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = pg_catalog.format('%s may create objects in schema "converge"', other),
            HINT = pg_catalog.format('REVOKE CREATE ON SCHEMA converge FROM %s, and look what is in it.', other);
    END IF;
    SELECT pg_catalog.pg_describe_object(d.classid, d.objid, 0) INTO other
      FROM pg_catalog.pg_depend d
     WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
       AND d.refobjid OPERATOR(pg_catalog.=) schema_oid
       AND d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_extension'::pg_catalog.regclass
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend member
                        WHERE member.classid OPERATOR(pg_catalog.=) d.classid
                          AND member.objid OPERATOR(pg_catalog.=) d.objid
                          AND member.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
                          AND member.deptype OPERATOR(pg_catalog.=) 'e')
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'schema "converge" holds objects that are not the extension''s',
            DETAIL = pg_catalog.format('One is %s.', other),
            HINT = 'Drop them, or move them to another schema.';
    END IF;
END
$schema$;
