"""The segments of a recording as a table; the chosen one is marked and played."""

import pyarrow as pa
import streamlit as st

from core.records import Segment, Span
from core.timeline.segments import scores_of_segments
from core.timeline.track import Timeline
from dashboard import palette, words
from dashboard.components import cue
from dashboard.resources import Choice
from dashboard.session import Keys


def show(choice: Choice, timeline: Timeline, segments: tuple[Segment, ...]) -> None:
    """Shows the table."""
    st.subheader("Segments", help=words.SEGMENT, anchor=False)
    if not segments:
        st.info("There are no segments, as no speech was found in this recording.")
        return
    table = pa.table(
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
    cue.table(
        choice,
        Keys.SEGMENT_TABLE,
        table,
        [Span(s.start_s, s.end_s) for s in segments],
        column_config={
            "Start, s": seconds,
            "End, s": seconds,
            "Score": st.column_config.NumberColumn(format="%.2f", help=words.SCORE),
            "Confidence": st.column_config.NumberColumn(format="%.2f", help=words.CONFIDENCE),
        },
    )
