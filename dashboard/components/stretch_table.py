"""Stretches of recordings as a table; the one that is selected is heard under it."""

import pandas as pd
import streamlit as st

from core.records import Span
from dashboard import navigation, resources, words
from dashboard.components import player
from dashboard.session import Keys

MOST = 500


@st.fragment
def table(rows: pd.DataFrame, key: str, most: int = MOST) -> None:
    """Shows stretches; a selected one is played and can be opened.

    Args:
        rows: `recording`, `name`, `start_s` and `end_s`; further columns are shown as they are, numbers
            that are not whole with two digits.
        key: of the table.
        most: rows that are shown.
    """
    shown = rows.head(most).reset_index(drop=True)
    more = [c for c in rows.columns if c not in ("recording", "name", "start_s", "end_s")]
    looks = pd.DataFrame(
        {
            "Recording": shown["name"],
            "Start, s": shown["start_s"],
            "End, s": shown["end_s"],
            **{column: shown[column] for column in more},
        }
    )
    two = st.column_config.NumberColumn(format="%.2f")
    found = st.dataframe(
        looks,
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=min(38 + 35 * max(1, len(shown)), 318),
        column_config=dict.fromkeys(looks.select_dtypes("float").columns, two),
    )
    if len(rows) > most:
        st.caption(f"The first {most:,} of {len(rows):,} are shown.")
    chosen = found["selection"]["rows"]
    if chosen and chosen[0] < len(shown):
        one(shown.iloc[chosen[0]])
    else:
        st.caption("Select a row to hear it.")


def one(row: pd.Series) -> None:
    """Plays one stretch, with the way to its recording."""
    with st.container(border=True):
        left, right = st.columns([6, 1], vertical_alignment="center")
        left.text(f"{row['name']}, {row['start_s']:.2f} to {row['end_s']:.2f} s")
        with right:
            region = f"{row['start_s']:.3f}-{row['end_s']:.3f}"
            query = {Keys.RECORDING: row["recording"], Keys.REGION: region}
            navigation.link("recording", "Open", ":material/arrow_forward:", **query)
        play(row["recording"], Span(row["start_s"], row["end_s"]))


def play(recording: str, span: Span, times: int = 0) -> None:
    """Plays a stretch, or says why it cannot be heard."""
    missing = resources.has_audio(recording)
    if missing:
        st.info(words.said(missing), icon=":material/volume_off:")
    else:
        player.show(recording, span, times)
