-- What is held of a tenant or a principal, given out and taken away; and how long the audit is kept.
\getenv abs_srcdir PG_ABS_SRCDIR
\set notes :abs_srcdir '/test/sql/notes.sql'
\set notes_end :abs_srcdir '/test/sql/notes_end.sql'
\set ECHO none
\i :notes
\set ECHO all
CREATE FUNCTION test.pushed(principal text, key text, replica int, seq int, delta bytea) RETURNS SETOF text LANGUAGE sql
    AS $$ SELECT test.pushed('acme', principal, key, replica, seq, test.payload('props', delta)) $$;
-- A table of which clients make documents without a key, a Yjs document, and one that
-- is not tracked any more.
SET client_min_messages = warning;
CREATE TABLE public.task (tenant text, id bigint GENERATED ALWAYS AS IDENTITY, page converge.ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
CREATE TABLE public.gone (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
RESET client_min_messages;
GRANT SELECT, INSERT, UPDATE ON task, gone TO regress_converge_app;
SELECT converge.track('task', 'tenant'), converge.track('gone', 'tenant');
INSERT INTO gone (tenant, id) VALUES ('acme', 'g');
SELECT converge.add_member('acme', 'ann', 'editors'), converge.set_permission('acme', 'ann', 'admin');
SET ROLE regress_converge_app;
SELECT test.pushed('ann', 'a', 7, 1, converge.new_map('{"by": "A"}')::bytea);
SELECT test.pushed('ann', 'a', 7, 2, converge.new_map('{"again": "A"}')::bytea);
SELECT test.pushed('bob', 'a', 8, 1, converge.new_map('{"by": "B"}')::bytea);
SELECT test.pushed('ann', 'b', 7, 1, 'nonsense');
SELECT code FROM test.push(test.token_group(test.token('acme', 'ann'),
    test.document('task', '', test.change(7, 1, test.payload('page', converge.new_ydoc('\x01016400040104626f647902486900')::bytea, 1))) || test.text(5, 'first'),
    test.document('gone', 'g', test.change(7, 1, test.payload('props', converge.new_map('{"by": "A"}')::bytea)))));
-- As a Yjs client, without a number.
SELECT code FROM test.push(test.token_group(test.token('acme', 'ann'),
    test.document('task', '1', test.change(5, 0, test.payload('page', converge.new_ydoc('\x01016402846401012100')::bytea), 0))));
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ann'));
SELECT converge.snapshot('note', 'a', 'kept') IS NOT NULL AS kept;
SELECT converge.set_permission('acme', 'bob', 'read', 'note', 'a');
COMMIT;
RESET ROLE;
SELECT converge.compact('gone', 'acme', 'g');
SELECT converge.untrack('gone');
INSERT INTO converge.tenant_limit (tenant, max_replicas) VALUES ('acme', 100);
INSERT INTO converge.tenant_usage VALUES ('acme', 1, now());
INSERT INTO converge.unfolded VALUES ('acme', 999, 7, 1, now());
INSERT INTO converge.quarantine VALUES ('acme', 999, 7, 1, DEFAULT, '{props}', now(), '22000', 'no', '', NULL);
INSERT INTO converge.jwt_key (kid, alg, secret, tenant) VALUES ('acme''s', 'HS256', convert_to(repeat('hidden', 6), 'UTF8'), 'acme');
SELECT converge.revoke('acme', token_id => 'lost');

-- One tenant, all of it, and nobody else's: every table of Converge's that has tenants
-- has something here, and is there.
CREATE TEMPORARY TABLE exported AS SELECT * FROM converge.export('acme');
SELECT part, CASE WHEN part <> 'audit' THEN count(*) END AS count FROM exported GROUP BY part ORDER BY part COLLATE "C";
SELECT attrelid::regclass AS missing FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
 WHERE relnamespace = 'converge'::regnamespace AND relkind IN ('r', 'p') AND attname ~ 'tenant' AND NOT attisdropped
   AND NOT EXISTS (SELECT FROM exported WHERE part = relname) AND attname !~ '^(max_)?tenant_(column|documents|bytes|requests|changes)$';
SELECT count(*) FROM exported WHERE content::text ~ 'globex';
SELECT count(*) FROM exported WHERE content::text ~ 'hidden' OR content::text ~ encode('hidden', 'hex');
SELECT content->>'id' AS id, (content->>'props')::converge.lww_map::jsonb AS props FROM exported WHERE part = 'row note' ORDER BY 1;
SELECT count(*) FROM converge.export('nobody') WHERE part <> 'audit';
-- Policies hide nothing from it without a word.
SET ROLE regress_converge_app;
SELECT * FROM converge.export('acme');
SELECT * FROM converge.erase('acme', 'ann');
RESET ROLE;

-- A principal: what it wrote stays, and who it was goes.
-- Where a name stands in any of Converge's tables but the audit, as text or in bytes.
CREATE FUNCTION test.places(name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    place text;
    found boolean;
BEGIN
    FOR place IN SELECT relname FROM pg_class WHERE relnamespace = 'converge'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'audit' ORDER BY relname COLLATE "C" LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM converge.%I t WHERE to_jsonb(t)::text ~ %L)', place,
                       format('\m(%s)\M|%s', name, encode(convert_to(name, 'UTF8'), 'hex'))) INTO found;
        IF found THEN
            RETURN NEXT place;
        END IF;
    END LOOP;
END $$;
SELECT string_agg(place, ' ') FROM test.places('ann') AS place;
-- Every column that says who: a new one is to be filled above, and thought of in erase().
SELECT relname, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
 WHERE relnamespace = 'converge'::regnamespace AND relkind IN ('r', 'p') AND attname ~ 'principal|grant(ee|or)|author|owner|_by$|label|^name$'
 ORDER BY relname COLLATE "C", attname;
SELECT props::jsonb FROM note WHERE tenant = 'acme' AND id = 'a';
SELECT * FROM converge.erase('acme', 'ann');
SELECT string_agg(place, ' ') FROM test.places('ann') AS place;
SELECT props::jsonb FROM note WHERE tenant = 'acme' AND id = 'a';
SELECT string_agg(place, ' ') FROM test.places('bob') AS place;
SELECT count(DISTINCT principal) FROM (SELECT principal FROM converge.change UNION ALL SELECT principal FROM converge.replica
    UNION ALL SELECT principal FROM converge.yjs_client UNION ALL SELECT principal FROM converge.kept_state
    UNION ALL SELECT grantor FROM converge.permission) p WHERE principal ~ '^erased-[0-9a-f-]{36}$';
-- Its clients are nobody now, and a later ann is another.
SET ROLE regress_converge_app;
SELECT test.pushed('ann', 'a', 7, 3, converge.new_map('{"late": 1}')::bytea);
RESET ROLE;
DELETE FROM converge.revocation WHERE tenant = 'acme';
SET ROLE regress_converge_app;
SELECT test.pushed('ann', 'a', 7, 3, converge.new_map('{"late": 1}')::bytea);
SELECT test.pushed('ann', 'a', 9, 1, converge.new_map('{"new": 1}')::bytea);
RESET ROLE;
SELECT converge.erase('acme', '');

-- The audit, and how long it is kept.
SELECT tenant, event, principal, object, regexp_replace(regexp_replace(detail, 'erased-[0-9a-f-]*', 'erased-…'), 'revoked_at: .* -> none', 'revoked_at: then -> none') AS detail
  FROM converge.audit, started WHERE recorded_at > at AND event IN ('export', 'erasure', 'revocation') ORDER BY id;
SELECT converge.audit_retention('1 hour');
SELECT converge.audit_retention('0', 'nobody');
SELECT converge.audit_retention('0', 'acme') > 0 AS some;
SELECT tenant, event, object, regexp_replace(detail, '\d+', 'n') AS detail FROM converge.audit WHERE event = 'retention' ORDER BY id;
SELECT converge.audit_retention(NULL);
SELECT converge.audit_retention('-1 day');

\set ECHO none
DROP TABLE public.task, public.gone;
\i :notes_end
