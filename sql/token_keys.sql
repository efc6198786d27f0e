-- Keys of every algorithm, and what tokens signed with them have to say.
\getenv abs_srcdir PG_ABS_SRCDIR
\set messages :abs_srcdir '/test/sql/messages.sql'
\set ECHO none
\i :messages
-- Public keys and what their private halves signed, which nobody has kept: made
-- with another implementation, once. Claims: acme, ann, until 2100.
\set rsa_pem '-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAurQg1x91WTy20WHQYlff\nVPG9viatAf4aEnuWbBZtJZK8scpADyQxDCd4UKFCy1uBm3Z2E/ZzGYeoTGBRs8yz\nf1pVZbrXh5X4PMIQ9zXZ2ocBOrg5iOxeT544d+yfqUz2w6AUOxBRh2J0Kh+NW/te\nTF2k5XgwUzaJqymKOcvipTarkAI0lbQsHrAkHpNS7GxZ4HLkZggM+3ncU0/psGWO\nIEnXu9Q6cFwy2achVsI1jmShZKQmVQ6ojh1AsbblLSEXRDqqHjhkOSJzYLV9dR3p\nP7b8Jyi8V5eP5Knc2fguX2dja1h0ZzXKSgKrs6O9c8NM/alzxgwsBN09Sq5Dj06b\nvQIDAQAB\n-----END PUBLIC KEY-----'
\set weak_rsa_pem '-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC6h8ygUi1DKOwIf80cxx7T5d7E\n5EcsHhQlSzEPJtzNjGrbAjDYQt494NNjHuvi11qnB6fOkJnTZdQqAOc1uj4l8DPp\nqPhJxuEEMh9Ng4WFVNBlo/6aIgiWFVkgslGKcXkH4S1TEV3yg0nVzfedDBr5TYxT\nt7Xr8Ge3ocW3uYFHawIDAQAB\n-----END PUBLIC KEY-----'
\set p256_pem '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMJrKhvCKf6IGXcs/6HmTU/NcxDac\ncnTxIIxpNyBm3HWRHtoRShO7RPse06sU6Vab88g4i6HDd4Wp5730lPJNJA==\n-----END PUBLIC KEY-----'
\set p384_pem '-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEdcPnJeOF4gScD4Da054ZDMETNVoYnvNH\nQJcRXe742FbUYj/yOYFX4GWIdaXLD/oJbG9nCEWqRQDpzt1LUOMkUMyQBk8T9W5a\njpSh2vWKHgxfMT6UG8s3YJjX92+94TRh\n-----END PUBLIC KEY-----'
\set ed25519_pem '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAz8BT3sK9xt+ixUi2ANxA6KK298orv74qsnYV3nk/w6o=\n-----END PUBLIC KEY-----'
\set rs256 'eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJ0ZW5hbnQiOiJhY21lIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwfQ.G-DS4YHvxShCKHf9D5LUvbeueBDTUyzaw3VpB3am124GbJ2c9VahLLfXUeP0SagRaJd_yZT8rSavEU2lbR15Q2G81053z7UaLOFriCF1HU1SImZG58UN6QEGpu5yJM65AN-Ed6MntaS4UoYvTq5qlM-jUKwsT8Rg_Iafwm0lu6TZ5IYOBzDsTpD7VtaFir3BtK00Qd_CiYMeTubp7dC7iGUeaIlUUT2cdVnItA-7Mdixr9Q44U8w4iLh6FABhRdCRX6BvDzXv9d9wNHGCBBHTFTJIdkSnLNGuINy0eENkkZon7mZ97hf6uCjxdx6lNCvcWKIfeaEUM96u4j3DbyZ1Q'
\set rs256_pss 'eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJ0ZW5hbnQiOiJhY21lIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwfQ.ZRKsk703IZPJBRoezqGfM8aBBgqHJimQjDoioyW5rR3HLCYFLocz1AyevS2qTPdS7T7MVTgKysTWoEfT3K94bn-1UZJvrp6X5IbDxyR0ezishLQPeLqurOk1fREIkCWhJr8UBao5ujcg5XMRhHaLUmBBuShfIBDSKltO0GFGs9vK6DliYIfoFR7_uQxs_wwxwX-3WDaXtrjUNnOz-oJSA0Hhi_sYokXXSFwf55vUDlaP2Lmy9tFHXc9yHel7DnDV6cGFiQJJ4_Al68a0ls9mLfgX5tpOk7ydvuakJr88AIPjyO42fR3yRv7tMgEzxC-Cb7hd58w6WsFV_AuWSAw-gA'
\set es256 'eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYifQ.eyJ0ZW5hbnQiOiJhY21lIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwfQ.2Yo-VHm4KeMt6ulGqB0O_qDl47IyrRdawzLR0nnRIUG2kfZ8oRTYfyQaA4b6sQ3_Ylw95Iwz2zRQTiVPjbFZfw'
\set es256_der 'eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYifQ.eyJ0ZW5hbnQiOiJhY21lIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwfQ.MEUCIAd75cWyPV_kuYvo73-_WsLhHlzUzBzpqha4uZjZwkNrAiEA7BKikf3iusVPdxgdC6_8HLffp-V396-VRZ5sIs79StU'
\set es256_zero 'eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYifQ.eyJ0ZW5hbnQiOiJhY21lIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwfQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
-- ECDSA's signature (r, s) verifies as (r, n - s) too.
\set es256_other 'eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYifQ.eyJ0ZW5hbnQiOiJhY21lIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwfQ.2Yo-VHm4KeMt6ulGqB0O_qDl47IyrRdawzLR0nnRIUFJbgmCXusngdvl_HkFTvIAWoq8yRrjw1Cja6VzbrHL0g'
\set eddsa 'eyJhbGciOiJFZERTQSIsImtpZCI6ImVkMjU1MTkifQ.eyJ0ZW5hbnQiOiJhY21lIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwfQ.WRF55blRgH1KMOnY-L7cNIVNT3voF_h7NSTj0L7CTkL5ANAs6anyIncXks-XJ5fdb7rrnumq6rdNItlcoBP5DA'
\set ECHO all
SET client_min_messages = warning;
CREATE ROLE regress_converge_app IN ROLE converge_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA test TO regress_converge_app;
CREATE FUNCTION test.try(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM converge.authenticate(token);
    RETURN converge.current_tenant() || '/' || converge.current_principal();
EXCEPTION WHEN invalid_authorization_specification THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLERRM || coalesce(nullif(': ' || detail, ': '), '');
END $$;
CREATE FUNCTION test.claims(claims text, kid text DEFAULT 'test') RETURNS text LANGUAGE sql
    AS $$ SELECT test.try(test.signed(format('{"alg":"HS256","kid":"%s"}', kid),
                                      '{"tenant":"acme","sub":"ann",' || claims || '}', test.secret())) $$;
CREATE FUNCTION test.now() RETURNS bigint LANGUAGE sql AS $$ SELECT extract(epoch FROM clock_timestamp())::bigint $$;
RESET client_min_messages;

-- What is a key, and of which algorithm.
\set VERBOSITY default
INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES
    ('rsa', 'RS256', :'rsa_pem'), ('p256', 'ES256', :'p256_pem'), ('ed25519', 'EdDSA', :'ed25519_pem');
INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES ('x', 'RS256', :'weak_rsa_pem');
INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES ('x', 'RS256', :'p256_pem');
INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES ('x', 'ES256', :'p384_pem');
INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES ('x', 'ES256', :'rsa_pem');
INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES ('x', 'EdDSA', :'p256_pem');
INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES ('x', 'EdDSA', 'not PEM');
INSERT INTO converge.jwt_key (kid, alg, public_key) VALUES ('x', 'RS256', E'-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----');
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('x', 'RS256', test.secret());
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('x', 'HS256', substr(test.secret(), 2));
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('y', 'none', test.secret());
INSERT INTO converge.jwt_key (kid, alg, secret, public_key) VALUES ('y', 'HS256', test.secret(), :'rsa_pem');
UPDATE converge.jwt_key SET public_key = :'weak_rsa_pem' WHERE kid = 'rsa';
DELETE FROM converge.jwt_key WHERE kid = 'x';

-- Signatures.
SET ROLE regress_converge_app;
SELECT test.try(:'rs256') AS rs256, test.try(:'es256') AS es256, test.try(:'eddsa') AS eddsa;
SELECT test.try(:'rs256_pss') AS pss, test.try(:'es256_der') AS der, test.try(:'es256_zero') AS zero;
SELECT test.try(overlay(t PLACING CASE substr(t, length(t) - 9, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM length(t) - 9 FOR 1))
  FROM unnest(ARRAY[:'rs256', :'es256', :'eddsa']) t;
-- A token says nothing of the algorithm: a public key is no secret, and no key is another's.
SELECT test.try(test.signed(format('{"alg":"%s","kid":"%s"}', alg, kid), '{"tenant":"acme","sub":"ann","exp":4102444800}',
                            convert_to(key, 'UTF8'))) AS confused
  FROM (VALUES ('HS256', 'rsa', :'rsa_pem'), ('RS256', 'rsa', :'rsa_pem'), ('none', 'rsa', :'rsa_pem'),
               ('HS256', 'p256', :'p256_pem'), ('HS256', 'ed25519', :'ed25519_pem'), ('EdDSA', 'rsa', :'rsa_pem')) v(alg, kid, key);

-- A token that was revoked by its hash is in the form that somebody made of it, too.
SELECT test.try(:'es256') AS signed, test.try(:'es256_other') AS other;
RESET ROLE;
BEGIN;
SELECT converge.revoke('acme', token_hash => sha256(convert_to(:'es256', 'UTF8')));
SELECT test.try(:'es256') AS signed, test.try(:'es256_other') AS other, test.try(:'rs256') AS another;
ROLLBACK;
-- The trigger that looks at keys reads rows of converge.jwt_key and no others.
SET ROLE regress_converge_app;
CREATE TEMP TABLE mine (kid bigint, alg bigint);
CREATE TRIGGER mine BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION converge.check_jwt_key();
INSERT INTO mine VALUES (1, 2);
DROP TABLE mine;

-- Issuer, audience and tenant are the key's.
RESET ROLE;
INSERT INTO converge.jwt_key (kid, alg, secret, issuer, audience, tenant)
    VALUES ('bound', 'HS256', test.secret(), 'https://id.example', 'converge', 'acme');
SET ROLE regress_converge_app;
SELECT json, test.claims('"exp":4102444800' || json, 'bound') FROM (VALUES
    (',"iss":"https://id.example","aud":"converge"'), (',"iss":"https://id.example","aud":["x","converge"]'),
    (',"iss":"https://id.example","aud":["x"]'), (',"iss":"https://id.example","aud":[]'),
    (',"iss":"https://id.example","aud":7'), (',"iss":"https://id.example"'), (',"iss":"https://id.exampl","aud":"converge"'),
    (',"aud":"converge"'), (',"iss":7,"aud":"converge"')) v(json);
SELECT test.try(test.signed('{"alg":"HS256","kid":"bound"}',
    '{"tenant":"globex","sub":"ann","exp":4102444800,"iss":"https://id.example","aud":"converge"}', test.secret())) AS other_tenant;
-- A token for somebody else is none for a key without an audience.
SELECT test.claims('"exp":4102444800,"aud":"elsewhere"') AS audience, test.claims('"exp":4102444800,"iss":"anybody"') AS issuer;

-- Moments, with a leeway of five seconds.
SELECT test.claims(format('"exp":%s', test.now() - 2)) AS just_ended, test.claims(format('"exp":%s', test.now() - 8)) AS ended,
       test.claims(format('"exp":4102444800,"nbf":%s', test.now() + 2)) AS nearly, test.claims(format('"exp":4102444800,"nbf":%s', test.now() + 60)) AS not_yet,
       test.claims(format('"exp":4102444800,"iat":%s', test.now() + 60)) AS issued_later;
RESET ROLE;
\set VERBOSITY sqlstate
SET converge.token_leeway = '301s';
\set VERBOSITY default
SET converge.token_leeway = '2min';
SET converge.token_max_lifetime = '1h';
SET ROLE regress_converge_app;
SELECT test.claims(format('"exp":4102444800,"nbf":%s', test.now() + 60)) ~ 'the limit is 3600 s' AS too_long,
       test.claims(format('"exp":%s,"nbf":%s', test.now() + 3000, test.now() + 60)) AS nearly;
SET converge.token_leeway = 0;
RESET ROLE;
RESET converge.token_leeway;
RESET converge.token_max_lifetime;
SET ROLE regress_converge_app;
BEGIN;
SELECT converge.authenticate(test.signed('{"alg":"HS256","kid":"test","typ":"at+JWT"}', '{"tenant":"acme","sub":"ann","exp":4102444800}', test.secret()));
SELECT converge.current_token_end() AT TIME ZONE 'UTC' AS ends;
COMMIT;
SELECT converge.current_token_end() IS NULL AS nobody;
SELECT test.try(test.signed(header, '{"tenant":"acme","sub":"ann","exp":4102444800}', test.secret())) FROM (VALUES
    ('{"alg":"HS256","kid":"test","typ":"logout+jwt"}'), ('{"alg":"HS256","kid":"test","typ":""}'),
    ('{"alg":"HS256","kid":"test","x5u":"https://evil.example/key"}'), ('{"alg":"HS256","kid":"test","jku":"https://evil.example/keys"}'),
    ('{"alg":"HS256","kid":"test","x5c":["MII"]}'), ('{"alg":"HS256","alg":"none","kid":"test"}')) v(header);

-- A key is good from a moment to a moment, and two may overlap.
RESET ROLE;
INSERT INTO converge.jwt_key (kid, alg, secret, valid_from, valid_until) VALUES
    ('old', 'HS256', test.secret(), NULL, clock_timestamp() + '1 hour'),
    ('new', 'HS256', test.secret(), clock_timestamp() - '1 hour'::interval, NULL),
    ('next', 'HS256', test.secret(), clock_timestamp() + '1 hour'::interval, NULL);
SET ROLE regress_converge_app;
SELECT test.claims('"exp":4102444800', kid) FROM unnest(ARRAY['old', 'new', 'next']) kid;
-- Nobody is let in for longer than his key is good.
BEGIN;
SELECT converge.authenticate(test.signed('{"alg":"HS256","kid":"old"}', '{"tenant":"acme","sub":"ann","exp":4102444800}', test.secret()));
SELECT converge.current_token_end() <= clock_timestamp() + '1 hour'::interval AS bounded;
COMMIT;
-- What was verified is remembered only as long as keys stay as they are; also within a transaction.
BEGIN;
SELECT test.claims('"exp":4102444800', 'new');
RESET ROLE;
DELETE FROM converge.jwt_key WHERE kid = 'new';
SET ROLE regress_converge_app;
SELECT test.claims('"exp":4102444800', 'new');
ROLLBACK;
SELECT test.claims('"exp":4102444800', 'new');
RESET ROLE;
BEGIN;
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('never', 'HS256', test.secret());
SELECT test.claims('"exp":4102444800', 'never');
ROLLBACK;
SELECT test.claims('"exp":4102444800', 'never');

-- The claim about permissions is kept in one form.
SET ROLE regress_converge_app;
CREATE FUNCTION pg_temp.permissions(permissions text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text := test.claims('"exp":4102444800,"permissions":' || permissions);
BEGIN
    RETURN CASE answer WHEN 'acme/ann' THEN replace(current_setting('converge.permissions'), E'\n', '|') ELSE answer END;
END $$;
SELECT json, pg_temp.permissions(json) FROM (VALUES
    ('{"note/b":"write","note":"read","*":"none"}'), ('{}'), ('{"note/ü x/y":"admin"}'),
    ('{"note":"read","note":"write"}'), ('{"note":"owner"}'), ('{"note":1}'), ('{"":"read"}'), ('{"a\u000ab":"read"}'),
    ('[]'), ('null'), ('"admin"')) v(json);
SELECT pg_temp.permissions((SELECT json_object_agg('note/' || n, 'read')::text FROM generate_series(1, 1000) n));

RESET ROLE;
\set ECHO none
SET client_min_messages = warning;
DELETE FROM converge.jwt_key;
DROP VIEW IF EXISTS log;
DROP SCHEMA test CASCADE;
DROP OWNED BY regress_converge_app;
DROP ROLE regress_converge_app;
