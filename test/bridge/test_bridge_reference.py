"""docs/reference/bridge.md names what there is, with its defaults."""
import re
import subprocess

import test_metrics
from clients import BUILD
from database import ROOT

REFERENCE = (ROOT / "docs/reference/bridge.md").read_text()


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", REFERENCE, re.S | re.M).group(1)


def milliseconds_or_bytes(text):
    """A value as --check-config has it: sizes in bytes, times in milliseconds."""
    found = re.fullmatch(r"(\d+) (ms|s|kB|MB)", text.strip("`"))
    if not found:
        return text.strip("`")
    number, unit = int(found[1]), found[2]
    return {"ms": f"{number}ms", "s": f"{number * 1000}ms", "kB": str(number << 10), "MB": str(number << 20)}[unit]


def test_every_setting_with_its_default():
    run = subprocess.run([BUILD / "converge-bridge", "--check-config"], capture_output=True, text=True, check=True, env={})
    actual = dict(line.split(" = ", 1) for line in run.stdout.splitlines())
    rows = re.findall(r"^\| `([a-z-]+)` \| ?(.*?) ?\|", section("Settings"), re.M)
    documented = {name: milliseconds_or_bytes(default) for name, default in rows}
    assert documented == {name: value.strip() for name, value in actual.items()}


def test_every_metric(database, bridge):
    names = set(re.findall(r"`([a-z_]+)(?:\{reason\})?`", "".join(
        line.split("|")[1] for line in section("Metrics").splitlines() if line.startswith("| `"))))
    kinds = dict(re.findall(r"^# TYPE converge_bridge_(\w+) (\w+)$", test_metrics.scrape(bridge).text, re.M))
    assert names - {"rejections_total"} == set(kinds) - {"rejections_total"}
