"""Objects that somebody made beforehand, where the extension's script, its functions or
its update might take them for their own."""
import contextlib

import psycopg2
import pytest

from database import run, value

FIRST = "0.1"


@pytest.fixture
def prepared(world):
    """A database in which mallory may make schemas, and objects in `public`."""
    run(world.session, """
        DO $$ BEGIN CREATE ROLE mallory LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$""")
    run(world.session, "CREATE DATABASE prepared")
    owner = world.server.connect("prepared")
    run(owner, "GRANT CREATE ON DATABASE prepared TO mallory; GRANT ALL ON SCHEMA public TO mallory")
    mallory = world.server.connect("prepared", "mallory")
    with contextlib.closing(owner), contextlib.closing(mallory):
        yield owner, mallory
    run(world.session, "DROP DATABASE prepared WITH (FORCE)")


def refused(connection, statement):
    with pytest.raises(psycopg2.Error) as raised:
        run(connection, statement)
    return str(raised.value)


@pytest.mark.parametrize("made", [
    "", "CREATE FUNCTION converge.current_tenant() RETURNS text LANGUAGE sql AS $$ SELECT 'globex' $$",
    "CREATE FUNCTION converge.can(text, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE TABLE converge.jwt_key (kid text)", "CREATE TYPE converge.lww_map AS (a text)",
    "CREATE VIEW converge.change AS SELECT 1", "CREATE DOMAIN converge.access_level AS text"])
def test_a_schema_of_somebody_elses(prepared, made):
    owner, mallory = prepared
    run(mallory, f"CREATE SCHEMA converge; {made}")
    assert "schema \"converge\" belongs to role \"mallory\"" in refused(owner, "CREATE EXTENSION converge")
    # Given to whom it should have belonged to, but with what is in it.
    run(owner, "ALTER SCHEMA converge OWNER TO postgres")
    if made:
        assert "holds objects that are not the extension's" in refused(owner, "CREATE EXTENSION converge")
    else:
        run(owner, "CREATE EXTENSION converge")


@pytest.mark.parametrize("grantee", ["mallory", "PUBLIC"])
def test_a_schema_that_others_may_make_objects_in(prepared, grantee):
    owner, _ = prepared
    run(owner, f"CREATE SCHEMA converge; GRANT CREATE ON SCHEMA converge TO {grantee}")
    assert "may create objects in schema \"converge\"" in refused(owner, "CREATE EXTENSION converge")


