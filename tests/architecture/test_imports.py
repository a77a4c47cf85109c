"""What is loaded when: heavy packages only when they are needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.store.folder import open_folder

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "funasr", "umap", "sklearn", "silero_vad", "numba", "transformers", "streamlit")
REPORT = "\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def loaded_after(script: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", script + REPORT], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "script",
    [
        "import core.api, core.cli, core.jobs, core.pipeline",
        "import core.cli\ntry: core.cli.main(['--help'])\nexcept SystemExit: pass",
        "import core.cli\ncore.cli.main(['engines'])",
    ],
    ids=["import", "help", "engines"],
)
def test_heavy_packages_are_left_alone(script):
    loaded = loaded_after(script)
    assert "core.api" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_opening_and_checking_a_store_loads_no_heavy_package(tmp_path):
    loaded = loaded_after(
        "from pathlib import Path; from core.api import Tonescope\n"
        f"assert Tonescope(Path({str(tmp_path / 'store')!r})).check().ok"
    )
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("started", [False, True], ids=["new store", "started store"])
def test_first_page_loads_no_heavy_package(tmp_path, started):
    page_heavy = set(HEAVY) - {"streamlit"}
    store = tmp_path / "store"
    if started:
        open_folder(store)
    loaded = loaded_after(
        f"import os; os.environ['TONESCOPE_STORE'] = {str(store)!r}\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('dashboard/main.py', default_timeout=60).run()\n"
        "assert not app.exception, app.exception\n"
        "assert app.title[0].value == 'Your recordings'"
    )
    assert ("dashboard.resources" in loaded) == started
    assert loaded.isdisjoint(page_heavy)
