"""Real Yjs editors, run by Node (test/yjs/editors.mjs): unmodified providers from npm."""
import concurrent.futures
import itertools
import json
import pathlib
import subprocess
import threading
import urllib.parse

from database import ROOT, run, value

FOLDER = pathlib.Path(__file__).parents[1] / "yjs"


def install():
    subprocess.run([ROOT / "scripts/npm-packages", FOLDER], check=True, timeout=300)


class Editors:
    """One Node process with any number of editors."""

    def __init__(self):
        install()
        self.process = subprocess.Popen(["node", "editors.mjs"], cwd=FOLDER, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.numbers = itertools.count(1)
        self.waiting = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            future = self.waiting.pop(answer["number"])
            if "error" in answer:
                future.set_exception(AssertionError(answer["error"]))
            else:
                future.set_result(answer["value"])
        for future in list(self.waiting.values()):
            future.set_exception(AssertionError("the editors' process ended"))

    def begin(self, do, **what):
        """A Future of the answer."""
        future = concurrent.futures.Future()
        with self.lock:
            number = next(self.numbers)
            self.waiting[number] = future
            self.process.stdin.write(json.dumps({"number": number, "do": do, **what}) + "\n")
            self.process.stdin.flush()
        return future

    def call(self, do, **what):
        return self.begin(do, **what).result(60)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def name_of(*parts):
    """COLLECTION/KEY/FIELD."""
    return "/".join(urllib.parse.quote(part, safe="") for part in parts)


class Editor:
    """One Y.Doc with a provider; editor.insert(…) and so on are its commands."""

    names = itertools.count(1)

    def __init__(self, editors, bridge, kind="y-websocket", document=("page", "home", "body"), tenant="acme",
                 principal="alice", token=None, socket=None, synced=True, **more):
        self.editors = editors
        self.name = next(Editor.names)
        self.call("open", kind=kind, url=f"ws://{bridge.address}/yjs", name=name_of(*document),
                  token=token if token is not None else bridge.database.token(tenant, principal),
                  socket=socket or self.name, **more)
        if synced:
            self.call("synced")

    def begin(self, do, **what):
        return self.editors.begin(do, editor=self.name, **what)

    def call(self, do, **what):
        return self.editors.call(do, editor=self.name, **what)

    def __getattr__(self, do):
        return lambda **what: self.call(do, **what)


def make_pages(database, deferred=()):
    """The table page with a Yjs document in body, and its rows home and other."""
    run(database.session, """
        CREATE TABLE page (tenant text NOT NULL, id text NOT NULL, title text NOT NULL DEFAULT '',
                           body converge.ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
        ALTER TABLE page ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON page USING (tenant = converge.current_tenant());
        CREATE POLICY frozen ON page AS RESTRICTIVE FOR UPDATE TO converge_client USING (title <> 'frozen');
        GRANT SELECT, INSERT, UPDATE, DELETE ON page TO converge_client""")
    value(database.session, "SELECT converge.track('page', 'tenant', %s)::text", list(deferred))
    run(database.session, """INSERT INTO page (tenant, id) VALUES
        ('acme', 'home'), ('acme', 'other'), ('globex', 'home'), ('globex', 'secret')""")


def page_text(database, key="home", root="body", tenant="acme"):
    return value(database.session, "SELECT converge.yjs_text((converge.current(p)).body, %s) FROM page p"
                 " WHERE tenant = %s AND id = %s", root, tenant, key)


def page_update(database, form=1, key="home"):
    return bytes(value(database.session, "SELECT converge.yjs_update((converge.current(p)).body, '', %s) FROM page p"
                       " WHERE tenant = 'acme' AND id = %s", form, key)).hex()


def page_json(database, key="home"):
    """The roots that are not empty, numbers as JavaScript has them."""
    text = value(database.session, "SELECT (converge.current(p)).body::jsonb::text FROM page p"
                 " WHERE tenant = 'acme' AND id = %s", key)
    roots = json.loads(text, parse_int=float)
    return {name: root for name, root in roots.items() if root not in ("", [], {})}


def logged(database, key="home"):
    """How many changes of the document clients have made."""
    return value(database.session, "SELECT count(*) FROM converge.change JOIN converge.document USING (tenant, document)"
                 " WHERE tenant = 'acme' AND key = %s AND principal <> ''", key)
