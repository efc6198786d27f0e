"""A y-websocket provider that comes back with a token that the bridge knows, to a document
that somebody follows there: what it lacks is asked of the database while its token is
verified. Nothing may be told before it has been."""
import threading

import pytest
import websocket

from cluster import undisturbed
from database import run, value, wait_until
from frames import BINARY
from test_coming_back import forged
from test_rates import limit
from test_yjs_hostile import HELLO, closing, connect, leave, number, pages, sync  # noqa: F401  (fixtures)
from yjs_editors import page_text

NOTHING = sync(0, b"\x00")  # what a provider says that has nothing
STEP2 = number(0) + number(1)


def updates(socket):
    """The messages that tell of the document, until the answer to a ping of ours comes."""
    told = []
    socket.ping(b"so far")
    while True:
        opcode, content = socket.recv_data(control_frame=True)
        if opcode == 0xA:
            return told
        if opcode == BINARY and content[:1] == b"\x00":
            told.append(content)


def answer(socket):
    """The update of the next SyncStep2."""
    while True:
        opcode, content = socket.recv_data()
        assert opcode == BINARY, (opcode, content)
        if content.startswith(STEP2):
            return content


@pytest.fixture
def known(pages, bridge):  # noqa: F811
    """A token that the bridge knows, and a connection of somebody who follows the document."""
    bob = connect(bridge, token=pages.token(principal="bob"))
    bob.send_binary(NOTHING)
    answer(bob)
    bob.send_binary(HELLO)
    wait_until(lambda: page_text(pages) == "Hi", "the update")
    token = pages.token()
    gone = connect(bridge, token=token)
    gone.send_binary(NOTHING)
    answer(gone)
    gone.shutdown()
    return token, bob


def come(bridge, token, said=NOTHING):
    """A connection whose provider has said that as soon as it was open."""
    socket = connect(bridge, token=token)
    socket.send_binary(said)
    return socket



def test_it_gets_what_it_lacks_and_then_what_happens(pages, bridge, known):  # noqa: F811
    token, bob = known
    back = come(bridge, token)
    assert b"Hi" in answer(back)
    # client 200 types "Yo" behind it
    bob.send_binary(sync(2, bytes.fromhex("0101c8010084640102596f00")))
    wait_until(lambda: page_text(pages) == "HiYo", "the update")
    wait_until(lambda: any(b"Yo" in update for update in updates(back)), "the update at the one that came back")
    # It writes, too.
    back.send_binary(sync(2, bytes.fromhex("0101ac020084c80101012100")))
    wait_until(lambda: page_text(pages) == "HiYo!", "its own update")


def test_nothing_is_told_before_the_token_is_verified(pages, bridge, known):  # noqa: F811
    """Nor is what the stream brings meanwhile: whose the token is waits, what it lacks does not."""
    token, bob = known
    run(pages.session, "UPDATE converge.tenant_limit SET tenant_changes = 0")  # so that limits are read anew
    blocker = pages.connect()
    blocker.autocommit = False
    run(blocker, "LOCK TABLE converge.tenant_limit IN ACCESS EXCLUSIVE MODE")
    back = come(bridge, token)
    wait_until(lambda: value(pages.session, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0, "the verification")
    run(pages.session, "UPDATE page SET body = converge.yjs_insert(body, 'body', 0, 'Oh') WHERE id = 'home'")
    wait_until(lambda: any(b"Oh" in update for update in updates(bob)), "the update at who follows")
    back.settimeout(0.3)
    with pytest.raises(websocket.WebSocketTimeoutException):
        back.recv_data()
    back.settimeout(60)
    blocker.rollback()
    told = [answer(back)]
    assert b"Hi" in told[0]

    def all_is_told():
        told.extend(updates(back))
        return b"Oh" in b"".join(told)

    wait_until(all_is_told, "what the stream brought, if it is not in the answer")
    blocker.close()


@pytest.mark.parametrize("revoke", ["SELECT converge.revoke('acme', 'alice')",
                                    "SELECT converge.revoke(key_id => 'test')"])
def test_a_known_token_that_was_revoked_is_told_nothing(pages, bridge, known, revoke):  # noqa: F811
    token, _ = known
    run(pages.session, revoke)
    for _ in range(2):
        assert closing_without_update(come(bridge, token))[0] == 4401


def test_a_forged_token_is_nobodys(pages, bridge, known):  # noqa: F811
    token, _ = known
    for bad in (forged(token), token.rpartition(".")[0] + "."):
        assert closing_without_update(come(bridge, bad))[0] == 4401


def closing_without_update(socket):
    while True:
        opcode, content = socket.recv_data()
        if opcode == 8:
            return int.from_bytes(content[:2], "big"), content[2:].decode()
        assert not content.startswith(b"\x00"), "an update for nobody"


def test_who_may_not_read_any_more_is_refused(pages, bridge, known):  # noqa: F811
    token, _ = known
    run(pages.session, """
        DO $$ BEGIN
            EXECUTE (SELECT string_agg(format('DROP POLICY %I ON page', polname), ';') FROM pg_policy
                      WHERE polrelid = 'page'::regclass);
        END $$;
        CREATE POLICY bobs ON page USING (tenant = converge.current_tenant() AND converge.current_principal() = 'bob')""")
    code, reason = closing_without_update(come(bridge, token))
    assert code == 4404 and "does not exist" in reason


def test_what_is_malformed_is_said_after_the_verification(pages, bridge, known):  # noqa: F811
    token, _ = known
    code, reason = closing(come(bridge, token, sync(0, b"\x05\x01")))
    assert code == 4400 and "malformed Yjs state vector" in reason


def test_an_update_first_is_taken_when_it_is_known_whose_it_is(pages, bridge, known):  # noqa: F811
    token, _ = known
    back = come(bridge, token, sync(2, bytes.fromhex("0101c8010084640102596f00")))
    wait_until(lambda: page_text(pages) == "HiYo", "the update")
    back.send_binary(NOTHING)
    assert b"Hi" in answer(back)


def test_coming_back_is_one_request(pages, bridge):  # noqa: F811
    bob = connect(bridge, token=pages.token(principal="bob"))
    bob.send_binary(NOTHING)
    answer(bob)
    limit(pages, principal_requests=3)

    def attempt(number):
        token = pages.token(principal=f"alice {number}")
        for _ in range(3):
            back = come(bridge, token)
            answer(back)
            back.shutdown()
        one_more = come(bridge, token)
        opcode, content = one_more.recv_data()
        while opcode == BINARY and not content.startswith(STEP2):
            opcode, content = one_more.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE and content[:2] == (1013).to_bytes(2, "big")

    undisturbed(attempt, 60 / 3)


def test_many_come_back_at_once(pages, bridge, known):  # noqa: F811
    """More than there are connections to the database."""
    token, bob = known
    back = []

    def one():
        socket = come(bridge, token)
        if b"Hi" in answer(socket):
            back.append(socket)

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(back) == 20
    bob.send_binary(sync(2, bytes.fromhex("0101c8010084640102596f00")))
    for socket in back:
        wait_until(lambda: any(b"Yo" in update for update in updates(socket)), "the update")


def test_who_leaves_at_once_leaves_nothing_behind(pages, bridge, known):  # noqa: F811
    token, bob = known
    for _ in range(20):
        come(bridge, token).shutdown()
    bob.send_binary(sync(2, bytes.fromhex("0101c8010084640102596f00")))
    wait_until(lambda: page_text(pages) == "HiYo", "the update")
    assert bridge.process.poll() is None
