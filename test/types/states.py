"""The table doc: every type, with states empty and NULL, not ASCII, waiting for
others, and large enough to lie out of line."""

COLUMNS = {"m": "lww_map", "s": "or_set", "t": "crdt_text", "c": "pn_counter", "g": "g_counter",
           "r": "mv_register", "l": "lww_set", "y": "ydoc", "v": "version_vector", "w": "log_version",
           "h": "hlc"}

# A row for each; columns that are not named are NULL.
ROWS = {
    "null": {},
    "empty": {"m": "''", "s": "''", "t": "''", "c": "''", "g": "''", "r": "''", "l": "''", "y": "''",
              "v": "'{}'", "w": "'{}'", "h": "0::bigint::hlc"},
    "not ASCII": {"m": """new_map('{"ключ": "значение", "a\\\\b\\t": [1.0, 1e400, null]}')""",
                  "s": "new_set('{ä,語,😀,\"\"}')", "t": "new_text(E'Zwölf\\\\\\n\\tBoxkämpfer 😀 語')",
                  "c": "new_counter(-9223372036854775808)", "g": "new_g_counter(9223372036854775807)",
                  "r": "new_register('{\"ü\": \"\\\\\"}')", "l": "new_lww_set('{ö,\"a,b\"}')",
                  "y": "yjs_set(yjs_insert('', 'körper', 0, 'Zwölf 😀 語'), 'м', 'ключ', '[1.5, \"é\"]')",
                  "v": """'{"1": 2, "9007199254740990": 3}'""", "w": """'{"3": 9007199254740990}'""",
                  "h": "'2026-11-21T04:03:02.123Z/65535'"},
    # The second of two edits, without the first.
    "waiting": {
        "m": "(SELECT difference(b, set(b, 'a', '3')) FROM (SELECT set(new_map('{\"a\": 1}'), 'b', '2') b OFFSET 0) x)",
        "s": "(SELECT difference(b, add(b, 'z')) FROM (SELECT add(new_set('{x}'), 'y') b OFFSET 0) x)",
        "t": "(SELECT difference(b, insert(b, 4, '語')) FROM (SELECT insert(new_text('abc'), 3, 'd') b OFFSET 0) x)",
        "r": "(SELECT difference(b, assign(b, '3')) FROM (SELECT assign(new_register('1'), '2') b OFFSET 0) x)",
        "l": "(SELECT difference(b, add(b, 'z')) FROM (SELECT add(new_lww_set('{x}'), 'y') b OFFSET 0) x)",
        "y": "(SELECT difference(b, yjs_insert(b, 't', 2, '語')) FROM (SELECT yjs_insert('', 't', 0, 'ab') b OFFSET 0) x)"},
    "conflict": {"r": "(SELECT merge_agg(new_register(to_jsonb(i))) FROM generate_series(1, 5) i)",
                 "c": "(SELECT merge_agg(new_counter(i)) FROM generate_series(1, 50) i)"},
    "large": {
        "m": "(SELECT new_map(jsonb_object_agg(i, md5(i::text))) FROM generate_series(1, 3000) i)",
        "s": "(SELECT new_set(array_agg(md5(i::text))) FROM generate_series(1, 3000) i)",
        "t": "(SELECT delete(new_text(string_agg(md5(i::text), '')), 100, 5000) FROM generate_series(1, 6000) i)",
        "r": "(SELECT new_register(jsonb_agg(md5(i::text))) FROM generate_series(1, 3000) i)",
        "l": "(SELECT new_lww_set(array_agg(md5(i::text))) FROM generate_series(1, 3000) i)",
        "y": "(SELECT yjs_insert('', 't', 0, string_agg(md5(i::text), '')) FROM generate_series(1, 3000) i)",
        "c": "(SELECT merge_agg(new_counter(i)) FROM generate_series(1, 2000) i)",
        "v": "(SELECT format('{%s}', string_agg(format('\"%s\": %s', i::bigint * 9876543211, i), ', '))::version_vector "
             "FROM generate_series(1, 2000) i)"},
}


def make_table(session, name="doc"):
    columns = ", ".join(f"{column} converge.{kind}" for column, kind in COLUMNS.items())
    session.run(f"CREATE TABLE {name} (id text PRIMARY KEY, {columns})")


def make_states(session):
    session.run("SET search_path = public, converge")
    make_table(session)
    for name, values in ROWS.items():
        columns = ", ".join(["id", *values])
        session.run(f"INSERT INTO doc ({columns}) SELECT {', '.join([repr(name), *values.values()])}")
    assert session.value("SELECT count(*) FROM doc WHERE version(t) = '{}' AND t <> ''") == 1
    assert session.value("SELECT pg_relation_size(reltoastrelid) > 0 FROM pg_class "
                         "WHERE oid = 'doc'::regclass")


def bytes_of(session, table="doc"):
    """{row: the bytes of each state in it}"""
    columns = ", ".join(f"{column}::bytea" if kind != "hlc" else f"{column}::bigint"
                        for column, kind in COLUMNS.items())
    return {row[0]: [bytes(value) if isinstance(value, memoryview) else value for value in row[1:]]
            for row in session.run(f"SELECT id, {columns} FROM {table}")}
