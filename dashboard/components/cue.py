"""The stretch that a table of a recording's page asks the view to mark and play."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from core.records import Span
from dashboard.resources import Choice
from dashboard.session import Keys


def last(choice: Choice) -> tuple[str, Span] | None:
    """Returns the stretch that was chosen last, with a name that is new for each choice."""
    chosen = st.session_state.get(_key(Keys.CUE, choice))
    return None if chosen is None else (f"{chosen[1]}.{choice.run_key}", chosen[0])


def table(
    choice: Choice, name: str, rows: pd.DataFrame | pa.Table, stretches: Sequence[Span], **look: Any
) -> None:
    """Shows a table; a row that is chosen is marked in the view and played.

    Args:
        choice: the run.
        name: of the table, unique on the page.
        rows: what it shows.
        stretches: what is played of each row.
        look: more for the table.
    """
    key = _key(name, choice)
    st.dataframe(
        rows,
        key=key,
        hide_index=True,
        on_select=partial(_choose, choice, key, tuple(stretches)),
        selection_mode="single-row",
        height=min(38 + 35 * len(rows), 400),
        **look,
    )


def _choose(choice: Choice, key: str, stretches: tuple[Span, ...]) -> None:
    chosen = st.session_state[key]["selection"]["rows"]
    before = st.session_state.get(_key(Keys.CUE, choice))
    if chosen and chosen[0] < len(stretches):
        number = 1 if before is None else before[1] + 1
        st.session_state[_key(Keys.CUE, choice)] = (stretches[chosen[0]], number)


def _key(name: str, choice: Choice) -> str:
    return f"{name}.{choice.recording}.{choice.run_key}"
