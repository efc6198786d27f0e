-- Deferred fields: what push() only logs, fold(), current(), defer(), quarantine.
SET search_path = public, converge;
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
-- The maintenance worker is to stay away.
ALTER SYSTEM SET converge.fold_quiet = '1 d';
ALTER SYSTEM SET converge.fold_latest = '1 d';
SELECT pg_reload_conf();

-- What may be deferred: nothing that could refuse a fold.
CREATE TABLE note (
    tenant text, id text, title text DEFAULT '',
    body converge.crdt_text NOT NULL DEFAULT '',
    props converge.lww_map NOT NULL DEFAULT '' CHECK (NOT props ? 'forbidden'),
    tags converge.or_set NOT NULL DEFAULT '',
    votes converge.pn_counter NOT NULL DEFAULT '',
    score converge.g_counter NOT NULL DEFAULT '',
    doubled bigint GENERATED ALWAYS AS (2 * score::bigint) STORED,
    PRIMARY KEY (tenant, id));
CREATE INDEX ON note USING gin (tags);
CREATE UNIQUE INDEX voted ON note ((votes::bigint), tenant, id);
SELECT converge.track('note', 'tenant', '{body,props}');
SELECT converge.track('note', 'tenant', '{votes}');
SELECT converge.track('note', 'tenant', '{score}');
SELECT converge.track('note', 'tenant', '{title}');
SELECT converge.track('note', 'tenant', '{nothing}');
SELECT converge.track('note', 'tenant', '{NULL}');
CREATE INDEX computed ON note ((body::text));
SELECT converge.track('note', 'tenant', '{body}');
DROP INDEX computed;
CREATE INDEX partly ON note (title) WHERE body::text <> '';
SELECT converge.track('note', 'tenant', '{body}');
DROP INDEX partly;
ALTER TABLE note ADD CONSTRAINT no_twins EXCLUDE USING hash (body WITH =);
SELECT converge.track('note', 'tenant', '{body}');
ALTER TABLE note DROP CONSTRAINT no_twins, ADD CONSTRAINT whole CHECK (note IS NOT NULL);
SELECT converge.track('note', 'tenant', '{body}');
ALTER TABLE note DROP CONSTRAINT whole;
CREATE DOMAIN tagged AS converge.or_set CHECK (VALUE ? 'x');
ALTER TABLE note ADD more tagged NOT NULL DEFAULT '';
SELECT converge.track('note', 'tenant', '{more}');
ALTER TABLE note DROP more;
SELECT converge.track('note', 'tenant', '{body,tags}');
SELECT name, deferred FROM converge.collection;

SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_converge_app;
RESET client_min_messages;
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON note USING (tenant = converge.current_tenant()) WITH CHECK (tenant = converge.current_tenant());
CREATE POLICY no_frozen ON note AS RESTRICTIVE FOR UPDATE USING (title <> 'frozen');
INSERT INTO note (tenant, id, title, body) VALUES
    ('acme', 'a', 'a', converge.new_text('hello')), ('acme', 'b', 'b', ''), ('acme', 'frozen', 'frozen', ''), ('globex', 'a', 'a', '');
SELECT test.token('acme', 'ann') AS ann, test.token('globex', 'bob') AS bob \gset
-- Texts that replace that of a document, and a map's entries, as changes.
CREATE FUNCTION test.body(document text, wanted text) RETURNS bytea LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT test.payload('body', converge.difference((converge.current(n)).body, converge.assign((converge.current(n)).body, wanted))::bytea)
      FROM public.note n WHERE tenant = 'acme' AND id = document $$;
CREATE FUNCTION test.prop(key text) RETURNS bytea LANGUAGE sql VOLATILE AS $$
    SELECT test.payload('props', converge.new_map(jsonb_build_object(key, 1))::bytea) $$;
CREATE FUNCTION test.tag(name text) RETURNS bytea LANGUAGE sql VOLATILE AS $$
    SELECT test.payload('tags', converge.new_set(ARRAY[name])::bytea) $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
