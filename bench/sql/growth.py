"""How what the log does grows: with the number of documents, and with the history of
each. At 1, 10 and 100 times as many, with everything but what is measured folded."""
from harness import alter, database, figure, median, ms_each, run, seconds, token, value
from push import QUIET, Clients, as_client, prepare, push, rate, wal_bytes

# Documents that hold ten changes each, and changes that a hundred documents hold each.
DOCUMENTS = [100, 1_000, 10_000]
HISTORY = [100, 1_000, 10_000]
RUNS = 3
FOLDED = 20


def fold_ms(connection, clients):
    """Folds of ten changes each, a document's."""
    as_client(connection, push, clients.request(FOLDED, 10))
    return sum(seconds(connection, "SELECT converge.fold('note', 'acme', %s)", key)
               for key in clients.keys[:FOLDED]) * 1000 / FOLDED


def pull_ms(connection, clients):
    """A reader who lacks the last ten changes of a document."""
    key = clients.keys[0]
    node = value(connection, "SELECT replica FROM converge.node")
    since = f'{{"{node}": 1, "{clients.replica}": {clients.numbers[key] - 10}}}'
    authenticate = f"PERFORM authenticate('{token()}')"
    return ms_each(connection, f"{authenticate}; PERFORM pull('note', '{key}', '{since}')", 20) - \
        ms_each(connection, authenticate, 20)


def fill(connection, clients, documents, each):
    """So many changes of each document, folded; none are measured."""
    most = max(1, 20_000 // documents)
    for done in range(0, each, most):
        as_client(connection, push, clients.request(documents, min(most, each - done)))
    run(connection, "SELECT converge.fold('note')")
    run(connection, "VACUUM ANALYZE converge.change")


def measure_at(server, subject, times, documents, each):
    with database(server, "bench_growth") as connection:
        prepare(connection, documents)
        clients = Clients(connection, documents, "body", 5000)
        fill(connection, clients, documents, each)
        log_bytes = value(connection, "SELECT pg_total_relation_size('converge.change')::float / count(*) FROM converge.change")
        name = f"growth_{subject}_{times}x"
        figure(f"{name}_push_per_s", median(lambda: as_client(connection, rate, clients, 100, 10), RUNS), "changes/s")
        run(connection, "SELECT converge.fold('note')")
        figure(f"{name}_pull_ms", median(lambda: pull_ms(connection, clients), RUNS), "ms")
        figure(f"{name}_fold_ms", median(lambda: fold_ms(connection, clients), RUNS), "ms")
        figure(f"{name}_log_bytes", log_bytes, "bytes")
        alter(connection, full_page_writes="off")
        figure(f"{name}_wal_bytes", median(lambda: as_client(connection, wal_bytes, clients), RUNS), "bytes")
        alter(connection, full_page_writes=None, **dict.fromkeys(QUIET))


def measure(server):
    for times, documents in zip((1, 10, 100), DOCUMENTS):
        measure_at(server, "documents", times, documents, 10)
    for times, each in zip((1, 10, 100), HISTORY):
        measure_at(server, "history", times, 100, each)
