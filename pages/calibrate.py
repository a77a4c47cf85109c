"""Calibrate: a head of one's own, from labels of one's own recordings."""

import streamlit as st

from dashboard import corpus
from dashboard.components import choose, head_fit, head_library, nothing, quick_labels
from dashboard.session import Keys

_LABEL, _FIT, _HEADS = "Label", "Fit", "Heads"
_HEAD = (
    "A head is a small read-out of what the engine has stored of each segment (its embedding). One "
    "fitted on your own labels may know your recordings better, and may have classes of its own."
)


def main() -> None:
    """Shows the page."""
    engines = corpus.engines()
    if not engines:
        nothing.show(
            "Calibrate",
            "**Nothing to calibrate yet.** Here you will listen to some segments of your recordings, "
            "say what you hear, and fit the engine to it, with figures that say whether that helped.",
        )
        return
    st.title("Calibrate to your recordings", help=_HEAD, anchor=False)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    step = choose.one_of("Step", [_LABEL, _FIT, _HEADS], Keys.STEP, bar)
    engine = engines[0]
    if len(engines) > 1:
        engine = choose.show("Engine", Keys.MAP_ENGINE, {e: e for e in engines}, bar, width=260)
    if step == _FIT:
        head_fit.show(engine)
    elif step == _HEADS:
        head_library.show(engine)
    else:
        quick_labels.show(engine)


main()
