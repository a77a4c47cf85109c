"""Group results with the engine's error in them: a random sample to label, raw and corrected shares."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from core.errors import TonescopeError
from core.statistics.prediction_powered import PredictionPowered
from core.statistics.proportions import Estimate
from core.statistics.resampling import MIN_SPEAKERS
from core.store.samples import Sample
from core.studies.corrected import Corrected
from dashboard import course_figures, courses, words
from dashboard.components import annotator, choose, group_choice, quick_labels
from dashboard.session import Keys, is_dark

_RESULT, _LABEL, _DRAW = "Result", "Label", "New sample"
_NEXT: Final = "estimates.next"
_SIZES: Final = (10, 20, 30, 50, 100, 200)
_WHY: Final = (
    "What the engine gets wrong may differ between groups, and then a difference between them is one of "
    "its errors. People label a random sample; how far the engine is off there corrects its answers on "
    "all the rest (prediction-powered inference, clustered by speaker)."
)


def show(engine: str) -> None:
    """Shows the samples of groups: drawn, labelled, estimated."""
    drawn = courses.draws(engine)
    if not drawn:
        st.markdown(
            "**How much of a difference between groups is the engine's error?** Draw some segments of "
            "both groups at random and say what you hear. The shares of all segments are then corrected "
            "by how far the engine was off, with an interval over speakers.",
            help=_WHY,
        )
        _draw(engine, first=True)
        return
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    labels = {str(one.sample): f"{one.name}, {one.made_at:%d %b %H:%M}" for one in drawn}
    number = choose.show("Sample", Keys.CALIBRATE_DRAW, labels, bar, width=400)
    chosen = next(one for one in drawn if str(one.sample) == number)
    if _NEXT in st.session_state:
        st.session_state[Keys.ESTIMATE_STEP] = st.session_state.pop(_NEXT)
    elif Keys.ESTIMATE_STEP not in st.session_state and Keys.ESTIMATE_STEP not in st.query_params:
        st.session_state[Keys.ESTIMATE_STEP] = _RESULT
    step = bar.segmented_control(
        "Do",
        [_RESULT, _LABEL, _DRAW],
        key=Keys.ESTIMATE_STEP,
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if step == _LABEL:
        name = annotator.ask(st.container(horizontal=True), "Who listens")
        quick_labels.queue(chosen, name)
        annotator.keep(name, "estimates")
    elif step == _DRAW:
        _draw(engine, first=False)
    else:
        _result(chosen, bar)


def _draw(engine: str, *, first: bool) -> None:
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    chosen = group_choice.show(engine, bar, "Shares are compared")
    if chosen is None:
        return
    n_each = bar.selectbox("Segments of each", _SIZES, index=2, width=150)
    kind = "primary" if first else "secondary"
    if bar.button("Draw the sample", type=kind):
        try:
            drawn = courses.draw(engine, *chosen, n_each)
        except TonescopeError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
            return
        st.query_params[Keys.CALIBRATE_DRAW] = str(drawn.sample)
        st.session_state[_NEXT] = _LABEL
        st.rerun()
    st.caption(
        "Every segment of a group has the same chance, whether it was labelled before or not. A larger "
        "sample of the same groups holds the smaller one, so no label is lost."
    )


def _result(drawn: Sample, bar: Any) -> None:
    emotion = choose.emotion(bar)
    found = courses.estimate(drawn, emotion)
    if found.changed:
        st.warning(
            "The groups hold other recordings now than when the sample was drawn, so it does not stand "
            "for them any more; draw a new one.",
            icon=":material/sync_problem:",
        )
    rows = [(name, one) for name, one in found.groups.items() if one is not None]
    if found.difference is not None:
        first, second = found.groups
        rows.append((f"{first} minus {second}", found.difference))
    if not rows:
        st.info(
            "Too few segments are labelled: at least two of a group are needed, and some tens tell "
            "more. Go to *Label*.",
            icon=":material/edit:",
        )
    else:
        _estimates(found, rows, emotion)
    _counts(found)


def _estimates(found: Corrected, rows: list[tuple[str, PredictionPowered]], emotion: str) -> None:
    if found.difference is not None:
        st.markdown(_sentence(found.difference, emotion, tuple(found.groups)), help=_WHY)
    told = [(name, one.engine_only, one.estimate, one.labels_only) for name, one in rows]
    st.plotly_chart(
        course_figures.estimates_figure(told, emotion, is_dark()),
        config={"displayModeBar": False},
        key="sessions.estimates",
        alt=f"Share of segments that are {emotion}: engine alone, labels alone, corrected",
    )
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "Group": name,
                    "Engine alone": f"{one.engine_only:.2f}",
                    "Corrected": _with_interval(one.estimate),
                    "Labels alone": _with_interval(one.labels_only),
                    "Labelled": one.n_labelled,
                    "Speakers": one.labels_only.n,
                }
                for name, one in rows
            ]
        ),
        hide_index=True,
    )
    st.caption(
        f"In brackets: 95% over speakers, none under {MIN_SPEAKERS} or where all labels of a group say "
        "the same. The engine alone has none, as its error is not in it. Skip only what cannot be "
        "heard: what is skipped counts as not labelled."
    )


def _sentence(found: PredictionPowered, emotion: str, groups: tuple[str, ...]) -> str:
    names = " minus ".join(words.plain(name) for name in groups)
    said = f"**Share of {emotion}, {names}: raw {found.engine_only:+.2f}, corrected "
    said += f"{found.estimate.value:+.2f}**"
    if found.estimate.low is None or found.estimate.high is None:
        why = f"under {MIN_SPEAKERS} speakers"
        if found.estimate.n >= MIN_SPEAKERS:
            why = "where all labels of a group say the same"
        return f"{said}; no interval {why}, so nothing can be claimed of others."
    said += f" (95% {found.estimate.low:+.2f} to {found.estimate.high:+.2f})"
    if found.estimate.low <= 0 <= found.estimate.high:
        return f"{said}; it may as well be none."
    return f"{said}; it stands with the engine's error counted."


def _with_interval(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _counts(found: Corrected) -> None:
    parts = []
    for name, counts in found.labelled.items():
        said = f"{words.plain(name)}: {counts.n_labelled} of {counts.n_drawn} labelled, drawn from "
        said += words.counted(counts.n_segments, "segment")
        if counts.n_later:
            said += f"; {counts.n_later:,} came later and are left out"
        parts.append(said)
    st.caption(". ".join(parts) + ".")
