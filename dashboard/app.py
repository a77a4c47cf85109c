"""The application: `streamlit run dashboard/app.py`, or any ASGI server with `dashboard.app:app`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Streamlit puts this folder first; a module here could then stand in for a package of that name.
sys.path[:] = [str(ROOT), *(p for p in sys.path if p not in (str(ROOT), str(ROOT / "dashboard")))]

import streamlit as st  # noqa: E402
from streamlit.components.v2 import manifest_scanner  # noqa: E402

from dashboard import api  # noqa: E402
from dashboard.lifecycle import lifespan, report_error  # noqa: E402
from dashboard.routes import ROUTES  # noqa: E402

# Streamlit reads the metadata of every installed package in search of components, four times each:
# half a second before the first answer. No package here has any; our own need no manifest.
manifest_scanner.scan_component_manifests = list

app = st.App(
    ROOT / "dashboard" / "main.py",
    routes=[*ROUTES, *api.routes()],
    lifespan=lifespan,
    on_script_error=report_error,
)
