"""Every function of the schema, called by everybody who should get nothing by it, with
arguments that are made to get at the other tenant. The functions are the catalog's:
one that has a parameter for which there is no argument here fails the test."""
import itertools

from database import run
from wire import PushRequest, converge_pb2
from world import HIDDEN, KEY, Attacker, World

# Calls of one function by one attacker, at most.
CALLS = 100


class Arguments:
    """SQL expressions to pass for a parameter: by its name where that says what it
    means, otherwise by its type."""

    def __init__(self, world):
        past = world.token("globex", "ann", lifetime=-60)
        self.named = {
            "collection": ["'note'", "'public.note'", "'converge.change'", "'pg_class'", "''"],
            "membership": ["'note'", "'converge.member'"],
            "tenant": ["'globex'", "'acme'", "''"],
            "key": [f"'{KEY}'", f"'{HIDDEN}'", "'none'", "NULL"],
            "document": ["row_of_globex", "1"],
            "principal": ["'ann'", "'eve'"], "grantee": ["'ann'", "'role:everyone'"],
            "role": ["'everyone'", "'editors'"], "level": ["'admin'", "'none'"],
            "token": [f"'{past}'", "'a.b.c'", "''"], "token_id": ["'x'"], "token_hash": ["'\\x00'"], "key_id": ["'test'"],
            "request": ["push_request", "access_request", "'\\xff'"],
            "moment": ["now()", "'-infinity'"], "label": ["'x'"],
            "fields": ["'{body}'"], "deferred": ["'{}'"], "include": ["'{secret}'"], "deletion_column": ["'title'"],
            "authors": ["'\\x'"], "id": ["1"], "keep": ["'0'"],
        }
        self.typed = {
            "text": ["'body'", "'x'"], "name": ["'body'"], "text[]": ["'{x}'"], "name[]": ["'{body}'"],
            "jsonb": ["'{\"x\": 1}'"], "json": ["'{}'"], "bytea": ["'\\x'", "'\\xff00'"], "cstring": ["''", "'\\x0'"],
            "integer": ["0", "-1", "2147483647"], "bigint": ["1", "-1"], "smallint": ["1"], "oid": ["0", "2147483647"],
            "boolean": ["true"], "interval": ["'0'"], "timestamp with time zone": ["now()"],
            "regclass": ["'note'", "'converge.change'", "0"], "anyelement": ["row_of_globex", "1"],
            "converge.access_level": ["'admin'"], "converge.secret": ["''"],
            "converge.version_vector": ["'{}'", "NULL"], "converge.log_version": ["'{}'", "NULL"],
            "converge.hlc": ["'2026-01-01 00:00:00+00/0'", "NULL"],
            **{f"converge.{name}": ["''", "NULL"] for name in (
                "lww_map", "or_set", "lww_set", "crdt_text", "pn_counter", "g_counter", "mv_register", "ydoc")},
        }
        self.written = {
            "row_of_globex": "(SELECT r FROM (VALUES (1)) v CROSS JOIN LATERAL jsonb_populate_record(NULL::public.note, "
                             f"jsonb_build_object('tenant', 'globex', 'id', '{HIDDEN}', 'draft', '')) r)",
        }

    def of(self, name, kind):
        found = self.named.get(name) or self.typed.get(kind)
        return found and [self.written.get(argument, argument) for argument in found]


FUNCTIONS = """
    SELECT p.oid::regprocedure::text, p.proname, p.prokind, p.prorettype::regtype::text,
           coalesce(p.proargnames[:p.pronargs], '{}'),
           ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, n) ORDER BY n), p.pronargdefaults
      FROM pg_proc p WHERE p.pronamespace = 'converge'::regnamespace ORDER BY 1"""


def the_functions(world):
    session = world.connect()
    run(session, "SET search_path = ''")  # so that every name comes with its schema
    functions = run(session, FUNCTIONS)
    session.close()
    return functions


def requests_of(world):
    """A PushRequest and an AccessRequest for globex's document, under acme's token."""
    token = world.token("acme", "ann")
    push = PushRequest()
    group = push.groups.add()
    group.token = token
    for key in (KEY, HIDDEN):
        document = group.documents.add()
        document.document.collection = "note"
        document.document.key = key
        change = document.changes.add()
        change.replica, change.seq, change.payload = 7, 1, b"\x08\x02"
    access = converge_pb2.AccessRequest()
    access.tickets = True
    question = access.questions.add()
    question.token = token
    for key in (KEY, HIDDEN):
        question.documents.add(collection="note", key=key)
        question.fields.append("body")
    return {"push_request": f"'\\x{push.SerializeToString().hex()}'::bytea",
            "access_request": f"'\\x{access.SerializeToString().hex()}'::bytea"}


def attackers(world):
    ann = world.token("acme", "ann")
    return {
        "another tenant's": ("insider", ann),
        "a reader": ("insider", world.token("acme", "eve")),
        "who has nothing": ("insider", world.token("acme", "mallory")),
        "an administrator of another tenant": ("insider", world.token("acme", "ada")),
        "whose token gives nothing": ("insider", world.token("acme", "ann", permissions={"*": "none"})),
        "no one": ("insider", None),
        "a role that is no client": ("outsider", None),
    }


