"""proto/converge.proto as Python classes, made when the tests run: `converge_pb2`."""
import importlib
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
_made = tempfile.TemporaryDirectory(prefix="converge-wire-")
subprocess.run(["protoc", f"--proto_path={ROOT / 'proto'}", f"--python_out={_made.name}",
                "converge.proto"], check=True)
sys.path.insert(0, _made.name)
converge_pb2 = importlib.import_module("converge_pb2")
sys.path.remove(_made.name)
