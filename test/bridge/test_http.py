"""What the bridge serves besides WebSocket."""
import http.client
import pathlib
import subprocess

import pytest

from clients import BUILD


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
    from database import wait_until
    assert ask("/healthz").status == 200
    wait_until(lambda: ask("/readyz").status == 200, "the bridge to be ready")


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