CREATE VIEW unfolded AS
    SELECT d.tenant, d.key, u.replica, u.from_seq FROM converge.unfolded u JOIN converge.document d USING (tenant, document)
     ORDER BY 1, 2, 3;
CREATE VIEW shown AS SELECT tenant, id, body::text, props::jsonb, tags::text[] FROM note ORDER BY 1, 2;
GRANT SELECT ON unfolded TO regress_converge_app;

SELECT test.tag('red') AS red \gset

-- Pushed, and not in the row; current() has it, and so has a state that pull() gives.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(1, 1, test.body('a', 'hello world')), test.change(1, 2, test.prop('p')), test.change(2, 1, :'red'))));
SELECT * FROM unfolded;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT id, body::text, props::jsonb, tags::text[] FROM note WHERE id = 'a';
SELECT id, (c).title, (c).body::text, (c).props::jsonb, (c).tags::text[], (c).doubled FROM (SELECT id, converge.current(n) AS c FROM note n WHERE id = 'a') s;
SELECT converge.verify('note', 'a');
SELECT kind, field, CASE field WHEN 'body' THEN delta::converge.crdt_text::text WHEN 'tags' THEN delta::converge.or_set::text[]::text END
  FROM test.pulled(converge.pull('note', 'a')) WHERE kind = 'state';
COMMIT;
-- A row that the caller may not see is not told by making it up; nobody else's column either.
BEGIN;
SELECT converge.authenticate(:'bob');
SELECT (converge.current(ROW('acme', 'a', '', '', '', '', '', '', 0)::note)).tags::text[];
COMMIT;
RESET ROLE;
SELECT converge.current(1);
SELECT converge.current(d) FROM converge.document d LIMIT 1;

-- Duplicates stay duplicates, numbers go on.
SET ROLE regress_converge_app;
SELECT code, expected FROM test.push(test.token_group(:'ann', test.document('note', 'a',
    test.change(2, 1, :'red'), test.change(1, 4, test.prop('q')))));
-- The policies on updates hold for what is only logged, and the privileges.
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'frozen', test.change(3, 1, test.tag('no')))));
RESET ROLE;
REVOKE UPDATE ON note FROM regress_converge_app;
GRANT UPDATE (title, body, props) ON note TO regress_converge_app;
SET ROLE regress_converge_app;
SELECT code, message FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(3, 1, test.tag('no')), test.change(4, 1, test.body('b', 'yes')))));
RESET ROLE;
GRANT UPDATE ON note TO regress_converge_app;
-- Neither may fold.
SET ROLE regress_converge_app;
SELECT converge.fold('note');
RESET ROLE;

-- The fold: by a document, under no identity, as the table's owner; triggers of the user's own fire, and what they add is logged.
CREATE TABLE seen (id text, who name, principal text, body text);
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.seen VALUES (NEW.id, current_user, converge.current_principal(), NEW.body::text);
    NEW.props := converge.set(NEW.props, 'length', to_jsonb(length(NEW.body::text)));
    RETURN NEW;
END $$;
CREATE TRIGGER witness BEFORE UPDATE OF body ON note FOR EACH ROW EXECUTE FUNCTION witness();
SET client_min_messages = warning;
CREATE ROLE regress_converge_table_owner;
GRANT CREATE ON SCHEMA public TO regress_converge_table_owner;
ALTER TABLE note OWNER TO regress_converge_table_owner;
ALTER TABLE note FORCE ROW LEVEL SECURITY;
GRANT INSERT ON seen TO regress_converge_table_owner;
RESET client_min_messages;
SELECT converge.fold('note', 'acme', 'none');
SELECT converge.fold('none');
SELECT converge.fold('note', 'acme');
SELECT converge.fold('note', 'acme', 'a');
SELECT converge.fold('note', 'acme', 'a');
SELECT * FROM unfolded;
SELECT * FROM shown WHERE tenant = 'acme' AND id = 'a';
SELECT * FROM seen;
SELECT c.seq, c.principal FROM converge.change c JOIN converge.node n ON c.replica = n.replica JOIN converge.document d USING (tenant, document)
 WHERE d.tenant = 'acme' AND d.key = 'a' ORDER BY seq;
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'a'), converge.verify('note', 'b');
COMMIT;
-- The whole collection.
SELECT converge.fold('note');
SELECT * FROM unfolded;
SELECT * FROM shown WHERE id = 'b';

