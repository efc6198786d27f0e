"""The guide's blocks, run as they stand there: SQL, and JavaScript with the providers
from npm; and what they print."""
import subprocess

from database import ROOT
from test_readme import BLOCK, squeezed
from yjs_editors import FOLDER, install

# What a page has and Node has not; and a while to do what the block begins.
BEFORE = "import { WebSocket } from 'ws';\nglobalThis.WebSocket = WebSocket;\nconst token = process.env.TOKEN;\n"
AFTER = "\nsetTimeout(() => process.exit(0), 1500);\n"


def test_the_guide(database, bridge):
    install()
    blocks = BLOCK.findall((ROOT / "docs/guides/yjs.md").read_text())
    assert [kind for kind, _ in blocks].count("js") == 3
    printed = said = None
    for kind, block in blocks:
        if kind == "sql":
            psql = subprocess.run(
                [database.server.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", database.server.host,
                 "-p", database.server.port, "-U", "postgres", "-d", database.name],
                input=block, capture_output=True, text=True, timeout=60)
            assert psql.returncode == 0, psql.stderr
            printed = psql.stdout
        elif kind == "js":
            script = BEFORE + block.replace("wss://app.example", f"ws://{bridge.address}") + AFTER
            node = subprocess.run(["node", "--input-type=module", "-e", script], cwd=FOLDER, capture_output=True,
                                  text=True, timeout=60, env={"PATH": "/usr/bin:/bin", "TOKEN": database.token(principal="ann")})
            assert node.returncode == 0, node.stderr
            said = node.stdout
        elif kind == "text":
            assert squeezed(printed)[-len(squeezed(block)):] == squeezed(block)
    assert said == "the document may be read but not changed\n"
