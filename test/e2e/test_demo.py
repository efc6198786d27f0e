"""`make demo` as its user meets it: started, used, started again, ended."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import urllib.request

import pytest

from clients import BUILD
from database import ROOT, wait_until


@pytest.fixture
def place():
    """A demo of the test's own, beside any that the user has running."""
    with tempfile.TemporaryDirectory(prefix="converge-demo-") as directory:
        os.chmod(directory, 0o755)
        environment = {**os.environ, "CONVERGE_DEMO_DIR": directory}
        environment.pop("MAKEFLAGS", None)
        yield pathlib.Path(directory), environment
        subprocess.run([ROOT / "scripts/demo", "stop"], env=environment, check=True)
        subprocess.run([ROOT / "scripts/cluster", "remove", directory], check=True)


def make(environment, *arguments):
    return subprocess.run(["make", "--no-print-directory", "-C", ROOT, *arguments], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300)


def processes_of(directory):
    """Command lines of the running processes that name the demo's folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, NotADirectoryError):
            continue
        if entry.name.isdigit() and str(directory) in line and int(entry.name) != os.getpid():
            found.append(line)
    return found


def tokens(directory):
    return dict(line.split("=", 1) for line in (directory / "tokens").read_text().splitlines())


def converge(directory, tenant, *arguments):
    known = tokens(directory)
    return subprocess.run([BUILD / "converge", "--url", known["url"], "--token", known[tenant],
                           *arguments], capture_output=True, text=True, timeout=60)


def psql(directory, statement):
    return subprocess.run([ROOT / "scripts/cluster", "psql", directory, "-d", "demo", "-Atc",
                           statement], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def taken():
    """Ports that the demo would have, taken by somebody who does not answer there."""
    sockets = []
    for port in range(8080, 8083):
        sockets.append(socket.socket())
        with contextlib.suppress(OSError):  # somebody else has it
            sockets[-1].bind(("127.0.0.1", port))
    yield range(8080, 8083)
    for each in sockets:
        each.close()


def test_several_install_the_extension_at_the_same_time():
    """As demos do that are started side by side: servers of others run with what is there."""
    started = [subprocess.Popen([ROOT / "scripts/install-extension"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True) for _ in range(4)]
    said = [each.communicate(timeout=120)[0] for each in started]
    assert [each.returncode for each in started] == [0] * 4 and sum("installed" in each for each in said) <= 1, said


def test_detached(place, taken):
    directory, environment = place
    started = make(environment, "demo", "DETACH=1")
    assert started.returncode == 0, started.stdout
    known = tokens(directory)
    assert int(known["url"].rstrip("/").rpartition(":")[2]) not in taken
    page = known["url"].replace("ws://", "http://")
    for tenant in ("acme", "globex"):
        assert f"{page}#token={known[tenant]}" in started.stdout
    with urllib.request.urlopen(page, timeout=60) as answer:
        assert answer.status == 200
        assert b"<html" in answer.read()

    edited = converge(directory, "acme", "edit", "note/welcome", "body", "insert", "0", "Hello. ")
    assert edited.returncode == 0, edited.stderr
    body = "SELECT body::text FROM note WHERE id = 'welcome' AND tenant = '{}'"
    assert psql(directory, body.format("acme")).startswith("Hello. Welcome")
    assert converge(directory, "globex", "edit", "note/plan", "body", "insert", "0", "x").returncode != 0
    assert psql(directory, body.format("globex")).startswith("Globex")

    # Again while it runs: it starts anew, and what was edited is still there.
    again = make(environment, "demo", "DETACH=1")
    assert again.returncode == 0, again.stdout
    assert psql(directory, body.format("acme")).startswith("Hello. Welcome")

    stopped = make(environment, "demo-stop")
    assert stopped.returncode == 0, stopped.stdout
    wait_until(lambda: processes_of(directory) == [], "its processes to end")  # pg_ctl waits for the server's pid file
    assert make(environment, "demo-stop").returncode == 0, "stopping twice is no error"


def heed_interrupts():
    # Whoever starts the tests in the background may have had them ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_leaves_nothing_behind(place):
    directory, environment = place
    with tempfile.NamedTemporaryFile() as output:
        # A session of its own, so that the signal comes to all of it, as from a terminal.
        demo = subprocess.Popen(["make", "--no-print-directory", "-C", ROOT, "demo"], env=environment,
                                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                start_new_session=True, preexec_fn=heed_interrupts)

        def printed(text):
            content = pathlib.Path(output.name).read_text(errors="replace")
            assert demo.poll() is None or text in content, content
            return text in content

        wait_until(lambda: printed("Ctrl-C stops it"), "the demo", timeout=240)
        assert len(processes_of(directory)) >= 2
        os.killpg(demo.pid, signal.SIGINT)
        demo.wait(60)
        wait_until(lambda: processes_of(directory) == [], "its processes to end")
