\echo Use "ALTER EXTENSION converge UPDATE TO '0.2'" to load this file. \quit

-- From 0.1 to 0.2. What it makes is what a fresh install of 0.2 makes: test/upgrade
-- compares the two. The order is that of the install script.

-- ydoc.state.sql

-- What every CRDT type has. The Makefile makes it for each ydoc.

CREATE TYPE converge.ydoc;

CREATE FUNCTION converge.ydoc_in(cstring) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.ydoc_in(cstring) IS 'I/O';
CREATE FUNCTION converge.ydoc_out(converge.ydoc) RETURNS cstring
    AS 'MODULE_PATHNAME', 'ydoc_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ydoc_out(converge.ydoc) IS 'I/O';
CREATE FUNCTION converge.ydoc_recv(internal) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.ydoc_recv(internal) IS 'I/O';
CREATE FUNCTION converge.ydoc_send(converge.ydoc) RETURNS bytea
    AS 'MODULE_PATHNAME', 'ydoc_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ydoc_send(converge.ydoc) IS 'I/O';

CREATE TYPE converge.ydoc (
    INPUT = converge.ydoc_in, OUTPUT = converge.ydoc_out,
    RECEIVE = converge.ydoc_recv, SEND = converge.ydoc_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);

-- A state is its bytes; bytes are a state if they validate.
CREATE CAST (converge.ydoc AS bytea) WITHOUT FUNCTION;
CREATE FUNCTION converge.ydoc_from_bytea(bytea) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.ydoc_from_bytea(bytea) IS 'a state from its encoding, which is validated';
CREATE CAST (bytea AS converge.ydoc) WITH FUNCTION converge.ydoc_from_bytea(bytea);

-- The join semilattice.
CREATE FUNCTION converge.merge(a converge.ydoc, b converge.ydoc) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.merge(converge.ydoc, converge.ydoc) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (
    LEFTARG = converge.ydoc, RIGHTARG = converge.ydoc, FUNCTION = converge.merge, COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.ydoc, converge.ydoc) IS 'merge two states, or a state and a delta';

CREATE FUNCTION converge.version(state converge.ydoc) RETURNS converge.version_vector
    AS 'MODULE_PATHNAME', 'ydoc_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.version(converge.ydoc) IS 'how many edits of each replica the state has integrated';
CREATE FUNCTION converge.delta(state converge.ydoc, since converge.version_vector) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.delta(converge.ydoc, converge.version_vector) IS
    'what a state that includes the version may lack';
CREATE FUNCTION converge.difference(older converge.ydoc, newer converge.ydoc) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_difference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.difference(converge.ydoc, converge.ydoc) IS
    'the smallest delta that makes the older state include the newer';

-- Equality is that of the encoding, which is canonical. No order.
CREATE FUNCTION converge.equal(a converge.ydoc, b converge.ydoc) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.equal(converge.ydoc, converge.ydoc) IS 'implementation of = operator';
CREATE FUNCTION converge.not_equal(a converge.ydoc, b converge.ydoc) RETURNS boolean
    AS 'MODULE_PATHNAME', 'state_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.not_equal(converge.ydoc, converge.ydoc) IS 'implementation of <> operator';
