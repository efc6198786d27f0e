"""Subscriptions: what a client lacked, then what happens, without a hole."""
import threading
import time

import pytest

from database import SOON, run, value, wait_until
from wire import ClientMessage, code_name


def edit(database, key, name, number, session=None, tenant="acme"):
    run(session or database.session, "UPDATE note SET props = converge.set(props, %s, %s::jsonb) "
        "WHERE tenant = %s AND id = %s", name, str(number), tenant, key)


def numbers_in(changes):
    return [(change.replica, change.seq) for change in changes]


@pytest.mark.parametrize("collection,key", [
    ("note", "absent"), ("absent", "plan"), ("", ""), ("note", "x" * 5000), ("note", "'; DROP TABLE note; --")])
def test_an_unknown_document(database, bridge, connect, collection, key):
    peer = connect(bridge)
    request = peer.ask_to_follow(collection, key)
    problem = peer.next("problem")
    assert code_name(problem.code) == "CODE_UNKNOWN_DOCUMENT"
    assert problem.request == request and problem.message and not problem.fatal
    peer.ping()


def test_the_other_tenants_document_is_unknown(database, bridge, connect):
    database.insert("secret", tenant="globex")
    peer = connect(bridge, tenant="acme")
    peer.ask_to_follow("note", "secret")
    assert code_name(peer.next("problem").code) == "CODE_UNKNOWN_DOCUMENT"


def test_a_version_that_is_none(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge)
    peer.ask_to_follow("note", "plan", since=b"\xff\xff\xff")
    assert code_name(peer.next("problem").code) == "CODE_MALFORMED"
    peer.follow("note", "plan")


def test_more_subscriptions_than_allowed(database, start_bridge, connect):
    bridge = start_bridge(database, "--max-subscriptions", "2")
    for key in "abc":
        database.insert(key)
    peer = connect(bridge)
    first = peer.follow("note", "a").channel
    peer.follow("note", "b")
    request = peer.ask_to_follow("note", "c")
    problem = peer.next("problem")
    assert (code_name(problem.code), problem.request) == ("CODE_LIMIT", request)
    message = ClientMessage()
    message.unsubscribe.channel = first
    peer.send(message)
    peer.follow("note", "c")


@pytest.mark.sources("worker", "replication")
def test_edits_in_sql_arrive_at_every_subscriber(database, bridge, connect):
    database.insert("plan")
    database.insert("other")
    peers = [connect(bridge, document="plan") for _ in range(3)]
    stranger = connect(bridge, document="other")
    edit(database, "plan", "n", 1)
    seen = [numbers_in(peer.next("changes").changes) for peer in peers]
    assert len(seen[0]) == 1 and seen.count(seen[0]) == 3
    assert stranger.quiet()


@pytest.mark.sources("worker", "replication")
def test_nothing_arrives_after_unsubscribe(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, document="plan")
    message = ClientMessage()
    message.unsubscribe.channel = peer.channel
    peer.send(message)
    peer.ping()
    edit(database, "plan", "n", 1)
    assert peer.quiet()
    peer.send(message)
    assert code_name(peer.next("problem").code) == "CODE_UNKNOWN_DOCUMENT"
    assert len(peer.follow("note", "plan").pull.log_version) > 1


@pytest.mark.sources("worker", "replication")
def test_catching_up_from_a_version(database, bridge, connect):
    database.insert("plan", body="long " * 2000)
    peer = connect(bridge, document="plan")
    author = connect(bridge, document="plan")
    author.push_and_wait(3)
    first = connect(bridge)
    answer = first.follow("note", "plan")
    assert answer.pull.HasField("state") or len(answer.pull.changes) >= 4
    author.push_and_wait(2)
    late = connect(bridge)
    more = late.follow("note", "plan", since=answer.pull.log_version)
    assert numbers_in(more.pull.changes) == [(author.replica, 4), (author.replica, 5)]
    assert not more.pull.HasField("state")
    del peer


