"""Files of turns from other programs: chosen, looked at, and only then stored."""

import pandas as pd
import streamlit as st

from core.correcting import TurnPreview
from core.errors import TonescopeError
from core.speakers.imports import FORMATS
from core.speakers.turns import speakers
from dashboard import conversations, palette, resources, words
from dashboard.session import Keys


def show(choice: resources.Choice) -> bool:
    """Shows the import, folded away; returns whether turns were stored."""
    with st.expander("Import turns from another program", icon=":material/upload_file:"):
        number = st.session_state.setdefault(Keys.TURN_FILES, 0)
        file = st.file_uploader(
            "RTTM, CSV or ELAN",
            [kind[1:] for kind in FORMATS],
            key=f"{Keys.TURN_FILES}.{choice.recording}.{choice.channel}.{number}",
            help=words.TURN_FILES,
        )
        if file is None:
            return False
        try:
            found = _preview(choice, file.name, file.getvalue(), resources.place())
            if not _confirmed(found, f"{Keys.TURN_FILES}.{file.file_id}"):
                return False
        except TonescopeError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
            return False
        st.session_state[Keys.TURN_FILES] += 1
        return True


@st.cache_data(show_spinner="Reading the file …", max_entries=4)
def _preview(choice: resources.Choice, name: str, data: bytes, place: str) -> TurnPreview:
    del place  # only part of the key
    return conversations.preview_turns(choice, name, data)


def _confirmed(found: TurnPreview, key: str) -> bool:
    """Shows what the file holds; returns whether what was chosen of it is stored by now."""
    names = list(speakers(found.turns))
    counts = {name: sum(turn.speaker == name for turn in found.turns) for name in names}
    total_s = {
        name: sum(t.end_s - t.start_s for t in found.turns if t.speaker == name) for name in names
    }
    table = pd.DataFrame(
        {
            "Take": True,
            "Speaker": names,
            "Turns": [counts[name] for name in names],
            "Time": [palette.duration(total_s[name]) for name in names],
            "Of it speech": [palette.duration(found.seconds[name]) for name in names],
        }
    )
    fixed = list(table.columns[1:])
    edited = st.data_editor(table, key=f"{key}.take", hide_index=True, disabled=fixed)
    only = [name for name, take in zip(names, edited["Take"], strict=True) if take]
    n_turns = sum(counts[name] for name in only)
    for sentence in found.warnings:
        st.warning(words.plain(sentence), icon=":material/warning:")
    st.caption(words.TURNS_KEPT)
    label = f"Use {n_turns:,} turns of {len(only):,} speakers"
    if not st.button(label, type="primary", disabled=not only, key=f"{key}.store"):
        return False
    conversations.store_turns(found, only)
    return True
