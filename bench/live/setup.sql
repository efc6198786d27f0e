-- What the bridge is measured with: texts, and Yjs documents, of one tenant that
-- every client may read and write, behind a policy. Variables: documents, the most that a
-- workload uses; deferred, the fields that are folded in later.
\set ON_ERROR_STOP 1
CREATE EXTENSION converge;
DO $$ BEGIN
    CREATE ROLE bridge LOGIN IN ROLE converge_client;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
CREATE TABLE note (
    tenant text NOT NULL,
    id text NOT NULL,
    body converge.crdt_text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id)
);
ALTER TABLE note ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON note USING (tenant = converge.current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO converge_client;
SELECT converge.track('note', 'tenant', deferred => :'deferred');
CREATE TABLE page (
    tenant text NOT NULL,
    id text NOT NULL,
    body converge.ydoc NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id)
);
ALTER TABLE page ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON page USING (tenant = converge.current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON page TO converge_client;
SELECT converge.track('page', 'tenant', deferred => :'deferred');
-- The same texts without a policy, and with the standard ones.
CREATE TABLE open_note (LIKE note INCLUDING DEFAULTS INCLUDING INDEXES);
GRANT SELECT, INSERT, UPDATE, DELETE ON open_note TO converge_client;
SELECT converge.track('open_note', 'tenant', deferred => :'deferred');
CREATE TABLE isolated_note (LIKE note INCLUDING DEFAULTS INCLUDING INDEXES);
GRANT SELECT, INSERT, UPDATE, DELETE ON isolated_note TO converge_client;
SELECT converge.track('isolated_note', 'tenant', deferred => :'deferred');
SELECT converge.isolate('isolated_note');
SELECT converge.set_permission('acme', 'role:everyone', 'write', 'isolated_note');
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('bench', 'HS256', convert_to(:'secret', 'UTF8'));
INSERT INTO note (tenant, id)
SELECT 'acme', workload || '-' || n
  FROM unnest('{w1,w2,w3,idle,w5,crowd,growth,soak,access}'::text[]) workload, generate_series(0, :documents - 1) n;
INSERT INTO page (tenant, id) SELECT tenant, id FROM note;
INSERT INTO open_note (tenant, id) SELECT tenant, id FROM note WHERE id LIKE 'access-%';
INSERT INTO isolated_note (tenant, id) SELECT tenant, id FROM open_note;
-- All clients are one principal.
INSERT INTO converge.tenant_limit (tenant, principal_requests, principal_changes) VALUES ('acme', 0, 0);
ANALYZE;
