"""Fitting a head on the labels, and how good it is beside the engine's own."""

import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.learn.calibrating import LEAST_SAMPLE, Calibrated
from core.statistics.proportions import Estimate
from dashboard import calibrating, palette, words
from dashboard.components import busy

_FOLDS = (
    "From the random sample alone. Each speaker is answered by a head that was fitted without any label "
    "of that speaker."
)
_ABSTAIN = (
    "Below the confidence at which this share of answers was right, the head says nothing. Without it, "
    "the head always answers."
)


def show(engine: str) -> None:
    """Shows the labels there are, the form, and what came of it."""
    counts = calibrating.counts(engine)
    if counts.empty:
        st.info("No segment is labelled yet; begin with *Label*.", icon=":material/label:")
        return
    n_random = int(counts["random"].sum())
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.dataframe(
            pd.DataFrame(
                {
                    "Label": [_worded(term) for term in counts["term"]],
                    "Random": counts["random"],
                    "Picked": counts["picked"],
                }
            ),
            hide_index=True,
        )
        st.caption(
            f"{n_random} of a random sample, {int(counts['picked'].sum())} others. The figures need at "
            f"least {LEAST_SAMPLE} random ones."
        )
    with right:
        name, accuracy = _form()
        ready = n_random >= LEAST_SAMPLE and len(counts) > 1
        if st.button("Fit the head", type="primary", disabled=not (ready and name)):
            calibrating.fit(engine, name, accuracy)
            st.rerun()
        if not ready:
            st.caption(
                f"Label {max(0, LEAST_SAMPLE - n_random)} more random segments, of at least two kinds."
            )
    key = calibrating.fit_key(engine, name, accuracy)
    task = busy.show(key, calibrating.WORK)
    if task is not None and task.finished and not task.error:
        _figures(task.result)


def _form() -> tuple[str, float | None]:
    name = st.text_input(
        "Name of the head", key="calibrate.name", max_chars=80, persist_state="session"
    )
    share = st.select_slider(
        "Abstain unless right in",
        [None, 0.6, 0.7, 0.8, 0.9, 0.95],
        format_func=lambda value: "never abstain" if value is None else f"{value:.0%}",
        key="calibrate.accuracy",
        help=_ABSTAIN,
    )
    return (name or "").strip(), share


def _figures(made: Calibrated) -> None:
    st.subheader("How good it is", help=_FOLDS, anchor=False)
    left, middle, right = st.columns(3)
    with left:
        _estimate("UAR of your head", made.uar)
    with middle:
        if made.uar_engine is None:
            st.metric("UAR of the engine's own", "none")
            st.caption("Your head has classes of its own, which the engine does not know.")
        else:
            _estimate("UAR of the engine's own", made.uar_engine)
    with right:
        if made.better is None:
            st.metric("Calibration error (ECE)", f"{made.ece:.2f}")
        else:
            _estimate("Difference", made.better, signed=True)
    parts = [
        f"{made.n_labels} labels, of them {made.n_sample} in the random sample of {made.n_speakers} "
        f"{'speaker' if made.n_speakers == 1 else 'speakers'}",
        f"calibration error {made.ece:.2f}",
    ]
    if made.uar_answered is not None:
        parts.append(
            f"answers {made.coverage:.0%} of the sample, there with a UAR of {made.uar_answered:.2f}"
        )
    elif made.coverage < 1:
        parts.append("abstains everywhere, as no confidence reaches that share")
    st.caption(" · ".join(parts))
    if not made.other_speakers:
        st.warning(
            "There is one speaker only, so these figures are for a speaker that the head has heard; "
            "expect less on others.",
            icon=":material/warning:",
        )
    st.caption(f"Saved as {words.plain(made.head.name)}. Apply it under *Heads*.")


def _estimate(label: str, found: Estimate, *, signed: bool = False) -> None:
    st.metric(label, f"{found.value:+.2f}" if signed else f"{found.value:.2f}", help=_FOLDS)
    if found.low is None or found.high is None:
        st.caption("no interval under 8 speakers")
    else:
        st.caption(f"95% interval {found.low:.2f} to {found.high:.2f}, {found.n} speakers")


def _worded(term: str) -> str:
    return palette.signed(term) if term in tuple(EMOTIONS) else term
