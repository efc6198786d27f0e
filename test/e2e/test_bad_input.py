"""Bad input over the wire and in SQL: a clear answer, nothing changed, and the
connection alive where that is safe."""
import random
import time

import psycopg2
import pytest

from clients import RawConnection, converge
from database import run, sign, value
from wire import ClientMessage, Payload, code_name

REPLICA = 4242


@pytest.fixture
def connection(database, bridge):
    """An authenticated connection, subscribed to note/session on self.channel."""
    database.insert("session", body="untouched")
    connection = RawConnection(bridge)
    assert connection.hello(database.token()).WhichOneof("message") == "welcome"
    answer = connection.subscribe("note", "session")
    assert answer.WhichOneof("message") == "subscribed", answer
    connection.channel = answer.subscribed.channel
    yield connection
    connection.close()
    assert database.text("session") == "untouched"


def push(connection, seq, payload, replica=REPLICA, hlc=None):
    message = ClientMessage()
    message.push.channel = connection.channel
    change = message.push.changes.add()
    change.replica = replica
    change.seq = seq
    change.hlc = (int(time.time() * 1000) << 16) if hlc is None else hlc
    change.payload = payload if isinstance(payload, bytes) else payload.SerializeToString()
    connection.send(message)
    return connection.receive()


def payload_of(field, delta):
    payload = Payload()
    part = payload.fields.add()
    part.field = field
    part.delta = delta
    return payload


def state(database, expression):
    return bytes(value(database.session, f"SELECT ({expression})::bytea"))


def assert_alive(connection):
    message = ClientMessage()
    message.ping.nonce = 77
    connection.send(message)
    answer = connection.receive()
    assert answer is not None and answer.pong.nonce == 77, answer


def assert_rejected(answer, code):
    assert answer.WhichOneof("message") == "reject", answer
    assert code_name(answer.reject.code) == code, answer
    assert answer.reject.message, "a refusal says what was wrong"


def test_a_delta_of_another_type(database, connection):
    answer = push(connection, 1, payload_of("body", state(database, "converge.new_map('{\"a\":1}')")))
    assert_rejected(answer, "CODE_MALFORMED")
    assert_alive(connection)


def test_a_truncated_delta(database, connection):
    delta = state(database, "converge.new_text('something longer')")
    assert_rejected(push(connection, 1, payload_of("body", delta[:-3])), "CODE_MALFORMED")
    assert_alive(connection)


def test_random_bytes_as_a_delta(connection):
    chance = random.Random(7)
    for number in range(20):
        delta = bytes([0x31]) + chance.randbytes(1 + number * 5)
        assert_rejected(push(connection, 1, payload_of("body", delta), replica=REPLICA + number),
                        "CODE_MALFORMED")
    assert_alive(connection)


def test_a_payload_that_is_not_protobuf(connection):
    assert_rejected(push(connection, 1, b"\xff\xff\xff\xff"), "CODE_MALFORMED")
    assert_alive(connection)


def test_a_field_that_does_not_exist(database, connection):
    delta = state(database, "converge.new_text('x')")
    answer = push(connection, 1, payload_of("boddy", delta))
    assert_rejected(answer, "CODE_UNKNOWN_FIELD")
    assert "boddy" in answer.reject.message
    assert_alive(connection)


def test_a_gap_in_the_numbers_names_the_expected_one(database, connection):
    delta = state(database, "converge.new_text('x')")
    answer = push(connection, 5, payload_of("body", delta))
    assert_rejected(answer, "CODE_GAP")
    assert answer.reject.expected_seq == 1
    assert_alive(connection)


def test_a_clock_far_ahead(database, connection):
    delta = state(database, "converge.new_text('x')")
    ahead = int((time.time() + 3600) * 1000) << 16
    assert_rejected(push(connection, 1, payload_of("body", delta), hlc=ahead), "CODE_CLOCK_AHEAD")
    assert_alive(connection)


def test_after_a_refusal_later_numbers_are_refused_too(database, connection):
    assert_rejected(push(connection, 1, b"\xff"), "CODE_MALFORMED")
    delta = state(database, "converge.new_text('x')")
    assert_rejected(push(connection, 2, payload_of("body", delta)), "CODE_AFTER_REFUSED")
    assert_alive(connection)


@pytest.mark.parametrize("key", ["nowhere", "", "x" * 5000], ids=["absent", "empty", "long"])
def test_an_unknown_document(connection, key):
    answer = connection.subscribe("note", key, request=9)
    assert answer.WhichOneof("message") == "problem", answer
    assert code_name(answer.problem.code) == "CODE_UNKNOWN_DOCUMENT", answer
    assert answer.problem.request == 9 and not answer.problem.fatal
    assert_alive(connection)


