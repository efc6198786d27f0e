"""A document's history: what its state as of a moment, who made what, and a page of
the log cost when 10,000 changes are logged, and how that grows."""
from harness import database, figure, median, ms_each, run, value
from log import TABLE

CHANGES = 10_000


def typed(connection, key, changes):
    """A document that was typed character by character; its middle moment."""
    run(connection, f"INSERT INTO note VALUES ('acme', '{key}')")
    run(connection, "SET synchronous_commit = off")
    run(connection, f"""DO $$ BEGIN
        FOR i IN 1 .. {changes} LOOP
            UPDATE note SET body = insert(body, i - 1, chr(97 + i % 26)) WHERE id = '{key}';
            IF i % 100 = 0 THEN COMMIT; END IF;
        END LOOP; END $$""")
    run(connection, "VACUUM note, change")
    return value(connection, f"""SELECT c.recorded_at::text FROM change c JOIN document d USING (tenant, document)
                                  WHERE d.key = '{key}' AND seq = {changes // 2}""")


def ms(connection, call):
    # as_reader() is some hundredths of a millisecond of each.
    return median(lambda: ms_each(connection, f"PERFORM as_reader(); PERFORM {call}", 3))


def measure(server):
    with database(server, "bench_history") as connection:
        run(connection, TABLE)
        for changes, name in ((CHANGES, ""), (2 * CHANGES, "_double")):
            key = f"typed{name}"
            middle = typed(connection, key, changes)
            figure(f"state_at{name}_ms", ms(connection, f"state_at('note', '{key}', '{middle}')"), "ms")
            figure(f"blame{name}_ms", ms(connection, f"count(*) FROM blame('note', '{key}', 'body')"), "ms")
            figure(f"history{name}_ms", ms(connection, f"count(*) FROM history('note', '{key}')"), "ms")
            # The floor: reading these rows of the log.
            figure(f"log_read{name}_ms", ms(connection, f"""sum(length(payload)) FROM change c
                JOIN document d USING (tenant, document) WHERE d.key = '{key}'"""), "ms")
        dropped = value(connection, "SELECT compact('note', 'acme', 'typed_double')")
        assert dropped == 2 * CHANGES + 1, dropped
        figure("blame_compacted_ms", ms(connection, "count(*) FROM blame('note', 'typed_double', 'body')"), "ms")