def calls_of_every_function(world):
    arguments = Arguments(world)
    arguments.written.update(requests_of(world))
    functions = the_functions(world)
    assert len(functions) > 300
    unknown = []
    calls = []
    for signature, name, kind, result, names, types, defaults in functions:
        if "internal" in types:
            continue  # which SQL cannot pass
        if result in ("trigger", "event_trigger"):
            continue  # below
        names = list(names) + [""] * (len(types) - len(names))
        choices = [arguments.of(called, of_type) for called, of_type in zip(names, types)]
        unknown += [f"{signature}: no argument for {called or 'a parameter'} {of_type}"
                    for called, of_type, choice in zip(names, types, choices) if not choice]
        if any(not choice for choice in choices):
            continue
        for place in range(len(types) - defaults, len(types)):  # what may be left out
            choices[place] = ["NULL", *choices[place]]
        verb = "CALL" if kind == "p" else "SELECT * FROM" if kind == "f" else "SELECT"
        combinations = itertools.islice(itertools.product(*choices), CALLS)
        calls += [f"{verb} converge.{name}({', '.join(f'{a}::{t}' for a, t in zip(chosen, types))})"
                  for chosen in combinations]
    assert not unknown, "\n".join(unknown)
    return calls


def test_every_function_by_everybody(world, bridge):
    calls = calls_of_every_function(world)
    for role, token in attackers(world).values():
        attacker = Attacker(world, role, token)
        for call in calls:
            attacker.attempt(call)
        attacker.close()


def test_what_every_function_leaves_behind(world):
    """The same where each is committed, in a world of its own: all of globex stays."""
    spoiled = World(world.server)
    before = spoiled.fingerprint()
    calls = calls_of_every_function(spoiled)
    for role, token in attackers(spoiled).values():
        attacker = Attacker(spoiled, role, token, end="COMMIT")
        for call in calls:
            attacker.attempt(call)
        attacker.close()
    assert spoiled.fingerprint() == before
    spoiled.drop()


def test_functions_that_are_not_for_clients(world, bridge):
    """Those of administrators and owners, by name, so that a new one is thought about."""
    for role, token in attackers(world).values():
        attacker = Attacker(world, role, token)
        for call in ("SELECT converge.export('globex')", "SELECT * FROM converge.erase('globex', 'ann')",
                     "SELECT converge.revoke('globex')", "SELECT converge.audit_retention('0')",
                     "SELECT converge.track('note', 'tenant')", "SELECT converge.untrack('note')",
                     "SELECT converge.fold('note', 'globex', 'plan')", "SELECT converge.rebuild('note', 'globex', 'plan')",
                     "SELECT converge.compact('note', 'globex', 'plan')", "CALL converge.compact('note')",
                     "SELECT converge.isolate('note')", "SELECT converge.recheck_on('note', 'note')",
                     "SELECT converge.set_permission('globex', 'ann', 'admin')",
                     "SELECT converge.set_permission('globex', 'ann', 'admin', 'note', 'plan')",
                     "SELECT converge.add_member('globex', 'ann', 'editors')",
                     "SELECT converge.remove_member('globex', 'ann', 'editors')"):
            assert attacker.attempt(call)[1] == "42501", call
        attacker.close()


def test_triggers_on_tables_of_ones_own(world, bridge):
    """A trigger function may be attached to any table, and reads what it finds there."""
    names = [name for _, name, _, result, *_ in the_functions(world) if result == "trigger"]
    assert "capture" in names and "check_jwt_key" in names
    tables = ("CREATE TEMP TABLE own (tenant bigint, id bigint)",
              "CREATE TEMP TABLE own (tenant text, id text, body converge.crdt_text)",
              "CREATE TEMP TABLE own (LIKE note INCLUDING ALL)",
              "CREATE TEMP TABLE own (a int8, b int8, c int8, d int8, e int8, f int8, g int8, h int8, i int8)")
    events = ("BEFORE INSERT ON own FOR EACH ROW", "AFTER INSERT ON own FOR EACH ROW",
              "BEFORE UPDATE ON own FOR EACH ROW", "AFTER UPDATE OR DELETE ON own FOR EACH ROW",
              "BEFORE TRUNCATE ON own FOR EACH STATEMENT", "AFTER INSERT ON own FOR EACH STATEMENT")
    for role in ("insider", "outsider"):
        attacker = Attacker(world, role, world.token("acme", "ann") if role == "insider" else None)
        for table, event, name, given in itertools.product(tables, events, names, ("", "'tenant', 'id'")):
            attacker.attempt(f"{table}; CREATE TRIGGER t {event} EXECUTE FUNCTION converge.{name}({given});"
                             " INSERT INTO own DEFAULT VALUES; INSERT INTO own (tenant, id) VALUES ('1', '2');"
                             " UPDATE own SET id = id; DELETE FROM own; TRUNCATE own" if "tenant" in table or "LIKE" in table
                             else f"{table}; CREATE TRIGGER t {event} EXECUTE FUNCTION converge.{name}({given});"
                             " INSERT INTO own VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9); UPDATE own SET a = 7; DELETE FROM own; TRUNCATE own")
        attacker.attempt("CREATE EVENT TRIGGER t ON sql_drop EXECUTE FUNCTION converge.forget_dropped_collections()")
        attacker.close()