def test_an_unknown_collection(connection):
    answer = connection.subscribe("pg_class", "1", request=9)
    assert code_name(answer.problem.code) == "CODE_UNKNOWN_DOCUMENT", answer
    assert_alive(connection)


def test_another_tenants_document_is_as_unknown_as_none(database, connection):
    database.insert("secret", tenant="globex", body="secret")
    theirs = connection.subscribe("note", "secret", request=2)
    none = connection.subscribe("note", "nowhere", request=2)
    assert theirs.problem.code == none.problem.code
    assert theirs.problem.message.replace("secret", "nowhere") == none.problem.message


def test_a_frame_that_is_not_protobuf(connection, database, bridge):
    connection.send_bytes(b"\xff\xff\xff\xff\xff")
    answer = connection.receive()
    assert answer.WhichOneof("message") == "problem", answer
    assert code_name(answer.problem.code) == "CODE_PROTOCOL"
    # Others do not notice.
    other = RawConnection(bridge)
    assert other.hello(database.token()).WhichOneof("message") == "welcome"
    other.close()


def assert_turned_away(answer, connection, code):
    assert answer.WhichOneof("message") == "problem", answer
    assert code_name(answer.problem.code) == code, answer
    assert answer.problem.fatal
    assert connection.receive() is None, "the connection is closed"


@pytest.mark.parametrize("make", [
    pytest.param(lambda database: "", id="missing"),
    pytest.param(lambda database: "no.token.atall", id="nonsense"),
    pytest.param(lambda database: database.token()[:-2] + "xx", id="altered signature"),
    pytest.param(lambda database: database.token(lifetime=-10), id="expired"),
    pytest.param(lambda database: sign({"tenant": "acme", "sub": "eve", "exp": 2**33},
                                       b"another secret of 32 bytes......"), id="forged"),
    pytest.param(lambda database: sign({"tenant": "acme", "sub": "eve", "exp": 2**33},
                                       database.secret, key_id="unknown"), id="unknown key"),
    pytest.param(lambda database: sign({"tenant": "acme", "sub": "eve", "exp": 2**33},
                                       database.secret, algorithm="none"), id="algorithm none"),
    pytest.param(lambda database: sign({"sub": "eve", "exp": 2**33}, database.secret),
                 id="without a tenant"),
    pytest.param(lambda database: sign({"tenant": "acme", "sub": "eve"}, database.secret),
                 id="without an end"),
])
def test_a_token_that_does_not_verify(database, bridge, make):
    connection = RawConnection(bridge)
    assert_turned_away(connection.hello(make(database)), connection, "CODE_UNAUTHENTICATED")
    connection.close()


def test_a_protocol_version_that_is_not_spoken(database, bridge):
    connection = RawConnection(bridge)
    answer = connection.hello(database.token(), protocol=99)
    assert_turned_away(answer, connection, "CODE_UNSUPPORTED_VERSION")
    connection.close()


def test_a_subscription_before_the_hello(database, bridge):
    database.insert("session")
    connection = RawConnection(bridge)
    assert_turned_away(connection.subscribe("note", "session"), connection, "CODE_PROTOCOL")
    connection.close()


def test_a_forged_token_with_the_command_line(database, bridge):
    database.insert("session")
    result = converge(bridge, database.token()[:-2] + "xx",
                      "edit", "note/session", "body", "insert", "0", "x")
    assert result.returncode != 0
    assert result.stderr.strip()
    assert database.text("session") == ""


@pytest.mark.parametrize("type_name", ["crdt_text", "lww_map", "or_set"])
def test_random_values_in_sql_leave_the_session_alive(database, type_name):
    chance = random.Random(3)
    refused = 0
    for number in range(200):
        content = chance.randbytes(1 + number % 60)
        try:
            run(database.session, f"SELECT %s::bytea::converge.{type_name}",
                psycopg2.Binary(content))
        except psycopg2.Error as error:
            refused += 1
            assert error.pgcode in ("22P03", "22P02", "22000", "22021", "42804"), (error.pgcode, error)
    assert refused == 200, "no random value is a state"
    assert value(database.session, "SELECT 1") == 1


@pytest.mark.parametrize("expression", [
    "converge.insert(body, 99, 'x')", "converge.insert(body, -1, 'x')",
    "converge.delete(body, 4, 99)", "converge.splice(body, 5, 1, 'x')"])
def test_a_text_position_out_of_range_in_sql(database, expression):
    database.insert("session", body="five!")
    with pytest.raises(psycopg2.Error) as refusal:
        run(database.session, f"UPDATE note SET body = {expression}")
    assert refusal.value.pgcode.startswith("22"), refusal.value.pgcode
    assert database.text("session") == "five!"
