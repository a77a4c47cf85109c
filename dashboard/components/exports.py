"""Data and chart of one recording as files."""

import pandas as pd
import streamlit as st

from core.plain import file_stem
from core.records import Segment
from core.timeline.track import Timeline
from dashboard import figures, navigation, resources, takeaway, words
from dashboard.components import provenance
from dashboard.session import DEFAULT_SMOOTHING_S, STACKED, Keys, frames_shown

_KINDS = {
    "Segments, CSV": ("csv", "segments", "text/csv"),
    "Segments, Parquet": ("parquet", "segments", "application/vnd.apache.parquet"),
    "Segments, JSON": ("json", "segments", "application/json"),
    "Frames, CSV": ("csv", "frames", "text/csv"),
    "Frames, Parquet": ("parquet", "frames", "application/vnd.apache.parquet"),
    "Frames, JSON": ("json", "frames", "application/json"),
    "Embeddings and logits, NPY in a ZIP": ("npy", "arrays", "application/zip"),
}


def show(
    row: pd.Series, choice: resources.Choice, timeline: Timeline, segments: tuple[Segment, ...]
) -> None:
    """Shows what can be taken along, made when it is asked for."""
    st.subheader("Take it along", anchor=False)
    held = resources.held_back(row["recording"], resources.Use.PUBLISH)
    if held:
        st.info(words.said(held), icon=":material/lock:")
        return
    begin = file_stem(takeaway.outside_name(row["recording"]))
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    wanted = bar.selectbox(
        "Data", list(_KINDS), key=Keys.EXPORT, persist_state="session", width=330
    )
    kind, table, mime = _KINDS[wanted or next(iter(_KINDS))]
    bar.download_button(
        "Download data",
        lambda: resources.export_file(choice.recording, kind, table, choice.run_key),
        file_name=f"{begin}_{table}.{'zip' if kind == 'npy' else kind}",
        mime=mime,
        on_click="ignore",
    )
    bar.download_button(
        "Download chart",
        lambda: _chart(timeline, segments),
        file_name=f"{begin}_timeline.html",
        mime="text/html",
        on_click="ignore",
        help="The timeline as an interactive page that opens offline.",
    )
    with bar:
        query = {Keys.EXPORT_WHAT: "Charts", Keys.EXPORT_OF: choice.recording}
        navigation.link("export", "As a picture", ":material/image:", **query)


def _chart(timeline: Timeline, segments: tuple[Segment, ...]) -> bytes:
    width_s = float(st.session_state.get(Keys.SMOOTHING, DEFAULT_SMOOTHING_S))
    stacked = st.session_state.get(Keys.VIEW) == STACKED
    frames = frames_shown()
    figure = figures.timeline_figure(
        timeline, segments, width_s=width_s, frames=frames, stacked=stacked, dark=False
    )
    caption = f"Smoothing {width_s:g} s, {frames} frames. {provenance.caption(timeline)}"
    return figures.standalone_html(figure, caption)
