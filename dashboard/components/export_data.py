"""Tables to take along: which columns they have, and the files when they are written."""

import pandas as pd
import streamlit as st

from core.export.annotations import AnnotationFormat, tiers
from core.export.tables import TableFormat, columns
from dashboard import takeaway, words
from dashboard.background import background
from dashboard.components import busy
from dashboard.session import Keys

_FORMATS = {
    "CSV": TableFormat.CSV,
    "Parquet": TableFormat.PARQUET,
    "JSON": TableFormat.JSON,
    "NPY": TableFormat.NPY,
    "ELAN": AnnotationFormat.EAF,
    "TextGrid": AnnotationFormat.TEXTGRID,
    "Audacity": AnnotationFormat.AUDACITY,
    "WebVTT": AnnotationFormat.WEBVTT,
    "RTTM": AnnotationFormat.RTTM,
    "audformat": AnnotationFormat.AUDFORMAT,
}
_ABOUT = {
    TableFormat.CSV: "Four tables as text, for spreadsheets, R and SPSS.",
    TableFormat.PARQUET: "Four tables, small and typed, for pandas, Polars, DuckDB and R.",
    TableFormat.JSON: "Four tables as lists of records, for web programs.",
    TableFormat.NPY: "Segment embeddings and frame logits as NumPy arrays, with the table of their "
    "rows beside them.",
    AnnotationFormat.EAF: "Segments, labels, transcripts, turning points and peaks as tiers, a file for "
    "each recording, with the nine emotions as a controlled vocabulary.",
    AnnotationFormat.TEXTGRID: "Segments, labels and transcripts as tiers for Praat, turning points "
    "and peaks as point tiers.",
    AnnotationFormat.AUDACITY: "A label track for each speaker and each annotator, and some for "
    "turning points and peaks.",
    AnnotationFormat.WEBVTT: "Segments, labels and transcripts as cues, for players and browsers.",
    AnnotationFormat.RTTM: "Who speaks when, for tools that compare diarizations.",
    AnnotationFormat.AUDFORMAT: "One database with the engine and each annotator as raters, for "
    "audformat and audb.",
}


def show(recording: str, stem: str) -> tuple[str, bool]:
    """Shows the formats, then the files; returns the format, and whether under pseudonyms.

    Args:
        recording: its SHA-256, or `takeaway.ALL`.
        stem: begins the names of files.
    """
    bar = st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    chosen = bar.pills(
        "Format",
        list(_FORMATS),
        default="CSV",
        key=Keys.EXPORT_FORMAT,
        bind="query-params",
        required=True,
    )
    kind = _FORMATS[chosen]
    pseudonyms = bar.toggle("Pseudonyms", key=Keys.EXPORT_PSEUDONYMS, help=words.PSEUDONYMS)
    key = takeaway.tables_key(kind, recording, pseudonyms)
    task = background().view(key)
    done = task is not None and task.finished and not task.error
    if not done and bar.button(
        "Write the files", type="primary", disabled=task is not None and not task.finished
    ):
        takeaway.write_tables(kind, recording, pseudonyms)
    st.caption(_ABOUT[kind])
    task = busy.show(key)
    if task is not None and task.finished and not task.error:
        _files(task.result, kind, stem)
    _codebook(kind)
    return str(kind), pseudonyms


def _files(written: takeaway.Written, kind: TableFormat | AnnotationFormat, stem: str) -> None:
    with st.container(border=True):
        left, right = st.columns([5, 2], vertical_alignment="center")
        size_mb = written.archive.stat().st_size / 1e6
        left.markdown(f"**{len(written.files)} files are ready**, {size_mb:,.2f} MB as one ZIP.")
        right.download_button(
            "Download all as ZIP",
            written.archive.read_bytes,
            file_name=f"{stem}_{kind}.zip",
            mime="application/zip",
            on_click="ignore",
            type="primary",
            width="stretch",
        )
        names = {name: f"{name} · {n_rows:,} rows" for name, n_rows in written.files}
        left, right = st.columns([5, 2], vertical_alignment="bottom")
        name = left.selectbox("One file", list(names), format_func=lambda n: names[n])
        right.download_button(
            "Download this file",
            written.path(name).read_bytes,
            file_name=f"{stem}_{name}",
            mime="application/octet-stream",
            on_click="ignore",
            width="stretch",
        )
        rows = takeaway.head(written, name)
        if rows is not None:
            st.caption(f"The first {len(rows)} rows")
            st.dataframe(rows, hide_index=True)


def _codebook(kind: TableFormat | AnnotationFormat) -> None:
    if isinstance(kind, AnnotationFormat):
        st.subheader("Tiers", help=words.CODEBOOK, anchor=False)
        book = tiers(kind)
        table = pd.DataFrame({"Tier": list(book), "Meaning": list(book.values())})
        st.dataframe(table, hide_index=True)
        return
    st.subheader("Columns", help=words.CODEBOOK, anchor=False)
    tables = columns(kind)
    for name, tab in zip(tables, st.tabs(list(tables)), strict=True):
        book = {"Column": list(tables[name]), "Meaning": list(tables[name].values())}
        tab.dataframe(
            pd.DataFrame(book),
            hide_index=True,
            height=320,
            column_config={
                "Column": st.column_config.TextColumn(width="small"),
                "Meaning": st.column_config.TextColumn(width="large"),
            },
        )
