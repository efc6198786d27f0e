"""The SQL box: what it answers, its bounds, and what nobody gets by it."""
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import threading
import time

import pytest

from clients import Bridge
from cluster import ROOT, in_time, undisturbed, wait_until
from database import SOON, run, value
from test_rates import limit

ROLE = (ROOT / "demo/sql_box.sql").read_text()


def prepare(database):
    """The role of the box, and how it connects."""
    run(database.session, ROLE)
    return "--sql-box", database.conninfo("sql_box")


class Box:
    """The box of a bridge, as a principal uses it."""

    def __init__(self, bridge, token):
        self.bridge = bridge
        self.token = token

    def post(self, body, connection=None, **headers):
        """The answer, its JSON as `json`."""
        own = connection or http.client.HTTPConnection(self.bridge.address, timeout=60)
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        own.request("POST", "/sql", body=body.encode() if isinstance(body, str) else body, headers=headers)
        answer = own.getresponse()
        answer.text = answer.read().decode()
        answer.json = json.loads(answer.text)
        if connection is None:
            own.close()
        return answer

    def run(self, statement):
        """What the statement gives; it has to be run."""
        answer = self.post(statement)
        assert answer.status == 200, answer.text
        return answer.json

    def rows(self, statement):
        return self.run(statement)["rows"]

    def refused(self, statement):
        """The status and the SQLSTATE of what is not run."""
        answer = self.post(statement)
        assert answer.status != 200, answer.text
        return answer.status, answer.json["error"].get("sqlstate")

    def refused_in_time(self, statement):
        """The same of what is refused within a statement's five seconds; which a machine that
        is busy may not make at once."""
        return wait_until(lambda: (refusal := self.refused(statement)) != (504, "57014") and refusal, "its refusal")


@pytest.fixture
def bridge(database, start_bridge):
    return start_bridge(database, *prepare(database))


@pytest.fixture
def box(database, bridge):
    return Box(bridge, database.token())


