"""Who comes to a Yjs document that is followed is told what it lacks from the bridge's copy
of it: what that has to have, when it may not be used, and that access is asked for anyway."""
import pytest

import test_metrics
from database import run, value, wait_until
from test_watched import unseen
from test_yjs_coming_back import NOTHING, answer, closing_without_update, come, updates
from test_yjs_hostile import HELLO, closing, connect, pages, sockets, sync  # noqa: F401  (a fixture)
from yjs_editors import make_pages, page_text

pytestmark = pytest.mark.sources("worker", "replication")

YO = sync(2, bytes.fromhex("0101c8010084640102596f00"))  # client 200 types "Yo" behind "Hi"
HAS_HI = sync(0, bytes.fromhex("016402"))                # a state vector: client 100's two clocks


@pytest.fixture(autouse=True)
def leave(database, start_bridge):
    """Before the bridges, and these before the database."""
    yield
    while sockets:
        sockets.pop().shutdown()


def from_copies(bridge):
    return test_metrics.values(bridge)["yjs_copy_answers_total"]


def follow(bridge, principal="bob"):
    """Who follows the document and has what there was."""
    socket = connect(bridge, token=bridge.database.token(principal=principal))
    socket.send_binary(NOTHING)
    answer(socket)
    return socket


@pytest.fixture
def bob(pages, bridge):  # noqa: F811
    """Who follows the document, of which there is a copy with "Hi" in it."""
    bob = follow(bridge)
    bob.send_binary(HELLO)
    wait_until(lambda: page_text(pages) == "Hi", "the update")
    # A copy begins when nothing that changed access is unseen, as the database itself says.
    wait_until(lambda: is_from_copy(bridge), "the copy to answer")
    return bob


def is_from_copy(bridge):
    before = from_copies(bridge)
    follow(bridge, "carol").shutdown()
    return from_copies(bridge) > before


def told_from_copy(bridge, said=NOTHING, principal="alice"):
    """The answer to who comes, which was the copy's."""
    before = from_copies(bridge)
    socket = come(bridge, bridge.database.token(principal=principal), said)
    told = answer(socket)
    assert from_copies(bridge) == before + 1
    return told, socket


def has_passed(socket, what):
    wait_until(lambda: any(what in update for update in updates(socket)), "the update at who follows")


def test_all_of_it_and_what_is_lacking(pages, bridge, bob):  # noqa: F811
    whole, _ = told_from_copy(bridge)
    assert b"Hi" in whole
    lacking, _ = told_from_copy(bridge, HAS_HI)
    assert b"Hi" not in lacking
    bob.send_binary(YO)

    def is_told():
        lacking, _ = told_from_copy(bridge, HAS_HI)
        assert b"Hi" not in lacking
        return b"Yo" in lacking
    wait_until(is_told, "the copy to have what the stream brings")


def test_who_was_told_goes_on_with_the_others(pages, bridge, bob):  # noqa: F811
    _, alice = told_from_copy(bridge)
    bob.send_binary(YO)
    has_passed(alice, b"Yo")
    alice.send_binary(sync(2, bytes.fromhex("0101ac020084c80101012100")))  # client 300 types "!"
    has_passed(bob, bytes.fromhex("c8010101") + b"!")  # behind client 200's clock 1
    assert page_text(pages) == "HiYo!"


def test_what_sql_edits_and_deletes(pages, bridge, bob):  # noqa: F811
    run(pages.session, "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, 'Oh') WHERE id = 'home' AND tenant = 'acme'")
    has_passed(bob, b"Oh")
    lacking, _ = told_from_copy(bridge, HAS_HI)
    assert b"Oh" in lacking and b"Hi" not in lacking
    run(pages.session, "UPDATE page SET body = converge.yjs_delete(body, 'body', 2, 2) WHERE id = 'home' AND tenant = 'acme'")
    has_passed(bob, bytes.fromhex("0001640100" "02"))  # of client 100 two clocks from 0
    lacking, _ = told_from_copy(bridge)
    assert b"Oh" in lacking and b"Hi" not in lacking


