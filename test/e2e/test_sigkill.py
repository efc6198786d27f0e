"""Sudden deaths of every process in turn, under load, with a ledger outside that
knows every change that was acknowledged."""
import os
import random
import signal
import threading
import time

import psycopg2

from clients import Bridge, Refused
from database import value, wait_until
from test_crash import words

CYCLES = 20
WRITERS = 3


class Writer:
    """A client that types words without pause. Its ledger is what the server has
    acknowledged to it, whatever becomes of it: its journal dies with it."""

    def __init__(self, clients, bridge, name, ledger):
        self.clients, self.bridge, self.name, self.ledger = clients, bridge, name, ledger
        self.number = 0
        self.start()

    def start(self):
        self.dying = False
        self.client = self.clients(self.bridge, "note/ledger", principal=self.name)
        self.mine = []
        # A client that cannot make its first connection ends: it has to be made
        # before the next death.
        self.type(1)
        wait_until(lambda: settled(self.client), "a new client's first word")

    def type(self, count):
        try:
            for left in range(count, 0, -1):
                word = f"<{self.name}n{self.number}>"
                self.number += 1
                self.client.do("insert", "body", 0, word)
                self.mine.append(word)
                if left % 5 == 0:
                    self.enter()
        except (AssertionError, ValueError):  # no answer, or half of one
            if not self.dying:
                raise

    def enter(self):
        """What is acknowledged by now goes into the ledger."""
        for replica, seq in self.client.do("version").items():
            self.ledger[int(replica)] = max(seq, self.ledger.get(int(replica), 0))

    def die(self, typing):
        """While it types, in that thread, as the others do. Its death loses what was not
        acknowledged, and nothing else."""
        self.dying = True
        self.client.process.kill()
        typing.join()
        self.client.process.wait()
        self.start()


def kill_server(database, **_):
    database.server.crash()
    time.sleep(0.2)
    database.server.start()
    database.reconnect()


def kill_stream_worker(database, **_):
    # A background process that is killed takes the server down and up again.
    pid = wait_until(lambda: value(database.session, "SELECT pid FROM converge.worker_status()"), "the worker")
    os.kill(pid, signal.SIGKILL)
    database.wait_for_crash()
    database.reconnect()


def kill_bridge(bridge, **_):
    bridge.process.kill()
    bridge.process.wait()
    time.sleep(0.1)
    bridge.start()


def kill_client(writers, typing, cycle, **_):
    writers[cycle % WRITERS].die(typing[cycle % WRITERS])


VICTIMS = [kill_server, kill_stream_worker, kill_bridge, kill_client]


def test_twenty_deaths_lose_nothing_that_was_acknowledged(own_server, own_database, clients):
    database = own_database
    database.insert("ledger")
    ledger = {}
    pause = random.Random(20)
    with Bridge(database) as bridge:
        writers = [Writer(clients, bridge, f"w{i}", ledger) for i in range(WRITERS)]
        for cycle in range(CYCLES):
            victim = VICTIMS[cycle % len(VICTIMS)]
            # They type while it happens; each client is its thread's alone.
            typing = [threading.Thread(target=writer.type, args=(40,)) for writer in writers]
            for thread in typing:
                thread.start()
            time.sleep(pause.uniform(0, 0.05))
            victim(database=database, bridge=bridge, writers=writers, typing=typing, cycle=cycle)
            for thread in typing:
                thread.join()
            for writer in writers:
                writer.enter()
            kept = wait_until(lambda: log_of(database), "the log after the crash")
            for replica, seq in ledger.items():
                missing = [n for n in range(1, seq + 1) if (replica, n) not in kept]
                assert not missing, f"cycle {cycle} ({victim.__name__}): acknowledged and gone: {missing} of {replica}"

        # All find together again, and nothing is there twice.
        for writer in writers:
            wait_until(lambda writer=writer: settled(writer.client), "what was typed to be acknowledged", 60)
            writer.enter()
        versions = [writer.client.do("version") for writer in writers]
        for writer in writers:
            for version in versions:
                writer.client.do("reach", version)
        text = database.text("ledger")
        assert [writer.client.text() for writer in writers] == [text] * WRITERS
        assert len(words(text)) == len(set(words(text)))
        assert set(words(text)) >= {word for writer in writers for word in writer.mine}
        assert database.replayed_text("ledger") == text
        kept = set(database.log("ledger"))
        assert all((replica, n) in kept for replica, seq in ledger.items() for n in range(1, seq + 1))


def log_of(database):
    try:
        return set(database.log("ledger"))
    except psycopg2.Error:
        database.reconnect()
        return None


def settled(client):
    try:
        client.do("settle")
        return True
    except Refused:
        return False
