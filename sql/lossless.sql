-- States come out of COPY, text and binary, and of CREATE TABLE AS as they went in.
SET search_path = public, converge;
CREATE TABLE doc (id integer, m lww_map, s or_set, t crdt_text, c pn_counter, g g_counter, r mv_register,
                  l lww_set, v version_vector, w log_version, h hlc);
INSERT INTO doc VALUES (1, new_map('{"a": 1}'), new_set('{a}'), new_text('ä'), new_counter(-1), new_g_counter(1),
                        new_register('1'), new_lww_set('{a}'), '{"1": 2}', '{"3": 4}', '2026-11-21T04:03:02.123Z/7'),
                       (2, '', '', '', '', '', '', '', '{}', '{}', 0::bigint::hlc);
INSERT INTO doc VALUES (3);
-- One that is stored out of line.
INSERT INTO doc (id, t, m)
SELECT 4, new_text(string_agg(md5(i::text), '')), new_map(jsonb_object_agg(i, md5(i::text))) FROM generate_series(1, 3000) i;
UPDATE doc SET t = delete(t, 100, 5000), m = unset(m, '7') WHERE id = 4;

CREATE FUNCTION same(other regclass) RETURNS TABLE (id integer, same boolean) LANGUAGE plpgsql AS $$
BEGIN
    -- As bytes, which are what must not change.
    RETURN QUERY EXECUTE format(
        'SELECT a.id, ROW(a.m::bytea, a.s::bytea, a.t::bytea, a.c::bytea, a.g::bytea, a.r::bytea, a.l::bytea, a.v::bytea,
                          a.w::bytea, a.h::bigint)
           IS NOT DISTINCT FROM ROW(b.m::bytea, b.s::bytea, b.t::bytea, b.c::bytea, b.g::bytea, b.r::bytea, b.l::bytea,
                                    b.v::bytea, b.w::bytea, b.h::bigint)
           FROM doc a FULL JOIN %s b USING (id) ORDER BY 1', other);
END
$$;

CREATE TABLE doc_as AS SELECT * FROM doc;
SELECT * FROM same('doc_as');
SELECT current_setting('data_directory') || '/converge_lossless' AS file \gset
\set text_file :file '.text'
\set binary_file :file '.binary'
\set csv_file :file '.csv'
CREATE TABLE doc_text (LIKE doc);
CREATE TABLE doc_csv (LIKE doc);
CREATE TABLE doc_binary (LIKE doc);
COPY doc TO :'text_file';
COPY doc TO :'csv_file' (FORMAT csv);
COPY doc TO :'binary_file' (FORMAT binary);
COPY doc_text FROM :'text_file';
COPY doc_csv FROM :'csv_file' (FORMAT csv);
COPY doc_binary FROM :'binary_file' (FORMAT binary);
SELECT * FROM same('doc_text');
SELECT * FROM same('doc_csv');
SELECT * FROM same('doc_binary');
-- And an edit continues from there.
UPDATE doc_binary SET t = insert(t, 0, '>'), m = set(m, 'b', '2') WHERE id = 1;
SELECT t::text, m::jsonb FROM doc_binary WHERE id = 1;
-- A binary value that is none.
COPY (SELECT 5, 'x'::bytea) TO :'binary_file' (FORMAT binary);
COPY doc_binary (id, m) FROM :'binary_file' (FORMAT binary);
DROP TABLE doc, doc_as, doc_text, doc_csv, doc_binary;
DROP FUNCTION same;
