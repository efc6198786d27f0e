"""The blocks of the guides, and of what of the reference has some, run as they stand
there, and what they print."""
import re
import subprocess

import pytest

from database import PATIENT, ROOT, run, value
from test_readme import BLOCK, squeezed

REFERENCE = [ROOT / "docs/reference/documents.md", ROOT / "docs/reference/history.md"]
# That of Yjs has blocks for Node: test/bridge/test_yjs_guide.py.
GUIDES = sorted(set((ROOT / "docs/guides").glob("*.md")) - {ROOT / "docs/guides/yjs.md"}) + [REFERENCE[1]]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide(guide, database):
    blocks = BLOCK.findall(guide.read_text())
    assert [kind for kind, _ in blocks].count("sql") >= 4
    printed = None
    tokens = [option for name in ("ann", "bob") for option in ("-v", f"{name}={database.token('acme', name)}")]
    for kind, block in blocks:
        if kind == "sql":
            psql = subprocess.run(
                [database.server.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *tokens, "-h", database.server.host,
                 "-p", database.server.port, "-U", "postgres", "-d", database.name],
                input=block, capture_output=True, text=True, timeout=60, env=PATIENT)
            assert psql.returncode == 0, psql.stderr
            printed = psql.stdout
        elif kind == "text":
            assert squeezed(printed)[-len(squeezed(block)):] == squeezed(block)


def test_the_examples_of_permissions(database):
    """On the table of these tests, with what the examples take for granted."""
    run(database.session, "ALTER TABLE note ADD COLUMN team text; "
                          "CREATE TABLE team_member (tenant text, team text, person text)")
    blocks = BLOCK.findall((ROOT / "docs/reference/permissions.md").read_text())
    assert len(blocks) == 2
    for kind, block in blocks:
        assert kind == "sql"
        run(database.session, block)
    assert value(database.session, "SELECT count(*) FROM pg_policy WHERE polrelid = 'note'::regclass") == 1 + 4 + 1
    assert value(database.session, "SELECT array_agg(DISTINCT level::text ORDER BY level::text) "
                 "FROM converge.access_report('acme') WHERE because = 'grant'") == ["admin"]


def test_names_in_the_reference_are_there(database):
    """Each function that the reference of documents and their history shows is there."""
    reference = "".join(page.read_text() for page in REFERENCE)
    shown = re.findall(r"^    (?:CALL )?converge\.(\w+)\(", reference, re.MULTILINE)
    assert len(shown) > 10
    with database.session.cursor() as cursor:
        cursor.execute("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'converge'::regnamespace")
        there = {name for name, in cursor.fetchall()}
    assert set(shown) <= there


def test_every_error_is_in_the_reference():
    """Each message of what is raised, word for word, in one line of it: not of triggers that
    are attached elsewhere, of what nobody can bring about, and of the types' own functions."""
    lines = [set(re.findall(r"[\w'()]+", line)) for line in (ROOT / "docs/reference/errors.md").read_text().splitlines()]
    raised = re.compile(r'ereport\(ERROR, \(errcode\((\w+)\),\s*errmsg\(\s*"((?:[^"\\]|\\.|"\s*")*)"')
    found = 0
    for folder in ("documents", "security"):
        for source in sorted((ROOT / "src/extension" / folder).glob("*.cpp")):
            for code, message in raised.findall(source.read_text()):
                if "TRIGGER_PROTOCOL" in code or code in ("ERRCODE_INTERNAL_ERROR", "ERRCODE_DATA_CORRUPTED"):
                    continue
                words = set(re.findall(r"[\w'()]+", re.sub(r"%(\.\*)?l*[sdu]|%zu", " ", message.replace('\\"', ' '))))
                assert any(words <= line for line in lines), f"{source.name}: {message}"
                found += 1
    assert found > 60
