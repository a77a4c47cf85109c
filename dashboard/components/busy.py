"""A computation as it goes, or the sentence that says why it failed."""

from collections.abc import Hashable

import streamlit as st

from dashboard import words
from dashboard.background import Background, Task, background


def show(key: Hashable, among: Background | None = None) -> Task | None:
    """Shows a computation while it runs, and what went wrong; returns it if there is one.

    The page is run again when it has finished.

    Args:
        key: names it.
        among: where it runs, by default among the computations of the process.
    """
    among = among or background()
    task = among.view(key)
    if task is None:
        return None
    if not task.finished:
        _running(key, among)
    elif task.error:
        st.error(words.said(task.error), icon=":material/error:")
    return task


@st.fragment(run_every=0.5)
def _running(key: Hashable, among: Background) -> None:
    task = among.view(key)
    if task is None or task.finished:
        st.rerun()
        return
    st.info(
        f"**{task.title}.** {task.doing} · {task.seconds:.0f} s so far · you can leave this page, "
        "it goes on.",
        icon=":material/hourglass_top:",
    )