@pytest.mark.sources("worker", "replication")
def test_subscribing_while_others_write_leaves_no_hole(database, bridge, connect):
    """Every number of the log is in the pull or comes live, and none is missing."""
    database.insert("plan")
    stop = threading.Event()

    def write():
        session = database.connect()
        number = 0
        while not stop.is_set():
            number += 1
            edit(database, "plan", f"n{number}", number, session)
        session.close()

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        followers = []
        for _ in range(12):
            peer = connect(bridge)
            answer = peer.follow("note", "plan")
            followers.append((peer, answer))
            time.sleep(0.03)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    log = set(database.log("plan"))
    for peer, answer in followers:
        has = version_of(database, answer.pull.log_version)
        live = []
        while any(seq > has.get(replica, 0) for replica, seq in log - set(live)):
            live += numbers_in(peer.next("changes").changes)
        fresh = [number for number in live if number[1] > has.get(number[0], 0)]
        assert len(fresh) == len(set(fresh)), "a change came twice"
        for replica in {replica for replica, _ in fresh}:
            seqs = [seq for r, seq in fresh if r == replica]
            assert seqs == list(range(has.get(replica, 0) + 1, seqs[-1] + 1)), "in order, without a hole"


def version_of(database, encoded):
    text = value(database.session, "SELECT %s::bytea::converge.log_version::text", encoded)
    import json
    return {int(replica): seq for replica, seq in json.loads(text).items()}


@pytest.mark.sources("worker", "replication")
def test_subscribing_again_starts_over_from_what_the_client_has(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, document="plan")
    channel = peer.channel
    edit(database, "plan", "n", 1)
    peer.next("changes")
    again = peer.follow("note", "plan")
    assert again.channel == channel
    edit(database, "plan", "n", 2)
    assert peer.next("changes").channel == channel
    assert peer.quiet()


@pytest.mark.sources("worker", "replication")
def test_access_that_is_taken_away_ends_the_subscription(database, start_bridge, connect):
    bridge = start_bridge(database, "--recheck-interval", "200ms")
    database.insert("plan")
    database.insert("public")
    run(database.session, """
        CREATE TABLE barred (tenant text, id text); GRANT SELECT ON barred TO converge_client;
        CREATE POLICY barred ON note AS RESTRICTIVE USING
            (NOT EXISTS (SELECT FROM barred b WHERE b.tenant = note.tenant AND b.id = note.id))""")
    peer = connect(bridge, document="plan")
    peer.follow("note", "public")
    run(database.session, "INSERT INTO barred VALUES ('acme', 'plan')")
    problem = peer.next("problem")
    assert code_name(problem.code) in ("CODE_UNKNOWN_DOCUMENT", "CODE_DENIED")
    edit(database, "plan", "n", 1)
    edit(database, "public", "n", 1)
    assert peer.next("changes").channel == peer.channel
    assert peer.quiet()


def test_a_token_that_expires_ends_the_connection(database, start_bridge, connect):
    bridge = start_bridge(database, "--recheck-interval", "200ms")
    database.insert("plan")
    peer = connect(bridge, hello=False)
    peer.say_hello(database.token(lifetime=SOON))
    peer.follow("note", "plan")
    problem = peer.next("problem")
    assert code_name(problem.code) == "CODE_UNAUTHENTICATED" and problem.fatal
    assert peer.closed_with() == 1008


@pytest.mark.sources("worker", "replication")
def test_a_client_that_does_not_read_is_caught_up_later(database, start_bridge, connect):
    """It gets what it lacks by pull instead of by queue, and the others wait for nothing."""
    bridge = start_bridge(database, "--send-queue", "64kB")
    database.insert("plan")
    slow = connect(bridge, document="plan")
    lively = connect(bridge, document="plan")
    text = "x" * 20000
    # More than the sockets' buffers take.
    for number in range(600):
        run(database.session, "UPDATE note SET props = converge.set(props, %s, to_jsonb(%s::text)) "
            "WHERE id = 'plan'", f"n{number % 5}", text + str(number))
        assert lively.next("changes")
    log = set(database.log("plan"))

    has = set()
    caught_up = 0
    version = {}
    while not log <= has | {(r, s) for r, s in log if s <= version.get(r, 0)}:
        message = slow.next()
        kind = message.WhichOneof("message")
        if kind == "changes":
            has |= set(numbers_in(message.changes.changes))
        else:
            assert kind == "subscribed", message
            caught_up += 1
            version = version_of(database, message.subscribed.pull.log_version)
    assert caught_up >= 1, "all of it came by queue: the test sent too little"
    edit(database, "plan", "after", 1)
    assert slow.next("changes")
    assert wait_until(lambda: slow.quiet(0.2), "quiet")
