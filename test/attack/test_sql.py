"""Who may speak SQL, as clients' roles may, and wants another tenant's rows: tables,
views, statistics, plans, functions that tell what they are given, violations."""
import itertools

import pytest

from database import run, value
from world import HIDDEN, KEY, Attacker


@pytest.fixture
def ann(world):
    """acme's ann, with SQL."""
    attacker = Attacker(world, "insider", world.token("acme", "ann"))
    yield attacker
    attacker.close()


@pytest.fixture(params=["ann", "no one", "outsider"])
def anybody(world, request):
    attacker = Attacker(world, "outsider" if request.param == "outsider" else "insider",
                        world.token("acme", "ann") if request.param == "ann" else None)
    yield attacker
    attacker.close()


def test_the_canary_is_there_to_be_found(world, bridge):
    """By whom it belongs to: otherwise the suite would look for nothing."""
    owner = Attacker(world, "insider", world.token("globex", "ann"))
    for question in ("SELECT * FROM note", "SELECT (converge.current(n)).draft::text FROM note n",
                     f"SELECT converge.pull('note', '{KEY}', NULL)", f"SELECT * FROM converge.history('note', '{KEY}')",
                     f"SELECT converge.state_at('note', '{KEY}', now())", f"SELECT * FROM converge.snapshots('note', '{KEY}')",
                     f"SELECT * FROM converge.blame('note', '{KEY}', 'draft')"):
        _, error, heard = owner.hear(question)
        assert error is None and any(world.tells(part) for part in heard), (question, heard)
    owner.close()


def test_every_table_view_and_sequence_of_the_schema(world, anybody):
    relations = run(world.session, "SELECT c.oid::regclass::text, c.relkind FROM pg_class c"
                    " WHERE c.relnamespace = 'converge'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')")
    assert len(relations) > 20
    for name, kind in relations:
        name = name if name.startswith("converge.") else f"converge.{name}"
        statements = [f"SELECT * FROM {name}"]
        if kind == "S":
            statements += [f"SELECT nextval('{name}')", f"SELECT setval('{name}', 1)", f"SELECT pg_sequence_last_value('{name}')"]
        else:
            column = value(world.session, "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = %s::regclass"
                           " AND attnum > 0 AND attidentity = '' LIMIT 1", name)
            statements += [f"SELECT count(*) FROM {name}", f"SELECT {column} FROM {name}", f"COPY {name} TO STDOUT",
                           f"TABLE {name}", f"INSERT INTO {name} DEFAULT VALUES", f"UPDATE {name} SET {column} = {column}",
                           f"DELETE FROM {name}", f"TRUNCATE {name}", f"LOCK TABLE {name}",
                           f"CREATE TRIGGER t AFTER INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION converge.capture()",
                           f"CREATE POLICY p ON {name}", f"ALTER TABLE {name} DISABLE TRIGGER ALL",
                           f"CREATE INDEX ON {name} ({column})"]
        for statement in statements:
            _, error = anybody.attempt(statement)
            assert error == "42501" or (error == "42883" and "sequence" in statement), (statement, error)


def test_every_view_and_table_of_the_catalog(world, anybody):
    """Activity, locks, statistics of tables and columns, prepared statements, slots …"""
    run(world.session, "ANALYZE note")
    relations = run(world.session, "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('r', 'v')"
                    " AND c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)")
    assert len(relations) > 150
    for name, in relations:
        anybody.attempt(f"SELECT * FROM {name}")
    assert anybody.attempt("SELECT * FROM pg_stats WHERE schemaname = 'converge' OR tablename = 'note'")[0] == []


def test_rows_of_the_other_tenant(world, ann):
    for statement in (
            "SELECT * FROM note", f"SELECT * FROM note WHERE tenant = 'globex' AND id = '{HIDDEN}'",
            "SELECT (converge.current(n)).* FROM note n", "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM note; FETCH ALL FROM c",
            "WITH x AS MATERIALIZED (SELECT * FROM note) SELECT * FROM x", "SELECT max(title), min(secret) FROM note",
            "DELETE FROM note RETURNING *", "UPDATE note SET title = title RETURNING *",
            "UPDATE note SET secret = '' WHERE tenant = 'globex' RETURNING *",
            "SELECT * FROM note FOR UPDATE", "EXECUTE nothing"):
        rows, _ = ann.attempt(statement)
        assert all("globex" not in str(row) for row in rows or []), statement
    # What is made up is given back as it was made.
    made = f"jsonb_populate_record(NULL::note, jsonb_build_object('tenant', 'globex', 'id', '{KEY}', 'draft', ''))"
    assert ann.attempt(f"SELECT (converge.current({made})).draft::text")[0] == [("",)]


