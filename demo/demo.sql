-- The demo: one collection of notes, two tenants, a few documents.
-- Run by scripts/demo in a database of its own, again at every start.

\set ON_ERROR_STOP 1
SET client_min_messages = warning;

CREATE EXTENSION IF NOT EXISTS converge;

-- For the operators, || above all; functions are written with their schema.
ALTER DATABASE demo SET search_path = "$user", public, converge;

-- The bridge logs in as this. It has no rights of its own but those of every
-- client: who it acts for is decided by the token it is handed.
SELECT 'CREATE ROLE bridge LOGIN IN ROLE converge_client'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bridge') \gexec

-- The page's SQL box has a role of its own, which may less than others.
\ir sql_box.sql

SELECT to_regclass('note') IS NULL AS is_new \gset
\if :is_new
BEGIN;

CREATE TABLE note (
    tenant text NOT NULL,
    id text NOT NULL,
    body converge.crdt_text NOT NULL DEFAULT '',
    props converge.lww_map NOT NULL DEFAULT '',
    tags converge.or_set NOT NULL DEFAULT '',
    doc converge.ydoc NOT NULL DEFAULT '',  -- for Yjs editors
    PRIMARY KEY (tenant, id)
);

ALTER TABLE note ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON note USING (tenant = converge.current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO converge_client;

SELECT converge.track('note', 'tenant');

INSERT INTO note (tenant, id, body, props, tags) VALUES
    ('acme', 'welcome',
     converge.new_text(E'Welcome to Converge.\n\nThis text is a column of a row in PostgreSQL. Type in both panes at once, or edit it with UPDATE.\n'),
     converge.new_map('{"title": "Welcome", "pinned": true}'),
     converge.new_set('{start,demo}')),
    ('acme', 'plan',
     converge.new_text(E'- ship the thinnest whole\n- make each part complete\n- make it fast\n'),
     converge.new_map('{"title": "Plan", "status": "draft"}'),
     converge.new_set('{work}')),
    ('globex', 'welcome',
     converge.new_text(E'Globex reads and writes its own notes only.\n'),
     converge.new_map('{"title": "Welcome"}'),
     converge.new_set('{start}'));

COMMIT;
\endif

-- The key that the demo signs its tokens with: a new one at every start.
DELETE FROM converge.jwt_key WHERE kid = 'demo';
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('demo', 'HS256', convert_to(:'secret', 'UTF8'));
