"""Random calls of every function, operator and cast of Converge's types, as the
catalog lists them, with values of every kind (values.py): none may crash the
server, leak memory, run on for long or raise an internal error. For leaks, some of
the calls are repeated at the end: the random ones meet ever larger states, and the
memory grows with those.

    random_calls.py [--calls N] [--seed N] [--only WHAT] -- CONNECTION-STRING

Prints how many calls ended with which SQLSTATE. Results are fed back, so that
states grow and meet. WHAT, a regular expression, chooses among the functions and so on.
test/types/random-calls runs it against a server with UBSan."""
import argparse
import collections
import io
import random
import re
import struct
import sys
import time

import psycopg2

from values import Values, hex_literal, quote

BATCH = 100
SECONDS_A_CALL = 30
# Some calls are made again and again: a leak grows in each spell, while the heap
# finds its size in one of the first; or later, where not many calls came before them.
REPEATED_CALLS = 300
SPELLS = 5
PATIENCE = 6  # times so many spells
ROUNDS = 6
LEAK_KB = 128

SETUP = """
CREATE EXTENSION IF NOT EXISTS converge;
CREATE FUNCTION attempt(calls text[], OUT state text, OUT result text) RETURNS SETOF record
LANGUAGE plpgsql AS $$
DECLARE
    call text;
BEGIN
    FOREACH call IN ARRAY calls LOOP
        BEGIN
            EXECUTE call INTO result;
            state := '00000';
        EXCEPTION WHEN OTHERS THEN
            state := SQLSTATE;
            result := SQLERRM;
        END;
        RETURN NEXT;
    END LOOP;
END
$$;
"""


class Finding(Exception):
    """What must not be, and the statement that shows it."""

    def __str__(self):
        text = super().__str__()
        return text if len(text) < 20_000 else f"{text[:20_000]} … ({len(text)} characters)"


