"""Yjs editors on the bridge: unmodified y-websocket and Hocuspocus providers, with
SQL and native clients on the same rows."""
import concurrent.futures
import time

import pytest

from database import SOON, run, value, wait_until
from test_metrics import values
from test_rates import limit
from yjs_editors import Editor, logged, make_pages, page_text

KINDS = ("y-websocket", "hocuspocus")


@pytest.fixture
def pages(database):
    make_pages(database, ["body"])
    return database


@pytest.fixture(params=[(), ("body",)], ids=["immediate", "deferred"])
def any_pages(database, request):
    """Where it matters how the field is written."""
    make_pages(database, request.param)
    return database


@pytest.fixture
def edit(node, bridge):
    """edit(…) opens an editor, which is closed with the test."""
    made = []

    def open_editor(*arguments, **more):
        editor = Editor(node, more.pop("bridge", bridge), *arguments, **more)
        made.append(editor)
        return editor

    yield open_editor
    for editor in made:
        editor.call("close")


def pair(edit):
    return edit("y-websocket", principal="alice"), edit("hocuspocus", principal="bob")


def test_editors_and_sql_write_one_document(any_pages, edit):
    one, two = pair(edit)
    one.insert(at=0, text="hello")
    two.has_text(text="hello")
    two.insert(at=5, text=" world")
    one.has_text(text="hello world")
    run(any_pages.session, "SELECT converge.fold('page', 'acme', 'home')")  # a position counts in the row
    run(any_pages.session, "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, 'SQL: ') WHERE id = 'home' AND tenant = 'acme'")
    for editor in (one, two):
        editor.has_text(text="SQL: hello world")
    two.saved()
    assert page_text(any_pages) == "SQL: hello world"
    assert value(any_pages.session, "SELECT array_agg(DISTINCT principal ORDER BY principal) FROM converge.change"
                 " WHERE principal <> ''") == ["alice", "bob"]


def test_an_update_is_in_the_log_before_others_see_it(pages, edit):
    one, two = pair(edit)
    one.insert(at=0, text="x")
    two.has_text(text="x")
    assert logged(pages) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_typed_while_away_arrives(any_pages, edit, kind):
    one = edit(kind)
    two = edit("y-websocket", principal="bob")
    one.insert(at=0, text="before ")
    two.has_text(text="before ")
    one.pause()
    one.insert(at=7, text="away")
    two.insert(at=0, text="meanwhile ")
    run(any_pages.session, "UPDATE page SET body = converge.yjs_set(body, 'meta', 'sql', '1') WHERE id = 'home' AND tenant = 'acme'")
    one.resume()
    for editor in (one, two):
        editor.has_text(text="meanwhile before away")
    wait_until(lambda: one.map() == {"sql": 1}, "what SQL did")


@pytest.mark.parametrize("kind", KINDS)
def test_a_merge_that_changes_nothing_is_not_logged(any_pages, edit, kind):
    one = edit(kind)
    one.insert(at=0, text="some text")
    one.delete(at=0, count=5)
    wait_until(lambda: logged(any_pages) == 2, "both changes")
    for _ in range(3):
        one.events()
        one.cut()
        one.event(kind="closed")
        one.synced()
    # Everything again, from an editor that was given it in a file.
    other = edit(kind, principal="bob", state=one.state())
    other.has_text(text="text")
    time.sleep(0.3)
    assert logged(any_pages) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_nothing_new_costs_the_database_no_push(pages, edit, bridge, kind):
    one = edit("y-websocket")
    one.insert(at=0, text="some text")
    one.delete(at=0, count=5)
    wait_until(lambda: logged(pages) == 2, "both changes")
    pushes = lambda: values(bridge)["push_changes_count"]
    before = pushes()
    # Asked what the server lacks, it names all that is deleted.
    two = edit(kind, principal="bob")
    two.insert(at=0, text="more ")
    one.has_text(text="more text")
    assert pushes() == before + 1


def test_the_server_tells_when_a_change_is_durable(pages, edit):
    one = edit("hocuspocus")
    one.saved()
    locker = pages.connect()
    locker.autocommit = False
    run(locker, "SELECT FROM page WHERE id = 'home' AND tenant = 'acme' FOR UPDATE")
    one.insert(at=0, text="x")
    time.sleep(0.3)
    assert one.unsynced() == 1
    locker.rollback()
    one.saved()
    locker.close()
    assert page_text(pages) == "x"


# ------------------------------------------------------------ who may do what

