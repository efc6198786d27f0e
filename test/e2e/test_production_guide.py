"""What docs/guides/production.md says of settings and services, beside its SQL (test_guides.py)."""
import os
import re
import subprocess

from clients import BUILD
from database import ROOT, run, value

GUIDE = (ROOT / "docs/guides/production.md").read_text()
CONF = dict(re.findall(r"^```conf\n# ([\w/.]+)[^\n]*\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))


def settings(text):
    return [(name, setting.strip("'")) for name, setting in re.findall(r"^(\S+) = (.*?)(?:\s+#.*)?$", text, re.MULTILINE)]


def test_the_server_takes_its_settings(own_server):
    session = own_server.connect()
    session.autocommit = True
    for name, setting in settings(CONF["postgresql.conf"]):
        if name == "output_plugin_libraries" and value(session, "SELECT current_setting(%s, true)", name) is None:
            continue  # an older server
        run(session, f"ALTER SYSTEM SET {name} = " + ", ".join(f"'{part}'" for part in setting.split(", ")))
    session.close()


def test_the_bridge_takes_its_file(tmp_path):
    file = tmp_path / "bridge.conf"
    file.write_text(CONF["/etc/converge/bridge.conf"])
    check = subprocess.run([BUILD / "converge-bridge", "--config", file, "--check-config"], capture_output=True, text=True,
                           env={})
    assert check.returncode == 0, check.stderr
    for name, setting in settings(file.read_text()):
        if name != "database":
            assert f"{name} = {setting}\n" in check.stdout


def test_what_is_installed_starts_by_its_unit(tmp_path):
    subprocess.run(["cmake", "--install", BUILD, "--component", "bridge"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "DESTDIR": str(tmp_path)})
    [unit] = tmp_path.rglob("converge-bridge.service")
    command, *options = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE).group(1).split()
    assert options == ["--config", "/etc/converge/bridge.conf"]
    installed = tmp_path / command.lstrip("/")
    version = subprocess.run([installed, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("converge-bridge ")
