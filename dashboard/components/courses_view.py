"""The course of emotions over recordings of two groups, and whether they differ."""

from typing import Final

import numpy as np
import streamlit as st

from core.emotions import EMOTIONS
from core.statistics.permutation import GroupTest
from core.studies.courses import Axis, Courses
from core.studies.events import Event, EventKind
from dashboard import courses, study_figures, words
from dashboard.components import busy, choose, event_choice, group_choice
from dashboard.session import is_dark

_EVENTS: Final = {
    EventKind.TURN: "the turning point to",
    EventKind.LABEL: "the label",
    EventKind.FLAG: "the flag of",
}
_TEST: Final = (
    "Whole speakers are put into the groups anew, or where they are the same speakers, the two "
    "conditions are exchanged. The greatest difference over all times and emotions is what each is held "
    "against, so that the chance of any false alarm stays at 5%."
)


def show(engine: str) -> None:
    """Asks for two groups and shows their courses."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    chosen = group_choice.show(engine, bar, "Courses are compared")
    if chosen is None:
        return
    emotion = choose.emotion(bar)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    axis = event_choice.show(bar)
    if axis is None:
        return
    by, names = chosen
    task = courses.compare(engine, by, names, axis)
    if not task.finished or task.error:
        busy.show(courses.compare_key(engine, by, names, axis), courses.WORK)
        return
    _result(task.result, emotion, axis)


def _result(found: Courses, emotion: str, axis: Axis) -> None:
    title = "time, s" if axis.end_s else "share of the recording"
    if axis.event is not None:
        title = f"time from {_EVENTS[axis.event.kind]} {axis.event.what}, s"
    st.plotly_chart(
        study_figures.courses_figure(found.times, found.bands, emotion, is_dark(), title),
        config={"displayModeBar": False},
        key="sessions.courses",
        alt=f"Mean course of {emotion} in two groups",
    )
    if axis.event is not None:
        _events(found, axis.event)
    no_band = [name for name, band in found.bands.items() if band.low is None]
    if no_band:
        st.caption(
            f"{' and '.join(words.plain(name) for name in no_band)}: thin lines are the speakers, as "
            "there are fewer than 8 and so no band. Raw scores, read out over 2 s."
        )
    else:
        st.caption(
            "Bands: 95% over speakers, at each time by itself. Raw scores, read out over 2 s."
        )
    if found.test is None:
        st.info(
            words.plain(found.why_not or "There is nothing to compare."), icon=":material/info:"
        )
    else:
        _test(found, found.test)


def _events(found: Courses, event: Event) -> None:
    counts = [f"{words.plain(name)}: {n:,}" for name, n in found.n_events.items()]
    said = f"Events: {', '.join(counts)}; those of a recording are averaged."
    if event.kind is not EventKind.LABEL:
        said += (
            " They are found from the same scores, so what happens at 0 is there by construction; look "
            "at what comes before and after, and at the difference between the groups."
        )
    st.caption(said)


def _test(found: Courses, test: GroupTest) -> None:
    known = ~np.isnan(test.p)
    if not known.any():
        st.info("At no time have all speakers speech, so nothing can be compared.")
        return
    p = float(np.nanmin(test.p))
    where = np.unravel_index(int(np.nanargmin(test.p)), test.p.shape)
    who = (
        f"{test.n_first} speakers with themselves"
        if found.paired
        else f"{test.n_first} and {test.n_second} speakers"
    )
    tried = f"all {test.n_permutations:,}" if test.exact else f"{test.n_permutations:,} random"
    said = "The courses differ" if p < 0.05 else "No difference is shown"
    st.markdown(
        f"**{said}** (least corrected p {_p(p)}, for {EMOTIONS[where[-1]]}): {who}, {tried} "
        "permutations, corrected over all times and emotions.",
        help=_TEST,
    )
    notes = [_smallest(test.smallest_p)]
    n_compared = int(known.any(axis=1).sum())
    if n_compared < len(found.times):
        notes.append(
            f"Compared at {n_compared} of {len(found.times)} times, those at which every speaker has "
            "speech."
        )
    if test.smallest_p >= 0.05:
        notes.append("So few speakers can never show a difference at 5%.")
    notes.append("The test says whether the courses differ, and nothing of when that sets in.")
    if found.left_out:
        n_left = len(found.left_out)
        notes.append(f"{n_left} without recordings of both kinds were left out.")
    st.caption(" ".join(notes))


def _p(value: float) -> str:
    return f"= {value:.3f}" if value >= 0.001 else "< 0.001"


def _smallest(value: float) -> str:
    said = f"{value:.3f}" if value >= 0.001 else "under 0.001"
    return f"The smallest p that so many speakers can give is {said}."
