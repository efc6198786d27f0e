"""Documents that clients make through the bridge."""
import pytest

from clients import converge
from database import run, value
from wire import ClientMessage, Payload, code_name


@pytest.fixture
def tasks(database):
    """A collection whose keys the server makes."""
    run(database.session, """CREATE TABLE task (
        tenant text, id bigint GENERATED ALWAYS AS IDENTITY, tags converge.or_set NOT NULL DEFAULT '',
        CHECK (NOT tags ? 'forbidden'), PRIMARY KEY (tenant, id))""")
    run(database.session, "SELECT converge.track('task', 'tenant')")
    run(database.session, "GRANT SELECT, INSERT, UPDATE, DELETE ON task TO bridge")
    return "task"


def create(peer, collection, key="", temporary_key="", tags=b"", replica=None):
    """Asks for a document and gives the request's number."""
    message = ClientMessage()
    message.create.request = next(peer.requests)
    message.create.document.collection = collection
    message.create.document.key = key
    message.create.temporary_key = temporary_key
    change = message.create.change
    change.replica, change.seq, change.hlc = replica or peer.replica, 1, 1 << 16
    payload = Payload(operation=1)
    if tags:
        payload.fields.add(field="tags", delta=tags)
    change.payload = payload.SerializeToString()
    peer.send(message)
    return message.create.request


def test_the_server_makes_the_key_and_everybody_sees_that_one(database, bridge, connect, tasks):
    author = connect(bridge)
    request = create(author, tasks, temporary_key="mine")
    created = author.next("created")
    assert created.request == request
    key = value(database.session, "SELECT id::text FROM task")
    assert (created.document.collection, created.document.key) == (tasks, key)
    # Asked again over another connection, it is the same one.
    again = connect(bridge)
    create(again, tasks, temporary_key="mine", replica=author.replica)
    assert again.next("created").document.key == key
    assert value(database.session, "SELECT count(*) FROM task") == 1
    for peer in (author, again):
        peer.follow(tasks, key)
    author.seq = 1
    delta = bytes(value(database.session, "SELECT converge.new_set('{a}')::bytea"))
    seq = author.push(payload=Payload(fields=[{"field": "tags", "delta": delta}]).SerializeToString())
    assert again.next("changes").changes[0].seq == seq == 2


def test_a_limit_on_documents_holds_while_several_calls_are_under_way(database, start_bridge, connect, tasks):
    database.insert("other")
    bridge = start_bridge(database, "--push-connections", "4")
    run(database.session, "UPDATE converge.tenant_limit SET max_tenant_documents = 11 WHERE tenant = 'acme'")
    authors = [connect(bridge) for _ in range(5)]
    other = connect(bridge, document="other")
    for number in range(6):
        for author in authors:
            create(author, tasks, temporary_key=f"{author.replica} {number}")
        other.push()
    made, refused = 0, set()
    for _ in range(6):
        for author in authors:
            answer = author.next()
            made += answer.HasField("created")
            if answer.HasField("problem"):
                refused.add(code_name(answer.problem.code))
    assert (made, refused) == (10, {"CODE_LIMIT"})
    assert value(database.session, "SELECT count(*) FROM task") == 10


def test_a_document_that_cannot_be_made(database, bridge, connect, tasks):
    peer = connect(bridge)
    forbidden = bytes(value(database.session, "SELECT converge.new_set('{forbidden}')::bytea"))
    request = create(peer, tasks, temporary_key="mine", tags=forbidden)
    problem = peer.next("problem")
    assert (problem.request, code_name(problem.code)) == (request, "CODE_VIOLATES_CONSTRAINT")
    assert (problem.sqlstate, problem.constraint) == ("23514", "task_tags_check")
    create(peer, tasks, key="7")
    assert code_name(peer.next("problem").code) == "CODE_DENIED"
    create(peer, "none", temporary_key="mine")
    assert code_name(peer.next("problem").code) == "CODE_UNKNOWN_DOCUMENT"
    peer.send(ClientMessage(create={"request": 9}))
    assert code_name(peer.next("problem").code) == "CODE_PROTOCOL"
    assert value(database.session, "SELECT count(*) FROM task") == 0


def test_a_clients_own_key(database, bridge, connect):
    peer = connect(bridge)
    create(peer, "note", key="new")
    assert peer.next("created").document.key == "new"
    assert value(database.session, "SELECT count(*) FROM note WHERE id = 'new'") == 1


def test_the_command_line(database, bridge, tasks):
    def command(*arguments):
        return converge(bridge, database.token(), *arguments)

    made = command("create", tasks, "--temporary-key", "once")
    assert made.returncode == 0, made.stderr
    assert made.stdout == command("create", tasks, "--temporary-key", "once").stdout == "task/1\n"
    assert command("create", tasks).stdout == "task/2\n"
    assert command("create", "note/by-hand").stdout == "note/by-hand\n"
    refused = command("create", "task/77")
    assert refused.returncode == 1
    assert "the server makes the keys" in refused.stderr
    assert command("edit", "task/2", "tags", "add", "x").returncode == 0