def test_a_state_vector_of_clients_that_nobody_knows(pages, bridge, bob):  # noqa: F811
    told, _ = told_from_copy(bridge, sync(0, bytes.fromhex("02e807056402")))  # 1000: 5 clocks; 100: 2
    assert b"Hi" not in told
    told, _ = told_from_copy(bridge, sync(0, bytes.fromhex("01e80705")))
    assert b"Hi" in told


def hold_verification(pages):  # noqa: F811
    """Of tokens, until the connection that it gives is rolled back."""
    run(pages.session, "UPDATE converge.tenant_limit SET tenant_changes = 0")  # so that limits are read anew
    blocker = pages.connect()
    blocker.autocommit = False
    run(blocker, "LOCK TABLE converge.tenant_limit IN ACCESS EXCLUSIVE MODE")
    return blocker


def is_verified_later(pages):  # noqa: F811
    return value(pages.session, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0


def test_what_comes_while_the_database_is_asked_is_in_the_answer(pages, bridge, bob):  # noqa: F811
    _, alice = told_from_copy(bridge)
    alice.shutdown()
    blocker = hold_verification(pages)
    back = come(bridge, pages.token(), HAS_HI)
    wait_until(lambda: is_verified_later(pages), "the verification")
    run(pages.session, "UPDATE page SET body = converge.yjs_insert(body, 'body', 2, 'Oh') WHERE id = 'home' AND tenant = 'acme'")
    has_passed(bob, b"Oh")
    blocker.rollback()
    told = answer(back)
    assert b"Oh" in told and b"Hi" not in told
    blocker.close()


def test_what_is_malformed_the_database_says(pages, bridge, bob):  # noqa: F811
    before = from_copies(bridge)
    code, reason = closing(come(bridge, pages.token(), sync(0, b"\x05\x01")))
    assert code == 4400 and "malformed Yjs state vector" in reason
    assert from_copies(bridge) == before


@pytest.mark.parametrize("room", ["0", "260"], ids=["none", "no_room"])
def test_what_is_forgotten_the_database_has(pages, start_bridge, room):  # noqa: F811
    bridge = start_bridge(pages, "--yjs-copies", room)
    bob = follow(bridge)
    bob.send_binary(HELLO)
    wait_until(lambda: page_text(pages) == "Hi", "the update")
    for _ in range(3):
        assert b"Hi" in answer(come(bridge, pages.token()))
    assert from_copies(bridge) == 0


def test_a_document_that_is_too_large_is_the_databases(pages, bridge):  # noqa: F811
    run(pages.session, "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, repeat('x', 70000)) WHERE id = 'home' AND tenant = 'acme'")
    for principal in ("bob", "alice", "carol"):
        assert b"x" * 70000 in answer(come(bridge, pages.token(principal=principal)))
    assert from_copies(bridge) == 0


REVOKE = """
    DO $$ BEGIN
        EXECUTE (SELECT string_agg(format('DROP POLICY %I ON page', polname), ';') FROM pg_policy
                  WHERE polrelid = 'page'::regclass);
    END $$;
    CREATE POLICY bobs ON page USING (tenant = converge.current_tenant() AND converge.current_principal() = 'bob')"""


def test_who_may_not_read_any_more_is_told_nothing(pages, bridge, bob):  # noqa: F811
    _, alice = told_from_copy(bridge)
    alice.shutdown()
    run(pages.session, REVOKE)
    code, reason = closing_without_update(come(bridge, pages.token()))
    assert code == 4404 and "does not exist" in reason
    told, _ = told_from_copy(bridge, principal="bob")
    assert b"Hi" in told


def test_a_revoked_token_is_told_nothing(pages, bridge, bob):  # noqa: F811
    _, alice = told_from_copy(bridge)
    alice.shutdown()
    run(pages.session, "SELECT converge.revoke('acme', 'alice')")
    assert closing_without_update(come(bridge, pages.token()))[0] == 4401


def test_a_permission_whose_end_is_not_visible_yet(pages, start_bridge):  # noqa: F811
    """The stream told of it, and who asks the database is still let in."""
    bridge = start_bridge(pages, "--recheck-interval", "1h")
    run(pages.session, "SELECT converge.isolate('page')")
    run(pages.session, "DROP POLICY tenant ON page")
    for principal in ("alice", "bob", "carol"):
        run(pages.session, "SELECT converge.set_permission('acme', %s, 'write', 'page', 'home')", principal)
    run(pages.session, "SELECT converge.set_permission('acme', 'dora', 'read', 'page', 'other')")
    dora = connect(bridge, path="/yjs/page/other/body", token=pages.token(principal="dora"))
    dora.send_binary(NOTHING)
    answer(dora)
    bob = follow(bridge)
    bob.send_binary(HELLO)
    wait_until(lambda: page_text(pages) == "Hi", "the update")
    wait_until(lambda: is_from_copy(bridge), "the copy to answer")
    with unseen(pages, "SELECT converge.set_permission('acme', 'alice', 'none', 'page', 'home')",
                "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, 'secret') WHERE id = 'home' AND tenant = 'acme'",
                "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, 'mark') WHERE id = 'other' AND tenant = 'acme'"):
        has_passed(dora, b"mark")  # so the bridge knows of all of them
        alice = come(bridge, pages.token())
        assert updates(alice) == []
    assert closing_without_update(alice)[0] == 4404
    has_passed(bob, b"secret")


def test_what_is_put_into_quarantine_is_in_no_answer(database, start_bridge):
    """Who follows has it still; a newcomer is told of the document without it."""
    make_pages(database, deferred=("body",))
    run(database.session, """
        CREATE FUNCTION no_bad() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF converge.yjs_text(NEW.body, 'body') LIKE '%Yo%' THEN RAISE 'no bad words'; END IF;
                RETURN NEW;
            END $$;
        CREATE TRIGGER bad BEFORE UPDATE ON page FOR EACH ROW EXECUTE FUNCTION no_bad()""")
    bridge = start_bridge(database)
    bob = follow(bridge)
    bob.send_binary(HELLO)
    wait_until(lambda: page_text(database) == "Hi", "the update")
    wait_until(lambda: is_from_copy(bridge), "the copy to answer")
    carol = follow(bridge, "carol")
    bob.send_binary(YO)
    has_passed(carol, b"Yo")
    wait_until(lambda: value(database.session, "SELECT count(*) FROM converge.quarantine") == 1, "the fold")

    def is_without():
        told = answer(come(bridge, database.token()))
        assert b"Hi" in told
        return b"Yo" not in told
    wait_until(is_without, "the copy to be forgotten")


def test_a_field_that_is_dropped_is_not_told_of(pages, bridge, bob):  # noqa: F811
    run(pages.session, "ALTER TABLE page ADD COLUMN more converge.ydoc NOT NULL DEFAULT ''")
    run(pages.session, "ALTER TABLE page DROP COLUMN body")

    def is_refused():
        socket = come(bridge, pages.token())
        while True:
            opcode, content = socket.recv_data()
            if opcode == 8:
                assert int.from_bytes(content[:2], "big") == 4404 and b'has no field "body"' in content
                return True
            if content.startswith(b"\x00"):
                return False
    wait_until(is_refused, "the stream to tell of it")


def test_a_document_that_was_made_anew_is_another_one(pages, bridge, bob):  # noqa: F811
    run(pages.session, "DELETE FROM page WHERE id = 'home' AND tenant = 'acme'")
    run(pages.session, "INSERT INTO page (tenant, id) VALUES ('acme', 'home')")
    assert b"Hi" not in answer(come(bridge, pages.token()))


def test_another_tenant_gets_its_own(pages, bridge, bob):  # noqa: F811
    globex = connect(bridge, token=pages.token(tenant="globex"))
    globex.send_binary(NOTHING)
    assert b"Hi" not in answer(globex)
