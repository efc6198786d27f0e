-- What is held of a tenant or a principal, given out and taken away. Both are for
-- administrators: members of converge_owner who own the tracked tables, or
-- superusers. They run under the caller's own privileges.

CREATE FUNCTION converge.export(tenant text) RETURNS TABLE (part text, content jsonb)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
<<export>>
DECLARE
    tracked record;
    source text;
BEGIN
    INSERT INTO converge.audit (tenant, event) VALUES (export.tenant, 'export');
    FOR tracked IN SELECT c.name, c.relation, c.tenant_column FROM converge.collection c ORDER BY c.name LOOP
        RETURN QUERY EXECUTE format('SELECT %L, to_jsonb(t) FROM %s t WHERE t.%I = %L',
                                    'row ' || tracked.name, tracked.relation, tracked.tenant_column, export.tenant);
    END LOOP;
    -- Of Converge's own tables all that tell tenants apart; a key's secret is nobody's to know.
    FOR source IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relnamespace = 'converge'::regnamespace AND c.relkind = 'r' AND a.attname = 'tenant'
         ORDER BY c.relname COLLATE "C"
    LOOP
        RETURN QUERY EXECUTE format('SELECT %L, to_jsonb(t) - %L FROM converge.%I t WHERE t.tenant = %L',
                                    source, CASE source WHEN 'jwt_key' THEN 'secret' ELSE '' END, source, export.tenant);
    END LOOP;
END
$$;
COMMENT ON FUNCTION converge.export(text) IS
    'all that is held of a tenant: its rows, its log, and what is known around them';

CREATE FUNCTION converge.rename_author(authors bytea, principal text, name text) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_rename_author'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rename_author(bytea, text, text) IS
    'for erase(): another name for a principal in converge.snapshot.authors';

CREATE FUNCTION converge.erase(tenant text, principal text, OUT documents bigint, OUT compacted bigint,
                               OUT renamed bigint) RETURNS record
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
<<erase>>
DECLARE
    written record;
    pseudonym text := 'erased-' || gen_random_uuid();
BEGIN
    IF coalesce(tenant, '') = '' OR coalesce(principal, '') = '' THEN
        RAISE null_value_not_allowed USING MESSAGE = 'tenant and principal to erase must not be empty';
    END IF;
    documents := 0;
    compacted := 0;
    PERFORM converge.revoke(tenant, principal);
    DELETE FROM converge.permission p WHERE p.tenant = erase.tenant AND p.grantee = erase.principal;
    UPDATE converge.permission p SET grantor = pseudonym WHERE p.tenant = erase.tenant AND p.grantor = erase.principal;
    DELETE FROM converge.member m WHERE m.tenant = erase.tenant AND m.principal = erase.principal;
    -- Single changes become a part of their documents' snapshots.
    FOR written IN
        SELECT DISTINCT c.name, d.key FROM converge.replica r
          JOIN converge.document d ON d.tenant = r.tenant AND d.document = r.document
          JOIN converge.collection c ON c.collection = d.collection
         WHERE r.tenant = erase.tenant AND r.principal = erase.principal
         ORDER BY c.name, d.key
    LOOP
        documents := documents + 1;
        compacted := compacted + converge.compact(written.name, erase.tenant, written.key);
    END LOOP;
    -- What is left, refusals and what is not settled yet, loses the name. Nobody is
    -- to number a change meanwhile: the log is read without a snapshot for that.
    LOCK TABLE converge.change, converge.replica IN SHARE ROW EXCLUSIVE MODE;
    UPDATE converge.change c SET principal = pseudonym WHERE c.tenant = erase.tenant AND c.principal = erase.principal;
    GET DIAGNOSTICS renamed = ROW_COUNT;
    UPDATE converge.snapshot s SET authors = converge.rename_author(s.authors, erase.principal, pseudonym)
      FROM converge.replica r
     WHERE s.tenant = erase.tenant AND r.tenant = s.tenant AND r.document = s.document AND r.principal = erase.principal;
    UPDATE converge.replica r SET principal = pseudonym WHERE r.tenant = erase.tenant AND r.principal = erase.principal;
    UPDATE converge.yjs_client y SET principal = pseudonym WHERE y.tenant = erase.tenant AND y.principal = erase.principal;
    DELETE FROM converge.temporary_key t WHERE t.tenant = erase.tenant AND t.principal = erase.principal;
    UPDATE converge.kept_state k SET principal = pseudonym WHERE k.tenant = erase.tenant AND k.principal = erase.principal;
    INSERT INTO converge.audit (tenant, event, object, detail)
        VALUES (erase.tenant, 'erasure', erase.principal,
                format('%s documents, %s changes compacted, %s renamed to %s', documents, compacted, renamed, pseudonym));
END
$$;
COMMENT ON FUNCTION converge.erase(text, text) IS
    'takes a principal out of the log: its single changes and its name, its grants and its tokens';
