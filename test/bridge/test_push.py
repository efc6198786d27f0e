"""Pushes: acknowledged once committed and not before, gathered, and safe to repeat."""
import signal
import time

import pytest

from database import run, value, wait_until
from wire import ClientMessage, Payload, code_name


def transactions(database, key):
    """How many transactions the document's changes were committed in."""
    return value(database.session, "SELECT count(DISTINCT xid::text) FROM converge.change "
                 "WHERE tenant = 'acme' AND document = %s", database.document(key))


def push_until_acknowledged(peer, seq):
    """The same number again: half a second may pass once more on a busy machine."""
    def acknowledged():
        peer.push(seq=seq)
        answer = peer.next_of("ack", "reject")
        assert answer.HasField("ack") or code_name(answer.reject.code) == "CODE_UNAVAILABLE", answer
        return answer.ack.seq == seq
    wait_until(acknowledged, "the acknowledgement")


def lock_row(database, key):
    """A session that holds up every push to the document until it ends; kept for
    long, the push is answered with CODE_UNAVAILABLE."""
    session = database.connect()
    session.autocommit = False
    with session.cursor() as cursor:
        cursor.execute("SELECT 1 FROM note WHERE tenant = 'acme' AND id = %s FOR UPDATE", (key,))
    return session


@pytest.mark.sources("worker", "replication")
def test_an_ack_comes_after_the_commit_and_not_before(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, document="plan")
    lock = lock_row(database, "plan")
    seq = peer.push()
    assert peer.quiet(0.15, "ack"), "acknowledged while the transaction could not commit"
    lock.rollback()
    lock.close()
    ack = peer.next("ack")
    assert (ack.channel, ack.replica, ack.seq) == (peer.channel, peer.replica, seq)
    assert (peer.replica, seq) in database.log("plan")


@pytest.mark.sources("worker", "replication")
def test_the_author_is_not_told_its_own_change_but_its_other_device_is(database, bridge, connect):
    database.insert("plan")
    author = connect(bridge, document="plan")
    device = connect(bridge, document="plan")
    colleague = connect(bridge, document="plan", principal="bob")
    author.push_and_wait()
    for other in (device, colleague):
        change = other.next("changes").changes[0]
        assert (change.replica, change.seq, change.principal) == (author.replica, 1, "alice")
    assert author.quiet()


@pytest.mark.sources("worker", "replication")
def test_a_restarted_author_is_told_what_it_forgot(database, bridge, connect):
    # Its first connection still has a push under way that its journal has lost.
    database.insert("plan")
    before = connect(bridge, document="plan")
    author = connect(bridge, document="plan")
    author.replica = before.replica
    author.push_and_wait()
    assert before.next("changes").changes[0].seq == 1
    before.seq = 1
    before.push_and_wait()
    change = author.next("changes").changes[0]
    assert (change.replica, change.seq) == (before.replica, 2)


def test_what_waits_while_a_push_commits_goes_together(database, bridge, connect):
    database.insert("plan")
    peers = [connect(bridge, document="plan") for _ in range(10)]
    lock = lock_row(database, "plan")
    before = transactions(database, "plan")
    peers[0].push()
    assert peers[0].quiet(0.3, "ack")
    for peer in peers[1:]:
        for _ in range(5):
            peer.push()
        peer.ping()  # the bridge has read them
    lock.rollback()
    lock.close()
    for peer in peers[1:]:
        while peer.next("ack").seq < 5:
            pass
    assert transactions(database, "plan") - before <= 3, "one for the first, one for all the others"
    assert len(database.log("plan")) >= 46


def hold_up(database, key):
    """Whoever pushes to the document waits inside of push() until the session ends."""
    run(database.session, """
        CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END $$;
        CREATE TRIGGER wait_for_test BEFORE UPDATE ON note FOR EACH ROW WHEN (NEW.id = '""" + key + """')
            EXECUTE FUNCTION wait_for_test();""")
    session = database.connect()
    run(session, "SELECT pg_advisory_lock(7)")
    return session


