\echo Use "ALTER EXTENSION converge UPDATE TO '0.2'" to load this file. \quit

-- From 0.1 to 0.2. What it makes is what a fresh install of 0.2 makes: test/upgrade
-- compares the two. The order is that of the install script.

-- or_set.set.sql

CREATE FUNCTION converge.assign(set converge.or_set, elements text[]) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION converge.assign(converge.or_set, text[]) IS
    'adds and removes what makes the set hold just these elements';
CREATE FUNCTION converge.three_way(base converge.or_set, mine text[], theirs converge.or_set) RETURNS converge.or_set
    AS 'MODULE_PATHNAME', 'or_set_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 200;
COMMENT ON FUNCTION converge.three_way(converge.or_set, text[], converge.or_set) IS
    'does to theirs, a later state of base, what makes base mine';
CREATE FUNCTION converge.contained(elements text[], set converge.or_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'or_set_contained' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.contained(text[], converge.or_set) IS 'implementation of <@ operator';
CREATE OPERATOR converge.<@ (
    LEFTARG = text[], RIGHTARG = converge.or_set, FUNCTION = converge.contained,
    COMMUTATOR = OPERATOR(converge.@>), RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.<@ (text[], converge.or_set) IS 'all are in the set';

-- lww_set.set.sql

CREATE FUNCTION converge.assign(set converge.lww_set, elements text[]) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION converge.assign(converge.lww_set, text[]) IS
    'adds and removes what makes the set hold just these elements';
CREATE FUNCTION converge.three_way(base converge.lww_set, mine text[], theirs converge.lww_set) RETURNS converge.lww_set
    AS 'MODULE_PATHNAME', 'lww_set_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 200;
COMMENT ON FUNCTION converge.three_way(converge.lww_set, text[], converge.lww_set) IS
    'does to theirs, a later state of base, what makes base mine';
CREATE FUNCTION converge.contained(elements text[], set converge.lww_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_set_contained' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.contained(text[], converge.lww_set) IS 'implementation of <@ operator';
CREATE OPERATOR converge.<@ (
    LEFTARG = text[], RIGHTARG = converge.lww_set, FUNCTION = converge.contained,
    COMMUTATOR = OPERATOR(converge.@>), RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.<@ (text[], converge.lww_set) IS 'all are in the set';

-- src/extension/types/lww_map.sql

CREATE FUNCTION converge.assign(map converge.lww_map, value jsonb) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION converge.assign(converge.lww_map, jsonb) IS
    'sets and takes out what makes the map''s value this object';
CREATE FUNCTION converge.three_way(base converge.lww_map, mine jsonb, theirs converge.lww_map) RETURNS converge.lww_map
    AS 'MODULE_PATHNAME', 'lww_map_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 200;
COMMENT ON FUNCTION converge.three_way(converge.lww_map, jsonb, converge.lww_map) IS
    'does to theirs, a later state of base, what makes base mine';
CREATE FUNCTION converge.contained(members jsonb, map converge.lww_map) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_map_contained' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 30;
COMMENT ON FUNCTION converge.contained(jsonb, converge.lww_map) IS 'implementation of <@ operator';
CREATE OPERATOR converge.<@ (
    LEFTARG = jsonb, RIGHTARG = converge.lww_map, FUNCTION = converge.contained,
    COMMUTATOR = OPERATOR(converge.@>), RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR converge.<@ (jsonb, converge.lww_map) IS 'is contained, as jsonb has it';

-- src/extension/types/lww_map_subscript.sql

CREATE FUNCTION converge.lww_map_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'lww_map_subscript' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_subscript(internal) IS 'subscripting of lww_map';
CREATE FUNCTION converge.assigned_key(key text) RETURNS text
    AS 'MODULE_PATHNAME', 'lww_map_assigned_key' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.assigned_key(text) IS
    'the key of m[key] = value: volatile, so that no assignment is done at planning';
ALTER TYPE converge.lww_map SET (SUBSCRIPT = converge.lww_map_subscript);

-- src/extension/types/crdt_text.sql

ALTER TYPE converge.crdt_text SET (STORAGE = external);
CREATE FUNCTION converge.three_way(base converge.crdt_text, mine text, theirs converge.crdt_text)
    RETURNS converge.crdt_text
    AS 'MODULE_PATHNAME', 'crdt_text_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 200;
COMMENT ON FUNCTION converge.three_way(converge.crdt_text, text, converge.crdt_text) IS
    'does to theirs, a later state of base, what makes base mine';
CREATE FUNCTION converge.substr(content converge.crdt_text, start integer, count integer) RETURNS text
    AS 'MODULE_PATHNAME', 'crdt_text_substr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.substr(converge.crdt_text, integer, integer) IS
    'a part of the text, its start counted from 1 as in substr(text, …)';
CREATE FUNCTION converge.substr(content converge.crdt_text, start integer) RETURNS text
    AS 'MODULE_PATHNAME', 'crdt_text_substr_from' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.substr(converge.crdt_text, integer) IS
    'the rest of the text from a character on, counted from 1 as in substr(text, …)';
CREATE FUNCTION converge.strpos(content converge.crdt_text, part text) RETURNS integer
    AS 'MODULE_PATHNAME', 'crdt_text_strpos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.strpos(converge.crdt_text, text) IS
    'where a part first begins, counted from 1 as in strpos(text, text); 0 if nowhere';

-- src/extension/types/text_places.sql

CREATE FUNCTION converge.authors(content converge.crdt_text, OUT at integer, OUT count integer, OUT replica bigint,
                                 OUT clock bigint)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'crdt_text_authors' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 100;
COMMENT ON FUNCTION converge.authors(converge.crdt_text) IS
    'the visible characters by the replica that wrote them: position from 0, number, replica, its clock at the first';
CREATE FUNCTION converge.anchor(content converge.crdt_text, at integer, side text DEFAULT 'before') RETURNS bytea
    AS 'MODULE_PATHNAME', 'crdt_text_anchor' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.anchor(converge.crdt_text, integer, text) IS
    'a place beside a character, at a position counted from 0, that edits elsewhere do not move';
CREATE FUNCTION converge.position_of(content converge.crdt_text, anchor bytea) RETURNS integer
    AS 'MODULE_PATHNAME', 'crdt_text_position_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.position_of(converge.crdt_text, bytea) IS 'where an anchor stands now, counted from 0';

-- src/extension/types/counter.sql

CREATE FUNCTION converge.assign(counter converge.pn_counter, value bigint) RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.assign(converge.pn_counter, bigint) IS
    'adds what makes the counter stand at a value; concurrent increments count on top';
CREATE FUNCTION converge.assign(counter converge.g_counter, value bigint) RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 20;
COMMENT ON FUNCTION converge.assign(converge.g_counter, bigint) IS
    'adds what makes the counter stand at a value, at least its own; concurrent increments count on top';
CREATE FUNCTION converge.three_way(base converge.pn_counter, mine bigint, theirs converge.pn_counter)
    RETURNS converge.pn_counter
    AS 'MODULE_PATHNAME', 'pn_counter_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.three_way(converge.pn_counter, bigint, converge.pn_counter) IS
    'does to theirs, a later state of base, what makes base mine';
CREATE FUNCTION converge.three_way(base converge.g_counter, mine bigint, theirs converge.g_counter)
    RETURNS converge.g_counter
    AS 'MODULE_PATHNAME', 'g_counter_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.three_way(converge.g_counter, bigint, converge.g_counter) IS
    'does to theirs, a later state of base, what makes base mine';

-- src/extension/types/mv_register.sql

CREATE FUNCTION converge.three_way(base converge.mv_register, mine jsonb, theirs converge.mv_register)
    RETURNS converge.mv_register
    AS 'MODULE_PATHNAME', 'mv_register_three_way' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.three_way(converge.mv_register, jsonb, converge.mv_register) IS
    'does to theirs, a later state of base, what makes base mine: an assignment beside those that base had not seen';

-- src/extension/types/element_stats.sql

-- Statistics of sets and maps: ANALYZE finds the most common elements, and the
-- operators estimate with them.
CREATE FUNCTION converge.or_set_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'or_set_typanalyze' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.or_set_typanalyze(internal) IS 'or_set typanalyze';
CREATE FUNCTION converge.lww_set_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_set_typanalyze' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_set_typanalyze(internal) IS 'lww_set typanalyze';
CREATE FUNCTION converge.lww_map_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'lww_map_typanalyze' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lww_map_typanalyze(internal) IS 'lww_map typanalyze';
ALTER TYPE converge.or_set SET (ANALYZE = converge.or_set_typanalyze);
ALTER TYPE converge.lww_set SET (ANALYZE = converge.lww_set_typanalyze);
ALTER TYPE converge.lww_map SET (ANALYZE = converge.lww_map_typanalyze);

CREATE FUNCTION converge.all_elements_sel(internal, oid, internal, integer) RETURNS float8
    AS 'MODULE_PATHNAME', 'all_elements_sel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.all_elements_sel(internal, oid, internal, integer) IS
    'restriction selectivity of operators that ask for all elements';
CREATE FUNCTION converge.any_element_sel(internal, oid, internal, integer) RETURNS float8
    AS 'MODULE_PATHNAME', 'any_element_sel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.any_element_sel(internal, oid, internal, integer) IS
    'restriction selectivity of operators that ask for any element';
CREATE FUNCTION converge.elements_joinsel(internal, oid, internal, smallint, internal) RETURNS float8
    AS 'MODULE_PATHNAME', 'elements_joinsel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.elements_joinsel(internal, oid, internal, smallint, internal) IS
    'join selectivity of operators that ask for elements';

ALTER OPERATOR converge.@> (converge.or_set, text[]) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.<@ (text[], converge.or_set) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.? (converge.or_set, text) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.&& (converge.or_set, text[]) SET (RESTRICT = converge.any_element_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.@> (converge.lww_set, text[]) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.<@ (text[], converge.lww_set) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.? (converge.lww_set, text) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.&& (converge.lww_set, text[]) SET (RESTRICT = converge.any_element_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.@> (converge.lww_map, jsonb) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.<@ (jsonb, converge.lww_map) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.? (converge.lww_map, text) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.?| (converge.lww_map, text[]) SET (RESTRICT = converge.any_element_sel, JOIN = converge.elements_joinsel);
ALTER OPERATOR converge.?& (converge.lww_map, text[]) SET (RESTRICT = converge.all_elements_sel, JOIN = converge.elements_joinsel);

-- src/extension/documents/log.sql

ALTER TABLE converge.collection
    ADD included name[] NOT NULL DEFAULT '{}',
    ADD deletion_column name;

-- The fields each collection has had. In the log and on the wire a field keeps
-- the name that its column had first, and no other column ever takes it.
CREATE TABLE converge.field (
    collection integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    column_name name,                   -- NULL: the column was dropped, or is of another type now
    type name NOT NULL,                 -- of schema converge
    PRIMARY KEY (collection, name)
);
INSERT INTO converge.field (collection, name, column_name, type)
    SELECT c.collection, a.attname, a.attname, t.typname
      FROM converge.collection c
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.relation AND a.attnum > 0 AND NOT a.attisdropped
                                    AND a.attgenerated = ''
      JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
      JOIN pg_catalog.pg_type t ON t.oid = CASE d.typtype WHEN 'd' THEN d.typbasetype ELSE d.oid END
     WHERE t.typnamespace = 'converge'::pg_catalog.regnamespace
       AND t.typname IN ('lww_map', 'or_set', 'crdt_text', 'pn_counter', 'g_counter', 'mv_register', 'lww_set');

-- What compaction has dropped from a document's log: the join of those changes,
-- of which converge.replica.last_seq has the numbers. Snapshot and log together
-- are the document's whole history.
CREATE TABLE converge.snapshot (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    recorded_at timestamptz NOT NULL,   -- of the youngest change in it
    state bytea NOT NULL,               -- wire.DocumentState
    PRIMARY KEY (tenant, document)
);

-- What is not in the rows yet: a replica's changes of a document from this number
-- on have not been folded into its deferred fields. A row is made with the first
-- such change and goes when it is folded: no row means that the document's row
-- holds all of the replica's changes, but those in quarantine. Compaction keeps
-- what is named here.
CREATE TABLE converge.unfolded (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    from_seq bigint NOT NULL,
    since timestamptz NOT NULL,         -- when that change was logged
    PRIMARY KEY (tenant, document, replica)
);

-- Logged changes that could not be folded: the row goes on without these fields
-- of theirs. quarantine_retry() tries again, quarantine_drop() gives them up; the
-- row stays then, and says that they are to be left out for good.
CREATE TABLE converge.quarantine (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    replica bigint NOT NULL,
    seq bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    fields name[] NOT NULL,             -- the fields of the change that are not in the row
    quarantined_at timestamptz NOT NULL,
    sqlstate text NOT NULL,             -- what the fold raised
    message text NOT NULL,
    detail text NOT NULL,               -- empty: none
    dropped_at timestamptz,             -- given up by quarantine_drop()
    PRIMARY KEY (tenant, document, replica, seq)
);

SELECT pg_catalog.pg_extension_config_dump('converge.field', '');
SELECT pg_catalog.pg_extension_config_dump('converge.snapshot', '');
SELECT pg_catalog.pg_extension_config_dump('converge.unfolded', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine_id_seq', '');
COMMENT ON TABLE converge.field IS 'the fields of tracked tables and their columns';
COMMENT ON TABLE converge.snapshot IS 'what compaction has dropped from each document''s log, as a state';
COMMENT ON TABLE converge.unfolded IS 'logged changes that are not in the documents'' rows yet';
COMMENT ON TABLE converge.quarantine IS 'logged changes that could not be folded into the documents'' rows';

-- src/extension/documents/track.sql

DROP FUNCTION converge.track(regclass, name, name[]);
CREATE FUNCTION converge.track(collection regclass, tenant name, deferred name[] DEFAULT '{}',
                               include name[] DEFAULT '{}', deletion_column name DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_track'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.track(regclass, name, name[], name[], name) IS
    'makes every row of a table a document that clients can edit; called again, gives it other options';

-- Columns that are renamed or made keep or get the names of their fields.
CREATE FUNCTION converge.follow_schema_change() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'converge_follow_schema_change'
    LANGUAGE C;
COMMENT ON FUNCTION converge.follow_schema_change() IS
    'keeps converge.field and converge.collection at the columns that they mean';

CREATE EVENT TRIGGER converge_follow_schema_change ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'ALTER TYPE')
    EXECUTE FUNCTION converge.follow_schema_change();

-- A table that is dropped is tracked no more, and a dropped column is no field.
CREATE OR REPLACE FUNCTION converge.forget_dropped_collections() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE converge.field f SET column_name = NULL
      FROM converge.collection c, pg_catalog.pg_event_trigger_dropped_objects() d
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND d.objid = c.relation::pg_catalog.oid AND d.objsubid > 0
       AND f.collection = c.collection AND f.column_name = d.address_names[3];
    WITH dropped AS (
        DELETE FROM converge.collection c
         USING pg_catalog.pg_event_trigger_dropped_objects() d
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND d.objid = c.relation::pg_catalog.oid AND d.objsubid = 0
        RETURNING c.collection)
    DELETE FROM converge.field f USING dropped d WHERE f.collection = d.collection;
END
$$;
COMMENT ON FUNCTION converge.forget_dropped_collections() IS 'removes dropped tables and columns from converge.collection and converge.field';

DROP EVENT TRIGGER converge_forget_dropped_collections;
CREATE EVENT TRIGGER converge_forget_dropped_collections ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP TYPE', 'DROP DOMAIN', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION',
                 'ALTER TABLE', 'ALTER TYPE')
    EXECUTE FUNCTION converge.forget_dropped_collections();

-- src/extension/documents/repair.sql

CREATE FUNCTION converge.verify_row(collection text, key text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_verify'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.verify_row(text, text) IS
    'whether a document''s row equals the replay of its log';

-- src/extension/documents/compact.sql

CREATE FUNCTION converge.compact(collection text, tenant text, key text, keep interval DEFAULT '0') RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_compact'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.compact(text, text, text, interval) IS
    'drops settled changes older than "keep" from a document''s log, where a snapshot holds them; how many';

-- Outside a transaction block it commits as it goes.
CREATE PROCEDURE converge.compact(collection text, keep interval DEFAULT '0')
    AS 'MODULE_PATHNAME', 'converge_compact_collection'
    LANGUAGE C;
COMMENT ON PROCEDURE converge.compact(text, interval) IS
    'drops settled changes older than "keep" from the logs of all documents of a collection';

-- src/extension/documents/fold.sql

-- Deferred fields: push() only logs what it gets of them, and the maintenance
-- worker folds it into the rows.

CREATE FUNCTION converge.defer(collection regclass, fields name[]) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_defer'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.defer(regclass, name[]) IS
    'says which fields of a tracked table are deferred from now on; all others are immediate';

CREATE FUNCTION converge.fold(collection text, tenant text DEFAULT NULL, key text DEFAULT NULL) RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_fold'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.fold(text, text, text) IS
    'merges the logged changes that wait into a document''s row, or into all rows of a collection; how many';

-- STABLE: row and log are read in the statement's one snapshot.
CREATE FUNCTION converge.current(document anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'converge_current'
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.current(anyelement) IS
    'a row of a tracked table with its deferred fields up to date';

CREATE FUNCTION converge.quarantine_retry(id bigint) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_quarantine_retry'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.quarantine_retry(bigint) IS
    'merges a change in quarantine into its document''s row';

CREATE FUNCTION converge.quarantine_drop(id bigint) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_quarantine_drop'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.quarantine_drop(bigint) IS
    'gives up a change in quarantine: the document stays without it';

-- worker/background/status.sql

CREATE FUNCTION converge.maintenance_status(
        OUT state text,             -- running, starting, waiting, or absent
        OUT pid integer,
        OUT problem text,           -- why it ended, or why it cannot fold a document
        OUT documents_waiting bigint,   -- with changes that are not in their rows yet
        OUT changes_waiting bigint, -- of those documents, as far as it knows
        OUT waiting_since timestamptz,  -- since when the oldest of them does
        OUT documents_folded bigint,    -- since the worker started
        OUT changes_folded bigint,      -- since the worker started
        OUT changes_quarantined bigint) -- since the worker started
    AS 'MODULE_PATHNAME', 'converge_maintenance_status'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.maintenance_status() IS
    'state of this database''s maintenance worker and what waits to be folded';

REVOKE ALL ON FUNCTION converge.maintenance_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.maintenance_status() TO converge_client, pg_monitor;

-- src/extension/security/grants.sql

REVOKE ALL ON FUNCTION converge.track(regclass, name, name[], name[], name),
    converge.follow_schema_change() FROM PUBLIC;
REVOKE ALL ON FUNCTION converge.verify_row(text, text), converge.compact(text, text, text, interval) FROM PUBLIC;
REVOKE ALL ON PROCEDURE converge.compact(text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.verify_row(text, text) TO converge_client;
ALTER TABLE converge.field OWNER TO converge_owner;
ALTER TABLE converge.snapshot OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.field, converge.snapshot FROM PUBLIC;
ALTER TABLE converge.unfolded OWNER TO converge_owner;
ALTER TABLE converge.quarantine OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.unfolded, converge.quarantine FROM PUBLIC;
REVOKE ALL ON FUNCTION converge.defer(regclass, name[]), converge.fold(text, text, text), converge.current(anyelement),
    converge.quarantine_retry(bigint), converge.quarantine_drop(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.current(anyelement) TO converge_client;
