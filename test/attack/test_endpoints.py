"""Everything that a bridge listens to, tried with every bad token, as the wrong tenant,
as one who may only read, and as no one."""
import http.client

import pytest
import websocket

import tokens
from database import run, value
from peer import Peer
from test_yjs_hostile import HELLO, block, closing, number, sync
from wire import ClientMessage, Payload, code_name
from world import HIDDEN, KEY

NAME = f"note/{KEY}/page"


@pytest.fixture
def connect(world, bridge):
    """connect(token) gives a Peer; what it was sent is searched at the end."""
    made = []

    def connect(token=None):
        peer = Listening(bridge)
        made.append(peer)
        if token is not None:
            peer.say_hello(token)
        return peer

    yield connect
    for peer in made:
        assert not world.tells(peer.heard), "a client was sent what is another tenant's"
        peer.close()


class Listening(Peer):
    """Keeps all bytes that came."""

    def __init__(self, bridge):
        super().__init__(bridge, timeout=60)
        self.heard = b""
        receive = self.socket.recv_data

        def listen(*arguments, **more):
            kind, content = receive(*arguments, **more)
            self.heard += content
            return kind, content
        self.socket.recv_data = listen


def native(bridge, token):
    """What a WebSocket of the native protocol tells at Hello: whether it let one in,
    and all bytes."""
    peer = Listening(bridge)
    peer.hello(token)
    let_in = b"converge-bridge" in peer.heard
    if not let_in:
        peer.closed_with()
    peer.close()
    return let_in, peer.heard


def yjs(bridge, token):
    """The same of y-websocket's endpoint."""
    try:
        socket = websocket.create_connection(f"ws://{bridge.address}/yjs/{NAME}", timeout=60,
                                             subprotocols=["converge.yjs", f"converge.token.{token}"])
    except websocket.WebSocketBadStatusException as refused:
        return False, str(refused).encode()
    socket.send_binary(sync(0, b"\x00"))
    heard = socket.recv_data()[1]
    let_in = heard.startswith(number(0))
    if not let_in:
        code, reason = closing(socket)
        assert code == 4401
        heard += reason.encode()
    socket.close()
    return let_in, heard


def hocuspocus(bridge, token):
    """The same in Hocuspocus's dialect."""
    def named(message):
        return block(NAME) + message
    socket = websocket.create_connection(f"ws://{bridge.address}/yjs", timeout=60)
    socket.send_binary(named(number(2) + number(0) + block(token) + block("4.8.0")))
    kind, content = socket.recv_data()
    let_in = content == named(number(2) + number(2) + block("read-write"))
    if not let_in:
        # Whoever was refused and asks all the same.
        socket.send_binary(named(sync(0, b"\x00")))
        socket.send_binary(named(HELLO))
        content += socket.recv_data()[1]
    socket.close()
    return let_in, content


