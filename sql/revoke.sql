-- Tokens that are no longer good though they verify.
\getenv abs_srcdir PG_ABS_SRCDIR
\set notes :abs_srcdir '/test/sql/notes.sql'
\set notes_end :abs_srcdir '/test/sql/notes_end.sql'
\set ECHO none
\i :notes
\set ECHO all
CREATE FUNCTION test.now() RETURNS bigint LANGUAGE sql AS $$ SELECT extract(epoch FROM clock_timestamp())::bigint $$;
CREATE FUNCTION test.made(tenant text, principal text, more text DEFAULT '') RETURNS text LANGUAGE sql AS $$
    SELECT test.signed('{"alg":"HS256","kid":"test"}',
                       format('{"tenant":"%s","sub":"%s","exp":4102444800%s}', tenant, principal, more), test.secret()) $$;
CREATE FUNCTION test.try(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM converge.authenticate(token);
    RETURN converge.current_tenant() || '/' || converge.current_principal();
EXCEPTION WHEN invalid_authorization_specification THEN
    RETURN SQLERRM;
END $$;

-- One by its id, and one by its hash; as another tenant's it is another token.
SELECT converge.revoke('acme', token_id => 't1');
SELECT converge.revoke('acme', token_hash => sha256(convert_to(test.made('acme', 'ann'), 'UTF8')));
SELECT test.try(test.made('acme', 'ann', ',"jti":"t1"')) AS its_id, test.try(test.made('acme', 'ann', ',"jti":"t2"')) AS other_id,
       test.try(test.made('globex', 'ann', ',"jti":"t1"')) AS other_tenant, test.try(test.made('acme', 'ann')) AS its_hash,
       test.try(test.made('acme', 'ann', ',"jti":7')) AS no_id;

-- All of a principal up to now; those without a date are older than any.
SELECT converge.revoke('acme', principal => 'bob');
SELECT test.try(test.made('acme', 'bob')) AS undated, test.try(test.made('acme', 'bob', ',"iat":' || test.now() - 10)) AS older,
       test.try(test.made('acme', 'bob', ',"iat":' || test.now() + 2)) AS newer, test.try(test.made('globex', 'bob')) AS other_tenant,
       test.try(test.made('acme', 'bo')) AS other_principal;

-- What was verified before does not outlive it, nor a revocation that is rolled back what it was.
SELECT test.try(test.made('acme', 'cyd')), test.try(test.made('globex', 'cyd'));
BEGIN;
SELECT converge.revoke('acme', 'cyd');
SELECT test.try(test.made('acme', 'cyd')), test.try(test.made('globex', 'cyd'));
ROLLBACK;
SELECT test.try(test.made('acme', 'cyd')), test.try(test.made('globex', 'cyd'));
-- A tenant's, and a key's.
SELECT converge.revoke('globex');
SELECT test.try(test.made('globex', 'cyd')), test.try(test.made('globex', 'dan', ',"iat":' || test.now() + 2));
SELECT converge.revoke(key_id => 'test');
SELECT test.try(test.made('acme', 'eve'));

-- What makes no sense.
SELECT converge.revoke();
SELECT converge.revoke('');
SELECT converge.revoke('acme', 'ann', 't1');
SELECT converge.revoke('acme', token_hash => 'short');
SELECT converge.revoke('acme', key_id => 'test');
SELECT converge.revoke(key_id => 'test');
SELECT converge.revoke(key_id => 'unknown');
SET ROLE regress_converge_app;
SELECT converge.revoke('acme');
RESET ROLE;

-- It is recorded, and the record stays.
SELECT tenant, event, principal, role = session_user AS role, object FROM converge.audit WHERE event = 'revocation' ORDER BY id;
UPDATE converge.audit SET object = '';
DELETE FROM converge.audit;
TRUNCATE converge.audit;
SET session_replication_role = replica;
DELETE FROM converge.audit;
RESET session_replication_role;

\set ECHO none
\i :notes_end
