"""What the bridge serves besides WebSocket."""
import http.client
import pathlib
import socket
import subprocess
import time

import pytest

from clients import BUILD
from cluster import in_time
from database import wait_until
from test_metrics import values
from test_yjs_hostile import memory


@pytest.fixture
def site(tmp_path):
    root = tmp_path / "site"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>page")
    (root / "assets" / "converge.wasm").write_bytes(b"\0asm")
    (root / "assets" / "page.js").write_text("1")
    (root / ".hidden").write_text("hidden")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "site-beside").mkdir()
    (tmp_path / "site-beside" / "secret").write_text("secret")
    (root / "way-out").symlink_to(tmp_path / "secret")
    return root


@pytest.fixture
def ask(database, start_bridge, site):
    bridge = start_bridge(database, "--web", str(site))

    def ask(path, method="GET", **headers):
        connection = http.client.HTTPConnection(bridge.address, timeout=60)
        connection.putrequest(method, path, skip_host=False)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer
    ask.bridge = bridge
    return ask


@pytest.mark.parametrize("path,kind", [
    ("/", "text/html; charset=utf-8"), ("/index.html?x=1", "text/html; charset=utf-8"),
    ("/assets/converge.wasm", "application/wasm"), ("/assets/page.js", "text/javascript; charset=utf-8"),
    ("/assets/%70age.js", "text/javascript; charset=utf-8")])
def test_files_and_their_types(ask, path, kind):
    answer = ask(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    assert answer.content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "wasm-unsafe-eval" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [
    "/absent", "/assets", "/assets/", "/../secret", "/%2e%2e/secret", "/assets/../../secret",
    "/..%2fsecret", "/.hidden", "/way-out", "/../site-beside/secret", "/\\..\\secret", "/%00", "/%", "/%zz",
    "//etc/passwd", "/index.html/"])
def test_no_way_out_of_the_folder(ask, path):
    answer = ask(path)
    assert answer.status in (400, 404)
    assert b"secret" not in answer.content and b"root" not in answer.content


def test_head_and_conditional_requests(ask):
    answer = ask("/")
    head = ask("/", "HEAD")
    assert (head.status, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(answer.content))
    again = ask("/", if_none_match=answer.headers["ETag"])
    assert (again.status, again.content) == (304, b"")


def test_other_methods(ask):
    assert ask("/", "DELETE").status == 405
    assert ask("/sync").status == 426


def test_health(ask):
    assert ask("/healthz").status == 200
    wait_until(lambda: ask("/readyz").status == 200, "the bridge to be ready")


def dial(bridge):
    host, port = bridge.address.split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def request(path, connection="keep-alive"):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n".encode()


def test_requests_in_one_go_are_answered_one_after_another(ask, site):
    content = bytes(range(256)) * 4096
    (site / "large").write_bytes(content)
    client = dial(ask.bridge)
    client.sendall(49 * request("/large") + request("/large", "close"))
    answers = b"".join(iter(lambda: client.recv(1 << 20), b""))
    client.close()
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(content) == 50
    assert answers.endswith(content)


def test_an_upgrade_may_follow_other_requests(ask):
    from frames import RawClient, request as upgrade
    client = RawClient(ask.bridge.address)
    status, _ = client.ask(request("/healthz") + upgrade())
    assert status == 200 and client.take(3) == b"ok\n"
    assert client.ask(b"")[0] == 101
    client.say_hello(ask.bridge.database.token())
    client.close()


@pytest.fixture
def peak(ask):
    """peak(): by how many MB the bridge has grown at most since the last time."""
    pid = ask.bridge.process.pid

    def peak():
        grown = (memory(pid, "VmHWM") - peak.before) / 1024
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM begins anew
        peak.before = memory(pid, "VmRSS")
        return grown
    peak.before = 0
    peak()
    return peak


def test_answers_that_nobody_reads_are_bounded(ask, site, peak):
    """One client asks 300 times for 1 MB; then 20 ask once for the same 16 MB."""
    (site / "large").write_bytes(bytes(1 << 20))
    (site / "larger").write_bytes(bytes(16 << 20))
    client = dial(ask.bridge)
    client.sendall(300 * request("/large"))
    assert ask("/healthz").status == 200
    assert peak() < 10
    clients = [dial(ask.bridge) for _ in range(20)]
    for other in clients:
        other.sendall(request("/larger"))
    assert ask("/healthz").status == 200
    assert peak() < 60  # the file, and what it was read by
    for one in (client, *clients):
        one.close()


