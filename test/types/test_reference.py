"""The examples of docs/reference answer what stands below them, and no function or
operator of the types is without one."""
import re
import subprocess

import pytest

from cluster import ROOT

# The types that each describes.
PAGES = {
    "types.md": "lww_map,or_set,lww_set,crdt_text,pn_counter,g_counter,mv_register,version_vector,log_version,hlc",
    "ydoc.md": "ydoc",
}
SQL = {page: re.findall(r"^```sql\n(.*?)^```$", (ROOT / "docs/reference" / page).read_text(), re.MULTILINE | re.DOTALL)
       for page in [*PAGES, "documents.md"]}

# Called by PostgreSQL, not by people.
SUPPORT = re.compile(r"(_in|_out|_recv|_send|_from_bytea|_typanalyze|_subscript|sel)$|_gin_|merge_(transition|combine|serialize|deserialize|final)$")
INTERNAL = {"equal", "not_equal", "hash", "hash_extended", "compare", "assigned_key", "to_timestamp"}


def examples(page):
    """(statement, the lines that it answers), in order."""
    for block in SQL[page]:
        statement, answer, ended = [], [], False
        for line in block.splitlines():
            if ended and line.startswith("--"):
                answer.append(line[3:])
                continue
            if ended:
                yield "\n".join(statement), answer
                statement, answer, ended = [], [], False
            statement.append(line)
            ended = line.endswith(";")
        yield "\n".join(statement), answer


@pytest.mark.parametrize("page", SQL)
def test_every_example_answers_what_it_says(server, page):
    with server.connect() as session:
        session.run("DROP DATABASE IF EXISTS reference")
        session.run("CREATE DATABASE reference")
    mark = "---- the next example"
    script = "CREATE EXTENSION converge;\n" + "".join(
        f"\\echo {mark}\n{statement}\n" for statement, _ in examples(page))
    psql = subprocess.run([server.bin / "psql", "-X", "-q", "-A", "-t", "-F", " | ", "-d", "reference"], input=script,
                          env=server.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    _, *answers = psql.stdout.split(mark + "\n")
    told = list(examples(page))
    assert len(answers) == len(told) > 15
    for (statement, expected), answer in zip(told, answers):
        # psql counts lines of its input before a message.
        lines = [re.sub(r"^psql:<stdin>:\d+: ", "", line.rstrip()) for line in answer.splitlines()]
        assert lines == [line.rstrip() for line in expected], statement


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_without_an_example(server, page):
    with server.connect() as session:
        session.run("CREATE EXTENSION IF NOT EXISTS converge")
        of_types = f"string_to_array('{PAGES[page]}', ',')"
        functions = session.run(f"""
            SELECT DISTINCT proname FROM pg_proc p WHERE pronamespace = 'converge'::regnamespace
               AND EXISTS (SELECT FROM pg_type t WHERE t.oid = ANY (p.proargtypes || p.prorettype) AND typname = ANY ({of_types})
                                                   AND t.typnamespace = 'converge'::regnamespace)""")
        operators = session.run(f"""
            SELECT DISTINCT oprname FROM pg_operator o JOIN pg_type t ON t.oid IN (oprleft, oprright)
             WHERE oprnamespace = 'converge'::regnamespace AND typname = ANY ({of_types})
               AND typnamespace = 'converge'::regnamespace""")
    shown = "\n".join(SQL[page])
    documents = (ROOT / "docs/reference/documents.md").read_text()
    lacking = [name for name, in functions if not SUPPORT.search(name) and name not in INTERNAL
               and not re.search(rf"\b{name}\(", shown) and f"{name}(" not in documents]
    lacking += [name for name, in operators if f" {name} " not in shown and name not in ("<>",)]
    assert not lacking
