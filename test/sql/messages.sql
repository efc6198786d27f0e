-- For the SQL tests: builds and reads the messages of proto/converge.proto and
-- signs tokens, in plain SQL, so that the tests need nothing but the extension.
CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO PUBLIC;
SET client_min_messages = warning;

CREATE FUNCTION test.varint(n numeric) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    out bytea := '';
BEGIN
    LOOP
        IF n < 128 THEN
            RETURN out || set_byte('\x00', 0, n::int);
        END IF;
        out := out || set_byte('\x00', 0, (128 + n % 128)::int);
        n := div(n, 128);
    END LOOP;
END $$;

-- Fields of a message; a number's default is not encoded.
CREATE FUNCTION test.bytes(field int, value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.varint(field * 8 + 2) || test.varint(length(value)) || value $$;
CREATE FUNCTION test.text(field int, value text) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN value = '' THEN ''::bytea ELSE test.bytes(field, convert_to(value, 'UTF8')) END $$;
CREATE FUNCTION test.number(field int, value numeric) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN value = 0 THEN ''::bytea ELSE test.varint(field * 8) || test.varint(value) END $$;
CREATE FUNCTION test.fixed64(field int, value bigint) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN value = 0 THEN ''::bytea ELSE test.varint(field * 8 + 1) ||
          (SELECT string_agg(substr(int8send(value), 9 - i, 1), '' ORDER BY i) FROM generate_series(1, 8) AS i) END $$;
CREATE FUNCTION test.repeated(field int, parts bytea[]) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT coalesce(string_agg(test.bytes(field, part), '' ORDER BY n), '')
            FROM unnest(parts) WITH ORDINALITY AS u(part, n) $$;

CREATE FUNCTION test.payload(field text, delta bytea, operation int DEFAULT 0) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.number(1, operation) || test.bytes(2, test.text(1, field) || test.bytes(2, delta)) $$;
CREATE FUNCTION test.change(replica numeric, seq numeric, payload bytea, hlc bigint DEFAULT 65536) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.number(1, replica) || test.number(2, seq) || test.fixed64(3, hlc) || test.bytes(4, payload) $$;
CREATE FUNCTION test.document(collection text, key text, VARIADIC changes bytea[]) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.bytes(1, test.text(1, collection) || test.text(2, key)) || test.repeated(2, changes) $$;
CREATE FUNCTION test.token_group(token text, VARIADIC documents bytea[]) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.text(1, token) || test.repeated(2, documents) $$;
CREATE FUNCTION test.request(VARIADIC groups bytea[]) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.repeated(1, groups) $$;

-- The fields of any message.
CREATE FUNCTION test.fields(message bytea, OUT field int, OUT number numeric, OUT bytes bytea) RETURNS SETOF record
    LANGUAGE plpgsql IMMUTABLE ROWS 4 AS $$
DECLARE
    at int := 0;
    tag numeric;
    shift numeric;
BEGIN
    WHILE at < length(message) LOOP
        tag := 0; shift := 1;
        LOOP
            tag := tag + (get_byte(message, at) & 127) * shift; shift := shift * 128; at := at + 1;
            EXIT WHEN get_byte(message, at - 1) < 128;
        END LOOP;
        field := div(tag, 8); number := 0; bytes := NULL;
        IF tag % 8 = 1 THEN
            bytes := substr(message, at + 1, 8); at := at + 8;
        ELSE
            shift := 1;
            LOOP
                number := number + (get_byte(message, at) & 127) * shift; shift := shift * 128; at := at + 1;
                EXIT WHEN get_byte(message, at - 1) < 128;
            END LOOP;
            IF tag % 8 = 2 THEN
                bytes := substr(message, at + 1, number::int); at := at + number::int;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION test.first_number(message bytea, wanted int) RETURNS numeric LANGUAGE sql IMMUTABLE
    AS $$ SELECT coalesce((SELECT number FROM test.fields(message) WHERE field = wanted LIMIT 1), 0) $$;
CREATE FUNCTION test.first_bytes(message bytea, wanted int) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT coalesce((SELECT bytes FROM test.fields(message) WHERE field = wanted LIMIT 1), '') $$;

CREATE FUNCTION test.code(n numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['OK', 'DUPLICATE', 'GAP', 'DENIED', 'MALFORMED', 'TOO_LARGE', 'CLOCK_AHEAD', 'EQUIVOCATION',
                  'AFTER_REFUSED', 'UNKNOWN_DOCUMENT', 'UNKNOWN_FIELD', 'UNAUTHENTICATED', 'UNAVAILABLE',
                  'PROTOCOL', 'UNSUPPORTED_VERSION', 'LIMIT', 'EXPECTATION_FAILED', 'ABORTED',
                  'VIOLATES_CONSTRAINT'])[n::int + 1] $$;

-- What push() said of each change, in the order of the request.
CREATE FUNCTION test.verdicts(response bytea)
    RETURNS TABLE (code text, message text, expected numeric) LANGUAGE sql IMMUTABLE AS $$
    SELECT test.code(test.first_number(v.bytes, 1)), convert_from(test.first_bytes(v.bytes, 2), 'UTF8'),
           test.first_number(v.bytes, 3)
      FROM test.fields(response) WITH ORDINALITY g(f, n, bytes, i),
           test.fields(g.bytes) WITH ORDINALITY d(f, n, bytes, i),
           test.fields(d.bytes) WITH ORDINALITY v(f, n, bytes, i)
     ORDER BY g.i, d.i, v.i $$;
CREATE FUNCTION test.push(VARIADIC groups bytea[])
    RETURNS TABLE (code text, message text, expected numeric) LANGUAGE sql VOLATILE
    AS $$ SELECT * FROM test.verdicts(converge.push(test.request(VARIADIC groups))) $$;

-- Of each verdict, the SQLSTATE and the name of the constraint that is violated.
CREATE FUNCTION test.violations(response bytea)
    RETURNS TABLE (code text, "sqlstate" text, "constraint" text, message text) LANGUAGE sql IMMUTABLE AS $$
    SELECT test.code(test.first_number(v.bytes, 1)), convert_from(test.first_bytes(v.bytes, 4), 'UTF8'),
           convert_from(test.first_bytes(v.bytes, 5), 'UTF8'), convert_from(test.first_bytes(v.bytes, 2), 'UTF8')
      FROM test.fields(response) WITH ORDINALITY g(f, n, bytes, i),
           test.fields(g.bytes) WITH ORDINALITY d(f, n, bytes, i),
           test.fields(d.bytes) WITH ORDINALITY v(f, n, bytes, i)
     ORDER BY g.i, d.i, v.i $$;

-- What pull() gave: the changes' numbers by replica, or the state's fields.
CREATE FUNCTION test.pulled(response bytea)
    RETURNS TABLE (kind text, field text, replica numeric, seq numeric, refused boolean, delta bytea)
    LANGUAGE sql IMMUTABLE AS $$
    SELECT 'state', convert_from(test.first_bytes(f.bytes, 1), 'UTF8'), NULL::numeric, NULL::numeric, NULL::boolean,
           test.first_bytes(f.bytes, 2)
      FROM test.fields(response) r, test.fields(r.bytes) f WHERE r.field = 2 AND f.field = 1
    UNION ALL
    SELECT 'change', NULL, test.first_number(r.bytes, 1), test.first_number(r.bytes, 2),
           test.first_bytes(r.bytes, 4) = '', test.first_bytes(test.first_bytes(test.first_bytes(r.bytes, 4), 2), 2)
      FROM test.fields(response) r WHERE r.field = 3 $$;
CREATE FUNCTION test.version_after(response bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT test.first_bytes(response, 4) $$;

-- Tokens.
CREATE FUNCTION test.base64url(value bytea) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT rtrim(translate(replace(encode(value, 'base64'), E'\n', ''), '+/', '-_'), '=') $$;
CREATE FUNCTION test.hmac(message bytea, secret bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    inner_pad bytea := decode(repeat('36', 64), 'hex');
    outer_pad bytea := decode(repeat('5c', 64), 'hex');
BEGIN
    IF length(secret) > 64 THEN
        secret := sha256(secret);
    END IF;
    FOR i IN 0 .. length(secret) - 1 LOOP
        inner_pad := set_byte(inner_pad, i, get_byte(secret, i) # 54);
        outer_pad := set_byte(outer_pad, i, get_byte(secret, i) # 92);
    END LOOP;
    RETURN sha256(outer_pad || sha256(inner_pad || message));
END $$;
CREATE FUNCTION test.signed(header text, claims text, secret bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT unsigned || '.' || test.base64url(test.hmac(convert_to(unsigned, 'UTF8'), secret))
      FROM (SELECT test.base64url(convert_to(header, 'UTF8')) || '.' || test.base64url(convert_to(claims, 'UTF8'))) u(unsigned) $$;
CREATE FUNCTION test.secret() RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT convert_to(repeat('s', 32), 'UTF8') $$;
CREATE FUNCTION test.token(tenant text, principal text, expires bigint DEFAULT 4102444800) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
    SELECT test.signed('{"alg":"HS256","kid":"test","typ":"JWT"}',
                       json_build_object('tenant', tenant, 'sub', principal, 'exp', expires)::text, test.secret()) $$;
INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('test', 'HS256', test.secret())
    ON CONFLICT (kid) DO NOTHING;
RESET client_min_messages;
