"""An engine as it is fetched or verified: bytes, time left, cancel, and what came of it."""

import streamlit as st

from core.fetches import FETCHING, FetchView
from core.jobs import State
from dashboard import engines, words
from dashboard.palette import time_left


@st.fragment(run_every=0.5)
def show(name: str) -> None:
    """Shows work on an engine, anew twice a second while it runs."""
    view = engines.fetch_view(name)
    if view is None or view.finished:
        st.rerun()
        return
    left, right = st.columns([5, 2], vertical_alignment="center")
    share = view.done_bytes / view.total_bytes if view.total_bytes else 0.0
    left.progress(min(1.0, share), text=_text(view))
    if view.doing == FETCHING and right.button("Cancel", key=f"stop-{name}", width="stretch"):
        engines.cancel_fetch(name)


def result(view: FetchView | None) -> None:
    """Shows what came of the last work on an engine, if there was any."""
    if view is None or not view.finished:
        return
    if view.state is State.DONE:
        st.success("Verified: every file and every tensor is as it should be.")
    elif view.state is State.CANCELLED:
        st.info("Stopped. What has come is kept; Fetch goes on from there.")
    elif view.reason:
        st.error(words.plain(view.reason), icon=":material/error:")


def _text(view: FetchView) -> str:
    if view.doing != FETCHING:
        return "Verifying: reading all weights, then comparing an answer with the model's own"
    if not view.total_bytes:
        return "Asking the hub" if view.state is State.RUNNING else "Waiting for its turn"
    done, total = view.done_bytes / 1e6, view.total_bytes / 1e6
    return f"Fetching, {done:,.1f} of {total:,.1f} MB · {time_left(view.eta_s)}"
