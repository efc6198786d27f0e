-- What the catalog says of the extension's functions, operators and types is what
-- they are. A line in an answer is a mistake in an install script.
CREATE TEMP VIEW own AS
SELECT p.* FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid WHERE extname = 'converge';
-- Those that take or give a CRDT or a clock and are not documents' functions.
CREATE TEMP VIEW of_types AS
SELECT * FROM own WHERE probin = '$libdir/converge' AND prosrc ~ '^(lww_map|or_set|lww_set|crdt_text|pn_counter|g_counter|mv_register|version_vector|log_version|hlc|state|set)_';
SELECT count(*) > 200 AS many FROM of_types;

-- What makes identifiers runs once for each row, in the leader; all else is a
-- function of its arguments alone.
SELECT oid::regprocedure FROM of_types
 WHERE (provolatile, proparallel) NOT IN (('i', 's'), ('v', 'r')) AND proname !~ '_typanalyze$' ORDER BY 1;
SELECT oid::regprocedure FROM of_types
 WHERE (provolatile = 'v') <> (proname IN ('assigned_key', 'assign', 'three_way', 'set', 'unset', 'add', 'remove', 'insert', 'delete', 'splice', 'increment') OR proname ~ '^new_')
 ORDER BY 1;
-- All are strict but what an aggregate calls: it takes null for no state.
SELECT oid::regprocedure FROM of_types WHERE NOT proisstrict AND proname !~ 'merge_(transition|combine|final)$' ORDER BY 1;
-- Leakproof: nothing but what compares, hashes and searches, and an hlc's parts.
SELECT DISTINCT proname FROM own WHERE proleakproof ORDER BY 1;
-- Nothing runs with its owner's rights without a search_path of its own.
SELECT oid::regprocedure FROM own WHERE prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) c WHERE c LIKE 'search_path=%') ORDER BY 1;
-- A cost beyond the least one where a state is decoded.
SELECT oid::regprocedure FROM of_types
 WHERE procost < 5 AND proname !~ '_(out|send|in|recv|subscript|typanalyze)$|_gin_|^(hlc|log_version|version_vector|set)_|merge_' AND prosrc !~ '^(state_(eq|ne)|version_vector|log_version|hlc)'
   AND proname NOT IN ('to_text', 'char_length', 'substr', 'strpos', 'assigned_key') ORDER BY 1;

-- Every operator that gives a boolean has estimators, and every one a comment.
SELECT o.oid::regoperator FROM pg_operator o
 WHERE oprnamespace = 'converge'::regnamespace AND oprresult = 'boolean'::regtype AND (oprrest = 0 OR oprjoin = 0)
   AND NOT (oprleft = oprright AND oprleft IN ('converge.version_vector'::regtype, 'converge.log_version'::regtype)) ORDER BY 1;
SELECT o.oid::regoperator FROM pg_operator o JOIN own p ON o.oprcode = p.oid
 WHERE obj_description(p.oid, 'pg_proc') NOT LIKE 'implementation of % operator' AND p.proname NOT IN ('merge') ORDER BY 1;
-- Operator classes are valid; a partial order has no btree.
SELECT opcname FROM pg_opclass WHERE opcnamespace = 'converge'::regnamespace AND NOT amvalidate(oid);
SELECT t.typname, string_agg(a.amname, ' ' ORDER BY a.amname) AS indexes FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN pg_type t ON t.oid = opcintype
 WHERE opcnamespace = 'converge'::regnamespace GROUP BY t.typname ORDER BY t.typname;
-- How the types are stored.
SELECT typname, typstorage, typalign, typanalyze <> 0 AS analyze, typsubscript <> 0 AS subscript FROM pg_type
 WHERE typnamespace = 'converge'::regnamespace AND typtype = 'b' AND typelem = 0 ORDER BY typname;