class RandomCalls:
    def __init__(self, connection, seed, only=""):
        self.connection = connection
        self.only = re.compile(only)
        connection.autocommit = True
        self.cursor = connection.cursor()
        self.run(SETUP)
        self.prepare_session()
        self.chance = random.Random(seed)
        self.read_catalog()
        self.values = Values(self.chance, self.types)
        self.make_tables()
        self.outcomes = collections.Counter()
        self.called = collections.Counter()
        self.succeeded = set()

    def prepare_session(self):
        self.run("SET search_path = pg_catalog, pg_temp, public")  # everything else is qualified
        self.run(f"SET statement_timeout = '{SECONDS_A_CALL}s'")
        self.run("SET enable_seqscan = off")
        # So that small tables are aggregated in parallel.
        self.run("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
                 "SET min_parallel_table_scan_size = 0")

    def run(self, statement, *values):
        self.cursor.execute(statement, values or None)
        return self.cursor.fetchall() if self.cursor.description else []

    # ------------------------------------------------------------------ what there is

    def read_catalog(self):
        # Those with a binary form of bytes: the states and the clocks that are vectors.
        base = ("SELECT t.oid FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass "
                "AND d.objid = t.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid "
                "AND e.extname = 'converge' WHERE t.typtype = 'b' AND t.typelem = 0")
        kinds = self.run(f"SELECT format_type(oid, NULL), typlen = -1, typsubscript <> 0 FROM pg_type "
                         f"WHERE oid IN ({base}) ORDER BY 1")
        self.types = [name for name, varlena, _ in kinds if varlena]
        self.kinds = [name for name, _, _ in kinds]
        self.subscripted = [name for name, _, subscripted in kinds if subscripted]
        member = ("EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid "
                  "WHERE d.classid = '{0}'::regclass AND d.objid = x.oid AND d.deptype = 'e' "
                  "AND e.extname = 'converge')")
        concerns = f"(ARRAY(SELECT unnest(proargtypes)) || prorettype) && ARRAY({base})"
        self.functions = self.run(f"""
            SELECT oid::regprocedure::text, oid::regproc::text, prokind, proretset,
                   ARRAY(SELECT format_type(a, NULL) FROM unnest(proargtypes) a)::text[],
                   format_type(prorettype, NULL)
              FROM pg_proc x
             WHERE {member.format('pg_proc')} AND {concerns} AND prokind IN ('f', 'a')
               AND NOT 'internal'::regtype = ANY (proargtypes)
               AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
             ORDER BY 1""")
        self.operators = self.run(f"""
            SELECT oid::regoperator::text, format('OPERATOR(%I.%s)', oprnamespace::regnamespace, oprname),
                   format_type(oprleft, NULL), format_type(oprright, NULL), format_type(oprresult, NULL)
              FROM pg_operator x WHERE {member.format('pg_operator')} ORDER BY 1""")
        self.casts = self.run(f"""
            SELECT format_type(castsource, NULL), format_type(casttarget, NULL)
              FROM pg_cast x WHERE {member.format('pg_cast')} ORDER BY 1, 2""")
        self.searches = self.run(f"""
            SELECT format_type(opcintype, NULL), amname,
                   array_agg(DISTINCT format('OPERATOR(%I.%s)|%s', o.oprnamespace::regnamespace, oprname,
                                             format_type(oprright, NULL)))::text[]
              FROM pg_opclass x JOIN pg_am a ON a.oid = opcmethod
              JOIN pg_amop m ON m.amopfamily = opcfamily JOIN pg_operator o ON o.oid = amopopr
             WHERE {member.format('pg_opclass')} AND opcdefault GROUP BY 1, 2 ORDER BY 1, 2""")
        # What gives a value of a type, for arguments that are calls themselves.
        self.makers = collections.defaultdict(list)
        for function in self.functions:
            if function[2] == "f" and not function[3]:
                self.makers[function[5]].append(function)
        self.templates = (
            [(f"function {f[0]}", 4, lambda f=f: self.function_call(f)) for f in self.functions]
            + [(f"operator {o[0]}", 4, lambda o=o: self.operator_call(o)) for o in self.operators]
            + [(f"cast {s} as {t}", 4, lambda s=s, t=t: self.cast_call(s, t)) for s, t in self.casts]
            + [(f"{method} search of {kind}", 8, lambda k=kind, m=method, o=ops: self.search(k, m, o))
               for kind, method, ops in self.searches]
            + [(f"subscript of {kind}", 20, lambda k=kind: self.subscript(k)) for kind in self.subscripted]
            + [(f"parallel aggregate {f[0]}", 1, lambda f=f: self.parallel_aggregate(f))
               for f in self.functions if f[2] == "a" and len(f[4]) == 1])
        self.templates = [template for template in self.templates if self.only.search(template[0])]
        self.weights = [weight for _, weight, _ in self.templates]

    def make_tables(self):
        """A table for each type, with an index for each way to search it."""
        self.tables = {}
        for number, kind in enumerate(self.kinds):
            self.tables[kind] = table = f"public.kept_{number}"
            self.run(f"CREATE TABLE {table} (id serial PRIMARY KEY, x {kind}) WITH (parallel_workers = 2)")
            for other, method, _ in self.searches:
                if other == kind:
                    self.run(f"CREATE INDEX ON {table} USING {method} (x)")

    # ----------------------------------------------------------------- random calls

    def argument(self, kind, depth):
        """A value, or a call that gives one."""
        if kind in self.makers and depth > 0 and self.chance.random() < 0.35:
            maker = self.chance.choice(self.makers[kind])
            return f"{maker[1]}({self.arguments(maker[4], depth - 1)})"
        if kind == '"any"' or kind.startswith("any"):
            kind = self.chance.choice(self.kinds)
        return self.values.sql(kind)

    def arguments(self, kinds, depth=2):
        return ", ".join(self.argument(kind, depth) for kind in kinds)

    def read_out(self, expression, result):
        """The statement for a value of the type; a state's bytes are what goes on."""
        form = "::bytea::text" if result in self.values.states and self.chance.random() < 0.8 else "::text"
        return f"SELECT ({expression}){form}", result if form != "::text" else None

    def function_call(self, function):
        _, name, kind, many, arguments, result = function
        if kind == "a":
            rows = ", ".join(f"({row}, {self.arguments(arguments, 1)})"
                             for row in range(self.chance.randrange(1, 6)))
            columns = ", ".join(f"a{i}" for i in range(len(arguments)))
            over = self.chance.choice(["", "", " OVER (ORDER BY n)", " FILTER (WHERE n > 1)"])
            call, result = self.read_out(f"{name}({columns}){over}", result)
            return f"{call} FROM (VALUES {rows}) v (n, {columns})", result
        if many:
            return f"SELECT string_agg(r::text, ' ') FROM {name}({self.arguments(arguments)}) r", None
        return self.read_out(f"{name}({self.arguments(arguments)})", result)

    def operator_call(self, operator):
        _, name, left, right, result = operator
        before = self.argument(left, 2) if left != "-" else ""
        before = f"({before})" if before else ""
        return self.read_out(f"{before} {name} ({self.argument(right, 2)})", result)

    def cast_call(self, source, target):
        return self.read_out(f"({self.argument(source, 2)})::{target}", target)

    def search(self, kind, method, operators):
        table = self.tables[kind]
        what = self.chance.random()
        if what < 0.4:
            return f"INSERT INTO {table} (x) VALUES ({self.argument(kind, 1)}) RETURNING x::{'bigint' if kind.endswith('hlc') else 'bytea'}::text", kind
        if what < 0.5:
            return (f"UPDATE {table} SET x = {self.argument(kind, 1)} WHERE id = (SELECT max(id) - "
                    f"{self.chance.randrange(50)} FROM {table}) RETURNING 1"), None
        if what < 0.6:
            return (f"WITH gone AS (DELETE FROM {table} WHERE id < (SELECT max(id) - 200 FROM {table}) RETURNING 1) "
                    "SELECT count(*) FROM gone"), None
        operator, right = self.chance.choice(operators).rsplit("|", 1)
        # In a subquery, for volatile calls to be made once, not for each row.
        return f"SELECT count(*) FROM {table} WHERE x {operator} (SELECT {self.argument(right, 1)})", None

    def subscript(self, kind):
        keys = [quote(self.values.text()) for _ in range(3)]
        if self.chance.random() < 0.4:
            return f"SELECT (({self.argument(kind, 2)})[{self.chance.choice(keys)}])::text", None
        table = self.tables[kind]
        assigned = ", ".join(f"x[{key}] = {self.values.sql('jsonb')}" for key in keys[:self.chance.randrange(1, 4)])
        return (f"UPDATE {table} SET {assigned} WHERE id = (SELECT max(id) - {self.chance.randrange(20)} "
                f"FROM {table}) RETURNING x::bytea::text"), kind

    def parallel_aggregate(self, function):
        kind = function[4][0]
        table = self.tables.get(kind) or self.tables[self.kinds[0]]
        call, result = self.read_out(f"{function[1]}(x)", function[5])
        return f"{call} FROM {table} WHERE id % 7 <> {self.chance.randrange(9)}", result

    # ------------------------------------------------------------------- running them

    def batch(self):
        chosen = self.chance.choices(self.templates, self.weights, k=BATCH)
        calls = [(name, *make()) for name, _, make in chosen]
        try:
            results = self.run("SELECT state, result FROM attempt(%s)", [call for _, call, _ in calls])
        except psycopg2.Error as error:
            self.blame(calls, error)
        for (name, call, result), (state, value) in zip(calls, results):
            self.outcomes[state] += 1
            self.called[name] += 1
            if state.startswith("XX"):
                raise Finding(f"{state} {value}\n{call}")
            if state == "00000":
                self.succeeded.add(name)
                if value and (result in self.values.states or result == "bytea") and value.startswith("\\x"):
                    self.values.keep(result, bytes.fromhex(value[2:]))
        for _ in range(BATCH // 20):
            self.receive(self.chance.choice(self.types))

    def receive(self, kind):
        """The receive function: a value in a binary COPY."""
        data = self.values.state(kind)
        row = (b"PGCOPY\n\xff\r\n\0" + struct.pack("!iihi", 0, 0, 1, len(data)) + data
               + struct.pack("!h", -1))
        try:
            self.connection.autocommit = False
            self.cursor.copy_expert(f"COPY {self.tables[kind]} (x) FROM STDIN (FORMAT binary)",
                                    io.BytesIO(row))
            state = "00000"
        except psycopg2.OperationalError as error:
            raise Finding(f"{error}\nreceiving {hex_literal(data)} as {kind}") from error
        except psycopg2.Error as error:
            state = error.pgcode
            if state.startswith("XX"):
                raise Finding(f"{error}\nreceiving {hex_literal(data)} as {kind}") from error
        finally:
            if not self.connection.closed:
                self.connection.rollback()
                self.connection.autocommit = True
        self.outcomes[state] += 1
        self.called[f"receive {kind}"] += 1
        if state == "00000":
            self.succeeded.add(f"receive {kind}")

    def blame(self, calls, error):
        """Finds the call that a batch broke at, in a new session if it broke the old one."""
        if self.connection.closed:
            self.reconnect()
        for _, call, _ in calls:
            try:
                self.run("SELECT state, result FROM attempt(%s)", [call])
            except psycopg2.Error as one:
                raise Finding(f"{one}\n{call}") from one
        raise Finding(f"{error}\none of these, but none by itself:\n"
                      + "\n".join(call for _, call, _ in calls)) from error

    def reconnect(self):
        """As soon as the server has recovered."""
        for _ in range(300):
            try:
                self.connection = psycopg2.connect(self.connection.dsn)
                break
            except psycopg2.OperationalError:
                time.sleep(0.1)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.prepare_session()

    def memory(self):
        """The backend's own memory in kB, and what its memory contexts hold in bytes."""
        pid = self.connection.info.backend_pid
        with open(f"/proc/{pid}/status") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
        return resident, int(self.run("SELECT sum(total_bytes) FROM pg_backend_memory_contexts")[0][0])

    def go(self, calls, seconds=None, report=lambda text: None):
        """Makes that many calls, or as many as fit in the time."""
        started = time.monotonic()
        done = 0
        while done < calls and (seconds is None or time.monotonic() - started < seconds):
            self.batch()
            done = sum(self.outcomes.values())
            if done % 20_000 < BATCH * 21 // 20:
                report(f"{done} calls, {time.monotonic() - started:.0f} s, memory {self.memory()}")
        self.check_leaks()
        return done

    def check_leaks(self):
        calls = []
        while len(calls) < REPEATED_CALLS:
            (_, _, make), = self.chance.choices(self.templates, self.weights)
            call, _ = make()
            if call.startswith("SELECT"):  # what writes makes a table grow
                calls.append(call)
        spells = [self.memory()]
        for _ in range(PATIENCE):
            for _ in range(SPELLS):
                for _ in range(ROUNDS):
                    self.run("SELECT count(*) FROM attempt(%s)", calls)
                spells.append(self.memory())
            steps = list(zip(spells, spells[1:]))[-SPELLS:]
            self.growth = min(after[0] - before[0] for before, after in steps)
            contexts = min(after[1] - before[1] for before, after in steps)
            if self.growth <= LEAK_KB and contexts <= LEAK_KB * 1024:
                return
        raise Finding(f"memory grew all the time, {spells} (kB resident, bytes in contexts), "
                      f"each time {ROUNDS} rounds of {calls}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--only", default="")
    parser.add_argument("connection")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    calls = RandomCalls(psycopg2.connect(options.connection), options.seed, options.only)
    try:
        done = calls.go(options.calls, report=lambda text: print(text, flush=True))
    except Finding as finding:
        sys.exit(f"FOUND (seed {options.seed}): {finding}")
    print(f"{done} calls of {len(calls.called)} functions, operators, casts and searches; "
          f"at least {calls.growth} kB more memory after each {REPEATED_CALLS * ROUNDS} repeated ones")
    for state, times in calls.outcomes.most_common():
        print(f"  {state} {times}")
    never = sorted(set(calls.called) - calls.succeeded)
    if never:
        print("never without an error: " + "; ".join(never))


if __name__ == "__main__":
    main()
