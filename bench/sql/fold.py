"""What texts of 50 kB cost their writers: the fold of 500 changes of ten of them, and one change
that is merged at once."""
import push
from harness import cpu_seconds, database, figure, median, run, value

DOCUMENTS = 20
WRITERS = 10
EACH = 50  # changes of a writer in a fold

# Words, and edits all over them, as in a text that people have worked on.
TEXT = """
UPDATE note SET body = new_text((SELECT string_agg(substr(md5(n::text), 1, 2 + n % 7), ' ') FROM generate_series(1, 8000) n));
DO $$ BEGIN
    FOR i IN 1 .. 100 LOOP
        UPDATE note SET body = insert(body, i * 7919 % 40000, 'so');
    END LOOP;
END $$;
CREATE TABLE page (LIKE note INCLUDING ALL);
ALTER TABLE page ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON page USING (tenant = current_tenant()) WITH CHECK (tenant = current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON page TO bench_app;
SELECT track('page', 'tenant');
INSERT INTO page SELECT * FROM note;
"""


def fold_ms(connection, writers):
    """Backend's processor time of a fold, its commit included."""
    for writer in writers:
        push.as_client(connection, push.push, writer.request(DOCUMENTS, EACH))
    begin = cpu_seconds(connection)
    for key in writers[0].keys:
        folded = value(connection, "SELECT converge.fold('note', 'acme', %s)", key)
        assert folded == WRITERS * EACH, folded
    return (cpu_seconds(connection) - begin) * 1000 / DOCUMENTS


def measure(server):
    with database(server, "bench_fold") as connection:
        push.prepare(connection, DOCUMENTS)
        run(connection, TEXT)
        run(connection, "ANALYZE")
        run(connection, "SET enable_seqscan = off")  # tables of few rows
        writers = [push.Clients(connection, DOCUMENTS, "body", 5 * EACH) for _ in range(WRITERS)]
        figure("fold_500_ms", median(lambda: fold_ms(connection, writers)), "ms")
        typing = push.Clients(connection, DOCUMENTS, "body", 3000, collection="page")
        at_once = median(lambda: push.as_client(connection, push.small_push_us, typing, 1))
        figure("push_1_immediate_50kB_us", at_once, "us")
        push.alter(connection, **dict.fromkeys(push.QUIET))
