"""How far annotators agree, with one another and with the engine."""

import pandas as pd
import streamlit as st

from core.errors import TonescopeError
from core.labels.agreement import Agreement, Counts
from core.labels.intervals import Interval
from dashboard import labelling, words
from dashboard.session import Keys

_HERE, _ALL = "This recording", "All recordings"


def show(recording: str) -> None:
    """Shows a switch, and under it the agreement."""
    if not st.toggle("Agreement", key=Keys.AGREEMENT, help=words.AGREEMENT):
        return
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    where = bar.segmented_control("Over", [_HERE, _ALL], default=_HERE, required=True)
    engine = bar.selectbox("Segments of", labelling.engines(), width=340)
    try:
        found = labelling.agreement(engine, recording if where == _HERE else None)
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return
    if not found.annotators:
        st.info("Nobody has labelled anything here yet; agreement needs labels.")
        return
    alpha(found)
    pairs(found)
    st.caption(words.AGREEMENT_READ)
    if st.button("Gamma of this recording", help=words.GAMMA):
        _gamma(recording)


def alpha(found: Agreement) -> None:
    """Shows Krippendorff's alpha of all annotators."""
    if len(found.annotators) < 2:
        st.caption("One annotator alone: there is nobody to agree with but the engine.")
        return
    shown = "not defined" if found.alpha is None else f"{found.alpha:.2f}"
    between = _between(found.intervals.figures.get("alpha"))
    between = f" ({between})" if between else ""
    told = f"over {_told(found.counts)}"
    st.markdown(f"**Krippendorff's alpha of all annotators: {shown}**{between}, {told}.")
    if found.alpha is not None and found.intervals.missing:
        st.caption(found.intervals.missing)


def pairs(found: Agreement) -> None:
    """Shows a table with a row for each pair."""
    rows = [
        {
            "First": pair.first,
            "Second": pair.second,
            "Segments": pair.counts.n_segments,
            "Recordings": pair.counts.n_recordings,
            "Speakers": pair.counts.n_speakers,
            "Same, %": _percent(pair.agreement),
            "Kappa": pair.kappa,
            "95% interval of kappa": _between(pair.intervals.figures.get("kappa")) or "none",
            "Both labelled, s": pair.shared_s,
            "Same, % of time": _percent(pair.time_agreement),
            "Kappa, of time": pair.time_kappa,
            "95% interval of kappa, of time": _between(pair.intervals.figures.get("time_kappa"))
            or "none",
            "Own terms left out": pair.own_terms,
            "Not blind": pair.seen,
        }
        for pair in found.pairs
    ]
    share = st.column_config.NumberColumn(format="%.0f")
    digits = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            "Same, %": share,
            "Same, % of time": share,
            "Kappa": digits,
            "Kappa, of time": digits,
            "95% interval of kappa": st.column_config.TextColumn(help=words.INTERVAL),
            "95% interval of kappa, of time": st.column_config.TextColumn(help=words.INTERVAL),
            "Both labelled, s": st.column_config.NumberColumn(format="%.1f"),
        },
    )


def _between(found: Interval | None) -> str:
    """Returns an interval in words, with what was drawn anew for it; empty without one."""
    if found is None:
        return ""
    return f"{found.low:.2f} to {found.high:.2f}, by {found.n} {found.by}"


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _told(counts: Counts) -> str:
    numbers = (
        (counts.n_segments, "segment"),
        (counts.n_recordings, "recording"),
        (counts.n_speakers, "known speaker"),
    )
    parts = [f"{n:,} {name}{'' if n == 1 else 's'}" for n, name in numbers]
    return f"{parts[0]} of {parts[1]} and {parts[2]}"


def _gamma(recording: str) -> None:
    try:
        found = labelling.gamma(recording)
    except TonescopeError as error:
        st.info(words.said(str(error)), icon=":material/info:")
        return
    if found is None:
        st.info("Gamma needs two annotators on this recording.", icon=":material/info:")
    else:
        st.markdown(f"**Gamma of this recording: {found:.2f}**")
