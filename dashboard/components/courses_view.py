"""The course of emotions over recordings of two groups, and whether they differ."""

from typing import Final

import numpy as np
import streamlit as st

from core.emotions import EMOTIONS
from core.statistics.permutation import GroupTest
from dashboard import palette, sessions, study_figures, words
from dashboard.components import busy
from dashboard.session import Keys, is_dark
from dashboard.sessions import Courses

_BY: Final = {"Session": "session", "Tag": "tag"}
_RELATIVE, _SECONDS = "Start to end", "Seconds"
_LENGTHS: Final = (10, 30, 60, 120, 300, 600, 1800, 3600)
_TEST: Final = (
    "Whole speakers are put into the groups anew, or where they are the same speakers, the two "
    "conditions are exchanged. The greatest difference over all times and emotions is what each is held "
    "against, so that the chance of any false alarm stays at 5%."
)


def show(engine: str) -> None:
    """Asks for two groups and shows their courses."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    by = bar.segmented_control(
        "Groups by", list(_BY), default="Session", key=Keys.SESSIONS_BY, bind="query-params"
    )
    members = sessions.groups_of(engine, _BY[by or "Session"])
    if len(members) < 2:
        st.info(
            f"Courses are compared between two groups, and there {'is' if len(members) == 1 else 'are'} "
            f"{len(members)} here. Give recordings a session or tags under *Recordings* first.",
            icon=":material/group_work:",
        )
        return
    names = list(members)
    chosen = [
        bar.selectbox(
            label,
            names,
            index=number,
            format_func=lambda name: f"{name} ({len(members[name])})",
            key=f"sessions.group.{by}.{number}",
            width=200,
        )
        for number, label in enumerate(("First group", "Second group"))
    ]
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    emotion = bar.selectbox(
        "Emotion",
        [str(emotion) for emotion in EMOTIONS],
        format_func=palette.signed,
        key=Keys.SESSIONS_EMOTION,
        bind="query-params",
        width=180,
    )
    axis = bar.segmented_control(
        "Time",
        [_RELATIVE, _SECONDS],
        default=_RELATIVE,
        key=Keys.SESSIONS_AXIS,
        bind="query-params",
    )
    end_s = None
    if axis == _SECONDS:
        end_s = float(bar.selectbox("up to, s", _LENGTHS, index=2, width=120))
    if chosen[0] == chosen[1]:
        st.info("Choose two different groups.")
        return
    kind = _BY[by or "Session"]
    task = sessions.start_courses(engine, kind, chosen, end_s)
    if not task.finished or task.error:
        busy.show(sessions.courses_key(engine, kind, chosen, end_s), sessions.WORK)
        return
    _result(task.result, emotion, end_s)


def _result(found: Courses, emotion: str, end_s: float | None) -> None:
    axis = "time, s" if end_s else "share of the recording"
    st.plotly_chart(
        study_figures.courses_figure(found.times, found.bands, emotion, is_dark(), axis),
        config={"displayModeBar": False},
        key="sessions.courses",
        alt=f"Mean course of {emotion} in two groups",
    )
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