def test_who_does_not_take_an_answer_is_cut_off(database, start_bridge, site):
    (site / "large").write_bytes(bytes(16 << 20))
    bridge = start_bridge(database, "--web", str(site), "--idle-timeout", "300ms")
    client = dial(bridge)
    client.sendall(request("/large"))
    wait_until(lambda: values(bridge)["connections"] == 1, "the connection's end")  # the one that asks
    client.close()


def test_a_slow_client_gets_its_answer_whole(database, start_bridge, site):
    """It takes longer than a request may, and than the end of a connection."""
    (site / "large").write_bytes(bytes(16 << 20))

    def attempt(limit):
        bridge = start_bridge(database, "--web", str(site), "--handshake-timeout", f"{round(1000 * limit)}ms")
        client = dial(bridge)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        client.sendall(request("/large", "close"))
        taken = 0
        deadline = time.monotonic() + 2 + limit
        while time.monotonic() < deadline:
            taken += len(client.recv(64 << 10))
            time.sleep(0.05)
        while more := client.recv(1 << 20):
            taken += len(more)
        assert taken > 16 << 20
        client.close()
    in_time(attempt, 0.2, 2, 10)


def check_config(*arguments, **environment):
    return subprocess.run([BUILD / "converge-bridge", "--check-config", *arguments], text=True,
                          capture_output=True, env=environment, timeout=60)


def test_a_flag_beats_the_environment_beats_the_file(tmp_path):
    file = tmp_path / "bridge.conf"
    file.write_text("# bounds\nsend-queue = 2MB\nidle-timeout = 2min\nmax-subscriptions=7\n")
    answer = check_config("--config", str(file), "--send-queue", "64kB", CONVERGE_SEND_QUEUE="1MB",
                          CONVERGE_IDLE_TIMEOUT="30s", CONVERGE_DATABASE="host=/x password=secret")
    lines = answer.stdout.splitlines()
    assert answer.returncode == 0
    for line in ("send-queue = 65536", "idle-timeout = 30000ms", "max-subscriptions = 7"):
        assert line in lines
    assert "secret" not in answer.stdout


@pytest.mark.parametrize("arguments,complaint", [
    (["--listen", "8080"], "expected ADDRESS:PORT"), (["--send-queue", "1XB"], "expected a size"),
    (["--idle-timeout", "5"], "expected a time"), (["--workers", "0"], "expected a number from 1"),
    (["--nonsense"], "unknown option"), (["--listen"], "needs a value"), (["stray"], "unexpected argument"),
    (["--database", "nonsense=1"], "invalid connection option"), (["--web", "/absent"], "not a folder"),
    (["--config", "/absent"], "could not read")])
def test_settings_that_make_no_sense(arguments, complaint):
    answer = check_config(*arguments)
    assert answer.returncode == 2 and complaint in answer.stderr
    assert not pathlib.Path("/absent").exists()


def upgrade(address, **headers):
    """The status of a request to become a WebSocket."""
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", "/sync", headers={
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def test_pages_of_other_origins_may_not_connect(database, start_bridge):
    bridge = start_bridge(database)
    assert upgrade(bridge.address) == 101  # no page at all
    assert upgrade(bridge.address, Origin=f"http://{bridge.address}") == 101
    for origin in ("https://evil.example", f"http://{bridge.address}.evil.example", "null", "http://",
                   f"http://evil.example/{bridge.address}", bridge.address):
        assert upgrade(bridge.address, Origin=origin) == 403, origin


def test_pages_may_be_named_that_may_connect(database, start_bridge):
    bridge = start_bridge(database, "--origins", "https://app.example,https://Other.example:8443")
    for origin in ("https://app.example", "https://APP.example", "https://other.example:8443"):
        assert upgrade(bridge.address, Origin=origin) == 101, origin
    for origin in (f"http://{bridge.address}", "http://app.example", "https://app.example:8443", "https://other.example"):
        assert upgrade(bridge.address, Origin=origin) == 403, origin
    assert upgrade(start_bridge(database, "--origins", "any").address, Origin="https://evil.example") == 101
    wrong = subprocess.run([BUILD / "converge-bridge", "--origins", "app.example", "--check-config"],
                           capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and "origins" in wrong.stderr


def test_what_is_served_says_how_it_may_be_used(ask):
    for path in ("/", "/absent", "/healthz", "/sync"):
        headers = ask(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY", path
        assert headers["Referrer-Policy"] == "no-referrer" and headers["Cross-Origin-Opener-Policy"] == "same-origin", path
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "script-src 'self' 'wasm-unsafe-eval';" in policy, path