def waits_in_push(database):
    return value(database.session, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


def test_a_push_does_not_wait_for_another_document_s_commit(database, start_bridge, connect):
    for key in ("held up", "free", "free too"):
        database.insert(key)
    bridge = start_bridge(database, "--push-connections", "2")
    waiting = [connect(bridge, document="held up") for _ in range(2)]
    others = [connect(bridge, document=key) for key in ("free", "free too")]
    session = hold_up(database, "held up")
    pushed = [peer.push() for peer in waiting]
    wait_until(lambda: waits_in_push(database) == 1, "the first push in its call")
    for _ in range(3):
        for peer in waiting:
            peer.push()
        for other in others:
            other.push_and_wait()
    assert waits_in_push(database) == 1, "two calls for one document at the same time"
    assert all(peer.quiet(0.1, "ack") for peer in waiting)
    session.close()
    for peer, seq in zip(waiting, pushed):
        while peer.next("ack").seq < seq + 3:
            pass
    # In the order of their numbers, or there would have been a gap.
    assert {(peer.replica, seq) for peer in waiting for seq in range(1, 5)} <= set(database.log("held up"))


def test_one_replica_over_many_documents_and_calls_at_once(database, start_bridge, connect):
    keys = [f"document {number}" for number in range(20)]
    for key in keys:
        database.insert(key)
    bridge = start_bridge(database, "--push-connections", "4")
    peers = [connect(bridge, document=key) for key in keys]
    for _ in range(5):
        for peer in peers:
            peer.replica = peers[0].replica
            peer.push()
            peer.push(3)
    for peer in peers:
        while peer.next("ack").seq < 20:
            pass
    for key in keys:
        assert {(peers[0].replica, seq) for seq in range(1, 21)} <= set(database.log(key))


def test_with_one_connection_pushes_wait_for_each_other(database, start_bridge, connect):
    database.insert("held up")
    database.insert("free")
    bridge = start_bridge(database, "--push-connections", "1")
    waiting, other = connect(bridge, document="held up"), connect(bridge, document="free")
    session = hold_up(database, "held up")
    waiting.push()
    wait_until(lambda: waits_in_push(database) == 1, "the push in its call")
    other.push()
    assert other.quiet(0.3, "ack")
    session.close()
    assert waiting.next("ack").seq == other.next("ack").seq == 1


def test_a_number_twice_is_as_good_as_once(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, document="plan")
    message = ClientMessage()
    message.push.channel = peer.channel
    peer.change(message)
    for _ in range(2):
        peer.send(message)
        assert peer.next("ack").seq == 1
    assert [number for number in database.log("plan") if number[0] == peer.replica] == [(peer.replica, 1)]


def test_a_gap_is_answered_with_the_number_expected(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, document="plan")
    peer.push(seq=3)
    reject = peer.next("reject")
    assert (code_name(reject.code), reject.expected_seq, reject.seq) == ("CODE_GAP", 1, 3)
    peer.push_and_wait(3)


def test_acks_up_to_the_refused_change(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, document="plan")
    message = ClientMessage()
    message.push.channel = peer.channel
    peer.change(message)
    peer.change(message)
    peer.change(message, payload=b"\xff\xff\xff")
    peer.change(message)
    peer.send(message)
    assert peer.next("ack").seq == 2
    reject = peer.next("reject")
    assert (code_name(reject.code), reject.seq) == ("CODE_MALFORMED", 3) and reject.message
    assert peer.quiet(kind="reject"), "one refusal speaks for what follows it"


def test_one_client_s_nonsense_is_not_the_others_trouble(database, bridge, connect):
    database.insert("plan")
    good, bad = connect(bridge, document="plan"), connect(bridge, document="plan")
    lock = lock_row(database, "plan")
    good.push()
    assert good.quiet(0.2, "ack")
    bad.push(payload=b"\xff")
    good.push()
    bad.ping()
    lock.rollback()
    lock.close()
    while good.next("ack").seq < 2:
        pass
    assert code_name(bad.next("reject").code) == "CODE_MALFORMED"


def test_a_constraint_that_fails_at_the_commit_refuses_one_push_only(database, bridge, connect):
    database.insert("plan")
    database.insert("guarded")
    run(database.session, """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE check_violation USING MESSAGE = 'guarded'; END $$;
        CREATE CONSTRAINT TRIGGER guard AFTER UPDATE ON note DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.id = 'guarded') EXECUTE FUNCTION refuse()""")
    good, bad = connect(bridge, document="plan"), connect(bridge, document="guarded")
    bad.push()
    reject = bad.next("reject")
    assert (code_name(reject.code), reject.sqlstate) == ("CODE_VIOLATES_CONSTRAINT", "23514"), reject
    good.push_and_wait()


def test_a_push_on_a_channel_not_subscribed(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, document="plan")
    peer.channel += 1000
    peer.push()
    assert code_name(peer.next("problem").code) == "CODE_UNKNOWN_DOCUMENT"
    peer.ping()


def test_a_push_without_changes(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge, document="plan")
    message = ClientMessage()
    message.push.channel = peer.channel
    peer.send(message)
    assert code_name(peer.next("problem").code) == "CODE_PROTOCOL"
    peer.push_and_wait()


@pytest.mark.sources("worker", "replication")
def test_what_was_acknowledged_survives_a_crash_of_the_server(own_database, start_bridge, connect):
    """And what was on its way is acknowledged after it, once."""
    database = own_database
    database.insert("plan")
    bridge = start_bridge(database, "--push-timeout", "5min")  # however long the server takes to come back
    peer = connect(bridge, document="plan")
    for _ in range(20):
        peer.push_and_wait()
    deltas = [peer.delta(number) for number in range(21, 26)]  # while there is a server
    peer.delta = lambda number: deltas[number - 21]
    for _ in range(2):
        peer.push()
    database.server.crash()
    for _ in range(3):
        peer.push()
    time.sleep(0.5)
    database.server.start()
    database.reconnect()
    while peer.next("ack").seq < 25:
        pass
    own = sorted(number for number in database.log("plan") if number[0] == peer.replica)
    assert own == [(peer.replica, seq) for seq in range(1, 26)]


def test_a_database_that_stays_away(own_database, start_bridge, connect):
    database = own_database
    database.insert("plan")
    bridge = start_bridge(database, "--push-timeout", "500ms")
    peer = connect(bridge, document="plan")
    delta = peer.delta(1)
    peer.delta = lambda number: delta
    database.server.crash()
    peer.push()
    reject = peer.next("reject")
    assert (code_name(reject.code), reject.seq) == ("CODE_UNAVAILABLE", 1)
    peer.ping()
    newcomer = connect(bridge, hello=False)
    answer = newcomer.hello("any")
    assert code_name(answer.problem.code) == "CODE_UNAVAILABLE" and newcomer.closed_with() == 1013
    database.server.start()
    database.reconnect()
    push_until_acknowledged(peer, 1)


def test_sql_of_another_version_than_the_bridges_costs_no_change(database, start_bridge, connect):
    """It may lack what the bridge calls, until somebody has run ALTER EXTENSION UPDATE."""
    database.insert("plan")
    run(database.session, "ALTER FUNCTION converge.push(bytea) RENAME TO push_of_another_version")
    bridge = start_bridge(database)
    peer, other = connect(bridge, document="plan"), connect(bridge, document="plan", principal="bob")
    for each in (peer, other):
        each.push()
    for each in (peer, other):
        reject = each.next("reject")
        assert (code_name(reject.code), reject.seq) == ("CODE_UNAVAILABLE", 1)
        assert "push" not in reject.message
    assert "function converge.push(bytea) does not exist" in bridge.log()
    run(database.session, "ALTER FUNCTION converge.push_of_another_version(bytea) RENAME TO push")
    for each in (peer, other):
        push_until_acknowledged(each, 1)


def test_an_orderly_shutdown_acknowledges_what_was_pushed(database, start_bridge, connect):
    database.insert("plan")
    bridge = start_bridge(database)
    peer = connect(bridge, document="plan")
    lock = lock_row(database, "plan")
    seq = peer.push()
    peer.ping()
    bridge.process.send_signal(signal.SIGTERM)
    assert peer.quiet(0.1, "ack")
    lock.rollback()
    lock.close()
    assert peer.next("ack").seq == seq
    problem = peer.next("problem")
    assert code_name(problem.code) == "CODE_UNAVAILABLE" and problem.fatal
    assert peer.closed_with() == 1001
    peer.close()
    assert bridge.process.wait(60) == 0
    assert wait_until(lambda: "ended" in bridge.log(), "the last line")


def test_a_row_that_stays_locked_holds_up_its_own_pushes_only(database, start_bridge, connect):
    database.insert("locked")
    database.insert("free")
    bridge = start_bridge(database, "--push-timeout", "90s")
    waiting, other = connect(bridge, document="locked"), connect(bridge, document="free")
    lock = lock_row(database, "locked")
    first = waiting.push()
    time.sleep(0.5)  # longer than push() waits for the row
    second = waiting.push()
    assert waiting.quiet(0.1), "neither acknowledged nor refused while the row is locked"

    def pushes_go_on():
        times = []
        for _ in range(20):
            began = time.monotonic()
            other.push_and_wait()
            times.append(time.monotonic() - began)
        return sorted(times)[10] < 0.2  # as long as push() waits for the row
    # They may have been slow for another reason: the machine is busy.
    wait_until(pushes_go_on, "somebody else's pushes, which do not wait for the locked row")
    lock.rollback()
    lock.close()
    acknowledged = 0
    while acknowledged < second:
        acknowledged = waiting.next("ack").seq
    assert {(waiting.replica, first), (waiting.replica, second)} <= set(database.log("locked"))
    waiting.push_and_wait()  # and it is an ordinary document again


def test_a_row_that_is_locked_for_too_long(database, start_bridge, connect):
    database.insert("locked")
    bridge = start_bridge(database, "--push-timeout", "600ms")
    peer = connect(bridge, document="locked")
    lock = lock_row(database, "locked")
    seq = peer.push()
    reject = peer.next("reject")
    assert (code_name(reject.code), reject.seq) == ("CODE_UNAVAILABLE", seq)
    lock.rollback()
    lock.close()
    push_until_acknowledged(peer, seq)


def test_a_push_that_expects_a_version_is_refused_once_somebody_else_has_written(database, bridge, connect):
    database.insert("plan")
    peer = connect(bridge)
    seen = peer.follow("note", "plan").pull.log_version
    colleague = connect(bridge, document="plan", principal="bob")

    def push_expecting(version):
        message = ClientMessage()
        message.push.channel = peer.channel
        message.push.expect = version
        message.push.atomic = True
        peer.change(message)
        peer.send(message)

    push_expecting(seen)
    assert peer.next("ack").seq == 1
    colleague.push_and_wait()
    push_expecting(seen)
    reject = peer.next("reject")
    assert (code_name(reject.code), reject.seq) == ("CODE_EXPECTATION_FAILED", 2)


def written_at_one_place(database, letters):
    """A payload with what two sessions wrote into a text, each letter before all the others,
    without having seen each other."""
    halves = []
    together = 50  # which is quicker than each by itself
    typed = "converge.insert(" * together + "body" + ", 0, 'x')" * together
    for _ in range(2):
        session = database.connect()
        run(session, f"""
            DO $$
            DECLARE body converge.crdt_text := '';
            BEGIN
                FOR i IN 1 .. {letters // together} LOOP body := {typed}; END LOOP;
                PERFORM set_config('test.body', body::bytea::text, false);
            END $$""")
        halves.append(value(session, "SELECT current_setting('test.body')"))
        session.close()
    payload = Payload()
    delta = value(database.session, "SELECT (%s::bytea::converge.crdt_text || %s::bytea::converge.crdt_text)::bytea", *halves)
    payload.fields.add(field="body", delta=bytes(delta))
    return payload.SerializeToString()


def test_a_delta_that_would_keep_the_server_is_refused(database, bridge, connect):
    # It has some 80 kB, and takes two seconds to be looked at; one of a mebibyte took minutes, in which
    # nobody's pushes went on and the server could not be shut down.
    database.insert("plan")
    peer, other = connect(bridge, document="plan"), connect(bridge, document="plan", principal="bob")
    peer.push(payload=written_at_one_place(database, 500))
    assert peer.next("ack").seq == 1
    peer.push(payload=written_at_one_place(database, 16000))
    reject = peer.next("reject")
    assert code_name(reject.code) == "CODE_TOO_LARGE"
    assert "takes too long to check" in reject.message
    other.push_and_wait()
