"""What Hocuspocus's provider is told of whether its user may write: at the beginning, and
when that changes. The update decides, and whatever was told is right about it."""
import pytest

from database import run, wait_until
from test_yjs_hostile import block, dial, named, number, sync
from test_yjs_hostile import leave  # noqa: F401  (closes the sockets)
from yjs_editors import Editor, make_pages, page_text

KINDS = ("hocuspocus", "hocuspocus-2", "hocuspocus-3")
READ_ONLY = named(number(2) + number(2) + block("readonly"))
READ_WRITE = named(number(2) + number(2) + block("read-write"))


@pytest.fixture
def pages(database):
    make_pages(database, ["body"])
    run(database.session, """CREATE POLICY readers ON page AS RESTRICTIVE FOR UPDATE TO converge_client
                             USING (converge.current_principal() <> 'reader')""")
    return database


@pytest.fixture
def told_by_the_stream(pages, start_bridge):
    """A bridge that asks again only where the stream says so."""
    return start_bridge(pages, "--recheck-interval", "1h")


@pytest.fixture
def edit(node):
    """edit(bridge, kind, …) opens an editor, which is closed with the test."""
    made = []

    def open_editor(bridge, kind, **more):
        made.append(Editor(node, bridge, kind, **more))
        return made[-1]

    yield open_editor
    for editor in made:
        editor.call("close")


def scopes(editor):
    """Those it was told since this was asked last."""
    return [event["scope"] for event in editor.events() if "scope" in event]