-- A SQL edit of a deferred field writes the row, before and after what is unfolded.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(4, 2, test.body('b', 'yes, indeed')))));
RESET ROLE;
UPDATE note SET body = converge.insert(body, 0, 'oh ') WHERE id = 'b';
SELECT body::text, (converge.current(n)).body::text AS current FROM note n WHERE id = 'b';
SELECT converge.fold('note');
SELECT body::text FROM note n WHERE id = 'b';

-- Deleted and made again before the fold: nothing of the old document reaches the new one.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(4, 3, test.tag('late')))));
RESET ROLE;
DELETE FROM note WHERE id = 'b';
INSERT INTO note (tenant, id) VALUES ('acme', 'b');
SELECT converge.fold('note');
SELECT * FROM shown WHERE id = 'b';
SELECT count(*) FROM converge.unfolded;

-- defer() on a live table: what becomes immediate is folded first.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(5, 1, test.tag('x')))));
RESET ROLE;
SELECT converge.defer('note', '{props}');
SELECT converge.defer('note', '{body}');
SELECT converge.defer('seen', '{body}');
SELECT deferred FROM converge.collection;
SELECT tags::text[] FROM note WHERE id = 'b';
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(5, 2, test.tag('y')), test.change(5, 3, test.body('b', 'body')))));
SELECT converge.defer('note', '{}');
RESET ROLE;
SELECT tags::text[], body::text FROM note WHERE id = 'b';
SELECT * FROM unfolded;
DROP TRIGGER witness ON note;
-- A change of several fields waits for those that are deferred, and only for those.
SELECT converge.defer('note', '{tags}');
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b',
    test.change(5, 4, test.tag('z') || test.body('b', 'both')))));
RESET ROLE;
SELECT body::text, tags::text[], (converge.current(n)).tags::text[] FROM note n WHERE id = 'b';
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'b');
COMMIT;
-- rebuild() has everything.
SELECT converge.rebuild('note', 'acme', 'b');
SELECT body::text, tags::text[] FROM note n WHERE id = 'b';
SELECT * FROM unfolded;

-- Where a policy has to see what is written, a push writes it.
CREATE POLICY checked ON note AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (title <> 'closed');
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(5, 5, test.tag('w')))));
RESET ROLE;
SELECT tags::text[] FROM note n WHERE id = 'b';
DROP POLICY checked ON note;
CREATE POLICY reads ON note AS RESTRICTIVE FOR UPDATE USING (NOT EXISTS (SELECT FROM converge.collection WHERE note.tags ? 'locked'));
GRANT SELECT ON converge.collection TO regress_converge_app;
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(5, 6, test.tag('v')))));
RESET ROLE;
SELECT tags::text[] FROM note n WHERE id = 'b';
DROP POLICY reads ON note;
REVOKE SELECT ON converge.collection FROM regress_converge_app;

-- A change that the fold cannot merge is put into quarantine, alone.
CREATE FUNCTION no_bad() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.tags ? 'bad' THEN RAISE EXCEPTION 'no bad tags' USING DETAIL = 'for the record'; END IF;
    IF NEW.tags ? 'mute' THEN RETURN NULL; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER no_bad BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION no_bad();
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b',
    test.change(6, 1, test.tag('t1')), test.change(6, 2, test.tag('bad')), test.change(6, 3, test.tag('t2')),
    test.change(7, 1, test.tag('mute')), test.change(7, 2, test.tag('t3')))));
RESET ROLE;
SELECT converge.fold('note', 'acme', 'b');
SELECT tags::text[] FROM note n WHERE id = 'b';
SELECT * FROM unfolded;
CREATE VIEW cases AS SELECT replica, seq, fields, sqlstate, message, detail, dropped_at IS NOT NULL AS dropped FROM converge.quarantine ORDER BY 1, 2;
SELECT * FROM cases;
SELECT json_object_agg(replica::text, last ORDER BY replica) AS seen FROM (
    SELECT replica, max(seq) AS last FROM converge.change WHERE replica NOT IN (6, 7)
       AND document = (SELECT max(document) FROM converge.document WHERE key = 'b') GROUP BY replica) l \gset
