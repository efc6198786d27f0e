-- A long call of the core stops when its statement is cancelled: here at a twentieth of
-- the time that it took just before, and after 10 ms where a busy machine made that
-- longer than it is. Nothing between two columns of a row looks for cancellation, so the
-- sequence would count a call that went on to its end.
SET search_path = public, converge;
CREATE SEQUENCE completed;
CREATE TABLE side AS SELECT i, merge_agg(new_text('x')) AS t FROM generate_series(1, 2) i, generate_series(1, 6000) n GROUP BY i;
CREATE TABLE doc AS SELECT new_text(string_agg(md5(n::text), '' ORDER BY n)) AS t FROM generate_series(1, 8000) n;

-- Thousands who wrote at one place and had not seen each other.
SELECT extract(epoch FROM clock_timestamp()) AS begun \gset
SELECT char_length(a.t || b.t) FROM side a, side b WHERE a.i < b.i;
SELECT extract(epoch FROM clock_timestamp()) - :begun AS whole \gset
SELECT least(ceil(:whole * 50), 10) AS early_ms \gset
SET statement_timeout = :early_ms;
SELECT char_length(a.t || b.t), nextval('completed') FROM side a, side b WHERE a.i < b.i;
RESET statement_timeout;
SELECT is_called FROM completed;

-- Two texts that have nothing in common.
SELECT extract(epoch FROM clock_timestamp()) AS begun \gset
SELECT char_length(assign(t, reverse(t::text))) FROM doc;
SELECT extract(epoch FROM clock_timestamp()) - :begun AS whole \gset
SELECT least(ceil(:whole * 50), 10) AS early_ms \gset
SET statement_timeout = :early_ms;
SELECT char_length(assign(t, reverse(t::text))), nextval('completed') FROM doc;
RESET statement_timeout;
SELECT is_called FROM completed;

-- Maps and sets with very many entries.
CREATE TABLE large AS
SELECT i, new_map(jsonb_object_agg(i || ' ' || n, n)) AS m, new_set(array_agg(i || ' ' || n)) AS s
  FROM generate_series(1, 2) i, generate_series(1, 100000) n GROUP BY i;
SELECT extract(epoch FROM clock_timestamp()) AS begun \gset
SELECT octet_length((a.m || b.m)::bytea) > 0 AS merged FROM large a, large b WHERE a.i < b.i;
SELECT extract(epoch FROM clock_timestamp()) - :begun AS whole \gset
SELECT least(ceil(:whole * 50), 10) AS early_ms \gset
SET statement_timeout = :early_ms;
SELECT octet_length((a.m || b.m)::bytea) > 0, nextval('completed') FROM large a, large b WHERE a.i < b.i;
RESET statement_timeout;
SELECT is_called FROM completed;
SELECT extract(epoch FROM clock_timestamp()) AS begun \gset
SELECT octet_length((a.s || b.s)::bytea) > 0 AS merged FROM large a, large b WHERE a.i < b.i;
SELECT extract(epoch FROM clock_timestamp()) - :begun AS whole \gset
SELECT least(ceil(:whole * 50), 10) AS early_ms \gset
SET statement_timeout = :early_ms;
SELECT octet_length((a.s || b.s)::bytea) > 0, nextval('completed') FROM large a, large b WHERE a.i < b.i;
RESET statement_timeout;
SELECT is_called FROM completed;
DROP TABLE large;

SELECT char_length(t) FROM side UNION ALL SELECT char_length(t) FROM doc;
DROP TABLE side, doc;
DROP SEQUENCE completed;
