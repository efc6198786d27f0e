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

-- After a restore, which begins an epoch, a client offers what the server forgot, of
-- replicas that others had before, also where compaction has taken all their changes:
-- in the first change of a replica of its own, and in no other.
CREATE FUNCTION test.restored() RETURNS void LANGUAGE sql AS $$ UPDATE converge.node SET timeline = timeline + 1 $$;
SELECT converge.compact('note', 'acme', 'a') > 0 AS compacted;
SELECT test.restored();
\c -
\set SHOW_CONTEXT never
SET ROLE regress_converge_app;
SELECT test.pushed('ann', 30, 1, 'votes', '\x411e010000');
SELECT test.pushed('bob', 31, 1, 'votes', '\x4107040900');
SELECT test.pushed('bob', 31, 2, 'votes', '\x4107050a00');
-- Those of who writes now stay theirs, also beside such ones, and in the same request.
SELECT test.pushed('bob', 32, 1, 'votes', '\x4107050a0017010100');
SELECT code || ': ' || message AS pushed FROM test.push(
    test.token_group(test.token('acme', 'ann'), test.document('note', 'a', test.change(7, 4, test.payload('votes', '\x4107060b00')))),
    test.token_group(test.token('acme', 'bob'), test.document('note', 'a', test.change(33, 1, test.payload('votes', '\x4107070c00')))));
SELECT test.pushed('bob', 34, 1, 'votes', '\x4107080d00');
-- But what the document has already anybody may send: it came meanwhile from its author.
SELECT test.pushed('bob', 38, 1, 'votes', '\x4107060b0026010100');
-- And a replica of which nothing but a refusal came since is one of the past.
SELECT test.pushed('ann', 39, 1, 'nothing', '\x4107060b00');
SELECT test.pushed('bob', 40, 1, 'votes', '\x4127010100');
RESET ROLE;
SELECT votes FROM note WHERE tenant = 'acme' AND id = 'a';
-- A replica that went on in an epoch is one of that, though compaction took its changes.
SELECT converge.compact('note', 'acme', 'a') > 0 AS compacted;
SET ROLE regress_converge_app;
SELECT test.pushed('bob', 35, 1, 'votes', '\x4107090e00');
RESET ROLE;
SELECT test.restored();
\c -
SET ROLE regress_converge_app;
SELECT test.pushed('bob', 36, 1, 'votes', '\x41070a0f00');

\set ECHO none
\i :notes_end