def test_ways_around_the_policies(world, anybody):
    for statement in ("SET row_security = off; SELECT * FROM note", "SET ROLE converge_owner; SELECT * FROM converge.change",
                      "SET SESSION AUTHORIZATION postgres", "ALTER TABLE note DISABLE ROW LEVEL SECURITY",
                      "ALTER TABLE note NO FORCE ROW LEVEL SECURITY", "CREATE POLICY open ON note USING (true)",
                      "DROP POLICY converge_read ON note", "ALTER POLICY converge_read ON note USING (true)",
                      "SET session_replication_role = replica", "ALTER TABLE note DISABLE TRIGGER ALL",
                      "CREATE TRIGGER mine BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION converge.capture()",
                      "CREATE RULE r AS ON INSERT TO note DO ALSO SELECT 1", "TRUNCATE note",
                      "CREATE TABLE child () INHERITS (note)", "ALTER EXTENSION converge DROP FUNCTION converge.push(bytea)",
                      "CREATE OR REPLACE FUNCTION converge.current_tenant() RETURNS text LANGUAGE sql AS $$ SELECT 'globex' $$",
                      "CREATE FUNCTION converge.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                      "CREATE TABLE converge.mine ()", "ALTER TABLE note ADD COLUMN mine text", "COPY note FROM PROGRAM 'id'",
                      "SET converge.tenant = 'globex'", "SELECT set_config('converge.tenant', 'globex', true)",
                      "SET converge.token_leeway = 300", "SET converge.max_tenant_grants = 0",
                      "SELECT pg_read_file('PG_VERSION')", "SELECT lo_import('/etc/passwd')",
                      "LOAD 'converge'; SELECT pg_reload_conf()", "CREATE EXTENSION dblink",
                      "CREATE FUNCTION mine() RETURNS text LANGUAGE c AS '$libdir/converge', 'converge_current_tenant'"):
        _, error = anybody.attempt(statement)
        assert error is not None, statement


# An operator, a function and a cast that tell what they are given, cheaper than any policy.
TELLING = """
    CREATE FUNCTION pg_temp.tell(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
        AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
    CREATE FUNCTION pg_temp.tell2(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
        AS $$ BEGIN RAISE NOTICE '% %', $1, $2; RETURN true; END $$;
    CREATE OPERATOR pg_temp.<<<< (FUNCTION = pg_temp.tell2, LEFTARG = anyelement, RIGHTARG = anyelement);
"""
COLUMNS = ("tenant", "id", "body", "draft", "props", "tags", "marks", "likes", "views", "state", "page", "title", "secret")


def test_functions_that_tell_what_they_are_given(world, ann):
    assert any("open" in part for part in ann.hear(f"{TELLING} SELECT * FROM note WHERE pg_temp.tell(title)")[2])
    for column in COLUMNS:
        for condition in (f"pg_temp.tell({column}::text)", f"{column}::text OPERATOR(pg_temp.<<<<) 'x'::text",
                          f"{column}::text::integer > 0", f"1 / length({column}::text) * 0 = 1", f"{column}::text::xml IS NULL",
                          f"{column}::text::jsonb = '1'", f"CASE WHEN pg_temp.tell({column}::text) THEN true END"):
            for query in (f"SELECT 1 FROM note WHERE {condition}", f"SELECT count(*) FILTER (WHERE {condition}) FROM note",
                          f"UPDATE note SET title = title WHERE {condition}", f"DELETE FROM note WHERE {condition}",
                          f"SELECT 1 FROM note a JOIN note b ON {condition.replace(column, 'b.' + column)}",
                          f"EXPLAIN (ANALYZE, VERBOSE) SELECT 1 FROM note WHERE {condition}"):
                ann.attempt(f"{TELLING}{query}")


def test_operators_that_are_not_checked_before_the_policies(world, ann):
    """Leakproof ones may be: they have to tell nothing, whatever they are compared with."""
    names = run(world.session, "SELECT DISTINCT o.oprname, o.oprleft::regtype::text, o.oprright::regtype::text FROM pg_operator o"
                " JOIN pg_proc p ON p.oid = o.oprcode WHERE o.oprnamespace = 'converge'::regnamespace AND p.proleakproof")
    columns = dict(run(world.session, "SELECT format_type(atttypid, NULL), attname::text FROM pg_attribute"
                       " WHERE attrelid = 'note'::regclass AND attnum > 0"))
    tried = 0
    for operator, left, right in names:
        for mine, other in ((left, right), (right, left)):
            if mine not in columns:
                continue
            for given in ("''", "'{}'", "'{x}'", "'{\"x\": [1]}'", "'[]'", "NULL", f"'{{{'x' * 3000}}}'"):
                sides = [columns[mine], f"{given}::{other}"]
                if mine != left:
                    sides.reverse()
                ann.attempt(f"SELECT 1 FROM note WHERE {sides[0]} OPERATOR(converge.{operator}) {sides[1]}")
                tried += 1
    assert tried > 100


