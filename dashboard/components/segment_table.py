"""The segments of a recording as a table; the chosen one is marked and played."""

from functools import partial

import pandas as pd
import streamlit as st

from core.records import Segment, Span
from core.timeline.segments import scores_of_segments
from core.timeline.track import Timeline
from dashboard import palette, words
from dashboard.session import Keys


def key(name: str, row: pd.Series) -> str:
    """Returns the key of a widget that belongs to one run."""
    return f"{name}.{row['recording']}.{row['run_key']}"


def cue(row: pd.Series, segments: tuple[Segment, ...]) -> tuple[str, Span] | None:
    """Returns the segment that was chosen last in the table, with a name for this choice of it."""
    chosen = st.session_state.get(key(Keys.CUE, row))
    if chosen is None or chosen[0] >= len(segments):
        return None
    number, times = chosen
    return f"{number}.{times}", Span(segments[number].start_s, segments[number].end_s)


def _cue_from_table(row: pd.Series) -> None:
    chosen = st.session_state[key(Keys.SEGMENT_TABLE, row)]["selection"]["rows"]
    times = st.session_state.get(key(Keys.CUE, row), (0, 0))[1] + 1
    if chosen:
        st.session_state[key(Keys.CUE, row)] = (chosen[0], times)


def show(row: pd.Series, timeline: Timeline, segments: tuple[Segment, ...]) -> None:
    """Shows the table."""
    st.subheader("Segments", help=words.SEGMENT, anchor=False)
    if not segments:
        st.info("There are no segments, as no speech was found in this recording.")
        return
    table = pd.DataFrame(
        {
            "#": [s.segment + 1 for s in segments],
            "Start, s": [s.start_s for s in segments],
            "End, s": [s.end_s for s in segments],
            "Sounds": [palette.signed(s.emotion) for s in segments],
            "Score": scores_of_segments(timeline, segments).max(axis=1),
            "Confidence": [s.confidence for s in segments],
        }
    )
    seconds = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        table,
        key=key(Keys.SEGMENT_TABLE, row),
        hide_index=True,
        on_select=partial(_cue_from_table, row),
        selection_mode="single-row",
        height=min(38 + 35 * len(segments), 400),
        column_config={
            "Start, s": seconds,
            "End, s": seconds,
            "Score": st.column_config.NumberColumn(format="%.2f", help=words.SCORE),
            "Confidence": st.column_config.NumberColumn(format="%.2f", help=words.CONFIDENCE),
        },
    )
