"""Policies that raise what the caller may not know. Their words are for the log."""
import pytest
import websocket

from database import run
from test_endpoints import ask, connect, subscribe_to  # noqa: F401  (connect is a fixture)
from test_yjs_hostile import block, number
from wire import Payload, PushRequest
from world import Attacker

# What a policy may say, by its SQLSTATE: some are those of Converge's own errors.
STATES = ["P0001", "P0002", "22012", "22P02", "28000", "40001", "42501", "42704", "42P01", "42703", "54000", "57014", "53200",
          "55P03", "XX000", "XX001", "C0DE1"]
# These mean the transaction: SQL gets them as they are, a bridge's client does not.
OF_THE_TRANSACTION = ("40001", "57014", "53200")


@pytest.fixture(scope="module")
def guarded(world):
    """A table with a row for each of them, which its policy raises."""
    run(world.session, """
        CREATE FUNCTION raise(state text, words text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
        BEGIN
            RAISE EXCEPTION USING ERRCODE = state, MESSAGE = words, DETAIL = words, HINT = words, TABLE = words;
        END $$""")
    run(world.session, f"""
        CREATE TABLE guarded (tenant text NOT NULL, id text NOT NULL, page converge.ydoc NOT NULL DEFAULT '',
                              props converge.lww_map NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
        INSERT INTO guarded SELECT 'acme', state FROM unnest(%s) state;
        SELECT converge.track('guarded', 'tenant');
        GRANT SELECT, INSERT, UPDATE ON guarded TO converge_client;
        ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
        CREATE POLICY speaks ON guarded USING (tenant = converge.current_tenant() AND raise(id, '{world.canary}'))
            WITH CHECK (true);""", STATES)
    yield world
    run(world.session, "SELECT converge.untrack('guarded'); DROP TABLE guarded; DROP FUNCTION raise")


@pytest.mark.parametrize("state", STATES)
def test_subscribing(guarded, bridge, connect, state):  # noqa: F811
    peer = connect(guarded.token("acme", "ann"))
    assert ask(peer, subscribe_to(state, "guarded"))[0] in ("CODE_DENIED", "CODE_UNAVAILABLE")


@pytest.mark.parametrize("state", STATES)
def test_yjs(guarded, bridge, state):
    token, name = guarded.token("acme", "ann"), f"guarded/{state}/page"
    socket = websocket.create_connection(f"ws://{bridge.address}/yjs/{name}", timeout=60,
                                         subprotocols=["converge.yjs", f"converge.token.{token}"])
    heard = b""
    while True:
        kind, content = socket.recv_data()
        heard += content
        if kind == websocket.ABNF.OPCODE_CLOSE:
            break
    assert not guarded.tells(heard)
    socket = websocket.create_connection(f"ws://{bridge.address}/yjs", timeout=60)
    socket.send_binary(block(name) + number(2) + number(0) + block(token) + block("4.8.0"))
    assert not guarded.tells(socket.recv_data()[1])
    socket.close()


@pytest.fixture(scope="module")
def readable(guarded):
    """The same of a policy for UPDATE alone."""
    run(guarded.session, f"""
        CREATE TABLE readable (tenant text NOT NULL, id text NOT NULL, page converge.ydoc NOT NULL DEFAULT '', PRIMARY KEY (tenant, id));
        INSERT INTO readable SELECT 'acme', state FROM unnest(%s) state;
        SELECT converge.track('readable', 'tenant');
        GRANT SELECT, UPDATE ON readable TO converge_client;
        ALTER TABLE readable ENABLE ROW LEVEL SECURITY;
        CREATE POLICY sees ON readable FOR SELECT USING (tenant = converge.current_tenant());
        CREATE POLICY speaks ON readable FOR UPDATE USING (raise(id, '{guarded.canary}'))""", STATES)
    yield guarded
    run(guarded.session, "SELECT converge.untrack('readable'); DROP TABLE readable")


@pytest.mark.parametrize("state", STATES)
def test_asking_whether_one_may_write(readable, bridge, state):
    token, name = readable.token("acme", "ann"), f"readable/{state}/page"
    socket = websocket.create_connection(f"ws://{bridge.address}/yjs", timeout=60)
    socket.send_binary(block(name) + number(2) + number(0) + block(token) + block("4.8.0"))
    heard = socket.recv_data()[1]
    assert not readable.tells(heard)
    ann = Attacker(readable, "insider", token)
    if state not in OF_THE_TRANSACTION:
        assert heard.startswith(block(name) + number(2) + number(2))
        answer, error = ann.attempt("SELECT converge.may_write('readable', %s, 'page')", state)
        assert error is None and answer in ([(False,)], [(None,)])
    ann.close()
    socket.close()


def test_pushing(guarded):
    """Both an edit and a change that would make the document."""
    ann = Attacker(guarded, "insider", guarded.token("acme", "ann"))
    for state in set(STATES) - set(OF_THE_TRANSACTION):
        for operation in (0, 1, 2):
            request = PushRequest()
            document = request.groups.add().documents.add()
            document.document.collection, document.document.key = "guarded", state
            change = document.changes.add()
            change.replica, change.seq = 5, 1
            change.payload = Payload(operation=operation).SerializeToString()
            ann.attempt("SELECT converge.push(%s)", request.SerializeToString())
    ann.close()


def test_in_sql(guarded):
    """What reads documents says no more than a bridge does, the caller's own SELECT aside."""
    ann = Attacker(guarded, "insider", guarded.token("acme", "ann"))
    for state in set(STATES) - set(OF_THE_TRANSACTION):
        for question in ("pull('guarded', %s, NULL)", "subscribe('guarded', %s)", "history('guarded', %s)",
                         "state_at('guarded', %s, now())", "yjs_pull('guarded', %s, 'page')", "verify('guarded', %s)"):
            _, error = ann.attempt(f"SELECT * FROM converge.{question}", state)
            assert error == "42501", (state, question)
    ann.close()