def test_plans(world, ann):
    """Estimates of what is globex's are those of what nobody has."""
    def plan(condition, mark):
        _, error, heard = ann.hear("EXPLAIN SELECT 1 FROM note WHERE " + condition.format(mark))
        assert error is None, condition
        return "".join(heard).replace(mark, "?")
    nobodys = world.canary[::-1]
    for condition in ("tags OPERATOR(converge.@>) ARRAY['{}']", "props OPERATOR(converge.?) '{}'", "title = '{}plan'",
                      "props OPERATOR(converge.@>) '{{\"{}\": 1}}'", "marks OPERATOR(converge.?) '{}'"):
        assert plan(condition, world.canary) == plan(condition, nobodys), condition
    for options, form in itertools.product(("ANALYZE", "ANALYZE, VERBOSE, BUFFERS, SETTINGS", "VERBOSE"), ("text", "json")):
        ann.attempt(f"EXPLAIN ({options}, FORMAT {form}) SELECT * FROM note WHERE tenant = 'globex'")
        ann.attempt(f"EXPLAIN ({options}, FORMAT {form}) SELECT * FROM note WHERE id = '{HIDDEN}'")


def test_violations(world, ann):
    """Inserting what the other tenant has: no error, or one that any value would give."""
    title = world.canary + KEY
    assert ann.hear("INSERT INTO note (tenant, id, title) VALUES ('acme', 'mine', %s)", title)[1] is None
    assert ann.attempt("INSERT INTO note (tenant, id) VALUES ('acme', %s)", HIDDEN)[1] is None
    for key in (KEY, HIDDEN, "none"):
        for more in ("", " ON CONFLICT DO NOTHING", " ON CONFLICT (tenant, id) DO UPDATE SET title = 'x'"):
            _, error = ann.attempt("INSERT INTO note (tenant, id) VALUES ('globex', %s)" + more, key)
            assert error == "42501", (key, more)
        # A row goes to no other tenant; of those that one does not see there is none to go.
        assert ann.attempt("UPDATE note SET tenant = 'globex' WHERE id = %s", key)[1] == ("0A000" if key == KEY else None)


def test_what_is_hidden_and_what_is_not_there_are_told_alike(world, ann):
    for question in ("converge.pull('note', %s, NULL)", "converge.subscribe('note', %s)", "converge.state_at('note', %s, now())",
                     "converge.history('note', %s)", "converge.blame('note', %s, 'body')", "converge.verify('note', %s)",
                     "converge.restore('note', %s, now())", "converge.snapshot('note', %s)", "converge.snapshots('note', %s)",
                     "converge.diff('note', %s, now())", "converge.yjs_pull('note', %s, 'page')"):
        answers = {key: ann.hear(f"SELECT * FROM {question}", key) for key in (HIDDEN, "absent")}
        assert answers[HIDDEN][0] == answers["absent"][0] and answers[HIDDEN][1] == answers["absent"][1] is not None, question
        assert [part.replace(HIDDEN, "?") for part in answers[HIDDEN][2]] == [
            part.replace("absent", "?") for part in answers["absent"][2]], question


def test_whether_one_may_write_tells_nothing_of_what_is_hidden(world, anybody):
    """Nor in which words, whoever asks."""
    for field in ("body", "secret", "none"):
        answers = [anybody.attempt("SELECT converge.may_write('note', %s, %s)", key, field) for key in (HIDDEN, "absent")]
        assert answers[0] == answers[1] and answers[0][0] in (None, [(False,)]), (field, answers)


def test_streams_are_not_for_clients(world, anybody):
    for statement in ("SELECT pg_create_logical_replication_slot('mine', 'converge_output')",
                      "SELECT pg_create_logical_replication_slot('mine', 'test_decoding', true)",
                      "SELECT pg_create_physical_replication_slot('mine')", "CREATE PUBLICATION p FOR TABLE note",
                      "CREATE PUBLICATION p FOR ALL TABLES", "SELECT pg_logical_emit_message(true, 'converge.access', 'x'::text)",
                      *(f"SELECT {function}(slot_name, NULL, NULL) FROM pg_replication_slots" for function in (
                          "pg_logical_slot_get_changes", "pg_logical_slot_peek_changes",
                          "pg_logical_slot_get_binary_changes", "pg_logical_slot_peek_binary_changes")),
                      "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots",
                      *(f"SELECT pg_terminate_backend({pid})" for pid, in run(
                          world.session, "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'converge%'"))):
        _, error = anybody.attempt(statement)
        if "emit_message" not in statement:
            assert error == "42501", statement
