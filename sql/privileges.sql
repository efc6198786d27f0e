-- Who owns what and may do what: every object of the schema is accounted for.

-- Tables belong to converge_owner, and nobody else has a privilege on them.
SELECT c.relname, c.relkind, pg_get_userbyid(c.relowner) AS owner,
       coalesce((SELECT string_agg(g.grantee::regrole || '=' || g.privilege_type, ',')
                   FROM aclexplode(c.relacl) g WHERE g.grantee <> c.relowner), '') AS others
  FROM pg_class c
 WHERE c.relnamespace = 'converge'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
 ORDER BY c.relname COLLATE "C";
SELECT c.relname FROM pg_class c, aclexplode(c.relacl) g
 WHERE c.relnamespace = 'converge'::regnamespace AND c.relkind = 'S' AND g.grantee <> c.relowner;

-- Functions that not everybody may execute, and who may.
SELECT p.proname, coalesce((SELECT string_agg(g.grantee::regrole::text, ',' ORDER BY g.grantee::regrole::text COLLATE "C")
                              FROM aclexplode(p.proacl) g WHERE g.grantee <> p.proowner), '') AS granted_to
  FROM pg_proc p
 WHERE p.pronamespace = 'converge'::regnamespace AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
 ORDER BY p.proname COLLATE "C";
-- Those that everybody may: of no type, only the triggers and who one is.
SELECT p.proname FROM pg_proc p
 WHERE p.pronamespace = 'converge'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
   AND NOT EXISTS (SELECT FROM pg_type t
                    WHERE t.typnamespace = 'converge'::regnamespace
                      AND (t.oid = p.prorettype OR t.oid = ANY (p.proargtypes) OR t.typarray = ANY (p.proargtypes)))
   AND p.prokind = 'f'
   AND 'internal'::regtype <> ALL (p.proargtypes)  -- which SQL cannot call
 ORDER BY p.proname COLLATE "C";
-- What runs as its owner has its search path pinned, and PUBLIC may not call it.
SELECT p.proname, p.proconfig, has_function_privilege('public', p.oid, 'EXECUTE') AS public FROM pg_proc p
 WHERE p.pronamespace = 'converge'::regnamespace AND p.prosecdef;
-- The roles cannot log in and pass no check.
SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles
 WHERE rolname IN ('converge_owner', 'converge_client') ORDER BY rolname COLLATE "C";
-- The schema takes no objects of anybody's.
SELECT has_schema_privilege('public', 'converge', 'USAGE') AS usage, has_schema_privilege('public', 'converge', 'CREATE') AS make;

-- All but the tables and what runs as converge_owner belongs to a superuser.
SELECT kind, name FROM (
    SELECT 'type' AS kind, t.oid::regtype::text AS name, t.typowner AS owner FROM pg_type t
     WHERE t.typnamespace = 'converge'::regnamespace AND t.typrelid = 0 AND t.typelem = 0
    UNION ALL SELECT 'function', p.oid::regprocedure::text, p.proowner FROM pg_proc p WHERE p.pronamespace = 'converge'::regnamespace
    UNION ALL SELECT 'operator', o.oid::regoperator::text, o.oprowner FROM pg_operator o WHERE o.oprnamespace = 'converge'::regnamespace
    UNION ALL SELECT 'operator class', c.opcname, c.opcowner FROM pg_opclass c WHERE c.opcnamespace = 'converge'::regnamespace
    UNION ALL SELECT 'operator family', f.opfname, f.opfowner FROM pg_opfamily f WHERE f.opfnamespace = 'converge'::regnamespace
    UNION ALL SELECT 'event trigger', e.evtname, e.evtowner FROM pg_event_trigger e WHERE e.evtname LIKE 'converge%'
    UNION ALL SELECT 'schema', n.nspname, n.nspowner FROM pg_namespace n WHERE n.nspname = 'converge') object
 WHERE NOT (SELECT rolsuper FROM pg_roles WHERE oid = owner) ORDER BY kind, name COLLATE "C";
-- The types, which everybody may use and none stands for privileges on another.
SELECT t.typname, t.typtype, has_type_privilege('public', t.oid, 'USAGE') AS public FROM pg_type t
 WHERE t.typnamespace = 'converge'::regnamespace AND t.typrelid = 0 AND t.typelem = 0 ORDER BY t.typname COLLATE "C";
-- Operators are of functions of the schema that everybody may call, on a type of the schema.
SELECT o.oid::regoperator FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
 WHERE o.oprnamespace = 'converge'::regnamespace
   AND (p.pronamespace <> o.oprnamespace OR p.prosecdef OR NOT has_function_privilege('public', p.oid, 'EXECUTE')
        OR NOT EXISTS (SELECT FROM pg_type t WHERE t.oid IN (o.oprleft, o.oprright) AND t.typnamespace = o.oprnamespace));
SELECT o.oprname, count(*) FROM pg_operator o WHERE o.oprnamespace = 'converge'::regnamespace GROUP BY 1 ORDER BY o.oprname COLLATE "C";
-- Those that PostgreSQL may run on rows before it asks the policies.
SELECT o.oprname, count(*) FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
 WHERE o.oprnamespace = 'converge'::regnamespace AND p.proleakproof GROUP BY 1 ORDER BY o.oprname COLLATE "C";
SELECT c.opcname, m.amname, c.opcdefault, c.opcintype::regtype FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod
 WHERE c.opcnamespace = 'converge'::regnamespace ORDER BY c.opcname COLLATE "C", m.amname COLLATE "C";
SELECT p.oid::regprocedure AS aggregate, a.aggtransfn::regproc AS transition FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
 WHERE p.pronamespace = 'converge'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C";
-- No cast to or from a type of the schema happens unasked, or by a function of another's.
SELECT c.castsource::regtype, c.casttarget::regtype, c.castcontext FROM pg_cast c JOIN pg_type t ON t.oid IN (c.castsource, c.casttarget)
 WHERE t.typnamespace = 'converge'::regnamespace
   AND (c.castcontext = 'i' OR (c.castfunc <> 0 AND (SELECT pronamespace FROM pg_proc WHERE oid = c.castfunc) <> t.typnamespace));
-- Settings, and who may set them: a client only how long its push waits for a lock.
SELECT name, context FROM pg_settings WHERE name LIKE 'converge.%' ORDER BY name COLLATE "C";
-- Statistics tell clients nothing of converge's tables.
ANALYZE converge.change, converge.document, converge.collection;
SET ROLE converge_client;
SELECT count(*) FROM pg_stats WHERE schemaname = 'converge';
SELECT count(*) FROM pg_stats_ext WHERE schemaname = 'converge';
RESET ROLE;