CREATE OPERATOR converge.= (
    LEFTARG = converge.ydoc, RIGHTARG = converge.ydoc, FUNCTION = converge.equal,
    COMMUTATOR = OPERATOR(converge.=), NEGATOR = OPERATOR(converge.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR converge.= (converge.ydoc, converge.ydoc) IS 'same state';
CREATE OPERATOR converge.<> (
    LEFTARG = converge.ydoc, RIGHTARG = converge.ydoc, FUNCTION = converge.not_equal,
    COMMUTATOR = OPERATOR(converge.<>), NEGATOR = OPERATOR(converge.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.ydoc, converge.ydoc) IS 'different state';
CREATE FUNCTION converge.hash(state converge.ydoc) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash(converge.ydoc) IS 'hash';
CREATE FUNCTION converge.hash_extended(state converge.ydoc, seed bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION converge.hash_extended(converge.ydoc, bigint) IS 'hash';
CREATE OPERATOR CLASS converge.ydoc_hash_ops DEFAULT FOR TYPE converge.ydoc USING hash AS
    OPERATOR 1 converge.= (converge.ydoc, converge.ydoc),
    FUNCTION 1 converge.hash(converge.ydoc),
    FUNCTION 2 converge.hash_extended(converge.ydoc, bigint);

-- ydoc.merge_agg.sql

-- merge_agg() of a state type. The Makefile makes it for each ydoc.

CREATE FUNCTION converge.merge_transition(gathered internal, state converge.ydoc) RETURNS internal
    AS 'MODULE_PATHNAME', 'ydoc_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge_transition(internal, converge.ydoc) IS 'aggregate transition function';
CREATE FUNCTION converge.ydoc_merge_combine(a internal, b internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'ydoc_merge_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.ydoc_merge_combine(internal, internal) IS 'aggregate combine function';
CREATE FUNCTION converge.ydoc_merge_serialize(gathered internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'ydoc_merge_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ydoc_merge_serialize(internal) IS 'aggregate serial function';
CREATE FUNCTION converge.ydoc_merge_deserialize(bytes bytea, gathered internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'ydoc_merge_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ydoc_merge_deserialize(bytea, internal) IS 'aggregate deserial function';
CREATE FUNCTION converge.ydoc_merge_final(gathered internal) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.ydoc_merge_final(internal) IS 'aggregate final function';

CREATE AGGREGATE converge.merge_agg(state converge.ydoc) (
    SFUNC = converge.merge_transition, STYPE = internal, SSPACE = 4096,
    FINALFUNC = converge.ydoc_merge_final,
    COMBINEFUNC = converge.ydoc_merge_combine,
    SERIALFUNC = converge.ydoc_merge_serialize, DESERIALFUNC = converge.ydoc_merge_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE converge.merge_agg(converge.ydoc) IS 'merges all states, null if there is none';

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

-- src/extension/types/ydoc.sql

-- ydoc: a whole Yjs document. Updates and state vectors are Yjs's own; formats are
-- 1 and 2.
COMMENT ON TYPE converge.ydoc IS 'CRDT: a Yjs document';

CREATE FUNCTION converge.yjs_apply(doc converge.ydoc, update bytea, format integer) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_apply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_apply(converge.ydoc, bytea, integer) IS 'applies a Yjs update of this format';
CREATE FUNCTION converge.yjs_apply(doc converge.ydoc, update bytea) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_apply' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_apply(converge.ydoc, bytea) IS 'implementation of || operator';
CREATE OPERATOR converge.|| (LEFTARG = converge.ydoc, RIGHTARG = bytea, FUNCTION = converge.yjs_apply);
COMMENT ON OPERATOR converge.|| (converge.ydoc, bytea) IS 'apply a Yjs update v1';
CREATE FUNCTION converge.new_ydoc(update bytea) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.new_ydoc(bytea) IS 'the document that a Yjs update v1 makes';

CREATE FUNCTION converge.yjs_update(doc converge.ydoc, since bytea DEFAULT '\x', format integer DEFAULT 1) RETURNS bytea
    AS 'MODULE_PATHNAME', 'ydoc_update' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_update(converge.ydoc, bytea, integer) IS
    'the Yjs update for a document of this state vector; for an empty one, all';
CREATE FUNCTION converge.yjs_state_vector(doc converge.ydoc) RETURNS bytea
    AS 'MODULE_PATHNAME', 'ydoc_state_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION converge.yjs_state_vector(converge.ydoc) IS 'what of each client the document has, for Yjs';

CREATE FUNCTION converge.to_jsonb(doc converge.ydoc) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'ydoc_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.to_jsonb(converge.ydoc) IS 'all roots, as toJSON gives them in Yjs';
CREATE CAST (converge.ydoc AS jsonb) WITH FUNCTION converge.to_jsonb(converge.ydoc) AS ASSIGNMENT;
CREATE FUNCTION converge.yjs_text(doc converge.ydoc, root text) RETURNS text
    AS 'MODULE_PATHNAME', 'ydoc_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_text(converge.ydoc, text) IS 'the text of a root, without marks';
CREATE FUNCTION converge.yjs_xml(doc converge.ydoc, root text) RETURNS text
    AS 'MODULE_PATHNAME', 'ydoc_xml' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION converge.yjs_xml(converge.ydoc, text) IS 'the XML of a root, as toString gives it in Yjs';

CREATE FUNCTION converge.yjs_insert(doc converge.ydoc, root text, at integer, value text) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_insert' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.yjs_insert(converge.ydoc, text, integer, text) IS
    'inserts into a root text, before the character at a position counted from 0';
CREATE FUNCTION converge.yjs_delete(doc converge.ydoc, root text, at integer, count integer) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_delete' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.yjs_delete(converge.ydoc, text, integer, integer) IS
    'deletes characters of a root text, or items of a root array, from a position on';
CREATE FUNCTION converge.yjs_set(doc converge.ydoc, root text, key text, value jsonb) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_set' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.yjs_set(converge.ydoc, text, text, jsonb) IS 'sets a key of a root map';
CREATE FUNCTION converge.yjs_unset(doc converge.ydoc, root text, key text) RETURNS converge.ydoc
    AS 'MODULE_PATHNAME', 'ydoc_unset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 50;
COMMENT ON FUNCTION converge.yjs_unset(converge.ydoc, text, text) IS 'takes a key out of a root map';

-- src/extension/security/identity.sql

CREATE FUNCTION converge.current_token_end() RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'converge_current_token_end'
    LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.current_token_end() IS
    'when the token ends whose principal the transaction acts for, NULL when nobody is authenticated';

-- src/extension/security/secret.sql

-- A value that is passed to a function and shown nowhere: its output is the same
-- whatever it holds, and what PostgreSQL logs of a statement's parameters is their
-- output (of those that come in binary format; the text of others may be logged as
-- it came). Tokens, and requests that hold tokens, are to be passed as
-- `$1::converge.secret::text` and `$1::converge.secret::bytea`. Not for storing.
CREATE TYPE converge.secret;

CREATE FUNCTION converge.secret_in(cstring) RETURNS converge.secret
    AS 'MODULE_PATHNAME', 'converge_secret_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_in(cstring) IS 'I/O';
CREATE FUNCTION converge.secret_out(converge.secret) RETURNS cstring
    AS 'MODULE_PATHNAME', 'converge_secret_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_out(converge.secret) IS 'I/O';
CREATE FUNCTION converge.secret_recv(internal) RETURNS converge.secret
    AS 'MODULE_PATHNAME', 'converge_secret_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_recv(internal) IS 'I/O';
CREATE FUNCTION converge.secret_send(converge.secret) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_secret_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_send(converge.secret) IS 'I/O';

CREATE TYPE converge.secret (
    INPUT = converge.secret_in, OUTPUT = converge.secret_out,
    RECEIVE = converge.secret_recv, SEND = converge.secret_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);
COMMENT ON TYPE converge.secret IS 'a value that is passed to a function and shown nowhere';

-- VOLATILE: otherwise planning would make a constant of what they give, which
-- auto_explain shows.
CREATE FUNCTION converge.secret_to_bytea(converge.secret) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_secret_to_bytea' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_to_bytea(converge.secret) IS 'the bytes that were passed as a secret';
CREATE CAST (converge.secret AS bytea) WITH FUNCTION converge.secret_to_bytea(converge.secret);
CREATE FUNCTION converge.secret_to_text(converge.secret) RETURNS text
    AS 'MODULE_PATHNAME', 'converge_secret_to_text' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.secret_to_text(converge.secret) IS 'the text that was passed as a secret';
CREATE CAST (converge.secret AS text) WITH FUNCTION converge.secret_to_text(converge.secret);

-- src/extension/security/authenticate.sql

ALTER TABLE converge.jwt_key
    ALTER secret DROP NOT NULL,
    ADD public_key text,
    ADD valid_from timestamptz,
    ADD issuer text CHECK (issuer <> ''),
    ADD audience text CHECK (audience <> ''),
    ADD tenant text CHECK (tenant <> ''),
    DROP CONSTRAINT jwt_key_alg_check,
    ADD CONSTRAINT jwt_key_alg_check CHECK (alg IN ('HS256', 'RS256', 'ES256', 'EdDSA')),
    DROP CONSTRAINT jwt_key_check,
    ADD CONSTRAINT jwt_key_material_check CHECK (
        CASE WHEN alg = 'HS256' THEN secret IS NOT NULL AND public_key IS NULL
             ELSE public_key IS NOT NULL AND secret IS NULL END);

CREATE FUNCTION converge.check_jwt_key() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_check_jwt_key' LANGUAGE C;
COMMENT ON FUNCTION converge.check_jwt_key() IS 'trigger of converge.jwt_key: refuses what is no key of its algorithm';
CREATE TRIGGER check_jwt_key BEFORE INSERT OR UPDATE ON converge.jwt_key
    FOR EACH ROW EXECUTE FUNCTION converge.check_jwt_key();

-- Backends keep what they have verified.
CREATE FUNCTION converge.forget_verified_tokens() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_forget_verified_tokens' LANGUAGE C;
COMMENT ON FUNCTION converge.forget_verified_tokens() IS
    'trigger of what verified tokens rest on: every session verifies anew';
CREATE TRIGGER forget_verified_tokens AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.jwt_key
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_verified_tokens();
ALTER TABLE converge.jwt_key ENABLE ALWAYS TRIGGER check_jwt_key, ENABLE ALWAYS TRIGGER forget_verified_tokens;

-- src/extension/security/audit.sql

-- Who did what to whom. Rows are added and never changed; retention deletes them.
CREATE TABLE converge.audit (
    tenant text COLLATE "C" NOT NULL,   -- empty: of none, or not known
    id bigint GENERATED ALWAYS AS IDENTITY,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    event text NOT NULL,                -- what happened: docs/reference/security.md lists the events
    principal text NOT NULL DEFAULT '', -- who did it, or was refused; empty: SQL without an identity
    role name NOT NULL DEFAULT session_user,
    object text NOT NULL DEFAULT '',    -- to what or whom
    detail text NOT NULL DEFAULT '',
    count bigint NOT NULL DEFAULT 1,    -- how often, where like events are recorded as one
    PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE converge.audit IS 'who did what to whom';
SELECT pg_catalog.pg_extension_config_dump('converge.audit', '');
SELECT pg_catalog.pg_extension_config_dump('converge.audit_id_seq', '');

CREATE FUNCTION converge.keep_audit() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'rows of converge.audit cannot be changed or deleted',
        HINT = 'converge.audit_retention() deletes what is old enough.';
END
$$;
COMMENT ON FUNCTION converge.keep_audit() IS 'trigger of converge.audit: rows are added only';
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE OR TRUNCATE ON converge.audit
    FOR EACH STATEMENT EXECUTE FUNCTION converge.keep_audit();
ALTER TABLE converge.audit ENABLE ALWAYS TRIGGER keep_audit;

CREATE FUNCTION converge.audit_retention(keep interval, tenant text DEFAULT NULL) RETURNS bigint
    AS 'MODULE_PATHNAME', 'converge_audit_retention'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.audit_retention(interval, text) IS
    'deletes what a tenant''s audit, or everybody''s, has recorded longer ago; how many rows';

-- src/extension/documents/log.sql

ALTER TABLE converge.collection
    ADD included name[] NOT NULL DEFAULT '{}',
    ADD deletion_column name,
    ADD keep interval;

ALTER TABLE converge.replica
    ADD refused_sqlstate text,
    ADD refused_constraint text;

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
    authors bytea NOT NULL,             -- the same of who made what (core/history/authorship.h)
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

-- The documents that clients made under names of their own, because the server
-- makes their keys: a resend reaches the same document. A row is forgotten
-- converge.temporary_key_lifetime after it was made.
CREATE TABLE converge.temporary_key (
    tenant text COLLATE "C" NOT NULL,
    collection integer NOT NULL,
    principal text COLLATE "C" NOT NULL, -- whose name it is
    temporary_key text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, collection, principal, temporary_key)
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
SELECT pg_catalog.pg_extension_config_dump('converge.temporary_key', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine', '');
SELECT pg_catalog.pg_extension_config_dump('converge.quarantine_id_seq', '');
COMMENT ON TABLE converge.field IS 'the fields of tracked tables and their columns';
COMMENT ON TABLE converge.snapshot IS 'what compaction has dropped from each document''s log, as a state';
COMMENT ON TABLE converge.unfolded IS 'logged changes that are not in the documents'' rows yet';
COMMENT ON TABLE converge.temporary_key IS 'clients'' own names of documents whose keys the server made';
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

CREATE FUNCTION converge.keep_log(collection regclass, keep interval) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_keep_log'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.keep_log(regclass, interval) IS
    'how long the maintenance worker keeps the log of a collection''s documents; null: as converge.compact_keep says';

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

-- src/extension/documents/history.sql

-- What snapshot() keeps of a document, for as long as drop_snapshot() does not say
-- otherwise: its state as of a moment.
CREATE TABLE converge.kept_state (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    moment timestamptz NOT NULL,
    principal text NOT NULL,            -- who asked for it; empty: SQL without an identity
    label text,
    state bytea NOT NULL,               -- wire.DocumentState
    PRIMARY KEY (tenant, document, moment)
);

SELECT pg_catalog.pg_extension_config_dump('converge.kept_state', '');
COMMENT ON TABLE converge.kept_state IS 'documents as of moments that compaction leaves alone';
ALTER TABLE converge.kept_state OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.kept_state FROM PUBLIC;

-- A document's history: its state as of a moment, and who made what and when.
-- STABLE: row and log are read in the statement's one snapshot.

CREATE FUNCTION converge.state_at(collection text, key text, moment timestamptz) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'converge_state_at'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION converge.state_at(text, text, timestamptz) IS
    'a document''s fields as of a moment; null before there was anything';

CREATE FUNCTION converge.diff(collection text, key text, since timestamptz, until timestamptz DEFAULT 'infinity')
    RETURNS TABLE (field text, action text, at integer, item text, older jsonb, newer jsonb)
    AS 'MODULE_PATHNAME', 'converge_diff'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION converge.diff(text, text, timestamptz, timestamptz) IS
    'what makes a document''s fields as of one moment those as of another';

CREATE FUNCTION converge.history(collection text, key text, before timestamptz DEFAULT NULL, changes integer DEFAULT 100)
    RETURNS TABLE (recorded_at timestamptz, principal text, replica bigint, seq bigint, operation text, field text,
                   bytes integer, summary text)
    AS 'MODULE_PATHNAME', 'converge_history'
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION converge.history(text, text, timestamptz, integer) IS
    'a document''s logged changes before a moment, the newest first: who changed which field, when and how';

CREATE FUNCTION converge.blame(collection text, key text, field text)
    RETURNS TABLE (at integer, item text, value jsonb, principal text, replica bigint, since timestamptz,
                   until timestamptz)
    AS 'MODULE_PATHNAME', 'converge_blame'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION converge.blame(text, text, text) IS
    'who made each part of a field, and when: a text''s characters, a map''s keys, a set''s elements, a register''s values';

CREATE FUNCTION converge.restore(collection text, key text, moment timestamptz) RETURNS text[]
    AS 'MODULE_PATHNAME', 'converge_restore'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.restore(text, text, timestamptz) IS
    'edits a document so that its fields have the values of an earlier moment again; the fields that it edited';

-- Moments that compaction leaves alone.
CREATE FUNCTION converge.snapshot(collection text, key text, label text DEFAULT NULL) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'converge_snapshot'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.snapshot(text, text, text) IS
    'keeps a document''s present state through compaction; the moment to ask for it by';

CREATE FUNCTION converge.snapshots(collection text, key text)
    RETURNS TABLE (moment timestamptz, principal text, label text)
    AS 'MODULE_PATHNAME', 'converge_snapshots'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION converge.snapshots(text, text) IS
    'the moments of a document that snapshot() has kept, and who asked for it';

CREATE FUNCTION converge.drop_snapshot(collection text, key text, moment timestamptz) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_drop_snapshot'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.drop_snapshot(text, text, timestamptz) IS
    'gives up a moment that snapshot() kept';

REVOKE ALL ON FUNCTION converge.state_at(text, text, timestamptz), converge.diff(text, text, timestamptz, timestamptz),
    converge.history(text, text, timestamptz, integer), converge.blame(text, text, text),
    converge.restore(text, text, timestamptz), converge.snapshot(text, text, text), converge.snapshots(text, text),
    converge.drop_snapshot(text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.state_at(text, text, timestamptz), converge.diff(text, text, timestamptz, timestamptz),
    converge.history(text, text, timestamptz, integer), converge.blame(text, text, text),
    converge.restore(text, text, timestamptz), converge.snapshot(text, text, text), converge.snapshots(text, text),
    converge.drop_snapshot(text, text, timestamptz) TO converge_client;

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
        OUT changes_quarantined bigint, -- since the worker started
        OUT documents_compacted bigint, -- since the worker started
        OUT changes_compacted bigint)   -- since the worker started
    AS 'MODULE_PATHNAME', 'converge_maintenance_status'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.maintenance_status() IS
    'state of this database''s maintenance worker and what waits to be folded';

REVOKE ALL ON FUNCTION converge.maintenance_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.maintenance_status() TO converge_client, pg_monitor;

-- src/extension/documents/yjs.sql

-- What Yjs clients need of the database (docs/reference/bridge.md).

-- Whose the Yjs clients are: the principal that first wrote to a document under a
-- client identifier. Another one's structs under it are refused.
CREATE TABLE converge.yjs_client (
    tenant text COLLATE "C" NOT NULL,
    document bigint NOT NULL,
    client bigint NOT NULL,
    principal text NOT NULL,
    PRIMARY KEY (tenant, document, client)
);
COMMENT ON TABLE converge.yjs_client IS 'the principals that write under the Yjs clients of each document';
SELECT pg_catalog.pg_extension_config_dump('converge.yjs_client', '');
ALTER TABLE converge.yjs_client OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.yjs_client FROM PUBLIC;

-- STABLE: row and log are read in the statement's one snapshot.
CREATE FUNCTION converge.yjs_pull(collection text, key text, field text, since bytea DEFAULT '\x') RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_yjs_pull'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.yjs_pull(text, text, text, bytea) IS
    'what a Yjs client with the state vector "since" lacks of a field (wire.PullResponse)';
REVOKE ALL ON FUNCTION converge.yjs_pull(text, text, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.yjs_pull(text, text, text, bytea) TO converge_client;

-- src/extension/security/grants.sql

REVOKE ALL ON FUNCTION converge.track(regclass, name, name[], name[], name),
    converge.follow_schema_change() FROM PUBLIC;
REVOKE ALL ON FUNCTION converge.verify_row(text, text), converge.compact(text, text, text, interval),
    converge.keep_log(regclass, interval) FROM PUBLIC;
REVOKE ALL ON PROCEDURE converge.compact(text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.verify_row(text, text) TO converge_client;
ALTER TABLE converge.field OWNER TO converge_owner;
ALTER TABLE converge.snapshot OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.field, converge.snapshot FROM PUBLIC;
ALTER TABLE converge.unfolded OWNER TO converge_owner;
ALTER TABLE converge.quarantine OWNER TO converge_owner;
ALTER TABLE converge.temporary_key OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.unfolded, converge.quarantine, converge.temporary_key FROM PUBLIC;
REVOKE ALL ON FUNCTION converge.defer(regclass, name[]), converge.fold(text, text, text), converge.current(anyelement),
    converge.quarantine_retry(bigint), converge.quarantine_drop(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.current(anyelement) TO converge_client;

-- src/extension/security/permission.sql

-- Who may do what: grants, members, and the questions that policies ask.

-- Each level holds those before it.
CREATE TYPE converge.access_level AS ENUM ('none', 'read', 'write', 'admin');
COMMENT ON TYPE converge.access_level IS 'what one may do with a document';

-- Grants. The highest of those that cover a document counts.
CREATE TABLE converge.permission (
    tenant text COLLATE "C" NOT NULL CHECK (pg_catalog.octet_length(tenant) BETWEEN 1 AND 256),
    grantee text COLLATE "C" NOT NULL CHECK (grantee NOT IN ('', 'role:')), -- a principal, or role:NAME
    collection integer,                 -- NULL: all of the tenant's
    key text COLLATE "C",               -- NULL: all of the collection's documents
    level converge.access_level NOT NULL CHECK (level > 'none'),
    grantor text NOT NULL,              -- the principal who gave it; empty: SQL without an identity
    granted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE NULLS NOT DISTINCT (tenant, grantee, collection, key),
    CHECK (key IS NULL OR collection IS NOT NULL)
);
COMMENT ON TABLE converge.permission IS 'the levels of access that principals and roles were given';

-- Which principal has which roles.
CREATE TABLE converge.member (
    tenant text COLLATE "C" NOT NULL CHECK (pg_catalog.octet_length(tenant) BETWEEN 1 AND 256),
    principal text COLLATE "C" NOT NULL CHECK (principal <> ''),
    role text COLLATE "C" NOT NULL CHECK (role NOT IN ('', 'everyone')),
    PRIMARY KEY (tenant, principal, role)
);
COMMENT ON TABLE converge.member IS 'the roles that principals have in their tenants';

-- A number for each tenant that is another after each change of the above, or of a
-- table named by recheck_on(). Not in a dump: restoring the above makes new ones.
CREATE TABLE converge.policy_state (
    tenant text COLLATE "C" PRIMARY KEY,  -- empty: all
    state bigint GENERATED ALWAYS AS IDENTITY
);
COMMENT ON TABLE converge.policy_state IS 'which permissions and members of each tenant hold, as a number';

SELECT pg_catalog.pg_extension_config_dump('converge.permission', '');
SELECT pg_catalog.pg_extension_config_dump('converge.member', '');

-- Arguments: the columns that hold the tenant and the principal, empty for none.
CREATE FUNCTION converge.recheck() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_recheck'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.recheck() IS 'has live subscriptions checked again';

CREATE TRIGGER converge_recheck AFTER INSERT OR UPDATE OR DELETE ON converge.permission
    FOR EACH ROW EXECUTE FUNCTION converge.recheck('tenant', 'grantee');
CREATE TRIGGER converge_recheck_truncate AFTER TRUNCATE ON converge.permission
    FOR EACH STATEMENT EXECUTE FUNCTION converge.recheck('', '');
CREATE TRIGGER converge_recheck AFTER INSERT OR UPDATE OR DELETE ON converge.member
    FOR EACH ROW EXECUTE FUNCTION converge.recheck('tenant', 'principal');
CREATE TRIGGER converge_recheck_truncate AFTER TRUNCATE ON converge.member
    FOR EACH STATEMENT EXECUTE FUNCTION converge.recheck('', '');

-- Also where rows come by logical replication.
ALTER TABLE converge.permission ENABLE ALWAYS TRIGGER converge_recheck;
ALTER TABLE converge.permission ENABLE ALWAYS TRIGGER converge_recheck_truncate;
ALTER TABLE converge.member ENABLE ALWAYS TRIGGER converge_recheck;
ALTER TABLE converge.member ENABLE ALWAYS TRIGGER converge_recheck_truncate;

-- For policies. STABLE: of reading, the statement's snapshot answers; of more, the
-- newest state does, which is locked until the transaction ends.
CREATE FUNCTION converge.can(collection regclass, key text, level converge.access_level) RETURNS boolean
    AS 'MODULE_PATHNAME', 'converge_can'
    LANGUAGE C STABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION converge.can(regclass, text, converge.access_level) IS
    'whether the transaction''s principal has a level on a document, a collection (key NULL) or its tenant (both NULL)';

CREATE FUNCTION converge.set_permission(tenant text, grantee text, level converge.access_level,
                                        collection regclass DEFAULT NULL, key text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_set_permission'
    LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.set_permission(text, text, converge.access_level, regclass, text) IS
    'gives a principal, or a role as role:NAME, a level on a document, a collection or a tenant; none takes it away';

CREATE FUNCTION converge.add_member(tenant text, principal text, role text) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_add_member'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.add_member(text, text, text) IS 'gives a principal a role in a tenant';

CREATE FUNCTION converge.remove_member(tenant text, principal text, role text) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_remove_member'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.remove_member(text, text, text) IS 'takes a role from a principal of a tenant';

CREATE FUNCTION converge.isolate(collection regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_isolate'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.isolate(regclass) IS
    'gives a tracked table the standard policies: its tenant''s principals by their permissions';

CREATE FUNCTION converge.recheck_on(collection regclass, membership regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'converge_recheck_on'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.recheck_on(regclass, regclass) IS
    'names a table that a tracked table''s policies look at: where it changes, live subscriptions are checked at once';

-- src/extension/security/revocation.sql

-- Tokens that are no longer good though they verify. A row stands until an
-- administrator deletes it: it has to outlive the tokens it is about.
CREATE TABLE converge.revocation (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('tenant', 'principal', 'token_id', 'token_hash')),
    name text COLLATE "C" NOT NULL,     -- the principal, the token's `jti`, or its SHA-256 in hex; empty for the tenant
    revoked_at timestamptz NOT NULL,    -- of principal and tenant: tokens issued up to here
    PRIMARY KEY (tenant, kind, name)
);
COMMENT ON TABLE converge.revocation IS 'tokens that are no longer good though they verify';
SELECT pg_catalog.pg_extension_config_dump('converge.revocation', '');

CREATE TRIGGER forget_verified_tokens AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.revocation
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_verified_tokens();
ALTER TABLE converge.revocation ENABLE ALWAYS TRIGGER forget_verified_tokens;

-- Live connections whose tokens may be no longer good show them again at once.
CREATE TRIGGER converge_recheck AFTER INSERT OR UPDATE ON converge.revocation
    FOR EACH ROW EXECUTE FUNCTION converge.recheck('tenant', '');
CREATE TRIGGER converge_recheck AFTER UPDATE OR DELETE ON converge.jwt_key
    FOR EACH ROW EXECUTE FUNCTION converge.recheck('tenant', '');
ALTER TABLE converge.revocation ENABLE ALWAYS TRIGGER converge_recheck;
ALTER TABLE converge.jwt_key ENABLE ALWAYS TRIGGER converge_recheck;

CREATE FUNCTION converge.revoke(tenant text DEFAULT NULL, principal text DEFAULT NULL, token_id text DEFAULT NULL,
                                token_hash bytea DEFAULT NULL, key_id text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
<<revoke>>
DECLARE
    kind text;
    name text;
BEGIN
    IF key_id IS NOT NULL THEN
        IF num_nonnulls(tenant, principal, token_id, token_hash) > 0 THEN
            RAISE invalid_parameter_value USING MESSAGE = 'a key is revoked by its key_id alone';
        END IF;
        UPDATE converge.jwt_key SET valid_until = clock_timestamp()
         WHERE kid = key_id AND (valid_until IS NULL OR valid_until > clock_timestamp());
        IF NOT FOUND THEN
            RAISE undefined_object USING MESSAGE = format('key "%s" does not exist or is not valid any more', key_id);
        END IF;
        INSERT INTO converge.audit (tenant, event, object) VALUES ('', 'revocation', 'key ' || key_id);
        RETURN;
    END IF;
    IF tenant IS NULL OR tenant = '' THEN
        RAISE null_value_not_allowed USING MESSAGE = 'tenant of the tokens to revoke is missing';
    END IF;
    IF num_nonnulls(principal, token_id, token_hash) > 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a revocation names a principal, a token_id or a token_hash',
            HINT = 'Call revoke() once for each.';
    END IF;
    IF length(token_hash) <> 32 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'token_hash is no SHA-256 of a token',
            DETAIL = format('It has %s bytes instead of 32.', length(token_hash));
    END IF;
    kind := CASE WHEN principal IS NOT NULL THEN 'principal' WHEN token_id IS NOT NULL THEN 'token_id'
                 WHEN token_hash IS NOT NULL THEN 'token_hash' ELSE 'tenant' END;
    name := coalesce(principal, token_id, encode(token_hash, 'hex'), '');
    INSERT INTO converge.revocation VALUES (revoke.tenant, revoke.kind, revoke.name, clock_timestamp())
        ON CONFLICT ON CONSTRAINT revocation_pkey DO UPDATE SET revoked_at = EXCLUDED.revoked_at;
    INSERT INTO converge.audit (tenant, event, object)
        VALUES (revoke.tenant, 'revocation', revoke.kind || CASE revoke.name WHEN '' THEN '' ELSE ' ' || revoke.name END);
END
$$;
COMMENT ON FUNCTION converge.revoke(text, text, text, bytea, text) IS
    'ends tokens: all that a tenant or principal was issued so far, one by its id or hash, or all of a key';

-- src/extension/security/limits.sql

-- What a tenant and its principals may use, where it is not what the settings say.
-- NULL: as the setting of that name; 0: no limit.
CREATE TABLE converge.tenant_limit (
    tenant text COLLATE "C" PRIMARY KEY CHECK (tenant <> ''),
    max_tenant_documents bigint CHECK (max_tenant_documents >= 0),
    max_tenant_bytes bigint CHECK (max_tenant_bytes >= 0),
    max_document_bytes bigint CHECK (max_document_bytes >= 0),
    max_replicas bigint CHECK (max_replicas >= 0),
    max_tombstone_share bigint CHECK (max_tombstone_share BETWEEN 0 AND 100),
    principal_requests bigint CHECK (principal_requests >= 0),
    principal_changes bigint CHECK (principal_changes >= 0),
    tenant_requests bigint CHECK (tenant_requests >= 0),
    tenant_changes bigint CHECK (tenant_changes >= 0)
);
COMMENT ON TABLE converge.tenant_limit IS 'what tenants may use, where it is not what the settings say';
SELECT pg_catalog.pg_extension_config_dump('converge.tenant_limit', '');

-- What the maintenance worker has measured of the tenants that have a limit on it.
-- Not in a dump.
CREATE TABLE converge.tenant_usage (
    tenant text COLLATE "C" PRIMARY KEY,
    bytes bigint NOT NULL,              -- of the log and its snapshots
    measured_at timestamptz NOT NULL
);
COMMENT ON TABLE converge.tenant_usage IS 'what tenants use, as far as there is a limit';

CREATE FUNCTION converge.forget_limits() RETURNS trigger
    AS 'MODULE_PATHNAME', 'converge_forget_limits' LANGUAGE C;
COMMENT ON FUNCTION converge.forget_limits() IS 'trigger of converge.tenant_limit: every session reads it anew';
CREATE TRIGGER forget_limits AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON converge.tenant_limit
    FOR EACH STATEMENT EXECUTE FUNCTION converge.forget_limits();
ALTER TABLE converge.tenant_limit ENABLE ALWAYS TRIGGER forget_limits;

CREATE FUNCTION converge.current_limits(OUT principal_requests bigint, OUT principal_changes bigint,
                                        OUT tenant_requests bigint, OUT tenant_changes bigint) RETURNS record
    AS 'MODULE_PATHNAME', 'converge_current_limits'
    LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.current_limits() IS
    'for bridges: what the transaction''s principal, and all of its tenant, may ask in a minute; 0: anything';

-- src/extension/security/subject.sql

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
    FOREACH source IN ARRAY ARRAY['document', 'change', 'replica', 'yjs_client', 'snapshot', 'kept_state', 'unfolded',
                                  'quarantine', 'permission', 'member', 'revocation', 'tenant_limit', 'audit'] LOOP
        RETURN QUERY EXECUTE format('SELECT %L, to_jsonb(t) FROM converge.%I t WHERE t.tenant = %L',
                                    source, source, export.tenant);
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
    DELETE FROM converge.member m WHERE m.tenant = erase.tenant AND m.principal = erase.principal;
    -- Single changes become a part of their documents' snapshots.
    FOR written IN
        SELECT c.name, d.key, array_agg(d.document) AS numbers FROM converge.replica r
          JOIN converge.document d ON d.tenant = r.tenant AND d.document = r.document
          JOIN converge.collection c ON c.collection = d.collection
         WHERE r.tenant = erase.tenant AND r.principal = erase.principal
         GROUP BY c.name, d.key ORDER BY c.name, d.key
    LOOP
        documents := documents + 1;
        compacted := compacted + converge.compact(written.name, erase.tenant, written.key);
        UPDATE converge.snapshot s SET authors = converge.rename_author(s.authors, erase.principal, pseudonym)
         WHERE s.tenant = erase.tenant AND s.document = ANY (written.numbers);
    END LOOP;
    -- What is left, refusals and what is not settled yet, loses the name. Nobody is
    -- to number a change meanwhile: the log is read without a snapshot for that.
    LOCK TABLE converge.change, converge.replica IN SHARE ROW EXCLUSIVE MODE;
    UPDATE converge.change c SET principal = pseudonym WHERE c.tenant = erase.tenant AND c.principal = erase.principal;
    GET DIAGNOSTICS renamed = ROW_COUNT;
    UPDATE converge.replica r SET principal = pseudonym WHERE r.tenant = erase.tenant AND r.principal = erase.principal;
    UPDATE converge.yjs_client y SET principal = pseudonym WHERE y.tenant = erase.tenant AND y.principal = erase.principal;
    UPDATE converge.kept_state k SET principal = pseudonym WHERE k.tenant = erase.tenant AND k.principal = erase.principal;
    INSERT INTO converge.audit (tenant, event, object, detail)
        VALUES (erase.tenant, 'erasure', erase.principal,
                format('%s documents, %s changes compacted, %s renamed to %s', documents, compacted, renamed, pseudonym));
END
$$;
COMMENT ON FUNCTION converge.erase(text, text) IS
    'takes a principal out of the log: its single changes and its name, its grants and its tokens';

-- src/extension/security/grants.sql: tokens, revocation, audit and limits

ALTER TABLE converge.audit OWNER TO converge_owner;
ALTER TABLE converge.revocation OWNER TO converge_owner;
ALTER TABLE converge.tenant_limit OWNER TO converge_owner;
ALTER TABLE converge.tenant_usage OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.audit, converge.revocation, converge.tenant_limit, converge.tenant_usage FROM PUBLIC;
REVOKE ALL ON FUNCTION converge.revoke(text, text, text, bytea, text), converge.audit_retention(interval, text),
    converge.export(text), converge.erase(text, text), converge.rename_author(bytea, text, text),
    converge.current_limits() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.current_limits() TO converge_client;
ALTER FUNCTION converge.revoke(text, text, text, bytea, text) OWNER TO converge_owner;

-- src/extension/documents/sync.sql, of permissions

-- As subscribe(), of many clients at once, by their tokens.
CREATE FUNCTION converge.check_access(request bytea) RETURNS bytea
    AS 'MODULE_PATHNAME', 'converge_check_access'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.check_access(bytea) IS
    'which documents clients may still read (wire.AccessRequest, wire.AccessResponse)';

-- src/extension/security/grants.sql, of permissions

ALTER TABLE converge.permission OWNER TO converge_owner;
ALTER TABLE converge.member OWNER TO converge_owner;
ALTER TABLE converge.policy_state OWNER TO converge_owner;
REVOKE ALL ON TABLE converge.permission, converge.member, converge.policy_state FROM PUBLIC;
REVOKE ALL ON FUNCTION converge.recheck(), converge.check_access(bytea),
    converge.set_permission(text, text, converge.access_level, regclass, text),
    converge.add_member(text, text, text), converge.remove_member(text, text, text),
    converge.isolate(regclass), converge.recheck_on(regclass, regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION converge.set_permission(text, text, converge.access_level, regclass, text),
    converge.add_member(text, text, text), converge.remove_member(text, text, text),
    converge.check_access(bytea) TO converge_client;