def is_told(editor, *expected):
    told = []
    wait_until(lambda: told.extend(scopes(editor)) or len(told) >= len(expected), f"{expected} and not {told}")
    assert told == list(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_only_read_is_told_so(told_by_the_stream, edit, kind, pages):
    writer = edit(told_by_the_stream, kind)
    reader = edit(told_by_the_stream, kind, principal="reader")
    is_told(writer, "read-write")
    is_told(reader, "readonly")
    writer.insert(at=0, text="hello")
    reader.has_text(text="hello")
    reader.show(state={"cursor": 1})
    writer.sees(client=reader.client(), state={"cursor": 1, "principal": "reader"})
    # Who writes all the same is refused as ever.
    reader.insert(at=0, text="x")
    assert reader.event(kind="stateless")["stateless"] == {
        "type": "refused", "code": "CODE_DENIED", "message": "the document may be read but not changed"}
    writer.insert(at=5, text=" world")
    writer.saved()
    assert page_text(pages) == "hello world" and scopes(writer) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_told_at_once(told_by_the_stream, edit, kind, pages):
    writer = edit(told_by_the_stream, kind)
    other = edit(told_by_the_stream, kind, document=("page", "other", "body"))
    is_told(writer, "read-write")
    is_told(other, "read-write")
    run(pages.session, "UPDATE page SET title = 'frozen' WHERE tenant = 'acme' AND id = 'home'")
    is_told(writer, "readonly")
    run(pages.session, "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, 'SQL') WHERE tenant = 'acme' AND id = 'home'")
    writer.has_text(text="SQL")
    run(pages.session, "UPDATE page SET title = '' WHERE tenant = 'acme' AND id = 'home'")
    is_told(writer, "read-write")
    writer.insert(at=3, text=" and I")
    writer.saved()
    assert page_text(pages) == "SQL and I"
    assert other.events() == []


def test_a_change_of_privileges_is_told_within_the_interval(pages, start_bridge, edit):
    bridge = start_bridge(pages, "--recheck-interval", "200ms")
    writer = edit(bridge, "hocuspocus")
    is_told(writer, "read-write")
    run(pages.session, "REVOKE UPDATE ON page FROM converge_client")
    is_told(writer, "readonly")
    run(pages.session, "GRANT UPDATE (title) ON page TO converge_client")
    run(pages.session, "GRANT UPDATE (body) ON page TO converge_client")
    is_told(writer, "read-write")
    writer.insert(at=0, text="x")
    writer.saved()


def test_grants_decide(pages, start_bridge, edit):
    run(pages.session, """DROP POLICY tenant ON page; DROP POLICY readers ON page;
        SELECT converge.isolate('page'); SELECT converge.set_permission('acme', 'alice', 'read')""")
    bridge = start_bridge(pages, "--recheck-interval", "1h")
    alice = edit(bridge, "hocuspocus")
    is_told(alice, "readonly")
    run(pages.session, "SELECT converge.set_permission('acme', 'alice', 'write', 'page', 'home')")
    is_told(alice, "read-write")
    alice.insert(at=0, text="x")
    alice.saved()
    run(pages.session, "SELECT converge.set_permission('acme', 'alice', 'none', 'page', 'home')")
    is_told(alice, "readonly")
    # The question holds nobody's lock.
    run(pages.session, "SELECT converge.set_permission('acme', 'alice', 'none')")
    assert alice.event(kind="denied")["denied"] == "there is no such document"


def test_a_new_token_has_a_scope_of_its_own(told_by_the_stream, edit, pages):
    writer = edit(told_by_the_stream, "hocuspocus")
    writer.renew(token=pages.token(permissions={"page": "read"}))
    is_told(writer, "read-write", "readonly")
    writer.renew(token=pages.token())
    is_told(writer, "read-write")
    writer.insert(at=0, text="x")
    writer.saved()


def test_behind_a_refused_update_nothing_is_said_to_be_taken(told_by_the_stream, edit, pages):
    """Not even by whom it would be from: what comes then is lost, whatever is allowed meanwhile."""
    writer = edit(told_by_the_stream, "hocuspocus")
    is_told(writer, "read-write")
    writer.insert(at=0, text="x" * (1 << 20))
    assert writer.event(kind="stateless")["stateless"]["code"] == "CODE_TOO_LARGE"
    is_told(writer, "readonly")
    run(pages.session, "UPDATE page SET title = 'frozen' WHERE tenant = 'acme' AND id = 'home'")
    run(pages.session, "UPDATE page SET title = '' WHERE tenant = 'acme' AND id = 'home'")
    writer.renew(token=pages.token())
    is_told(writer, "readonly")
    again = edit(told_by_the_stream, "hocuspocus")
    is_told(again, "read-write")


def test_a_question_that_cannot_be_answered_now_is_not_waited_for(pages, start_bridge, edit):
    """The table is locked as a push would have to wait for: who may write is not known, and
    nobody is told anything else than before."""
    bridge = start_bridge(pages, "--recheck-interval", "200ms", "--statement-timeout", "2s")
    reader, writer = edit(bridge, "hocuspocus", principal="reader"), edit(bridge, "hocuspocus")
    is_told(reader, "readonly")
    is_told(writer, "read-write")
    session = pages.connect()
    run(session, "BEGIN")
    run(session, "LOCK TABLE page IN EXCLUSIVE MODE")
    late = edit(bridge, "hocuspocus")
    is_told(late, "read-write")
    run(session, "ROLLBACK")
    session.close()
    run(pages.session, "UPDATE page SET title = 'frozen' WHERE tenant = 'acme' AND id = 'home'")
    is_told(writer, "readonly")
    is_told(late, "readonly")
    assert reader.events() == []


def test_others_do_not_ask(pages, start_bridge, edit, connect):
    """Opening costs y-websocket's providers and the project's own clients nothing."""
    run(pages.session, "REVOKE EXECUTE ON FUNCTION converge.may_write(text, text, text) FROM converge_client")
    bridge = start_bridge(pages)
    one, two = edit(bridge, "y-websocket"), edit(bridge, "y-websocket-3.0")
    one.insert(at=0, text="hello")
    two.has_text(text="hello")


def test_a_document_that_is_not_seen_has_no_scope(pages, bridge):
    """Another tenant's is refused in the words that one gets which is not there."""
    answers = []
    for key in ("secret", "absent"):
        socket = dial(bridge)
        name = f"page/{key}/body"
        socket.send_binary(named(number(2) + number(0) + block(bridge.database.token()) + block("4.8.0"), name))
        answers.append(socket.recv().replace(name.encode(), b"NAME").replace(key.encode(), b"KEY")[1:])
    assert answers[0] == answers[1] and b"KEY" in answers[0] and b"read" not in answers[0]


def test_the_scope_is_told_before_the_document(pages, bridge):
    for principal, told in (("alice", READ_WRITE), ("reader", READ_ONLY)):
        socket = dial(bridge)
        token = bridge.database.token(principal=principal)
        socket.send_binary(named(number(2) + number(0) + block(token) + block("4.8.0")))
        socket.send_binary(named(sync(0, b"\x00")))
        assert socket.recv() == told
        assert socket.recv().startswith(named(number(0)))
