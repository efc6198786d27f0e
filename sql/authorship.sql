-- Nobody writes as another's replica, neither by a change's number nor by the identifiers in it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set notes :abs_srcdir '/test/sql/notes.sql'
\set notes_end :abs_srcdir '/test/sql/notes_end.sql'
\set ECHO none
\i :notes
\set ECHO all
CREATE FUNCTION test.pushed(principal text, replica int, seq int, field text, delta bytea) RETURNS SETOF text LANGUAGE sql
    AS $$ SELECT test.pushed('acme', principal, 'a', replica, seq, test.payload(field, delta)) $$;
SET ROLE regress_converge_app;

-- A counter is its replicas' totals: 41, then replica, edits, up, down.
SELECT test.pushed('ann', 7, 1, 'votes', '\x4107010500');
SELECT test.pushed('bob', 9, 1, 'votes', '\x4109010100');
-- Bob's change under ann's number; her totals raised in a change of his own; both at once.
SELECT test.pushed('bob', 7, 2, 'votes', '\x4107020900');
SELECT test.pushed('bob', 9, 2, 'votes', '\x4107026300');
SELECT test.pushed('bob', 9, 3, 'votes', '\x4109020200');
SELECT test.pushed('bob', 10, 1, 'votes', '\x410702630003010100');
SELECT votes::bigint FROM note WHERE id = 'a';
RESET ROLE;
SELECT votes::bigint FROM note WHERE tenant = 'acme' AND id = 'a';
SET ROLE regress_converge_app;
-- Ann goes on, also as another replica of hers, and with what SQL minted.
SELECT test.pushed('ann', 7, 2, 'votes', '\x4107020700');
SELECT test.pushed('ann', 8, 1, 'votes', '\x4107030800');
SELECT test.pushed('ann', 8, 2, 'props', converge.new_map('{"k": 1}')::bytea);
-- The same of dots: a write of a map by replica 5, its fourth (docs/internals.md has its bytes).
SELECT test.pushed('ann', 5, 1, 'votes', '\x4105010100');
SELECT test.pushed('bob', 11, 1, 'props', '\x110105000300018280a8c0d6fcf3c50102c3a90004000131');
SELECT test.pushed('ann', 7, 3, 'props', '\x110105000300018280a8c0d6fcf3c50102c3a90004000131');
RESET ROLE;
SELECT votes::bigint, props::jsonb FROM note WHERE tenant = 'acme' AND id = 'a';

-- Two changes under one number end the replica, and are remembered.
SET ROLE regress_converge_app;
SELECT test.pushed('ann', 8, 2, 'props', converge.new_map('{"k": 2}')::bytea);
RESET ROLE;
SELECT event, principal, object, detail FROM converge.audit, started
 WHERE recorded_at > at AND (event = 'equivocation' OR (event = 'denial' AND detail ~ 'identifiers')) ORDER BY id;

\set ECHO none
\i :notes_end
