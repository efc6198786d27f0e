"""The examples of docs/reference/stream.md do what they say."""
import os
import pathlib
import queue
import re
import subprocess
import sys
import threading

from cluster import ROOT
from test_output_plugin import A_PAYLOAD, log, wait_until_free

REFERENCE = (ROOT / "docs/reference/stream.md").read_text()


class Consumer:
    def __init__(self, notes, directory):
        self.notes = notes
        source = re.search(r"```python\n(.*?)```", REFERENCE, re.S).group(1)
        program = pathlib.Path(directory, "consumer.py")
        program.write_text(source)
        subprocess.run(["protoc", f"--proto_path={ROOT / 'proto'}", f"--python_out={directory}",
                        "converge.proto"], check=True)
        conninfo = " ".join(f"{name}={value}" for name, value in notes.server.address.items())
        self.process = subprocess.Popen(
            [sys.executable, str(program), f"{conninfo} dbname={notes.database}"],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.split())

    def stop(self):
        self.process.kill()
        self.process.wait()
        wait_until_free(self.notes.session, "mirror")


def test_the_consumer_goes_on_where_it_was(notes, tmp_path):
    document = notes.document("mirrored")
    foreign = notes.document("mirrored", tenant="globex")
    consumer = Consumer(notes, tmp_path)
    while not notes.session.run("SELECT 1 FROM pg_replication_slots WHERE slot_name = 'mirror' AND active"):
        assert consumer.process.poll() is None
    log(notes, document, 601, 2, A_PAYLOAD)
    log(notes, foreign, 602, 1, A_PAYLOAD, tenant="globex")
    expected = ["props", "\\x1100ff"]
    assert consumer.lines.get(timeout=60) == ["note", "mirrored", "601", "1", *expected]
    assert consumer.lines.get(timeout=60) == ["note", "mirrored", "601", "2", *expected]
    consumer.stop()

    large = bytes(range(256)) * 8192       # 2 MiB: in pieces
    log(notes, document, 603, 1, A_PAYLOAD)
    log(notes, document, 604, 1, field_payload(large))
    consumer = Consumer(notes, tmp_path)
    lines = {}
    while ("604", "1") not in lines:
        line = consumer.lines.get(timeout=60)
        assert line[:2] == ["note", "mirrored"]
        lines[tuple(line[2:4])] = line[4:]
    consumer.stop()
    assert lines["603", "1"] == expected
    assert lines["604", "1"] == ["body", "\\x" + large.hex()]
    assert ("602", "1") not in lines        # another tenant's
    notes.session.run("SELECT pg_drop_replication_slot('mirror')")


def field_payload(delta):
    from wire import Payload
    return Payload(fields=[{"field": "body", "delta": delta}]).SerializeToString()


def test_every_option_and_setting_is_in_the_reference(notes):
    hint = "format framing tenant collection document".split()
    for option in hint:
        assert f"| `{option}` |" in REFERENCE
    settings = notes.session.run("SELECT name FROM pg_settings WHERE name ~ '^converge.(max_(bridges|watches)|(slow_bridge|watch)_timeout)$'")
    assert len(settings) == 4
    for name, in settings:
        assert f"| `{name}` |" in REFERENCE
    for column, in notes.session.run(
            "SELECT unnest(proargnames) FROM pg_proc WHERE oid = 'converge.worker_status()'::regprocedure"):
        assert f"`{column}`" in REFERENCE
