-- A database of Converge 0.1 with something of everything: made with that version,
-- dumped to data-0.1.sql (test_upgrade.py says how), never run again.
CREATE EXTENSION converge VERSION '0.1';
SET search_path = public, converge;

-- Every type, untracked: empty, NULL, not ASCII, out of line, and with edits that wait
-- for others.
CREATE TABLE doc (id text PRIMARY KEY, m lww_map, s or_set, t crdt_text, c pn_counter, g g_counter,
                  r mv_register, l lww_set, v version_vector, w log_version, h hlc);
CREATE INDEX ON doc USING gin (s);
CREATE INDEX ON doc USING gin (m);
CREATE INDEX ON doc (h);
CREATE INDEX ON doc USING hash (t);
INSERT INTO doc (id) VALUES ('null');
INSERT INTO doc VALUES ('empty', '', '', '', '', '', '', '', '{}', '{}', 0::bigint::hlc);
INSERT INTO doc VALUES ('small', new_map('{"ключ": "значение", "a": [1.0, null]}'), new_set('{ä,語,😀}'),
                        new_text('Zwölf Boxkämpfer 😀 語'), new_counter(-7), new_g_counter(9),
                        new_register('{"ü": 1}'), new_lww_set('{ö,b}'), '{"1": 2, "9007199254740991": 3}',
                        '{"3": 4}', '2026-11-21T04:03:02.123Z/7');
INSERT INTO doc (id, t, m, s)
SELECT 'large', new_text(string_agg(md5(i::text), '')), new_map(jsonb_object_agg(i, md5(i::text))),
       new_set(array_agg(md5(i::text)))
  FROM generate_series(1, 300) i;
UPDATE doc SET t = delete(t, 100, 2000), m = unset(m, '7'), s = remove(s, md5('7')) WHERE id = 'large';
-- What waits: a delta without the one it depends on.
INSERT INTO doc (id, t, m, s, l, r)
SELECT 'waiting', difference(t2, t3), difference(m2, m3), difference(s2, s3), difference(l2, l3), difference(r2, r3)
  FROM (SELECT *, insert(t2, 4, 'e') AS t3, set(m2, 'a', '3') AS m3, add(s2, 'z') AS s3, add(l2, 'z') AS l3,
               assign(r2, '3') AS r3
          FROM (SELECT *, insert(t1, 3, 'd') AS t2, set(m1, 'b', '2') AS m2, add(s1, 'y') AS s2, add(l1, 'y') AS l2,
                       assign(r1, '2') AS r2
                  FROM (SELECT new_text('abc') AS t1, new_map('{"a": 1}') AS m1, new_set('{x}') AS s1,
                               new_lww_set('{x}') AS l1, new_register('1') AS r1 OFFSET 0) a OFFSET 0) b OFFSET 0) c;

-- A tracked table: edits, an incarnation, a deletion, row-level security.
CREATE TABLE note (tenant text NOT NULL, id text NOT NULL, body crdt_text NOT NULL DEFAULT '',
                   props lww_map NOT NULL DEFAULT '', tags or_set NOT NULL DEFAULT '',
                   PRIMARY KEY (tenant, id));
ALTER TABLE note ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON note USING (tenant = current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO converge_client;
SELECT track('note', 'tenant');
INSERT INTO note VALUES ('acme', 'a', new_text('first'), new_map('{"title": "Ä"}'), new_set('{x}'));
UPDATE note SET body = insert(body, 5, ' second 😀'), tags = add(tags, 'y') WHERE id = 'a';
UPDATE note SET body = delete(body, 0, 2), props = set(props, 'n', '1') WHERE id = 'a';
INSERT INTO note VALUES ('acme', 'b', new_text('gone')), ('globex', 'a', new_text('another tenant''s'));
DELETE FROM note WHERE id = 'b';
INSERT INTO note VALUES ('acme', 'b', new_text('again'));
INSERT INTO jwt_key (kid, alg, secret) VALUES ('test', 'HS256', repeat('k', 32)::bytea);
