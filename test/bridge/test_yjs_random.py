"""Random concurrent editing of every shared type: real Yjs clients on both providers
and two bridges, with SQL edits, slow and cut connections, absences, and updates that
come twice, in another order, by another way. In the end every editor, the row's
JSON, and what Yjs loads of the row's updates of both formats are one document.

55,000 edits of the editors' in all; YJS_EDITS=N for more, YJS_SEED=N for another case."""
import itertools
import os
import random
import threading
import time

import pytest

from database import run, value, wait_until
from network import Network
from yjs_editors import Editor, Editors, make_pages, page_json, page_update

EDITORS = 5  # of a document
EDITS = int(os.environ.get("YJS_EDITS", "1000"))  # of each
SEED = int(os.environ.get("YJS_SEED", "1"))
TROUBLE = 0.05  # seconds from one to the next
ROW = "WHERE id = %(key)s AND tenant = 'acme'"


class Loop:
    """Does something again and again in a thread, until stop()."""

    def __init__(self, step):
        self.step, self.stopping, self.problem = step, threading.Event(), None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.stopping.wait(TROUBLE):
                self.step()
        except Exception as problem:
            self.problem = problem

    def stop(self):
        self.stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive()
        if self.problem:
            raise self.problem


def edit_in_sql(session, key, rng):
    edits = ("converge.yjs_insert(body, 'text', 0, %(word)s)",
             "converge.yjs_set(body, 'map', %(word)s, %(json)s)",
             "converge.yjs_unset(body, 'map', %(word)s)",
             "body || converge.yjs_update(body)",
             "converge.yjs_delete(converge.yjs_insert(body, 'text', 0, %(word)s), 'text', 0, 1)")
    with session.cursor() as cursor:
        cursor.execute(f"UPDATE page SET body = {rng.choice(edits)} {ROW}",
                       {"key": key, "word": rng.choice(["title", "SQL", "😀", "Ключ"]), "json": rng.choice(["1", "null", '{"a": [1, "x"]}'])})


def some_recent(editor, rng):
    """Its latest updates, without one, in another order, some twice."""
    updates = editor.recent()
    rng.shuffle(updates)
    return updates[1:] + updates[:2]


def disturb(editors, session, key, rng):
    one, other = rng.sample(editors, 2)
    kind = rng.randrange(6)
    if kind == 0:
        one.cut()
    elif kind == 1:
        one.pause()
        time.sleep(rng.random() / 2)
        one.resume()
    elif kind == 2:
        one.network.hold()
        time.sleep(rng.random() / 2)
        one.network.release()
    elif kind == 3:  # as the other's own change
        one.apply(update=other.state())
    elif kind == 4:
        for update in some_recent(one, rng):
            other.apply(update=update)
    elif kind == 5:
        for update in some_recent(one, rng):
            with session.cursor() as cursor:
                cursor.execute(f"UPDATE page SET body = converge.yjs_apply(body, %(update)s, 1) {ROW}",
                               {"key": key, "update": bytes.fromhex(update)})


def first_difference(one, other, path=""):
    """Where two documents differ: the path, and what they have there."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(key, one.get(key), other.get(key)) for key in {**one, **other}]
    elif isinstance(one, list) and isinstance(other, list):
        pairs = [(number, *pair) for number, pair in enumerate(itertools.zip_longest(one, other))]
    else:
        return f"{path}: {one!r}, not {other!r}"
    return next((first_difference(here, there, f"{path}/{key}") for key, here, there in pairs if here != there), None)


def difference(database, key, editors):
    """What of a document is not as its first editor has it, or None."""
    first = editors[0].document()
    if first["pending"]:
        return "something is pending"
    for editor in editors[1:]:
        if (document := editor.document()) != first:
            return f"editor {editor.name}: {first_difference(document, first)}"
    for form in (1, 2):
        if (loaded := editors[0].load(update=page_update(database, form, key), format=form)) != first:
            return f"the row's update {form}: {first_difference(loaded, first)}"
    if (row := page_json(database, key)) != first["json"]:
        return f"the row's JSON: {first_difference(row, first['json'])}"
    return None


@pytest.mark.parametrize("documents, deferred", [(3, ()), (8, ("body",))], ids=["immediate", "deferred"])
def test_random_editing_ends_in_one_document(database, start_bridge, documents, deferred):
    """In one document each, several of which are edited at the same time."""
    make_pages(database, deferred)
    keys = [f"random {number}" for number in range(documents)]
    run(database.session, "INSERT INTO page (tenant, id) SELECT 'acme', unnest(%s)", keys)
    bridges = [start_bridge(database), start_bridge(database)]
    rng = random.Random(SEED)
    node = Editors()
    editors, networks = {}, []
    for key in keys:
        editors[key] = []
        for n in range(EDITORS):
            network = Network(bridges[n // 2 % 2], seed=rng.random())
            networks.append(network)
            editors[key].append(Editor(node, network, ("y-websocket", "hocuspocus")[n % 2], document=("page", key, "body")))
            editors[key][-1].network = network
    everybody = [editor for own in editors.values() for editor in own]
    sessions = [database.connect(), database.connect()]

    def edit_one():
        edit_in_sql(sessions[0], rng.choice(keys), random.Random(rng.random()))

    def disturb_one():
        key = rng.choice(keys)
        disturb(editors[key], sessions[1], key, random.Random(rng.random()))

    troubles = [Loop(edit_one), Loop(disturb_one)]
    writing = [editor.begin("scribble", seed=rng.getrandbits(31), count=EDITS, pause=5) for editor in everybody]
    for future in writing:
        future.result(300)
    for trouble in troubles:
        trouble.stop()
    for editor in everybody:
        editor.resume()

    for key in keys:
        try:
            wait_until(lambda: not difference(database, key, editors[key]), "one document everywhere", timeout=60)
        except AssertionError:
            events = [editor.events() for editor in editors[key]]
            raise AssertionError(f"YJS_SEED={SEED}: {key}: {difference(database, key, editors[key])}\n"
                                 f"the editors' events: {events}\nthe bridges: "
                                 + "".join(bridge.log() for bridge in bridges)
                                 + f"\nthe server: {database.server.log()[-2000:]}") from None
    for editor in everybody:
        editor.saved()
    refused = [event for editor in everybody for event in editor.events() if "denied" in event or "stateless" in event]
    assert not refused
    assert value(database.session, "SELECT count(*) FROM converge.quarantine") == 0
    node.stop()
    for network in networks:
        network.stop()
    for session in sessions:
        session.close()
