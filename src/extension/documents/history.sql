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
