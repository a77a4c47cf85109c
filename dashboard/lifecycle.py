"""What happens when the server starts and stops, and when a script fails."""

import importlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st

from core.errors import TonescopeError


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Warms up beside the first answers; stops the jobs in the end, whose results are stored."""
    del app
    threading.Thread(target=_warm_up, name="tonescope-warm-up", daemon=True).start()
    try:
        yield {}
    finally:
        from dashboard.shared import fetches, queue

        fetches().close()
        queue().close()


def _warm_up() -> None:
    """Imports what the first page needs while the browser still loads Streamlit's own files."""
    for name in ("core.api", "core.jobs", "plotly.graph_objects", "plotly.subplots"):
        importlib.import_module(name)


def report_error(error: Exception) -> bool:
    """Shows a sentence in place of a traceback, which Streamlit has written to the log."""
    if isinstance(error, TonescopeError):
        st.error(str(error))
        return True
    st.error(
        f"This page failed ({type(error).__name__}). It is a fault of the program, and its log has "
        "the details; your recordings and results are unharmed. Reload the page to go on."
    )
    return True