def test_an_update_in_a_schema_with_others_objects(prepared):
    owner, mallory = prepared
    run(owner, f"CREATE EXTENSION converge VERSION '{FIRST}'; GRANT CREATE ON SCHEMA converge TO mallory")
    run(mallory, "CREATE FUNCTION converge.can(text, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
    assert "may create objects in schema \"converge\"" in refused(owner, "ALTER EXTENSION converge UPDATE")
    run(owner, "REVOKE CREATE ON SCHEMA converge FROM mallory")
    assert "holds objects that are not the extension's" in refused(owner, "ALTER EXTENSION converge UPDATE")
    run(owner, "DROP FUNCTION converge.can(text, text, text)")
    run(owner, "ALTER EXTENSION converge UPDATE")


# A schema with an operator and a function for every one of pg_catalog's that takes what
# mallory may write down; each raises when it is used.
TRAPS = """
DO $do$
DECLARE
    one record;
    types oid[] := ARRAY['text', 'name', 'bytea', 'int4', 'int8', 'int2', 'oid', 'bool', 'timestamptz', 'interval', 'jsonb',
                         'regclass', 'text[]', 'float8', 'numeric', 'anyelement', 'anyarray', '"char"', 'oid[]', 'name[]']::regtype[]::oid[];
    set_up int := 0;
BEGIN
    FOR one IN SELECT p.proname, p.prorettype::regtype AS result, p.proretset, pg_get_function_identity_arguments(p.oid) AS arguments
                 FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f'
                  AND p.proargtypes::oid[] <@ types AND p.pronargs BETWEEN 0 AND 4
                  AND p.prorettype = ANY (types) AND p.provariadic = 0 LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS $f$ BEGIN RAISE ''hijacked: %s''; END $f$',
                           one.proname, one.arguments, CASE WHEN one.proretset THEN 'SETOF' ELSE '' END, one.result, one.proname);
            set_up := set_up + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR one IN SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result, o.oid
                 FROM pg_operator o WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft = ANY (types)
                  AND o.oprright = ANY (types) AND o.oprresult = ANY (types) LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION trap.trap_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN RAISE ''hijacked operator''; END $f$',
                           one.oid, one.l, one.r, one.result);
            EXECUTE format('CREATE OPERATOR trap.%s (FUNCTION = trap.trap_%s, LEFTARG = %s, RIGHTARG = %s)',
                           one.oprname, one.oid, one.l, one.r);
            set_up := set_up + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    ASSERT set_up > 500;
END $do$"""

# The search path of a careless administrator.
CARELESS = "SET search_path = trap, public, pg_catalog"
LIFE = [
    "CREATE TABLE public.note (tenant text NOT NULL, id text NOT NULL, body converge.crdt_text NOT NULL DEFAULT '',"
    " props converge.lww_map NOT NULL DEFAULT '', title text, PRIMARY KEY (tenant, id))",
    "SELECT converge.track('public.note', 'tenant', '{body}', '{title}')", "SELECT converge.isolate('public.note')",
    "CREATE TABLE public.team (tenant text, person text)", "SELECT converge.recheck_on('public.note', 'public.team')",
    "INSERT INTO public.team VALUES ('acme', 'ann')",
    "SELECT converge.set_permission('acme', 'ann', 'write')", "SELECT converge.add_member('acme', 'ann', 'editors')",
    "INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('test', 'HS256', '\\x" + "61" * 32 + "')",
    "INSERT INTO public.note (tenant, id, body, props) VALUES ('acme', 'a', converge.new_text('x'), converge.new_map('{\"a\": 1}'))",
    "UPDATE public.note SET props = converge.set(props, 'b', '2'), title = 'x'",
    "SELECT converge.fold('note')", "SELECT converge.compact('note', 'acme', 'a')", "CALL converge.compact('note')",
    "SELECT converge.rebuild('note', 'acme', 'a')", "SELECT converge.keep_log('public.note', '1 day')",
    "SELECT converge.defer('public.note', '{}')", "SELECT converge.current(n) FROM public.note n",
    "ALTER TABLE public.note RENAME COLUMN body TO content", "ALTER TABLE public.note ADD COLUMN more converge.or_set NOT NULL DEFAULT ''",
    "SELECT converge.revoke('acme', 'eve')", "SELECT converge.revoke('acme', token_hash => '\\x" + "00" * 32 + "')",
    "SELECT converge.revoke(key_id => 'test')", "SELECT * FROM converge.export('acme')", "SELECT * FROM converge.erase('acme', 'ann')",
    "SELECT converge.remove_member('acme', 'ann', 'editors')", "SELECT converge.audit_retention('1 day')",
    "SELECT * FROM converge.worker_status()", "SELECT * FROM converge.maintenance_status()",
    "DELETE FROM public.note", "TRUNCATE public.note", "SELECT converge.untrack('public.note')", "DROP TABLE public.note, public.team",
]
# As a client, each under a token.
CLIENT = [
    "SELECT converge.pull('note', 'a', NULL)", "SELECT * FROM converge.subscribe('note', 'a')", "SELECT * FROM converge.history('note', 'a')",
    "SELECT converge.state_at('note', 'a', clock)", "SELECT * FROM converge.diff('note', 'a', clock)",
    "SELECT * FROM converge.blame('note', 'a', 'body')", "SELECT converge.snapshot('note', 'a')", "SELECT * FROM converge.snapshots('note', 'a')",
    "SELECT converge.restore('note', 'a', clock)", "SELECT converge.verify('note', 'a')", "SELECT converge.verify_row('note', 'a')",
    "SELECT count FROM public.note n, LATERAL (SELECT converge.can('public.note', id, 'write') AS count) c",
    "UPDATE public.note SET props = converge.set(props, 'c', '3')", "SELECT * FROM converge.current_limits()",
]


def life(owner, token, client):
    for statement in LIFE:
        run(owner, statement)
        if statement.startswith("UPDATE"):
            moment = value(owner, "SELECT clock FROM (SELECT CURRENT_TIMESTAMP::text) t (clock)")
            run(owner, "GRANT ALL ON public.note TO converge_client")
            for question in CLIENT:
                run(client, "BEGIN")
                run(client, "SELECT converge.authenticate(%s)", token)
                run(client, question.replace("clock", f"'{moment}'"))
                run(client, "COMMIT")


@pytest.mark.parametrize("way", ["installed", "updated"])
def test_functions_and_operators_that_stand_in_the_way(world, prepared, way):
    """mallory has put her own before PostgreSQL's in everybody's path."""
    from json_web_token import token
    owner, mallory = prepared
    run(mallory, "CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO PUBLIC")
    run(mallory, TRAPS)
    run(owner, CARELESS)
    assert "hijacked" in refused(owner, "SELECT lower('X'::text)")
    if way == "installed":
        run(owner, "CREATE EXTENSION converge")
    else:
        run(owner, f"CREATE EXTENSION converge VERSION '{FIRST}'")
        run(owner, "ALTER EXTENSION converge UPDATE")
    client = world.server.connect("prepared", "insider")
    run(client, CARELESS)
    life(owner, token("acme", "ann", b"a" * 32), client)
    client.close()
    run(owner, "DROP EXTENSION converge")
