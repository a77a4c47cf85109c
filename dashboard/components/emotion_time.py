"""The emotion diarization error: how much of the time another emotion is told than the one there."""

from itertools import combinations

import pandas as pd
import streamlit as st

from core.learn.over_time import Counting, Timed, error_over_time
from core.learn.stored import between_people
from dashboard import study_figures, words
from dashboard.evaluating import Result
from dashboard.session import Keys, is_dark


@st.fragment
def show(found: Result, other: Result | None) -> None:
    """Shows what counts, and the error of each reference."""
    st.subheader("Over time", help=words.TIME_ERROR, anchor=False)
    bar = st.container(horizontal=True, gap="medium")
    counting = Counting(
        neutral=bar.checkbox("Neutral is an emotion too", key=Keys.EVALUATE_NEUTRAL),
        unlabelled=bar.checkbox(
            "Time without a label counts",
            key=Keys.EVALUATE_UNLABELLED,
            help="As time without an emotion. Right where whole recordings were labelled.",
        ),
        pauses=bar.checkbox(
            "Pauses count",
            key=Keys.EVALUATE_PAUSES,
            help="Where the engine found no speech it tells nothing, so labels over pauses are missed.",
        ),
    )
    rows = _rows(found, other, counting)
    if not len(rows):
        st.info(
            "The labels hold no emotion but neutral, so there is nothing that could be missed or "
            "confused; let neutral count, or label more."
        )
        return
    st.plotly_chart(
        study_figures.time_error_figure(rows, is_dark()),
        config={"displayModeBar": False},
        key="evaluate.time",
        alt="Missed, false alarm and confused time as shares of the reference",
    )
    told = "No interval, as it needs at least 8 speakers. " if rows["low"].isna().all() else ""
    st.caption(f"{told}The three together are the error; it can exceed 100%, as false alarms can.")
    with st.expander("Figures of the error over time"):
        _table(rows)


def _rows(found: Result, other: Result | None, counting: Counting) -> pd.DataFrame:
    """Returns the engine beside each annotator, a second one, then annotators beside each other."""
    sides: list[tuple[str, tuple[Timed, ...]]] = []
    for result in (found, other):
        if result is not None:
            for person, timed in result.over_time.items():
                sides.append((f"{result.title} beside {person or 'the CSV'}", timed))
    for a, b in combinations(found.over_time, 2):
        timed = between_people(found.over_time[a], found.over_time[b])
        sides.append((f"{b} beside {a}", timed))
    rows = []
    for name, timed in sides[:40]:
        error = error_over_time(timed, counting) if timed else None
        if error is None or error.rate is None:
            continue
        there_s = error.error.reference_s
        rows.append(
            {
                "name": name,
                "rate": error.rate.value,
                "low": error.rate.low,
                "high": error.rate.high,
                "miss": error.error.miss / there_s,
                "false_alarm": error.error.false_alarm / there_s,
                "confusion": error.error.confusion / there_s,
                "reference_s": there_s,
                "n": error.n_recordings,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.astype({"low": float, "high": float}) if rows else frame


def _table(rows: pd.DataFrame) -> None:
    names = {
        "name": "Who beside whom",
        "rate": "Error, %",
        "low": "Low, %",
        "high": "High, %",
        "miss": "Missed, %",
        "false_alarm": "False alarm, %",
        "confusion": "Confused, %",
        "reference_s": "Reference, s",
        "n": "Recordings",
    }
    shown = rows[list(names)].rename(columns=names)
    shares = [name for name in shown.columns if name.endswith("%")]
    shown[shares] = shown[shares] * 100
    looks = {
        name: st.column_config.NumberColumn(format="%.1f") for name in (*shares, "Reference, s")
    }
    st.dataframe(shown, hide_index=True, column_config=looks)
