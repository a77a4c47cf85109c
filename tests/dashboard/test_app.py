"""How the server starts: what it imports, and what it does not look for."""

import importlib.metadata
import subprocess
import sys

from streamlit.components.v2.component_manager import BidiComponentManager

from core.settings import PROJECT_ROOT

FIRST_SCREEN = "dashboard.app, dashboard.navigation, dashboard.components.frame, pages.overview"
SLOW = ("pandas", "pyarrow", "deltalake", "av", "numpy", "torch", "funasr", "umap", "sklearn")


def test_first_screen_needs_no_library_of_numbers(tmp_path):
    code = f"import {FIRST_SCREEN}, sys; print(*(m for m in {SLOW} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        env={"TONESCOPE_STORE": str(tmp_path / "store"), "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


def test_server_does_not_search_installed_packages_for_components(monkeypatch):
    import dashboard.app

    asked = []
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: asked.append(1) or [])
    BidiComponentManager().discover_and_register_components(start_file_watching=False)
    assert dashboard.app.app
    assert not asked
