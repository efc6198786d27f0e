-- Tokens, and the identity they give a transaction.
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
RESET client_min_messages;
SET ROLE regress_converge_app;

-- An identity lasts for the transaction, and follows its savepoints.
SELECT converge.current_tenant() IS NULL AS nobody, converge.current_principal() IS NULL AS no_one;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ann'));
SELECT converge.current_tenant(), converge.current_principal();
SAVEPOINT s;
SELECT converge.authenticate(test.token('globex', 'bob'));
SELECT converge.current_tenant(), converge.current_principal();
ROLLBACK TO s;
SELECT converge.current_tenant(), converge.current_principal();
SELECT converge.authenticate('not a token');
ROLLBACK TO s;
SELECT converge.current_tenant(), converge.current_principal();
RESET ALL;
SELECT converge.current_tenant(), converge.current_principal();
COMMIT;
SELECT converge.current_tenant() IS NULL AS nobody;
SELECT converge.authenticate(test.token('acme', 'ann'));
SELECT converge.current_tenant() IS NULL AS nobody;

-- A parallel worker acts for the same principal.
RESET ROLE;
CREATE TABLE public.many AS SELECT generate_series(1, 1000) AS n;
GRANT SELECT ON public.many TO regress_converge_app;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(test.token('acme', 'ann'));
-- (Its name until PostgreSQL 15, and since.)
SELECT set_config(name, 'on', true) AS parallel FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
SELECT DISTINCT converge.current_tenant() || '/' || converge.current_principal() AS seen FROM public.many;
COMMIT;

-- Nobody sets it but a token.
SET converge.tenant = 'acme';
SET LOCAL converge.principal = 'ann';
SELECT set_config('converge.tenant', 'acme', false);
RESET converge.tenant;
ALTER ROLE regress_converge_app SET converge.tenant = 'acme';
CREATE FUNCTION pg_temp.as_acme() RETURNS text LANGUAGE sql SET converge.tenant = 'acme'
    AS 'SELECT converge.current_tenant()';
SELECT pg_temp.as_acme();
SET converge.anything = 'x';
SELECT count(*) FROM converge.jwt_key;

-- What is refused.
CREATE FUNCTION pg_temp.try(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM converge.authenticate(token);
    RETURN 'accepted as ' || converge.current_principal();
EXCEPTION WHEN invalid_authorization_specification THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLERRM || coalesce(nullif(': ' || detail, ': '), '');
END $$;
CREATE FUNCTION pg_temp.claims(claims text) RETURNS text LANGUAGE sql
    AS $$ SELECT pg_temp.try(test.signed('{"alg":"HS256","kid":"test"}', claims, test.secret())) $$;
CREATE FUNCTION pg_temp.header(header text) RETURNS text LANGUAGE sql
    AS $$ SELECT pg_temp.try(test.signed(header, '{"tenant":"acme","sub":"ann","exp":4102444800}', test.secret())) $$;
SELECT pg_temp.header('{"alg":"HS256","kid":"test"}');
SELECT pg_temp.try('');
SELECT pg_temp.try('a.b');
SELECT pg_temp.try('a.b.c.d');
SELECT pg_temp.try(repeat('x', 9000));
SELECT pg_temp.try(test.token('acme', 'ann') || 'x');
SELECT pg_temp.try(test.token('acme', 'ann') || '=');
SELECT pg_temp.try(replace(test.token('acme', 'ann'), '.', '. '));
SELECT pg_temp.try(test.signed('{"alg":"HS256","kid":"test"}', '{"tenant":"acme","sub":"ann","exp":4102444800}', 'another secret'));
SELECT pg_temp.header('{"alg":"none","kid":"test"}');
SELECT pg_temp.header('{"alg":"HS512","kid":"test"}');
SELECT pg_temp.header('{"alg":"RS256","kid":"test"}');
SELECT pg_temp.header('{"kid":"test"}');
SELECT pg_temp.header('{"alg":"HS256"}');
SELECT pg_temp.header('{"alg":"HS256","kid":"unknown"}');
SELECT pg_temp.header('{"alg":"HS256","kid":7}');
SELECT pg_temp.header('{"alg":"HS256","kid":"test","kid":"test"}');
SELECT pg_temp.header('{"alg":"HS256","kid":"test","crit":["x"]}');
SELECT pg_temp.header('{"alg":"HS256","kid":"test","jwk":{}}');
SELECT pg_temp.header('["HS256"]');
SELECT pg_temp.claims('{"tenant":"acme","sub":"ann"}');
SELECT pg_temp.claims('{"tenant":"acme","sub":"ann","exp":1000}');
SELECT pg_temp.claims('{"tenant":"acme","sub":"ann","exp":"soon"}');
SELECT pg_temp.claims('{"tenant":"acme","sub":"ann","exp":1e400}');
SELECT pg_temp.claims('{"tenant":"acme","sub":"ann","exp":4102444800,"nbf":4102444700}');
SELECT pg_temp.claims('{"sub":"ann","exp":4102444800}');
SELECT pg_temp.claims('{"tenant":"","sub":"ann","exp":4102444800}');
SELECT pg_temp.claims('{"tenant":"acme","sub":null,"exp":4102444800}');
SELECT pg_temp.claims('{"tenant":"acme","tenant":"globex","sub":"ann","exp":4102444800}');
SELECT pg_temp.claims('{"tenant":"ac\u0000me","sub":"ann","exp":4102444800}');
SELECT pg_temp.claims('{"tenant":"acme","sub":"' || repeat('x', 300) || '","exp":4102444800}');
SELECT pg_temp.claims('{"tenant":"acme","sub":"ann","exp":4102444800.5,"iat":1}');
SELECT pg_temp.claims(repeat('[', 5000));

-- Keys end, and can be exchanged while both are good.
RESET ROLE;
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('short', 'HS256', 'too short');
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('other', 'none', test.secret());
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('next', 'HS256', repeat('n', 40)::bytea);
UPDATE converge.jwt_key SET valid_until = now() - interval '1 s' WHERE kid = 'test';
SET ROLE regress_converge_app;
SELECT pg_temp.header('{"alg":"HS256","kid":"test"}');
SELECT pg_temp.header('{"alg":"HS256","kid":"next"}');
SELECT pg_temp.try(test.signed('{"alg":"HS256","kid":"next"}', '{"tenant":"acme","sub":"ann","exp":4102444800}', repeat('n', 40)::bytea));

RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DROP TABLE public.many;
DELETE FROM converge.jwt_key;
DROP VIEW IF EXISTS log;
TRUNCATE converge.change, converge.document, converge.replica RESTART IDENTITY;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
