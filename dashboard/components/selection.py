"""Segments that were marked: how many, what they sound like, to hear, to label and to keep."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from dashboard import corpus_figures, keeping, labelling, palette, words
from dashboard.components import listen
from dashboard.session import Keys, is_dark

_NAMES = [str(emotion) for emotion in EMOTIONS]


def show(rows: pd.DataFrame, rest: pd.DataFrame, engine: str, details: dict[str, object]) -> None:
    """Shows what is marked.

    Args:
        rows: of `corpus.segments`, those that are marked.
        rest: those that are shown and not marked.
        engine: its id.
        details: where they were marked, kept with a saved set.
    """
    with st.container(border=True, key="selection"):
        title = "1 segment marked" if len(rows) == 1 else f"{len(rows):,} segments marked"
        head = st.container(horizontal=True, vertical_alignment="center")
        head.subheader(title, anchor=False)
        head.button("Unmark", on_click=_unmark, type="tertiary", icon=":material/close:")
        if rows.empty:
            st.caption("There is no segment in the area that was drawn; draw round some points.")
            return
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.markdown("**How they sound to the engine**, against the rest", help=words.SHARES_OF)
            st.plotly_chart(
                corpus_figures.mix_figure(
                    _mix(rows),
                    _mix(rest) if len(rest) else None,
                    is_dark(),
                    title="share of segments",
                ),
                config={"displayModeBar": False},
                key="selection.mix",
                alt="Share of segments by emotion, marked and not",
            )
        with right:
            listen.show(listen.items_of(rows), "selection.listen", rows=6)
            if len(rows) > listen.MOST:
                st.caption(f"The first {listen.MOST} of {len(rows):,} are listed here.")
        _actions(rows, rest, engine, details)


def _mix(rows: pd.DataFrame) -> list[float]:
    counts = rows["emotion"].value_counts(normalize=True)
    return [float(counts.get(name, 0.0)) for name in _NAMES]


def _actions(
    rows: pd.DataFrame, rest: pd.DataFrame, engine: str, details: dict[str, object]
) -> None:
    bar = st.container(horizontal=True)
    with bar.popover("Label all", icon=":material/label:"):
        _label(rows)
    with bar.popover("Tag recordings", icon=":material/sell:"):
        _tag(rows)
    with bar.popover("Save as a set", icon=":material/bookmark:"):
        _kept("set", rows, partial(_save, rows, details | {"engine_id": engine}))
    with bar.popover("Make it a cluster", icon=":material/workspaces:"):
        st.caption("Keeps a clustering of two: these segments, and the rest that the filter shows.")
        _kept("cluster", rows, partial(keeping.keep_cluster, engine, rows=rows, rest=rest))
    bar.download_button(
        "Download CSV",
        partial(keeping.csv, rows),
        file_name="marked_segments.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def _save(rows: pd.DataFrame, details: dict[str, object], title: str) -> str | None:
    return keeping.save_set(title, rows, details)


def _kept(what: str, rows: pd.DataFrame, keep: partial[str | None]) -> None:
    with st.form(f"selection.{what}.form", border=False, clear_on_submit=True):
        title = st.text_input("Name", key=f"selection.{what}.name", max_chars=80)
        wanted = st.form_submit_button(f"Keep {len(rows):,} segments")
    if wanted:
        error = keep(title=title)
        if error:
            st.error(error, icon=":material/error:")
        else:
            where = "Same tone" if what == "set" else "Clusters"
            st.success(f"Kept; it is found again on the page {where}.", icon=":material/check:")


def _tag(rows: pd.DataFrame) -> None:
    n = int(rows["recording"].nunique())
    what = "1 recording" if n == 1 else f"{n:,} recordings"
    st.caption(f"Tags belong to recordings: the {what} of these segments get it as a whole.")
    with st.form("selection.tag.form", border=False):
        tag = st.text_input("Tag", key="selection.tag", max_chars=80)
        by = st.text_input("Your name", labelling.annotator(), key="selection.tag.by", max_chars=80)
        wanted = st.form_submit_button(f"Tag {what}")
    if not wanted:
        return
    done = keeping.tag_all(rows, tag, by)
    if isinstance(done, str):
        st.error(done, icon=":material/error:")
    elif not done:
        st.info("All of them have it already.")
    else:
        st.success(f"{done:,} tagged; the filter finds them.", icon=":material/check:")
        st.button("Undo", on_click=keeping.untag, args=(by,), icon=":material/undo:")


def _label(rows: pd.DataFrame) -> None:
    if len(rows) > listen.MOST:
        st.caption(
            f"Only what was heard should be labelled, and at most {listen.MOST} segments can be "
            f"listened through here. Mark fewer than these {len(rows):,}."
        )
        return
    options = [*_NAMES, *labelling.own_terms()]
    with st.form("selection.label.form", border=False):
        term = st.selectbox(
            "Emotion or own term",
            options,
            index=None,
            format_func=lambda name: palette.signed(name) if name in _NAMES else name,
            accept_new_options=True,
            placeholder="choose, or type a word",
            key="selection.label.term",
        )
        name = st.text_input(
            "Annotator",
            labelling.annotator(),
            key="selection.label.annotator",
            max_chars=80,
            help=words.ANNOTATOR,
        )
        wanted = st.form_submit_button(f"Label {len(rows):,} segments")
    st.caption(
        "Only what you have heard should be labelled. The labels say that the engine's results were "
        "seen; on each recording they are one step of undo."
    )
    if not wanted:
        return
    if not term or not name.strip():
        st.error("Choose an emotion or type a term, and give your name.", icon=":material/error:")
        return
    error = keeping.label_all(rows, term, name.strip())
    if error:
        st.error(error, icon=":material/error:")
    else:
        recordings = int(np.unique(rows["recording"].astype(str)).size)
        st.success(
            f"{len(rows):,} labels on {recordings:,} recordings are stored.",
            icon=":material/check:",
        )


def _unmark() -> None:
    st.session_state[Keys.MAP_SELECTION] = None
    st.session_state[Keys.MAP_ROUND] = st.session_state.get(Keys.MAP_ROUND, 0) + 1
