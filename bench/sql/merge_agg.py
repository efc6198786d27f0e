"""merge_agg(): how many one-entry deltas a second it takes from a table, beside
count(), which reads the same column and does nothing with it."""
import io

from harness import database, figure, medians, run, seconds

DELTAS = 500_000
ENTRIES = 10_000
REPLICAS = 16


def varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def string(text):
    return varint(len(text)) + text


class Writers:
    """One-entry deltas as docs/internals.md describes them, by writers who have
    seen each other, so that an add replaces the one before."""

    def __init__(self):
        self.counters = [0] * REPLICAS
        self.added = {}  # element to the dot of its last add

    @staticmethod
    def replica(writer):
        return 7 + writer * 0x1234567891

    def context(self, dots):
        dots = sorted(dots)
        out = varint(len({writer for writer, _ in dots}))
        before, last, counter_before = 0, None, 0
        for writer, counter in dots:
            if writer != last:
                intervals = sum(1 for other, _ in dots if other == writer) - 1
                out += varint(self.replica(writer) - before) + varint(intervals)
                before, last, counter_before = self.replica(writer), writer, -1
            out += varint(counter - counter_before - 2) + varint(0)
            counter_before = counter
        return out

    def next(self, i):
        writer, entry = i % REPLICAS, i * 2654435761 % 2**32 % ENTRIES
        self.counters[writer] += 1
        dot = (writer, self.counters[writer])
        key, alone = b"key %d" % entry, self.context([dot])
        place, stamp = varint(0), varint((1000 + i) << 16)
        lww = alone + varint(1) + stamp + string(key) + place + varint(dot[1]) + varint(0)
        replaced = self.added.get(entry)
        # Where one replica adds twice in a row, both dots make one interval.
        dots = {dot, replaced} - {None}
        if replaced == (writer, dot[1] - 1):
            context = varint(1) + varint(self.replica(writer)) + varint(0) + varint(dot[1] - 2) + varint(1)
        else:
            context = self.context(dots)
        place = varint(sorted({w for w, _ in dots}).index(writer))
        self.added[entry] = dot
        tag = b"\x21" + context + varint(1) + string(key) + varint(0) + place + varint(dot[1])
        count = i // ENTRIES + 1
        counter = b"\x41" + varint(7 + entry * 0x1234567) + varint(count) + varint(2 * count) + varint(0)
        return b"\x11" + lww + string(b"12345"), tag, b"\x71" + lww + b"\x01", counter


def load(connection):
    writers = Writers()
    rows = io.StringIO()
    for i in range(DELTAS):
        rows.write("\t".join("\\\\x" + delta.hex() for delta in writers.next(i)) + "\n")
    rows.seek(0)
    run(connection, """CREATE TABLE delta (lww_map converge.lww_map, or_set converge.or_set,
                                           lww_set converge.lww_set, pn_counter converge.pn_counter)""")
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY delta FROM STDIN", rows)
    run(connection, "VACUUM ANALYZE delta")


def made_in_sql(connection):
    """What constructors make: a replica of its own for each row."""
    run(connection, f"""CREATE TABLE made AS
        SELECT new_map(jsonb_build_object('key ' || i % {ENTRIES}, i)) AS lww_map FROM generate_series(1, {DELTAS}) i""")
    run(connection, "VACUUM ANALYZE made")


def measure(server):
    with database(server, "bench_merge_agg") as connection:
        load(connection)
        made_in_sql(connection)
        run(connection, "SET max_parallel_workers_per_gather = 0")
        types = ["lww_map", "or_set", "lww_set", "pn_counter"]
        queries = ["SELECT count(lww_map) FROM delta", "SELECT merge_agg(lww_map) IS NULL FROM made"]
        queries += [f"SELECT merge_agg({name}) IS NULL FROM delta" for name in types]
        floor, made, *each = medians([lambda query=query: seconds(connection, query) for query in queries])
        figure("merge_agg_per_s", DELTAS / each[0], "/s")
        for name, spent in zip(types[1:], each[1:]):
            figure(f"merge_agg_{name}_per_s", DELTAS / spent, "/s")
        figure("merge_agg_made_per_s", DELTAS / made, "/s")
        figure("count_per_s", DELTAS / floor, "/s")