@pytest.mark.parametrize("kind", KINDS)
def test_a_readers_updates_are_refused_whole(any_pages, edit, kind):
    writer = edit("y-websocket", principal="bob")
    writer.insert(at=0, text="as it is")
    writer.delete(at=0, count=3)
    wait_until(lambda: page_text(any_pages) == "it is", "the text")
    run(any_pages.session, "UPDATE page SET title = 'frozen' WHERE id = 'home' AND tenant = 'acme'")
    reader = edit(kind)
    reader.has_text(text="it is")
    before = logged(any_pages)
    assert not [event for event in reader.events() if "denied" in event or "stateless" in event]
    reader.states()  # those that it was synced by
    reader.insert(at=0, text="mine ")
    if kind == "y-websocket":
        assert reader.event(kind="denied")["denied"] == "the document may be read but not changed"
    else:
        refused = reader.event(kind="stateless")["stateless"]
        assert refused == {"type": "refused", "code": "CODE_DENIED", "message": "the document may be read but not changed"}
        assert reader.unsynced() > 0
    # The state follows: what it has now, for a document begun anew.
    wait_until(lambda: len(reader.states()) > 0, "the state")
    time.sleep(0.2)
    assert (page_text(any_pages), logged(any_pages)) == ("it is", before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_editor_begins_anew_with_the_state_that_it_was_sent(any_pages, edit, kind):
    run(any_pages.session, "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, 'as it is'), title = 'frozen'"
        " WHERE id = 'home' AND tenant = 'acme'")
    refused = edit(kind)
    assert len(refused.states()) == 1
    refused.insert(at=0, text="mine ")
    refused.event(kind="denied" if kind == "y-websocket" else "stateless")
    sent = []
    wait_until(lambda: sent.extend(refused.states()) or sent, "the state")
    # To its own document that says nothing, for Yjs takes nothing back ...
    assert refused.text() == "mine as it is" and len(sent) == 1
    run(any_pages.session, "UPDATE page SET title = '' WHERE id = 'home' AND tenant = 'acme'")
    refused.insert(at=0, text="still ")
    time.sleep(0.2)
    refused.pause()
    assert page_text(any_pages) == "as it is"
    # ... but a new one that begins with it goes on, without waiting for the server.
    anew = edit(kind, state=sent[0], synced=False)
    assert anew.text() == "as it is"
    anew.insert(at=8, text=" now")
    wait_until(lambda: page_text(any_pages) == "as it is now", "its edit")


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_is_its_first_principals(any_pages, edit, kind):
    alice = edit(kind, principal="alice", client=4711)
    alice.insert(at=0, text="alice")
    wait_until(lambda: page_text(any_pages) == "alice", "the text")
    # Another tab of hers, or her next session, goes on with the same document.
    later = edit("y-websocket", principal="alice", client=4711, state=alice.state())
    alice.pause()
    later.insert(at=5, text="!")
    wait_until(lambda: page_text(any_pages) == "alice!", "the text")
    # Somebody else may send what she wrote, but not write as her.
    mallory = edit(kind, principal="mallory", client=4711, state=later.state())
    wait_until(lambda: value(any_pages.session, "SELECT count(*) FROM converge.yjs_client") == 1, "hers alone")
    mallory.insert(at=0, text="forged ")
    why = "Yjs client 4711 of this document is another principal's"
    if kind == "y-websocket":
        assert mallory.event(kind="denied")["denied"] == why
    else:
        assert mallory.event(kind="stateless")["stateless"]["message"] == why
    assert page_text(any_pages) == "alice!"


def test_tenants_do_not_meet(pages, edit, database):
    acme = edit(document=("page", "home", "body"), tenant="acme")
    globex = edit("hocuspocus", document=("page", "home", "body"), tenant="globex", principal="alice")
    acme.insert(at=0, text="CANARY-acme")
    acme.show(state={"canary": "CANARY-acme"})
    globex.insert(at=0, text="globex")
    wait_until(lambda: page_text(pages) == "CANARY-acme" and page_text(pages, tenant="globex") == "globex", "both")
    time.sleep(0.3)
    assert globex.text() == "globex"
    assert globex.others() == {} and "CANARY" not in str(globex.json())
    stranger = edit(document=("page", "secret", "body"), tenant="acme", synced=False)
    assert stranger.event(kind="closed") == {"closed": 4404, "reason": 'document "secret" of collection "page" does not exist'}


def test_each_open_document_is_one_request(pages, edit):
    limit(pages, principal_requests=4)
    opened = 0
    for _ in range(20):
        tab = edit(synced=False)
        outcome = [tab.begin("event", kind="closed"), tab.begin("synced")]
        closed, _ = concurrent.futures.wait(outcome, return_when=concurrent.futures.FIRST_COMPLETED)
        if outcome[0] in closed:
            break
        opened += 1
    assert opened >= 4
    assert outcome[0].result()["closed"] == 1013
    edit(principal="bob")


@pytest.mark.parametrize("kind", KINDS)
def test_access_ends_while_connected(pages, edit, start_bridge, kind):
    bridge = start_bridge(pages, "--recheck-interval", "200ms")
    one = edit(kind, bridge=bridge)
    run(pages.session, "DELETE FROM page WHERE id = 'home' AND tenant = 'acme'")
    if kind == "y-websocket":
        assert one.event(kind="closed")["closed"] == 4404
    else:
        assert "no such document" in one.event(kind="denied")["denied"]


# ---------------------------------------------------------------- what is named

def test_a_token_in_the_url_is_refused(pages, edit):
    one = edit(synced=False, protocols=["converge.yjs"], params={"token": pages.token()})
    closed = one.event(kind="closed")
    assert closed == {"closed": 4401, "reason": "a token in the URL is refused: offer it as subprotocol converge.token.TOKEN"}


@pytest.mark.parametrize("document, code, reason", [
    (("page", "none", "body"), 4404, 'document "none" of collection "page" does not exist'),
    (("none", "home", "body"), 4404, 'collection "none" does not exist'),
    (("page", "home", "none"), 4404, 'collection "page" has no field "none"'),
    (("note", "one", "body"), 4400, 'field "body" of collection "note" is no Yjs document'),
    (("page", "home"), 4400, "the path is not /yjs/COLLECTION/KEY/FIELD, each part percent-encoded"),
])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there(database, edit, kind, document, code, reason):
    make_pages(database)
    database.insert("one")
    one = edit(kind, synced=False, document=document)
    if kind == "y-websocket":
        closed = one.event(kind="closed")
        assert closed["closed"] == code and closed["reason"].startswith(reason)
    else:
        assert one.event(kind="denied")["denied"].startswith(reason.replace("the path is", "the document's name is").replace("/yjs/", ""))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_token(pages, edit, kind):
    one = edit(kind, token="no.token", synced=False)
    if kind == "y-websocket":
        assert one.event(kind="closed")["closed"] == 4401
    else:
        assert one.event(kind="denied")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokens_end(pages, edit, kind):
    one = edit(kind, token=pages.token(lifetime=SOON))
    if kind == "y-websocket":
        assert one.event(kind="closed") == {"closed": 4401, "reason": "the token has expired"}
    else:
        assert one.event(kind="denied")["denied"] == "the token has expired"


def test_names_are_percent_encoded(database, edit):
    run(database.session, """
        CREATE SCHEMA app;
        CREATE TABLE app.leaf (tenant text, book text, n int, "the body" converge.ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, book, n));
        GRANT USAGE ON SCHEMA app TO converge_client;
        GRANT SELECT, UPDATE ON app.leaf TO converge_client;
        SELECT converge.track('app.leaf', 'tenant');
        INSERT INTO app.leaf VALUES ('acme', 'a/b %?', 7)""")
    for kind in KINDS:
        one = edit(kind, document=("app.leaf", '["a/b %?", "7"]', "the body"))
        one.insert(at=0, text=kind)
    wait_until(lambda: len(value(database.session, 'SELECT converge.yjs_text("the body", \'body\') FROM app.leaf')) == 21, "both")


def test_many_documents_on_one_connection(pages, edit, bridge):
    home = edit("hocuspocus", socket="shared", document=("page", "home", "body"))
    other = edit("hocuspocus", socket="shared", document=("page", "other", "body"))
    nowhere = edit("hocuspocus", socket="shared", document=("page", "none", "body"), synced=False)
    nowhere.event(kind="denied")
    home.insert(at=0, text="home")
    other.insert(at=0, text="other")
    wait_until(lambda: (page_text(pages), page_text(pages, "other")) == ("home", "other"), "both")
    home.cut()
    other.insert(at=5, text="!")
    wait_until(lambda: page_text(pages, "other") == "other!", "after a new connection")


# -------------------------------------------------------------------- awareness

def test_awareness_says_who_it_is(pages, edit, start_bridge):
    alice, bob = edit("y-websocket", principal="alice"), edit("hocuspocus", principal="bob", bridge=start_bridge(pages))
    alice.show(state={"cursor": 3, "principal": "forged"})
    bob.sees(client=alice.client(), state={"cursor": 3, "principal": "alice"})
    bob.show(state={"name": "B"})
    alice.sees(client=bob.client(), state={"name": "B", "principal": "bob"})
    # Of another's client nobody is told what somebody says.
    bob.forge(client=alice.client(), state={"cursor": 99, "principal": "alice"})
    carol = edit("y-websocket", principal="carol")
    carol.sees(client=alice.client(), state={"cursor": 3, "principal": "alice"})
    alice.show(state={"cursor": 4})
    carol.sees(client=alice.client(), state={"cursor": 4, "principal": "alice"})
    alice.pause()
    carol.sees(client=alice.client(), state=None)
