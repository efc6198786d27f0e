"""What TOAST does to the types: a text of 100,000 characters, a map and a set of
5,000 entries, stored as they are, with pglz and with lz4."""
from harness import database, figure, medians, ms_each, run, value
from text import SETUP, WRITE

STORAGES = {"external": "SET STORAGE external", "pglz": "SET STORAGE extended, ALTER {0} SET COMPRESSION pglz",
            "lz4": "SET STORAGE extended, ALTER {0} SET COMPRESSION lz4"}

# For each type its column, a value's expression, how it is read, and an edit.
TYPES = {
    "crdt_text": ("body", None, "octet_length(body::text)", "insert(body, i * 100, 'x')"),
    "lww_map": ("props", "(SELECT new_map(jsonb_object_agg('property ' || n, jsonb_build_object('value', n * 17 % 1000)))"
                " FROM generate_series(1, 5000) n)", "props ? 'property 77'", "set(props, 'property 5', to_jsonb(i))"),
    "or_set": ("tags", "(SELECT new_set(array_agg('element ' || n)) FROM generate_series(1, 5000) n)",
               "tags ? 'element 77'", "add(tags, 'element 5')"),
}


def measure(server):
    with database(server, "bench_storage") as connection:
        for statement in SETUP.split(";"):
            run(connection, statement)
        run(connection, WRITE, "100kB", 100_000)
        for name, (column, made, read, edit) in TYPES.items():
            made = made or "(SELECT body FROM doc)"
            for storage, alter in STORAGES.items():
                table = f"{name}_{storage}"
                run(connection, f"CREATE TABLE {table} ({column} converge.{name})")
                run(connection, f"ALTER TABLE {table} ALTER {column} {alter.format(column)}")
                # Written anew: a value keeps the compression that it came with.
                run(connection, f"INSERT INTO {table} SELECT ({made}::bytea || ''::bytea)::converge.{name}")
                run(connection, f"VACUUM ANALYZE {table}")
            tables = [f"{name}_{storage}" for storage in STORAGES]
            sizes = [value(connection, f"SELECT pg_column_size({column}) FROM {table}") for table in tables]
            reads = medians([lambda table=table: ms_each(connection, f"PERFORM {read} FROM {table}", 100)
                             for table in tables])
            writes = medians([lambda table=table: ms_each(connection, f"UPDATE {table} SET {column} = {edit}", 30)
                              for table in tables])
            for storage, size, reading, writing in zip(STORAGES, sizes, reads, writes):
                figure(f"storage_{name}_{storage}_bytes", size, "bytes")
                figure(f"storage_{name}_{storage}_read_ms", reading, "ms")
                figure(f"storage_{name}_{storage}_write_ms", writing, "ms")
