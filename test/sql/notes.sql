-- For the SQL tests of tokens, limits and the audit: the messages, a role of clients,
-- and a tracked table with one field of most types that two tenants have rows in.
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\i :messages
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
CREATE TABLE public.note (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', tags converge.or_set NOT NULL DEFAULT '',
                          body converge.crdt_text NOT NULL DEFAULT '', votes converge.pn_counter NOT NULL DEFAULT '',
                          PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = converge.current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
SELECT converge.track('note', 'tenant') \g /dev/null
INSERT INTO note (tenant, id) VALUES ('acme', 'a'), ('acme', 'b'), ('globex', 'a');
-- What push() says of one change.
CREATE FUNCTION test.pushed(tenant text, principal text, key text, replica int, seq int, payload bytea) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT code || CASE message WHEN '' THEN '' ELSE ': ' || message END
      FROM test.push(test.token_group(test.token(tenant, principal),
           test.document('note', key, test.change(replica, seq, payload)))) $$;
CREATE TEMPORARY TABLE started AS SELECT clock_timestamp() AS at;
GRANT SELECT ON started TO regress_converge_app;
RESET client_min_messages;
