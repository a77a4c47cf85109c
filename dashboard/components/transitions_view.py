"""What follows what, and how long each emotion lasts; a cell that is selected opens, to hear it."""

from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.statistics.resampling import MIN_SPEAKERS
from core.studies.transitions import Changes
from dashboard import course_figures, courses, palette, words
from dashboard.components import choose, group_choice, stretch_table
from dashboard.session import Keys, is_dark

_NAMES: Final = [str(emotion) for emotion in EMOTIONS]
_EVERYTHING: Final = ""
_MATRIX: Final = (
    "Rows: what a stretch sounds like to the engine. Columns: the next one of the same speaker. Each "
    "speaker's shares of a row sum to 1; shown is their mean, so that nobody counts for more by talking "
    "more. Neighbouring segments of one emotion are one stretch."
)
_DWELL: Final = (
    "Speech of a stretch, without pauses and what others say in between. Stretches at either end of a "
    "recording are cut off there, and a segment is the shortest that there can be."
)


def show(engine: str) -> None:
    """Shows transitions and dwell times of all recordings, or of a group."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    by = group_choice.by(bar)
    members = courses.groups_of(engine, by)
    names = {_EVERYTHING: "all recordings"} | {
        name: f"{name} ({len(recordings)})" for name, recordings in members.items()
    }
    group = choose.show("Of", Keys.SESSIONS_ONLY, names, bar, width=220)
    rows = courses.segments(engine, group or None, by)
    found = courses.changes(rows)
    present = [name for n, name in enumerate(_NAMES) if found.n_stretches[n]]
    if not found.counts.sum():
        st.info(
            "In none of these recordings does the emotion change from one segment to the next.",
            icon=":material/trending_flat:",
        )
    else:
        _matrix(found, present, rows)
    st.subheader("How long each lasts", help=_DWELL, anchor=False)
    st.plotly_chart(
        course_figures.dwell_figure(found.dwell_s, found.n_stretches.tolist(), is_dark()),
        config={"displayModeBar": False},
        key="sessions.dwell",
        alt="Mean length of a stretch of each emotion",
    )
    speakers = words.counted(len(found.dwell_s.speakers), "speaker")
    if found.dwell_s.low is None:
        st.caption(
            f"Large: the mean of {speakers}; small: the speakers themselves, as there are "
            f"fewer than {MIN_SPEAKERS} and so no interval. In brackets: stretches."
        )
    else:
        st.caption(f"Means of {speakers} with 95% intervals over speakers. In brackets: stretches.")


def _matrix(found: Changes, present: list[str], rows: pd.DataFrame) -> None:
    st.subheader("What follows what", help=_MATRIX, anchor=False)
    order = [_NAMES.index(name) for name in present]
    known = found.counts[np.ix_(order, order)] > 0
    means = np.where(known, found.chances.mean[np.ix_(order, order)], 0.0)
    chances = pd.DataFrame(
        np.where(known, np.char.mod("%.2f", means), ""),
        index=pd.Index([palette.signed(name) for name in present], name="from"),
        columns=[palette.signed(name) for name in present],
    )
    picked = st.dataframe(
        chances.style.apply(lambda _: _shades(means), axis=None),
        key=f"sessions.transitions.{len(rows)}.{len(present)}",
        on_select="rerun",
        selection_mode="single-cell",
        alt="Chances of transitions: from in rows, to in columns",
    )
    cells = picked["selection"].get("cells", [])
    if not cells:
        st.caption(
            f"Mean over {words.counted(len(found.chances.speakers), 'speaker')}, of "
            f"{words.counted(int(found.counts.sum()), 'change')}. Select a cell "
            "for its interval and to hear the changes."
        )
        return
    row, column = cells[0]
    columns = dict(zip(chances.columns, present, strict=True))
    if column in columns and row < len(present):
        _cell(found, present[row], columns[column], rows)


def _cell(found: Changes, before: str, after: str, rows: pd.DataFrame) -> None:
    at = (_NAMES.index(before), _NAMES.index(after))
    count, chance = int(found.counts[at]), float(found.chances.mean[at])
    if before == after:
        st.caption("A stretch ends where another emotion begins, so nothing follows itself.")
        return
    if not count:
        st.caption(f"{palette.signed(after)} never follows {palette.signed(before)} here.")
        return
    interval = f"no interval under {MIN_SPEAKERS} speakers"
    if found.chances.low is not None and found.chances.high is not None:
        interval = f"95% {found.chances.low[at]:.2f} to {found.chances.high[at]:.2f}"
    times = "once" if count == 1 else f"{count:,} times"
    st.markdown(
        f"**{palette.signed(after)} after {palette.signed(before)}: {chance:.2f} of what follows** "
        f"({words.plain(interval)}), {times}"
    )
    places = courses.places(rows, before, after)
    table = places[["recording", "name", "start_s", "end_s", "Speaker"]]
    stretch_table.table(table, f"sessions.transition.{before}.{after}.{len(rows)}")


def _shades(means: np.ndarray) -> np.ndarray:
    shades = np.char.mod("background-color: rgba(70, 120, 175, %.3f)", 0.55 * means)
    return np.where(means > 0, shades, "")
