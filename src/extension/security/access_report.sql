-- Who can do what to what in a tenant, and why.

-- What access_report() gives; for that function alone, which asks whether the caller
-- may know. What tokens' claims take away is not in it.
CREATE FUNCTION converge.access_rows(tenant text, in_detail boolean)
    RETURNS TABLE (principal text, collection text, key text, level converge.access_level, given converge.access_level,
                   because text, grantor text, granted_at timestamptz, detail text)
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    WITH granted AS (  -- each grant with its scope, and the one around that, each as a text
        SELECT p.*, c.name, concat_ws('/', p.collection, p.key) AS scope, coalesce(p.collection::text, '') AS around
          FROM converge.permission p LEFT JOIN converge.collection c USING (collection)
         WHERE p.tenant = access_rows.tenant AND (p.collection IS NULL OR c.name IS NOT NULL)
    ), held AS (  -- and who has it; the principal '' is every one of the tenant
        SELECT g.grantee AS principal, 'grant' AS because, g.* FROM granted g WHERE NOT starts_with(g.grantee, 'role:')
        UNION ALL
        SELECT m.principal, g.grantee, g.* FROM granted g
          JOIN converge.member m ON m.tenant = g.tenant AND 'role:' || m.role = g.grantee
        UNION ALL
        SELECT '', g.grantee, g.* FROM granted g WHERE g.grantee = 'role:everyone'
    ), highest AS (
        SELECT h.principal, h.scope, max(h.level) AS level FROM held h GROUP BY h.principal, h.scope
    ), report AS (
        SELECT nullif(h.principal, '') AS principal, h.name AS collection, h.key,
               greatest(own.level, own_around.level, own_all.level, every.level, every_around.level, every_all.level) AS level,
               h.level AS given, h.because, h.grantor, h.granted_at, NULL AS detail, 1 AS place
          FROM held h
          LEFT JOIN highest own ON own.principal = h.principal AND own.scope = h.scope
          LEFT JOIN highest own_around ON own_around.principal = h.principal AND own_around.scope = h.around
          LEFT JOIN highest own_all ON own_all.principal = h.principal AND own_all.scope = ''
          LEFT JOIN highest every ON every.principal = '' AND every.scope = h.scope
          LEFT JOIN highest every_around ON every_around.principal = '' AND every_around.scope = h.around
          LEFT JOIN highest every_all ON every_all.principal = '' AND every_all.scope = ''
        UNION ALL
        -- Where policies decide: theirs, and those of the standard ones by the grants above.
        SELECT NULL, c.name, NULL, NULL, NULL, 'policy ' || p.polname, NULL, NULL,
               concat_ws(' ', CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, 'for',
                         CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                       WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, 'to',
                         (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r) END, ', ') FROM unnest(p.polroles) r),
                         'using ' || pg_get_expr(p.polqual, p.polrelid), 'with check ' || pg_get_expr(p.polwithcheck, p.polrelid)), 2
          FROM converge.collection c JOIN pg_policy p ON p.polrelid = c.relation
        UNION ALL
        SELECT NULL, c.name, NULL, NULL, NULL, 'no row-level security', NULL, NULL,
               'whoever has privileges on the table has all rows', 3
          FROM converge.collection c JOIN pg_class r ON r.oid = c.relation WHERE NOT r.relrowsecurity
        UNION ALL
        -- What roles need besides, and who passes every policy.
        SELECT NULL, c.name, NULL, NULL, NULL,
               'privileges of ' || CASE g.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(g.grantee) END, NULL, NULL,
               string_agg(g.privilege, ', ' ORDER BY g.privilege), 4
          FROM converge.collection c JOIN pg_class r ON r.oid = c.relation,
               LATERAL (SELECT a.grantee, a.privilege_type AS privilege FROM aclexplode(r.relacl) a
                        UNION ALL
                        SELECT a.grantee, a.privilege_type || ' (' || t.attname || ')'
                          FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = r.oid AND NOT t.attisdropped) g
         WHERE g.grantee <> r.relowner GROUP BY c.name, g.grantee
        UNION ALL
        SELECT NULL, c.name, NULL, NULL, NULL, 'owner ' || pg_get_userbyid(r.relowner), NULL, NULL,
               CASE WHEN r.relforcerowsecurity THEN 'policies bind it' ELSE 'no policy binds it' END, 5
          FROM converge.collection c JOIN pg_class r ON r.oid = c.relation
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, 'role ' || rolname, NULL, NULL,
               CASE WHEN rolsuper THEN 'superuser: no policy binds it' ELSE 'BYPASSRLS: no policy binds it' END, 6
          FROM pg_roles WHERE rolsuper OR rolbypassrls
    )
    SELECT r.principal, r.collection, r.key, r.level, r.given, r.because, r.grantor, r.granted_at,
           CASE WHEN in_detail THEN r.detail END
      FROM report r WHERE in_detail OR r.place <= 3
     ORDER BY r.place, r.principal COLLATE "C" NULLS FIRST, r.collection COLLATE "C" NULLS FIRST,
              r.key COLLATE "C" NULLS FIRST, r.because COLLATE "C"
$$;
COMMENT ON FUNCTION converge.access_rows(text, boolean) IS 'for access_report(): its rows';

CREATE FUNCTION converge.access_report(
        tenant text,
        OUT principal text,         -- who; NULL: every principal of the tenant, or whoever `because` says
        OUT collection text,        -- to what; NULL: all collections
        OUT key text,               -- NULL: all documents
        OUT level converge.access_level,  -- what he may do with it, by all grants together
        OUT given converge.access_level,  -- what this grant gives
        OUT because text,           -- grant, role:NAME, policy NAME, …
        OUT grantor text,
        OUT granted_at timestamptz,
        OUT detail text)            -- of what is no grant
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'converge_access_report'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.access_report(text) IS
    'who can do what to what in a tenant, and why: grants, roles, policies, privileges';
