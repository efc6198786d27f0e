"""Some seconds of random calls; make random-calls makes a million under UBSan."""
import os
import random

import psycopg2

from random_calls import RandomCalls

SECONDS = float(os.environ.get("RANDOM_CALLS_SECONDS", 15))


def test_random_calls_end_well(server):
    with server.connect() as postgres:
        postgres.run("CREATE DATABASE calls")
    seed = random.randrange(2**32)
    connection = psycopg2.connect(dbname="calls", **server.address)
    print("seed", seed)
    calls = RandomCalls(connection, seed)
    calls.go(1_000_000, SECONDS)
    # Each was called, and nearly each came through at least once.
    missed = {name for name, *_ in calls.templates} - set(calls.called)
    assert len(missed) < 0.05 * len(calls.templates), missed
    assert len(calls.succeeded) > 0.8 * len(calls.templates)
    connection.close()
    assert "terminated by signal" not in server.log()