-- Row, replay, and what is given out agree on what is left out.
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'b');
SELECT replica, seq, refused, delta = '' AS empty FROM test.pulled(converge.pull('note', 'b', :'seen'::converge.log_version)) ORDER BY 1, 2;
COMMIT;
SELECT id AS bad FROM converge.quarantine WHERE replica = 6 \gset
SELECT id AS mute FROM converge.quarantine WHERE replica = 7 \gset
SET ROLE regress_converge_app;
SELECT converge.quarantine_retry(:bad);
RESET ROLE;
SELECT converge.quarantine_retry(:bad);
SELECT converge.quarantine_retry(:mute);
SELECT converge.quarantine_retry(0);
SELECT * FROM cases;
DROP TRIGGER no_bad ON note;
SELECT converge.quarantine_retry(:bad);
SELECT converge.quarantine_drop(:mute);
SELECT converge.quarantine_drop(:mute);
SELECT converge.quarantine_retry(:mute);
SELECT * FROM cases;
SELECT tags::text[] FROM note n WHERE id = 'b';
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'b');
COMMIT;

-- Compaction keeps what is not folded; what was given up does not stand in its way.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(8, 1, test.prop('c')), test.change(8, 2, test.tag('u')), test.change(8, 3, test.tag('uu')))));
RESET ROLE;
SELECT converge.compact('note', 'acme', 'b', '0') > 0 AS compacted;
SELECT replica, seq FROM converge.change c JOIN converge.document d USING (tenant, document) WHERE d.key = 'b' AND replica BETWEEN 5 AND 8
   AND document = (SELECT max(document) FROM converge.document WHERE key = 'b') ORDER BY 1, 2;
SELECT converge.fold('note');
BEGIN;
SELECT converge.authenticate(:'ann');
SELECT converge.verify('note', 'b');
COMMIT;

-- A constraint that may wait does not in the fold, and refuses what it would; what its function
-- sets ends with the fold.
CREATE FUNCTION not_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', 'nowhere', false);
    IF NEW.tags OPERATOR(converge.?) 'late' THEN
        RAISE EXCEPTION 'too late';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER not_late AFTER UPDATE ON note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION not_late();
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(9, 1, test.tag('early')), test.change(9, 2, test.tag('late')))));
RESET ROLE;
SELECT converge.fold('note');
SHOW search_path;
SELECT tags ? 'early' AS early, tags ? 'late' AS late FROM note WHERE id = 'b';
SELECT replica, seq, message FROM converge.quarantine WHERE dropped_at IS NULL AND replica = 9;
DROP TRIGGER not_late ON note;
DROP FUNCTION not_late;

-- untrack() leaves rows that hold all that was acknowledged.
SET ROLE regress_converge_app;
SELECT code FROM test.push(test.token_group(:'ann', test.document('note', 'b', test.change(8, 4, test.tag('last')))));
RESET ROLE;
SELECT converge.untrack('note');
SELECT tags ? 'last' FROM note WHERE id = 'b';
SELECT count(*) FROM converge.unfolded;

DROP TABLE note CASCADE;
DROP TABLE seen;
DROP DOMAIN tagged;
DROP VIEW cases, unfolded;
DROP FUNCTION witness, no_bad;
DROP OWNED BY regress_converge_app, regress_converge_table_owner;
DROP ROLE regress_converge_app, regress_converge_table_owner;
SET client_min_messages = warning;
DROP SCHEMA test CASCADE;
DELETE FROM converge.jwt_key;
TRUNCATE converge.change, converge.document, converge.replica, converge.quarantine, converge.snapshot RESTART IDENTITY;
ALTER SYSTEM RESET converge.fold_quiet;
ALTER SYSTEM RESET converge.fold_latest;
SELECT pg_reload_conf();