def post(bridge, token, statement):
    """A statement to the SQL box: the status, and all bytes."""
    connection = http.client.HTTPConnection(bridge.address, timeout=60)
    connection.request("POST", "/sql", body=statement.encode(), headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    heard = answer.read() + str(answer.headers).encode()
    connection.close()
    return answer.status, heard


def sql_box(bridge, token):
    """The same of the SQL box."""
    status, heard = post(bridge, token, "TABLE note")
    assert status in (200, 401)
    return status == 200, heard


ENDPOINTS = {"native": native, "yjs": yjs, "hocuspocus": hocuspocus, "sql_box": sql_box}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_good_tokens_are_let_in(bridge, keys, endpoint):
    """Otherwise the bad ones would be refused for nothing."""
    for why, token in tokens.good(keys).items():
        assert ENDPOINTS[endpoint](bridge, token)[0], why


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_bad_tokens_are_not(world, bridge, keys, endpoint):
    for why, token in tokens.bad(keys).items():
        # A header cannot carry these: the client's library refuses.
        if endpoint in ("yjs", "sql_box") and any(sign in token for sign in " \n=/'"):
            continue
        let_in, heard = ENDPOINTS[endpoint](bridge, token)
        assert not let_in, why
        assert not world.tells(heard), why
        assert not token or len(token) < 20 or token.encode() not in heard, f"{why}: the token was sent back"


def test_bad_tokens_in_sql(world, keys):
    """The same where they are verified."""
    from world import Attacker
    attacker = Attacker(world)
    for why, token in tokens.bad(keys).items():
        _, error = attacker.attempt("SELECT converge.authenticate(%s); SELECT * FROM note", token)
        assert error == "28000", why
    attacker.close()


def ask(peer, message):
    peer.send(message)
    answer = peer.next("problem")
    return code_name(answer.code), answer.message


def subscribe_to(key, collection="note"):
    message = ClientMessage()
    message.subscribe.request = 1
    message.subscribe.document.collection = collection
    message.subscribe.document.key = key
    return message


@pytest.mark.parametrize("principal", ["ann", "eve", "mallory", "ada"])
def test_another_tenants_documents_are_as_unknown_as_none(world, connect, principal):
    peer = connect(world.token("acme", principal))
    absent = ask(peer, subscribe_to("absent"))
    assert absent[0] == "CODE_UNKNOWN_DOCUMENT"
    for key in (HIDDEN, f"{HIDDEN}\0", f"../globex/{HIDDEN}", f"globex/{HIDDEN}", f'["globex", "{HIDDEN}"]', f"' OR id = '{HIDDEN}"):
        code, text = ask(peer, subscribe_to(key))
        assert code == "CODE_UNKNOWN_DOCUMENT", key
    assert ask(peer, subscribe_to(HIDDEN))[1].replace(HIDDEN, "?") == absent[1].replace("absent", "?")
    for collection in ("converge.change", "change", "jwt_key", "pg_catalog.pg_authid", 'note"; DROP TABLE note; --'):
        assert ask(peer, subscribe_to(KEY, collection))[0] == "CODE_UNKNOWN_DOCUMENT", collection


def test_a_document_of_the_same_name_is_ones_own(world, connect):
    peer = connect(world.token("acme", "ann"))
    assert b"open" in peer.follow("note", KEY).SerializeToString()
    peer.show({"where": "here"})
    peer.ping()
    # globex's ann is at her plan and shows it.
    assert peer.quiet(0.3, "changes")
    assert not peer.shown()


def test_channels_that_are_not_ones_own(world, connect):
    peer = connect(world.token("acme", "ann"))
    for channel in (0, 1, 2, 3, 7, 2**32 - 1):
        for part in ("push", "unsubscribe", "set_presence"):
            message = ClientMessage()
            getattr(message, part).channel = channel
            if part == "push":
                peer.change(message, b"\x08\x02", seq=1)
            assert ask(peer, message)[0] == "CODE_UNKNOWN_DOCUMENT", (channel, part)


def test_documents_that_are_made(world, connect):
    peer = connect(world.token("acme", "eve"))  # who may only read
    message = ClientMessage()
    message.create.request = 1
    message.create.document.collection = "note"
    message.create.document.key = "mine"
    change = message.create.change
    change.replica, change.seq = 5, 1
    change.payload = Payload(operation=1).SerializeToString()
    assert ask(peer, message)[0] == "CODE_DENIED"
    assert value(world.session, "SELECT count(*) FROM note WHERE id = 'mine'") == 0


def test_who_may_only_read(world, bridge, connect):
    peer = connect(world.token("acme", "eve"))
    peer.follow("note", KEY)
    peer.push()
    assert code_name(peer.next("reject").code) == "CODE_DENIED"
    narrow = connect(world.token("acme", "ann", permissions={"note": "read"}))
    narrow.follow("note", KEY)
    narrow.push()
    assert code_name(narrow.next("reject").code) == "CODE_DENIED"
    for token in (world.token("acme", "eve"), world.token("acme", "ann", permissions={"note": "read"})):
        socket = websocket.create_connection(f"ws://{bridge.address}/yjs/{NAME}", timeout=60,
                                             subprotocols=["converge.yjs", f"converge.token.{token}"])
        socket.send_binary(HELLO)
        while not (heard := socket.recv_data()[1]).startswith(number(2)):
            pass
        assert b"may be read but not changed" in heard
        socket.close()
    assert value(world.session, "SELECT page = '' FROM note WHERE tenant = 'acme' AND id = %s", KEY)


def test_another_principals_replica(world, connect):
    ann, ada = connect(world.token("acme", "ann")), connect(world.token("acme", "ada"))
    for peer in (ann, ada):
        peer.follow("note", KEY)
    ann.push_and_wait()
    ada.replica, ada.seq = ann.replica, ann.seq
    ada.push()
    assert code_name(ada.next("reject").code) == "CODE_DENIED"
    ada.seq = 0
    ada.push()  # the very number, with other content
    assert code_name(ada.next("reject").code) == "CODE_DENIED"


def test_a_renewal_by_another_tenants_token(world, keys, connect):
    peer = connect(world.token("acme", "ann"))
    peer.follow("note", KEY)
    for why, token in {"globex's": world.token("globex", "ann"), **tokens.bad(keys)}.items():
        message = ClientMessage()
        message.renew.token = token
        code, _ = ask(peer, message)
        assert code == ("CODE_DENIED" if why == "globex's" else "CODE_UNAUTHENTICATED"), why
    peer.push_and_wait()


def test_whatever_a_statement_in_the_sql_box_asks_for(world, bridge):
    """Every table and view, and each setting that there is, as acme's ann."""
    token = world.token("acme", "ann")
    relations = run(world.session, "SELECT format('%I.%I', relnamespace::regnamespace, relname) FROM pg_class"
                    " WHERE relkind IN ('r', 'v', 'm', 'p') AND relnamespace <> 'pg_toast'::regnamespace")
    assert len(relations) > 150
    for name, in relations:
        status, heard = post(bridge, token, f"TABLE {name}")
        # (504: what takes longer than a statement may, on a machine that is busy.)
        assert status in (200, 400, 403, 504) and not world.tells(heard), name
        assert status == 403 or not name.startswith("converge."), name
    for statement in (f"SELECT converge.pull('note', '{HIDDEN}', NULL)", f"SELECT * FROM converge.history('note', '{HIDDEN}')",
                      "UPDATE note SET title = 'x' WHERE tenant = 'globex' RETURNING *", "DELETE FROM note WHERE tenant <> 'acme'",
                      "SELECT * FROM note WHERE tenant <> 'acme' FOR UPDATE", "EXPLAIN ANALYZE SELECT * FROM note",
                      f"INSERT INTO note (tenant, id) VALUES ('globex', '{HIDDEN}')", "SHOW ALL",
                      f"INSERT INTO note (tenant, id) VALUES ('globex', '{HIDDEN}') ON CONFLICT DO NOTHING RETURNING *"):
        assert not world.tells(post(bridge, token, statement)[1]), statement


PATHS = ["/", "/sql", "/metrics", "/healthz", "/readyz", "/sync", "/yjs", f"/yjs/{NAME}", "/world.py", "/../conftest.py", "/%2e%2e/",
         "/..%2f..%2fMakefile", "/absent", "/debug", "/admin", "/.git/config", "/" + "a" * 8000]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI"])
def test_everything_that_http_serves(world, bridge, method):
    for path in PATHS:
        for headers in ({}, {"Authorization": f"Bearer {world.token('acme', 'ann')}"}, {"X-Forwarded-For": "127.0.0.1"},
                        {"Origin": "https://evil.example"}, {"Content-Length": "10"}, {"Host": "evil.example"}):
            connection = http.client.HTTPConnection(bridge.address, timeout=60)
            connection.request(method, path if method != "CONNECT" else "globex:80", headers=headers)
            answer = connection.getresponse()
            content = answer.read() + str(answer.headers).encode()
            assert not world.tells(content), path
            assert answer.status in (200, 400, 401, 403, 404, 405, 411, 426), (method, path, answer.status)
            if path == "/metrics" and "X-Forwarded-For" in headers:
                assert answer.status != 200
            assert b"globex" not in content or path == "/world.py", path
            connection.close()


def test_the_bridge_logs_nothing_of_anybodys(world, bridge, keys):
    """The last of the file: with --verbose the log has names, and neither what documents
    hold nor what would let one in."""
    log = bridge.log()
    assert "refused" in log
    assert not world.tells(log)
    for token in (*tokens.bad(keys).values(), *tokens.good(keys).values()):
        parts = token.split(".")
        assert len(parts) < 3 or len(parts[2]) < 20 or parts[2] not in log
