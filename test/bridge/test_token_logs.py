"""No log shows a token, whatever PostgreSQL is told to log: not the server's, not
the bridge's, and no view of statements either."""
import pathlib

import pytest

from clients import Bridge
from database import Database, Server, run, value
from test_sql_box import Box, prepare
from wire import ClientMessage, code_name

# Everything that is logged of statements, the trees of debug_print_plan aside.
SETTINGS = ["log_statement=all", "log_min_duration_statement=0", "log_parameter_max_length=-1",
            "log_parameter_max_length_on_error=-1", "log_min_error_statement=debug5", "log_min_messages=debug1",
            "log_error_verbosity=verbose", "log_connections=on",
            "session_preload_libraries=auto_explain", "auto_explain.log_min_duration=0",
            "auto_explain.log_analyze=on", "auto_explain.log_verbose=on", "auto_explain.log_nested_statements=on",
            "compute_query_id=on"]


@pytest.fixture
def talkative():
    server = Server(start=False)
    server.start(*SETTINGS)
    database = Database(server)
    yield database
    database.close()
    server.remove()


def test_no_log_shows_a_token(talkative, connect):
    database = talkative
    database.insert("plan")
    tokens = {"good": database.token(), "renewed": database.token(lifetime=7200),
              "expired": database.token(lifetime=-60), "forged": database.token()[:-6] + "AAAAAA"}
    with Bridge(database, "--verbose", *prepare(database)) as bridge:
        Box(bridge, tokens["good"]).run("SELECT 1")
        for name in ("expired", "forged"):
            assert Box(bridge, tokens[name]).refused("SELECT 1") == (401, "28000")
            peer = connect(bridge, hello=False)
            assert code_name(peer.hello(tokens[name]).problem.code) == "CODE_UNAUTHENTICATED"
        peer = connect(bridge, hello=False)
        peer.say_hello(tokens["good"])
        peer.follow("note", "plan")
        message = ClientMessage()
        message.push.channel = peer.channel
        peer.change(message)
        peer.send(message)
        assert peer.next("ack").seq == 1
        message = ClientMessage()
        message.renew.token = tokens["renewed"]
        peer.send(message)
        assert peer.next("renewed").token_ms
        # An error with the push as its parameter.
        run(database.session, "ALTER FUNCTION converge.push(bytea) RENAME TO push_away")
        broken = ClientMessage()
        broken.push.channel = peer.channel
        peer.change(broken)
        peer.send(broken)
        peer.next("reject")
        run(database.session, "ALTER FUNCTION converge.push_away(bytea) RENAME TO push")
        shown = run(database.session, "SELECT query FROM pg_stat_activity")
        logs = bridge.log() + str(shown) + pathlib.Path(database.server.directory, "log").read_text(errors="replace")
    assert "converge.authenticate($1" in logs and "(not shown)" in logs, "the statements were not logged"
    for name, token in tokens.items():
        for part in (token, *token.split(".")[1:]):
            assert part not in logs, f"the {name} token"
            assert part.encode().hex() not in logs, f"the {name} token in hex"
