"""What happens when the server starts and stops, and when a script fails."""

import gc
import importlib
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import streamlit as st

from core.errors import TonescopeError
from core.settings import default_store
from core.store.folder import is_unused
from dashboard import words

_EVERY_SCRIPT = ("numpy", "PIL.Image")  # Streamlit reads the icon by them
_PAGES = ("core.api", "core.jobs", "plotly.graph_objects", "plotly.subplots")
_COLLECT_S = 30.0


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Warms up beside the first answers; stops the jobs in the end, whose results are stored."""
    del app
    _later(0.0, _EVERY_SCRIPT)
    if not store_is_unused():
        warm_up()
    stopped = threading.Event()
    threading.Thread(target=_collect, args=(stopped,), daemon=True, name="collector").start()
    try:
        yield {}
    finally:
        stopped.set()
        shared = sys.modules.get("dashboard.shared")
        if shared is not None:  # else nothing was ever asked for
            shared.fetches().close()
            shared.queue().close()


def store_is_unused() -> bool:
    """Returns whether nothing was ever stored, so that the first screen needs no library."""
    return is_unused(default_store())


@cache
def warm_up() -> None:
    """Starts, once, to import what pages need: at once, or after a first screen that needs none."""
    _later(1.0 if store_is_unused() else 0.0, _PAGES)


def _collect(stopped: threading.Event, every_s: float = _COLLECT_S) -> None:
    """Frees now and then what pages left behind, if anything was made since.

    Streamlit would do it after every script, and nothing else runs meanwhile.
    Python alone waits for so many objects that large ones would add up.
    """
    while not stopped.wait(every_s):
        if gc.get_count()[2]:
            gc.collect()


def _later(delay_s: float, names: tuple[str, ...]) -> None:
    timer = threading.Timer(delay_s, lambda: [importlib.import_module(name) for name in names])
    timer.daemon = True
    timer.start()


def report_error(error: Exception) -> bool:
    """Shows a sentence in place of a traceback, which Streamlit has written to the log."""
    if isinstance(error, TonescopeError):
        st.error(words.said(str(error)))
        return True
    st.error(
        f"This page failed ({type(error).__name__}). It is a fault of the program, and its log has "
        "the details; your recordings and results are unharmed. Reload the page to go on."
    )
    return True