def statements_under_way(database):
    return value(database.session, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sql_box'")


def in_background(function, *arguments):
    """Starts it; result() waits for what it gives."""
    given = []
    thread = threading.Thread(target=lambda: given.append(function(*arguments)))
    thread.start()

    def result():
        thread.join(60)
        assert given, "it has failed, or goes on"
        return given[0]
    return result


# ------------------------------------------------------------------- what it does

def test_rows_and_nulls_come_as_texts(database, box):
    database.insert("plan", body="Hello")
    assert box.run("SELECT id, body::text, NULL AS nothing, 1 < 2 AS yes FROM note") == {
        "columns": ["id", "body", "nothing", "yes"], "rows": [["plan", "Hello", None, "t"]], "command": "SELECT 1",
        "more": False}
    assert box.run("SELECT WHERE false") == {"columns": [], "rows": [], "command": "SELECT 0", "more": False}
    assert box.rows("""VALUES (E'"quoted"\\n\\t\\x01 \U0001f600')""") == [['"quoted"\n\t\x01 \U0001f600']]


def test_an_update_is_committed_and_reaches_who_follows(database, bridge, box, connect):
    database.insert("plan", body="Hello")
    peer = connect(bridge, principal="bob", document="plan")
    update = "UPDATE note SET body = converge.insert(body, 5, ', world') WHERE id = 'plan'"
    assert box.run(update) == {"command": "UPDATE 1", "more": False}
    changes = peer.next("changes")
    assert [change.principal for change in changes.changes] == ["alice"]
    assert database.text("plan") == "Hello, world"
    assert box.rows(update + " RETURNING body::text") == [["Hello, world, world"]]
    assert box.run("WITH made AS (INSERT INTO note (tenant, id) VALUES ('acme', 'new') RETURNING id) SELECT * FROM made"
                   )["rows"] == [["new"]]
    assert box.run("EXPLAIN DELETE FROM note")["columns"] == ["QUERY PLAN"]
    assert box.run("DELETE FROM note WHERE id = 'new'")["command"] == "DELETE 1"


def test_an_error_says_all_that_psql_would(database, box):
    answer = box.post("SELECT idd FROM note")
    error = answer.json["error"]
    assert (answer.status, error["sqlstate"], error["position"]) == (400, "42703", 8)
    assert error["message"] == 'column "idd" does not exist' and 'note.id' in error["hint"]
    database.insert("plan")
    answer = box.post("INSERT INTO note (tenant, id) VALUES ('acme', 'plan')")
    assert (answer.status, answer.json["error"]["sqlstate"]) == (400, "23505")
    # 1 MB, and the message would quote it.
    assert box.refused("SELECT repeat('x', 1000000)::integer") == (400, "54000")


def test_what_a_deferred_constraint_refuses_is_told(database, box):
    database.insert("plan", body="as it was")
    run(database.session, """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation USING MESSAGE = 'too late'; END $$;
        CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON note DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse()""")
    answer = box.post("UPDATE note SET body = converge.insert(body, 0, 'x') RETURNING id")
    assert (answer.status, answer.json["error"]["message"]) == (400, "too late")
    assert database.text("plan") == "as it was"


def test_a_connection_takes_one_statement_after_the_other(bridge, box):
    connection = http.client.HTTPConnection(bridge.address, timeout=60)
    for number in range(3):
        assert box.post(f"SELECT {number}", connection).json["rows"] == [[str(number)]]
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"ok\n"
    assert box.post("SELECT 4", connection, Connection="close").getheader("Connection") == "close"
    connection.close()


def test_the_header_may_wait_for_a_word_before_the_body(bridge, box):
    host, port = bridge.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(f"POST /sql HTTP/1.1\r\nHost: x\r\nAuthorization: bearer {box.token}\r\n"
                           "Content-Length: 8\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"SELECT")
        time.sleep(0.1)
        connection.sendall(b" 1GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        heard = b""
        while part := connection.recv(10000):
            heard += part
    assert b'"rows":[["1"]]' in heard and heard.endswith(b"ok\n")


# ---------------------------------------------------------------- who may use it

def test_it_is_off_unless_asked_for(database, start_bridge, tmp_path):
    (tmp_path / "index.html").write_text("page")
    bridge = start_bridge(database, "--web", str(tmp_path))
    connection = http.client.HTTPConnection(bridge.address, timeout=60)
    statuses = {}
    for method, path in (("GET", "/sql"), ("POST", "/sql"), ("GET", "/absent"), ("POST", "/absent"), ("GET", "/")):
        connection.request(method, path, headers={"Authorization": f"Bearer {database.token()}"})
        answer = connection.getresponse()
        statuses[method, path] = (answer.status, answer.read())
        assert answer.getheader("Converge-SQL-Box") is None
    assert statuses["GET", "/sql"] == statuses["GET", "/absent"] and statuses["GET", "/sql"][0] == 404
    assert statuses["POST", "/sql"] == statuses["POST", "/absent"] and statuses["POST", "/sql"][0] == 405
    assert statuses["GET", "/"] == (200, b"page")


def test_a_page_is_told_that_there_is_one(database, start_bridge, tmp_path):
    (tmp_path / "index.html").write_text("page")
    bridge = start_bridge(database, "--web", str(tmp_path), *prepare(database))
    for method, path, status in (("HEAD", "/", 200), ("GET", "/", 200), ("GET", "/sql", 405), ("DELETE", "/sql", 405)):
        connection = http.client.HTTPConnection(bridge.address, timeout=60)
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status == status
        assert answer.getheader("Converge-SQL-Box") == ("on" if path == "/" else None)
        connection.close()


def test_who_has_no_good_token_is_refused(database, bridge):
    for token in (None, "", "nonsense", database.token(lifetime=-60), database.token()[:-6] + "AAAAAA", "x" * 9000):
        answer = Box(bridge, token).post("SELECT 1")
        assert answer.status == 401 and answer.getheader("WWW-Authenticate") == "Bearer", token
        assert not token or token not in answer.text
    assert Box(bridge, None).post("SELECT 1", Authorization=f"Basic {database.token()}").status == 401
    assert Box(bridge, None).post("SELECT 1", Cookie=f"token={database.token()}").status == 401
    # What held when it was looked at first holds no more.
    revoked = Box(bridge, database.token(principal="bob", jti="one"))
    revoked.run("SELECT 1")
    run(database.session, "SELECT converge.revoke('acme', token_id => 'one')")
    assert revoked.refused("SELECT 1") == (401, "28000")
    short = Box(bridge, database.token(principal="eve", lifetime=SOON))
    wait_until(lambda: short.post("SELECT 1").status == 401, "the token to end")


def test_a_token_that_allows_less_than_policies_is_refused(database, bridge):
    """Policies that do not ask can() do not look at the claim."""
    database.insert("plan", body="as it was")
    narrow = Box(bridge, database.token(permissions={"note": "read"}))
    answer = narrow.post("UPDATE note SET body = converge.insert(body, 0, 'x')")
    assert answer.status == 403 and "permissions" in answer.json["error"]["message"]
    assert database.text("plan") == "as it was"


def test_pages_of_other_origins_are_refused(database, bridge, box):
    assert box.post("SELECT 1", Origin=f"http://{bridge.address}").status == 200
    connection = http.client.HTTPConnection(bridge.address, timeout=60)
    headers = {"Origin": "https://evil.example", "Authorization": f"Bearer {box.token}"}
    connection.request("POST", "/sql", body="SELECT 1", headers=headers)
    assert connection.getresponse().status == 403
    connection.close()
    connection.request("OPTIONS", "/sql", headers=headers)  # what a browser would ask before
    answer = connection.getresponse()
    assert answer.status == 405 and answer.getheader("Access-Control-Allow-Origin") is None
    connection.close()


def test_tenants_see_and_change_what_is_theirs(database, bridge, box):
    for tenant in ("acme", "globex"):
        database.insert("plan", tenant, f"of {tenant}")
    globex = Box(bridge, database.token("globex"))
    for one, other, name in ((box, globex, "acme"), (globex, box, "globex")):
        assert one.rows("SELECT tenant, body::text FROM note") == [[name, f"of {name}"]]
        assert one.rows("SELECT converge.current_tenant(), converge.current_principal()") == [[name, "alice"]]
    assert box.run("UPDATE note SET body = converge.insert(body, 0, 'x') WHERE tenant = 'globex'")["command"] == "UPDATE 0"
    assert box.refused("INSERT INTO note (tenant, id) VALUES ('globex', 'mine')") == (403, "42501")
    assert box.refused("SELECT * FROM converge.jwt_key") == (403, "42501")
    assert box.refused("SELECT * FROM converge.change") == (403, "42501")
    assert database.text("plan", "globex") == "of globex"


# ------------------------------------------------------------- hostile statements

REFUSED = [
    "COMMIT", "ROLLBACK", "BEGIN", "COMMIT AND CHAIN", "SAVEPOINT s", "PREPARE TRANSACTION 'x'", "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres", "SET statement_timeout = 0", "RESET ALL", "DISCARD ALL", "LISTEN x", "NOTIFY x",
    "COPY note TO STDOUT", "COPY note FROM STDIN", "COPY (SELECT 1) TO PROGRAM 'id'", "LOCK note IN ACCESS EXCLUSIVE MODE",
    "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$",
    "CALL converge.compact('note', '1 s')", "CREATE TEMP TABLE t ()", "DROP TABLE note", "ALTER ROLE sql_box SUPERUSER",
    "GRANT sql_box TO bridge", "VACUUM", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "PREPARE p AS SELECT 1", "EXECUTE p",
    "TRUNCATE note", "/* SELECT */ COMMIT", "-- SELECT\nCOMMIT", "/* /* */ SELECT */ COMMIT", ";; COMMIT", "( COMMIT )",
    "\"SELECT\" 1", "U&\"SELECT\"", "SELECTED", "SELECT_", "select\u00e9", "  ", "--", "/* SELECT 1", "\\d", "1"]
RUN = [
    "select 1", " \t\r\n\f SELECT 1", "-- why\nSELECT 1", "/* a /* b */ c */ SELECT 1 -- done", ";SELECT 1;", "((SELECT 1))",
    "TABLE note", "VALUES (1)", "SHOW search_path", "SELECT'a'", "SELECT 1 AS \"--\"", "with x as (select 1) table x"]
SEVERAL = ["SELECT 1; SELECT 2", "SELECT 1; COMMIT", "SELECT 1; DROP TABLE note", "SELECT 1;;COMMIT--"]


def test_one_statement_is_run_if_it_reads_or_writes_rows(box):
    for statement in RUN:
        box.run(statement)
    for statement in REFUSED:
        assert box.refused(statement) == (400, "0A000"), statement
    for statement in SEVERAL:
        assert box.refused(statement) == (400, "42601"), statement
    assert box.post("").status == 400


BEYOND = [
    ("SELECT set_config('role', 'postgres', false)", "42501"),
    ("SELECT set_config('session_authorization', 'postgres', false)", "42501"),
    ("SELECT set_config('converge.tenant', 'globex', true)", "42501"),
    ("SELECT set_config('track_activities', 'on', true)", "42501"),
    ("SELECT set_config('temp_file_limit', '-1', true)", "42501"),
    ("SELECT set_config('session_preload_libraries', 'x', false)", "42501"),
    ("SELECT pg_read_file('/etc/passwd')", "42501"), ("SELECT pg_ls_dir('/')", "42501"),
    ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity", "42501"),
    ("SELECT pg_cancel_backend(pid) FROM pg_stat_activity", "42501"),
    ("SELECT pg_advisory_lock(1)", "42501"), ("SELECT pg_try_advisory_xact_lock_shared(1, 2)", "42501"),
    ("SELECT lo_from_bytea(0, 'x')", "42501"), ("SELECT lo_create(0)", "42501"), ("SELECT lo_import('/etc/passwd')", "42501"),
    ("SELECT pg_notify('x', 'y')", "42501"), ("SELECT pg_logical_emit_message(false, 'x', 'y')", "42501"),
    ("SELECT pg_reload_conf()", "42501"), ("SELECT pg_switch_wal()", "42501"), ("SELECT pg_rotate_logfile()", "42501"),
    ("SELECT pg_create_logical_replication_slot('x', 'test_decoding')", "42501"),
    ("SELECT 1 AS one INTO TABLE public.kept", "42501"), ("SELECT dblink('x', 'y')", "42883"),
    ("SELECT query_to_xml('COMMIT', true, true, '')", "22000"), ("SELECT $1", "08P01"), ("EXPLAIN ANALYZE EXECUTE p", "26000"),
    ("SELECT * FROM pg_authid", "42501"), ("UPDATE pg_class SET relname = 'x'", "42501")]


def test_nothing_but_rows_is_reached(box):
    for statement, sqlstate in BEYOND:
        assert box.refused(statement)[1] == sqlstate, statement


def test_nothing_lasts_longer_than_a_statement(database, box):
    box.run("SELECT set_config('statement_timeout', '0', false), set_config('search_path', 'nowhere', false), "
            "set_config('client_encoding', 'LATIN1', false)")
    box.run("SELECT 1 AS one INTO TEMP kept")
    assert box.rows("SELECT current_setting('statement_timeout'), to_regclass('kept'), current_setting('client_encoding')") == [
        ["5s", None, "UTF8"]]
    wait_until(lambda: statements_under_way(database) == 0, "the connections to be closed")


def test_another_encoding_within_a_statement_breaks_no_answer(box):
    answer = box.rows("SELECT set_config('client_encoding', 'LATIN1', false), 'caf\u00e9'")
    assert answer in ([["LATIN1", "caf\ufffd"]], [["LATIN1", "caf\u00e9"]])


def test_a_statement_has_five_seconds(database, bridge):
    database.insert("plan", body="as it was")
    statements = ["SELECT pg_sleep(3600)", "SELECT set_config('statement_timeout', '0', false), pg_sleep(3600)",
                  "SELECT count(*) FROM (SELECT generate_series(1, 1000000000000)) numbers",
                  "UPDATE note SET body = converge.insert(body, 0, 'x') WHERE pg_sleep(3600) IS NOT NULL"]
    refused = [in_background(Box(bridge, database.token(principal=f"p{number}")).refused, statement)
               for number, statement in enumerate(statements)]
    assert [result() for result in refused] == [(504, "57014")] * 4
    assert database.text("plan") == "as it was"


def test_a_locked_row_is_waited_for_two_seconds(database, server, box):
    database.insert("plan")
    other = server.session(database.name)
    with other.transaction():
        other.run("SELECT FROM note FOR UPDATE")
        assert box.refused("UPDATE note SET body = converge.insert(body, 0, 'x')") == (409, "55P03")
    other.close()


def test_nobody_reads_anothers_statement(database, bridge, box):
    secret = "canary-of-globex"
    globex = Box(bridge, database.token("globex"))

    def attempt(number):
        running = in_background(globex.run, f"SELECT '{secret}', pg_sleep(3)")
        wait_until(lambda: statements_under_way(database) == 1, "the other's statement", 10)
        seen = box.post("SELECT usename, query FROM pg_stat_activity").text
        assert seen.count("sql_box") >= 2  # the other's was there still
        assert secret not in seen and "authenticate" not in seen and database.token("globex") not in seen
        assert running()["rows"][0][0] == secret
    undisturbed(attempt, 3)


# -------------------------------------------------------------------- its bounds

def test_a_hundred_rows_are_given(database, box):
    # (The first of them would take longer than a statement may.)
    for statement in ("SELECT generate_series(1, 1000000000)", "SELECT g FROM generate_series(1, 101) g"):
        answer = box.run(statement)
        assert answer["rows"] == [[str(number)] for number in range(1, 101)]
        assert (answer["more"], answer["command"]) == (True, "SELECT")
    assert box.refused_in_time("SELECT g FROM generate_series(1, 1000000000) g") == (400, "53400")  # its temporary file
    answer = box.run("SELECT g FROM generate_series(1, 100) g")
    assert (len(answer["rows"]), answer["more"], answer["command"]) == (100, False, "SELECT 100")


def test_what_changes_rows_changes_all_of_them(database, box):
    answer = box.run("INSERT INTO note (tenant, id) SELECT 'acme', 'n' || g FROM generate_series(1, 300) g RETURNING id")
    assert (len(answer["rows"]), answer["more"]) == (100, True)
    assert value(database.session, "SELECT count(*) FROM note") == 300
    answer = box.run("WITH gone AS (DELETE FROM note RETURNING id) SELECT * FROM gone")
    assert (len(answer["rows"]), answer["more"]) == (100, True)
    assert value(database.session, "SELECT count(*) FROM note") == 0


@pytest.mark.parametrize("statement", [
    "SELECT repeat('x', 300000)", "SELECT repeat('x', 500000000)", "SELECT repeat('x', 10000) FROM generate_series(1, 100)",
    "EXPLAIN VERBOSE SELECT repeat('x', 1000000)", "SELECT repeat('x', 100000000)::integer",
    "UPDATE note SET body = converge.insert(body, 0, 'x') RETURNING repeat('x', 300000)"])
def test_a_long_answer_is_refused_and_the_statement_undone(database, bridge, box, statement):
    database.insert("plan", body="as it was")

    def peak():
        status = pathlib.Path(f"/proc/{bridge.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])
    before = peak()
    assert box.refused_in_time(statement) == (400, "54000")
    assert database.text("plan") == "as it was"
    assert peak() - before < 8192  # kB
    wait_until(lambda: statements_under_way(database) == 0, "the server to give up")


def test_a_statement_has_64_kilobytes(bridge, box):
    assert box.run("SELECT 1 --" + "x" * (65536 - 11))["rows"] == [["1"]]
    assert box.post("SELECT 1 --" + "x" * (65536 - 10)).status == 413
    assert box.post(iter([b"SELECT 1"])).status == 411  # in chunks
    for body in (b"SELECT '\xff'", b"SELECT 1\0; SELECT 2", "SELECT '\udc00'".encode(errors="surrogatepass")):
        assert box.post(body).status == 400
    host, port = bridge.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(f"POST /sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {box.token}\r\n"
                           "Content-Length: 999999999999\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_body_has_to_come_in_time(database, start_bridge):
    def attempt(limit):
        bridge = start_bridge(database, "--handshake-timeout", f"{round(1000 * limit)}ms", *prepare(database))
        host, port = bridge.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(f"POST /sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {database.token()}\r\n"
                               "Content-Length: 10\r\n\r\nSEL".encode())
            assert connection.recv(1000) == b""
        # A statement that takes longer than that is no request that is late; and the next one is.
        statement = f"SELECT pg_sleep({1.5 * limit})"
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(f"POST /sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {database.token()}\r\n"
                               f"Content-Length: {len(statement)}\r\n\r\n{statement}".encode())
            heard = b""
            while part := connection.recv(10000):
                heard += part
            assert heard.startswith(b"HTTP/1.1 200 ")
    in_time(attempt, 0.6, 1.5, 3)


def test_one_statement_of_a_principal_and_four_in_all(database, bridge):
    def attempt(number):
        boxes = [Box(bridge, database.token(principal=f"p{number}.{n}")) for n in range(5)]
        slow = [in_background(boxes[0].run, "SELECT pg_sleep(4)")]
        wait_until(lambda: statements_under_way(database) == 1, "one statement", 10)
        assert boxes[0].post("SELECT 1").status == 429
        boxes[1].run("SELECT 1")
        slow += [in_background(box.run, "SELECT pg_sleep(3)") for box in boxes[1:4]]
        wait_until(lambda: statements_under_way(database) == 4, "four statements", 10)
        answer = boxes[4].post("SELECT 1")
        assert answer.status == 429 and answer.getheader("Retry-After") == "1"
        assert "limit" in answer.json["error"]["message"]
        # The others of the bridge notice nothing.
        connection = http.client.HTTPConnection(bridge.address, timeout=60)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
        for result in slow:
            assert result()["rows"] == [[""]]
        for box in boxes:
            box.run("SELECT 1")
    undisturbed(attempt, 3)


def test_statements_are_requests(database, bridge):
    limit(database, principal_requests=2)
    box = Box(bridge, database.token(principal="often"))
    statuses = [box.post("SELECT 1").status for _ in range(6)]
    assert statuses[:2] == [200, 200] and 429 in statuses
    Box(bridge, database.token(principal="other")).run("SELECT 1")


def test_who_leaves_ends_no_statement_and_keeps_no_place(database, bridge, box):
    database.insert("plan", body="Hello")
    host, port = bridge.address.rsplit(":", 1)
    statement = b"UPDATE note SET body = converge.insert(body, 0, 'x') WHERE pg_sleep(1) IS NOT NULL"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(f"POST /sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {box.token}\r\n"
                           f"Content-Length: {len(statement)}\r\n\r\n".encode() + statement)
        # (Not by another statement: that would have the principal's place, and this one be refused.
        # On a machine that is busy it may have run before anybody has looked.)
        wait_until(lambda: value(database.session, "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                                 "WHERE usename = 'sql_box' AND relation = 'note'::regclass") > 0
                   or database.text("plan") != "Hello", "the statement to run")
    wait_until(lambda: box.post("SELECT 1").status == 200, "the place")
    assert database.text("plan") == "xHello"


def test_a_statement_that_runs_is_waited_for_at_the_end(database, start_bridge):
    def attempt(number):
        bridge = start_bridge(database, *prepare(database))
        running = in_background(Box(bridge, database.token()).post, "SELECT pg_sleep(2)")
        wait_until(lambda: statements_under_way(database) == 1, "the statement", 10)
        bridge.stop()
        assert running().status == 200
    undisturbed(attempt, 2)


# ------------------------------------------------------------------ its connection

TOO_MUCH = [
    ("ALTER ROLE sql_box BYPASSRLS", "ALTER ROLE sql_box NOBYPASSRLS", "BYPASSRLS"),
    ("ALTER ROLE sql_box SUPERUSER", "ALTER ROLE sql_box NOSUPERUSER", "superuser"),
    ("GRANT converge_owner TO sql_box", "REVOKE converge_owner FROM sql_box", "member of converge_owner"),
    ("GRANT pg_read_all_data TO sql_box", "REVOKE pg_read_all_data FROM sql_box", "pg_read_all_data"),
    ("REVOKE converge_client FROM sql_box", "GRANT converge_client TO sql_box", "no member of converge_client"),
    ("ALTER ROLE sql_box RESET track_activities", "ALTER ROLE sql_box SET track_activities = off", "track_activities"),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "schema public"),
    ("GRANT CREATE ON DATABASE {name} TO sql_box", "REVOKE CREATE ON DATABASE {name} FROM sql_box", "create schemas"),
    ("GRANT EXECUTE ON FUNCTION pg_terminate_backend TO PUBLIC", "REVOKE EXECUTE ON FUNCTION pg_terminate_backend FROM PUBLIC",
     "pg_terminate_backend"),
    ("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), lo_creat(integer) TO sql_box",
     "REVOKE EXECUTE ON FUNCTION pg_advisory_lock(bigint), lo_creat(integer) FROM sql_box", "lo_creat, pg_advisory_lock")]


def test_a_role_that_may_too_much_runs_nothing(own_database):
    database = own_database
    with Bridge(database, *prepare(database)) as bridge:
        box = Box(bridge, database.token())
        for change, undo, problem in TOO_MUCH:
            box.run("SELECT 1")
            run(database.session, change.format(name=database.name))
            answer = box.post("SELECT 1")
            assert answer.status == 503 and problem not in answer.text, change
            assert problem in bridge.log(), change
            run(database.session, undo.format(name=database.name))
        box.run("SELECT 1")


def test_the_bridges_own_role_will_not_do(database, start_bridge):
    prepare(database)
    bridge = start_bridge(database, "--sql-box", database.conninfo())
    assert Box(bridge, database.token()).post("SELECT 1").status == 503
    assert "track_activities" in bridge.log()


def test_how_it_connects_is_told_nobody(database, start_bridge):
    bridge = start_bridge(database, "--sql-box", "host=/nowhere dbname=secret_database user=secret_role password=hidden")
    answer = Box(bridge, database.token()).post("SELECT 1")
    assert answer.status == 503 and answer.json["error"]["message"] == "the database cannot be reached"
    assert "secret" not in answer.text and "nowhere" not in answer.text
    assert "hidden" not in bridge.log()


def test_the_database_may_be_reached_by_tls(own_database, tmp_path):
    from test_tls import make_certificate
    database, server = own_database, own_database.server
    data = pathlib.Path(server.environment["CLUSTER_DATA"])
    for name, made in zip(("server.crt", "server.key"), make_certificate(tmp_path, "database")):
        file = data / name
        file.write_bytes(made.read_bytes())
        file.chmod(0o600)
        shutil.chown(file, server.environment["CLUSTER_USER"])
    options = prepare(database)
    database.session.close()
    server.stop()

    def started():
        """On a port that was free; somebody else may have taken it meanwhile."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        try:
            server.start("ssl=on", "listen_addresses=127.0.0.1", f"port={port}")
        except subprocess.CalledProcessError:
            return None
        return port
    port = wait_until(started, "a server with TLS")
    server.environment["PGPORT"] = str(port)
    database.reconnect()
    with Bridge(database, options[0], f"host=127.0.0.1 port={port} dbname={database.name} user=sql_box sslmode=require") as bridge:
        box = Box(bridge, database.token())
        assert box.rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [["t"]]
        assert len(box.rows("SELECT repeat('x', 2000) FROM generate_series(1, 100)")) == 100
        assert box.refused_in_time("SELECT repeat('x', 500000000)") == (400, "54000")
        assert box.rows("SELECT length('" + "x" * 60000 + "')") == [["60000"]]
