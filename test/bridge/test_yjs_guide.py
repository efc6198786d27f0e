"""The guide's blocks, run as they stand there: SQL, and JavaScript with the providers
from npm; and what they print."""
import subprocess

from database import PATIENT, ROOT, wait_until
from test_readme import BLOCK, squeezed
from yjs_editors import FOLDER, install, page_text

# What a page has and Node has not.
BEFORE = "import { WebSocket } from 'ws';\nglobalThis.WebSocket = WebSocket;\nconst token = process.env.TOKEN;\n"
SAYS = "the document may be read but not changed\n"


def test_the_guide(database, bridge, tmp_path):
    install()
    blocks = BLOCK.findall((ROOT / "docs/guides/yjs.md").read_text())
    assert [kind for kind, _ in blocks].count("js") == 3
    # What tells that a page did its part.
    done = iter([lambda said: page_text(database) == "Hello", lambda said: page_text(database) == "Hello world",
                 lambda said: said() == SAYS])
    printed = None
    for kind, block in blocks:
        if kind == "sql":
            psql = subprocess.run(
                [database.server.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", database.server.host,
                 "-p", database.server.port, "-U", "postgres", "-d", database.name],
                input=block, capture_output=True, text=True, timeout=60, env=PATIENT)
            assert psql.returncode == 0, psql.stderr
            printed = psql.stdout
        elif kind == "js":
            open_page(tmp_path / "page", BEFORE + block.replace("wss://app.example", f"ws://{bridge.address}"),
                      database.token(principal="ann"), next(done))
        elif kind == "text":
            assert squeezed(printed)[-len(squeezed(block)):] == squeezed(block)
    assert next(done, None) is None


def open_page(output, script, token, done):
    """Runs the script, which does not end by itself, until it is done."""
    with open(output, "w") as file:
        node = subprocess.Popen(["node", "--input-type=module", "-e", script], cwd=FOLDER, stdout=file,
                                stderr=subprocess.STDOUT, env={"PATH": "/usr/bin:/bin", "TOKEN": token})
    try:
        wait_until(lambda: node.poll() is not None or done(output.read_text), "the page to do what it is for")
        assert node.poll() is None, output.read_text()
    finally:
        node.kill()
        node.wait()
