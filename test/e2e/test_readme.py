"""The README's five-minute tour, run as it stands there."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile

import pytest

from database import ROOT, wait_until

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="converge-tour-") as directory:
        os.chmod(directory, 0o755)
        yield directory
        environment = {**os.environ, "CONVERGE_DEMO_DIR": directory}
        subprocess.run([ROOT / "scripts/demo", "stop"], env=environment, check=True)
        subprocess.run([ROOT / "scripts/cluster", "remove", directory], check=True)


class Tour:
    """A reader with a shell, a psql and some more terminals."""

    def __init__(self, directory):
        self.directory = directory
        self.environment = {**os.environ, "CONVERGE_DEMO_DIR": directory}
        self.environment.pop("MAKEFLAGS", None)
        self.terminals = []
        self.shell_before = ""  # what sets the shell's variables, for the blocks after it

    def here(self, text):
        return text.replace("build/demo", self.directory)

    def shell(self, block):
        """Runs a block; one that goes on until Ctrl-C gets a terminal of its own."""
        block = self.here(block)
        if "# until Ctrl-C" in block:
            output = tempfile.NamedTemporaryFile()
            process = subprocess.Popen(["bash", "-ec", self.shell_before + block], cwd=ROOT,
                                       env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=output, start_new_session=True)
            self.terminals.append((process, output))
            wait_until(lambda: process.poll() is not None or self.has_begun(block, output), "a terminal's command")
            assert process.poll() is None, self.shown(output)
        else:
            subprocess.run(["bash", "-ec", self.shell_before + block], cwd=ROOT, timeout=300,
                           env=self.environment, stdin=subprocess.DEVNULL, check=True)
        kept = [line for line in block.splitlines() if line.startswith(("source ", "eval "))]
        self.shell_before += "".join(line + "\n" for line in kept)

    def has_begun(self, block, output):
        if "pg_recvlogical" in block:  # which prints nothing while nothing happens
            made = "SELECT confirmed_flush_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = 'tour'"
            return "t" in self.sql(made).split()
        return self.shown(output) != ""

    def sql(self, block):
        """What psql prints for a block."""
        psql = subprocess.run(
            [ROOT / "scripts/cluster", "psql", self.directory, "-X", "-q", "-v", "ON_ERROR_STOP=1",
             "-d", "demo"], input=block, capture_output=True, text=True,
            timeout=60)
        assert psql.returncode == 0, psql.stderr
        return psql.stdout

    @staticmethod
    def shown(output):
        # Opened anew: the writer's place in it is the one of `output`.
        return pathlib.Path(output.name).read_text(errors="replace")

    def interrupt(self):
        for process, _ in self.terminals:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(60)


def squeezed(table):
    """psql's table without the width of its columns."""
    return [re.sub(r"-{2,}", "--", re.sub(r" +", " ", line)).strip()
            for line in table.splitlines() if line.strip()]


def test_the_tour(directory):
    readme = (ROOT / "README.md").read_text()
    blocks = BLOCK.findall(readme[readme.index("## Five minutes"):])
    assert [kind for kind, _ in blocks].count("sql") >= 4
    tour = Tour(directory)
    printed = None
    try:
        for kind, block in blocks:
            if kind == "sql":
                printed = tour.sql(block)
            elif kind == "text":
                assert squeezed(printed)[-len(squeezed(block)):] == squeezed(block)
            elif kind == "sh":
                if "drop-slot" in block:
                    tail, stream = (output for _, output in tour.terminals)
                    wait_until(lambda: "Meanwhile." in tour.shown(tail), "the tail")
                    wait_until(lambda: '"hello"' in tour.shown(stream), "the stream")
                    tour.interrupt()
                tour.shell(block)
    finally:
        tour.interrupt()
