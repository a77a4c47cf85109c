"""Fitting a head on the labels, and how good it is beside the engine's own."""

import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.learn.calibrating import LEAST_SAMPLE, Calibrated
from core.learn.label_curve import LabelCurve
from core.statistics.proportions import Estimate
from dashboard import calibrating, palette, study_figures, words
from dashboard.components import busy
from dashboard.session import is_dark

_FOLDS = (
    "From the random sample alone. Each speaker is answered by a head that was fitted without any label "
    "of that speaker: of fewer labels than the head that is kept, so with few speakers the figure is "
    "rather too low."
)
_CURVE = (
    "In the order in which you gave the labels. Where the line is flat, more labels of the same kind "
    "help little."
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
    if n_random >= LEAST_SAMPLE and len(counts) > 1:
        _curve(engine)


def _curve(engine: str) -> None:
    """Shows how good heads were on the first labels and then on more, once it is asked for."""
    st.subheader("What more labels have brought", help=_CURVE, anchor=False)
    key = calibrating.curve_key(engine)
    if calibrating.WORK.view(key) is None:
        st.caption("Heads are fitted on your first labels, then on more, which takes some seconds.")
        if st.button("Follow the labels", icon=":material/show_chart:"):
            calibrating.curve(engine)
            st.rerun()
        return
    task = busy.show(key, calibrating.WORK)
    if task is None or not task.finished or task.error:
        return
    found: LabelCurve = task.result
    if not found.points:
        st.info("The labels are of too few speakers or kinds to follow; label more.")
        return
    rows = [(p.n_labels, p.uar.value, p.uar.low, p.uar.high) for p in found.points]
    points = pd.DataFrame(rows, columns=["n_labels", "uar", "low", "high"]).astype(float)
    points["n_labels"] = points["n_labels"].astype(int)
    st.plotly_chart(
        study_figures.label_curve_figure(points, found.engine, is_dark()),
        config={"displayModeBar": False},
        key="calibrate.curve",
        alt="UAR of heads of your own over the number of labels, beside the engine's own",
    )
    last = found.points[-1]
    grown = last.uar.value - found.points[max(0, len(found.points) - 2)].uar.value
    st.caption(
        f"{last.uar.value:.2f} after {last.n_labels} labels, {grown:+.2f} by the last step. Each point "
        "is measured on the whole random sample, by heads without a label of the speaker they answer."
        + (" No band, as it needs at least 8 speakers." if last.uar.low is None else "")
    )


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
        f"{made.n_labels} labels, of them {made.n_sample} in the random sample of "
        f"{words.counted(made.n_speakers, 'speaker')}",
        f"calibration error {made.ece:.2f}",
    ]
    if made.uar_answered is not None:
        parts.extend(
            (
                f"says nothing below a confidence of {made.head.threshold:.2f}",
                f"so answers {made.coverage:.0%} of the sample",
                f"UAR there {made.uar_answered:.2f}",
            )
        )
    elif made.coverage < 1:
        parts.append("abstains everywhere, as no confidence reaches that share")
    st.caption(" · ".join(parts))
    if made.compared is not None:
        st.caption(f"{_verdict(made)} {words.paired(made.compared)}")
    n_heard = calibrating.in_training(made.head.engine_id)
    if n_heard:
        st.warning(
            f"{n_heard} of the labelled segments are of recordings that the engine was trained on, so "
            "its own figure is too good here.",
            icon=":material/warning:",
        )
    if not made.other_speakers:
        st.warning(
            "There is one speaker only, so these figures are for a speaker that the head has heard; "
            "expect less on others.",
            icon=":material/warning:",
        )
    st.caption(f"Saved as {words.plain(made.head.name)}. Apply it under *Heads*.")


def _verdict(made: Calibrated) -> str:
    """Returns whether the head is worth having, as far as the interval of the difference tells."""
    better = made.better
    if better is None or better.low is None or better.high is None:
        return "With so few speakers it stays open which of the two is better."
    if better.low > 0:
        return "The head is better than the engine's own on speakers that it has not heard."
    if better.high < 0:
        return "The engine's own is better: keep it, or label more."
    return "Which of the two is better cannot be told; more labels may tell."


def _estimate(label: str, found: Estimate, *, signed: bool = False) -> None:
    st.metric(label, f"{found.value:+.2f}" if signed else f"{found.value:.2f}", help=_FOLDS)
    if found.low is None or found.high is None:
        st.caption("no interval under 8 speakers")
    else:
        st.caption(f"95% interval {found.low:.2f} to {found.high:.2f}, {found.n} speakers")


def _worded(term: str) -> str:
    return palette.signed(term) if term in tuple(EMOTIONS) else term
