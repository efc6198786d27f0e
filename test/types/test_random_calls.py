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

    def missed():
        return {name for name, *_ in calls.templates} - set(calls.called)

    def enough():
        """Nearly each was called, and nearly each of those came through at least once."""
        return len(missed()) < 0.05 * len(calls.templates) and len(calls.succeeded) > 0.8 * len(calls.templates)
    # On a machine that is busy it takes longer.
    for _ in range(5):
        calls.go(1_000_000, SECONDS)
        if enough():
            break
    assert enough(), (missed(), len(calls.succeeded), len(calls.templates))
    connection.close()
    assert "terminated by signal" not in server.log()
