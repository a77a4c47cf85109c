"""Data and chart of one recording as files."""

import pandas as pd
import streamlit as st

from core.plain import file_stem
from core.records import Span
from dashboard import navigation, resources, takeaway, words
from dashboard.session import DEFAULT_SMOOTHING_S, LINES, STACKED, Keys, frames_shown

_KINDS = {
    "Segments, CSV": ("csv", "segments", "text/csv"),
    "Segments, Parquet": ("parquet", "segments", "application/vnd.apache.parquet"),
    "Segments, JSON": ("json", "segments", "application/json"),
    "Frames, CSV": ("csv", "frames", "text/csv"),
    "Frames, Parquet": ("parquet", "frames", "application/vnd.apache.parquet"),
    "Frames, JSON": ("json", "frames", "application/json"),
    "Embeddings and logits, NPY in a ZIP": ("npy", "arrays", "application/zip"),
}


def show(row: pd.Series, second: resources.Choice | None) -> None:
    """Shows what can be taken along, made when it is asked for.

    Args:
        row: of the catalogue.
        second: the run that is shown beside it.
    """
    choice = resources.choice_of(row)
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
        lambda: chart(row, second),
        file_name=f"{begin}_timeline.html",
        mime="text/html",
        on_click="ignore",
        help="The timeline as it is shown here, with labels, as an interactive page that opens "
        "offline.",
    )
    with bar:
        picture_link(choice, second)


def chart(row: pd.Series, second: resources.Choice | None, region: Span | None = None) -> bytes:
    """Returns the timeline, or a region of it, as the page shows it: one HTML page.

    Args:
        row: of the catalogue.
        second: the run that is shown beside it.
        region: the only stretch to draw, or None for all.
    """
    look = takeaway.TimelineLook(
        smoothing_s=float(st.session_state.get(Keys.SMOOTHING, DEFAULT_SMOOTHING_S)),
        frames=frames_shown(),
        stacked=st.session_state.get(Keys.VIEW) == STACKED,
        region=region,
        second=second,
        labels=True,
    )
    return takeaway.timeline_page(row, look)


def picture_link(
    choice: resources.Choice, second: resources.Choice | None, region: Span | None = None
) -> None:
    """Shows the way to the same chart as a picture for paper."""
    query = {
        Keys.EXPORT_WHAT: "Charts",
        Keys.EXPORT_OF: choice.recording,
        Keys.TRACK: choice.run_key,
        Keys.SMOOTHING: str(st.session_state.get(Keys.SMOOTHING, DEFAULT_SMOOTHING_S)),
        Keys.VIEW: str(st.session_state.get(Keys.VIEW) or LINES),
    }
    if second is not None:
        query[Keys.SECOND] = second.run_key
    if region is not None:
        query[Keys.REGION] = f"{region.start_s:.3f}-{region.end_s:.3f}"
    navigation.link("export", "As a picture", ":material/image:", **query)
