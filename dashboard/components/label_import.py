"""Files of labels and transcripts: chosen, looked at, and only then stored."""

import pandas as pd
import streamlit as st

from core.errors import LabelError
from core.labels import readers
from core.labels.imports import Preview, Take, suggested
from core.labels.readers import Content, Tier
from core.labels.records import Kind
from dashboard import labelling, words
from dashboard.session import Keys

_SHOWN = 5


def show(recording: str, annotator: str) -> None:
    """Shows the import, folded away."""
    with st.expander("Import labels or a transcript", icon=":material/upload_file:"):
        number = st.session_state.setdefault(Keys.LABEL_FILES, 0)
        file = st.file_uploader(
            "ELAN, TextGrid, Audacity, WebVTT or CSV",
            list(readers.SUFFIXES),
            key=f"labels.file.{recording}.{number}",
            help=words.LABEL_FILES,
        )
        if file is None:
            return
        try:
            content = _read(file.name, file.getvalue())
        except LabelError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
            return
        takes = _tiers(content, annotator, f"labels.tiers.{recording}.{number}.{file.file_id}")
        if content.left_out:
            st.caption(f"{content.left_out:,} entries without a text or a length are left out.")
        if takes:
            _preview(labelling.preview(recording, takes, file.name), annotator)


@st.cache_data(show_spinner="Reading the file …", max_entries=4)
def _read(name: str, data: bytes) -> Content:
    return readers.read(name, data)


def _tiers(content: Content, annotator: str, key: str) -> list[tuple[Tier, Take]]:
    """Asks which tiers to take, and how."""
    guesses = [suggested(tier, annotator or tier.name) for tier in content.tiers]
    table = pd.DataFrame(
        {
            "Take": [tier.kind != "engine" for tier in content.tiers],
            "Tier": [tier.name for tier in content.tiers],
            "Stretches": [len(tier.intervals) for tier in content.tiers],
            "As": [str(guess.kind) for guess in guesses],
            "Annotator or speaker": [guess.annotator for guess in guesses],
        }
    )
    found = st.data_editor(
        table,
        key=key,
        hide_index=True,
        disabled=["Tier", "Stretches"],
        column_config={
            "As": st.column_config.SelectboxColumn(options=[str(k) for k in Kind], required=True)
        },
    )
    return [
        (tier, Take(Kind(row["As"]), str(row["Annotator or speaker"] or "")))
        for tier, row in zip(content.tiers, found.to_dict("records"), strict=True)
        if row["Take"]
    ]


def _preview(found: Preview, annotator: str) -> None:
    counts = [f"{n:,} {name}" for name, n in found.emotions.items()]
    own = [f"{n:,} “{words.plain(name)}”" for name, n in list(found.own_terms.items())[:12]]
    parts = [f"**{len(found.drafts):,} would be stored.**"]
    if counts:
        parts.append(f"Emotions: {', '.join(counts)}.")
    if own:
        more = len(found.own_terms) - len(own)
        rest = f" and {more:,} more" if more else ""
        parts.append(f"Kept as own terms: {', '.join(own)}{rest}.")
    parts += [f"{words.plain(sentence)}." for sentence in found.left_out]
    st.markdown(" ".join(parts))
    rows = [
        {
            "Start, s": f"{d.start_s:.3f}",
            "End, s": f"{d.end_s:.3f}",
            "Text": d.term,
            "Annotator": d.annotator,
        }
        for d in found.drafts[:_SHOWN]
    ]
    if rows:
        st.caption(f"The first {len(rows)}")
        st.dataframe(pd.DataFrame(rows), hide_index=True)
    if st.button(f"Import {len(found.drafts):,}", disabled=not found.drafts):
        error = labelling.store_preview(found, annotator or found.drafts[0].annotator)
        if error:
            st.error(words.plain(error), icon=":material/error:")
            return
        st.session_state[Keys.LABEL_FILES] += 1
        st.rerun()
