"""FunASR in processes of its own: whatever torchaudio is, offline, and with no trace left behind."""

import json
import subprocess
import sys

import pytest

from core.settings import PROJECT_ROOT

pytest.importorskip("funasr")

SCRIPT = """
import json, logging, os, random, socket, sys, warnings
asked = []
def refuse(*arguments):
    asked.append(str(arguments[-1]))
    raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = refuse
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torchaudio":
            raise ModuleNotFoundError("No module named 'torchaudio'", name="torchaudio")
if sys.argv[2] == "absent":
    sys.meta_path.insert(0, Absent())
else:
    sys.path.insert(0, sys.argv[3])
import numpy, torch
torch.set_num_threads(3)
def state():
    root = logging.getLogger()
    return {
        "threads": torch.get_num_threads(), "torch": torch.random.get_rng_state().tolist(),
        "numpy": numpy.random.get_state()[1].tolist(), "random": random.getstate(),
        "level": root.level, "handlers": [str(h) for h in root.handlers],
        "environment": dict(os.environ), "warnings": [str(f) for f in warnings.filters],
        "streams": [id(sys.stdout), id(sys.stderr)], "path": list(sys.path),
        "dtype": str(torch.get_default_dtype()), "grad": torch.is_grad_enabled(),
    }
from core.engines.registry import Registry
before = state()
found = Registry().verify(sys.argv[1])
after = state()
import funasr.utils.load_utils as load_utils
print(json.dumps({
    "ok": found.ok, "reason": found.reason, "asked": asked,
    "changed": [key for key in before if before[key] != after[key]],
    "torchaudio": getattr(load_utils.torchaudio, "__version__", None),
    "left": [name for name in sys.modules if name.split(".")[0] == "torchaudio"],
}))
"""
STUBS = {
    "loadable": "__version__ = '2.13.0'\n",
    "broken": "from . import lib\nraise OSError('libtorchaudio.so: undefined symbol')\n",
}


@pytest.mark.parametrize("torchaudio", ["absent", "loadable", "broken"])
def test_emotion2vec_works_offline_and_leaves_no_trace(emotion2vec_dir, tmp_path, torchaudio):
    package = tmp_path / "site" / "torchaudio"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STUBS.get(torchaudio, ""))
    (package / "lib.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, emotion2vec_dir, torchaudio, package.parent],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()  # nothing else is printed
    said = json.loads(line)
    assert (said["ok"], said["reason"]) == (True, None)
    assert said["asked"] == []
    assert said["changed"] == []
    assert said["torchaudio"] == ("2.13.0" if torchaudio == "loadable" else None)
    if torchaudio == "broken":
        assert said["left"] == []
