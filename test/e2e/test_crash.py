"""The server's sudden death: what was acknowledged is there afterwards, once."""
import re
import threading

from clients import Bridge, Refused
from database import run, wait_until


def words(text):
    return re.findall(r"<\w+>", text)


def test_what_was_acknowledged_survives_sigkill_once(own_server, own_database, clients):
    database = own_database
    database.insert("session")
    with Bridge(database) as bridge:
        alice = clients(bridge, "note/session", principal="alice")
        bob = clients(bridge, "note/session", principal="bob")
        written = []

        def write(client, name, numbers):
            for number in numbers:
                client.do("insert", "body", 0, f"<{name}{number}>")
                written.append(f"<{name}{number}>")

        # Some that are surely acknowledged, then a crash while they type.
        write(alice, "a", range(100))
        write(bob, "b", range(100))
        alice.do("settle")
        bob.do("settle")
        typing = threading.Thread(target=write, args=(alice, "a", range(100, 1500)))
        typing.start()
        write(bob, "b", range(100, 300))
        own_server.crash()
        typing.join()
        acknowledged = {}
        for client in (alice, bob):
            client.do("offline")
            for replica, seq in client.do("version").items():
                acknowledged[int(replica)] = max(seq, acknowledged.get(int(replica), 0))

        own_server.start()
        database.reconnect()
        kept = set(database.log("session"))
        for replica, seq in acknowledged.items():
            missing = [number for number in range(1, seq + 1) if (replica, number) not in kept]
            assert not missing, f"acknowledged and gone: {missing} of replica {replica}"
        assert sorted(words(database.text("session"))) == sorted(set(words(database.text("session"))))
        assert database.replayed_text("session") == database.text("session")

        # Back on the line, they send the rest, and nothing is there twice.
        for client in (alice, bob):
            client.do("online")
        for client in (alice, bob):
            client.do("settle")
        for other, client in ((alice, bob), (bob, alice)):
            client.do("reach", other.do("version"))
        text = database.text("session")
        assert sorted(words(text)) == sorted(written)
        assert alice.text() == bob.text() == text
        assert database.replayed_text("session") == text
        assert alice.do("refused") == bob.do("refused") == []


def test_a_bridge_that_ends_is_no_loss(database, clients):
    database.insert("session")
    with Bridge(database) as bridge:
        alice = clients(bridge, "note/session")
        alice.do("insert", "body", 0, "<before>")
        alice.do("settle")
        bridge.process.kill()
        bridge.process.wait()
        alice.do("insert", "body", 0, "<without>")
        bridge.start()
        alice.do("settle")
        assert sorted(words(database.text("session"))) == ["<before>", "<without>"]


def test_a_client_that_is_not_greeted_comes_back(own_server, own_database, clients):
    """While the database is away, a new connection gets no further than that."""
    database = own_database
    database.insert("patience")
    with Bridge(database) as bridge:
        alice = clients(bridge, "note/patience", principal="alice")
        alice.do("insert", "body", 0, "<first>")
        alice.do("settle")
        own_server.crash()
        bridge.stop()
        bridge.start()
        alice.do("insert", "body", 0, "<second>")
        wait_until(lambda: "cannot verify the token" in bridge.log(), "a greeting that is refused")
        own_server.start()
        alice.do("settle")
        database.reconnect()
        assert sorted(words(database.text("patience"))) == ["<first>", "<second>"]


def test_an_sql_edit_is_there_once_after_sigkill(own_server, own_database):
    database = own_database
    database.insert("session")
    for number in range(20):
        run(database.session, "UPDATE note SET body = converge.insert(body, 0, %s)", f"<{number}>")
    own_server.crash()
    own_server.start()
    database.reconnect()
    assert len(words(database.text("session"))) == 20
    assert database.replayed_text("session") == database.text("session")
    # The numbering goes on where it was: a reused number would be refused.
    run(database.session, "UPDATE note SET body = converge.insert(body, 0, '<after>')")
    numbers = sorted(seq for _, seq in database.log("session"))
    assert numbers == list(range(1, 23))
