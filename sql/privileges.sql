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
