"""Labels against answers; a cell that is selected opens, to hear what is in it."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.records import Span
from dashboard import palette
from dashboard.components import stretch_table
from dashboard.evaluating import Result

_HELP = (
    "Rows: the label. Columns: what it sounds like to the engine. Shaded by the share of the row."
)


@st.fragment
def show(found: Result) -> None:
    """Shows the matrix, and the items of the cell that was chosen."""
    st.subheader("Which is taken for which", help=_HELP, anchor=False)
    order = [str(emotion) for emotion in EMOTIONS]
    truth = [name for name in order if name in found.figures.confusion]
    said = [name for name in order if any(name in row for row in found.figures.confusion.values())]
    columns = [name for name in order if name in {*truth, *said}]
    counts = pd.DataFrame(
        [[found.figures.confusion[t].get(name, 0) for name in columns] for t in truth],
        index=pd.Index([palette.signed(t) for t in truth], name="label"),
        columns=[palette.signed(name) for name in columns],
    )
    picked = st.dataframe(
        counts.style.apply(_shaded, axis=1),
        key="evaluate.confusion",
        on_select="rerun",
        selection_mode="single-cell",
        alt="Confusion matrix: labels in rows, answers of the engine in columns",
    )
    cells = picked["selection"].get("cells", [])
    if not cells:
        st.caption("Select a cell to hear what is in it.")
        return
    row, column = cells[0]
    names = dict(zip(counts.columns, columns, strict=True))
    if column not in names or row >= len(truth):
        return
    _cell(found, truth[row], names[column])


def _cell(found: Result, label: str, answer: str) -> None:
    """Shows the items of one cell."""
    mine = found.items[(found.items["label"] == label) & (found.items["answer"] == answer)]
    mine = mine.reset_index(drop=True)
    st.markdown(
        f"**{len(mine)} labelled {palette.signed(label)} that sound {palette.signed(answer)} to the "
        "engine**"
    )
    if mine.empty:
        return
    table = pd.DataFrame(
        {
            "Recording": mine["name"],
            "Start, s": mine["start_s"],
            "End, s": mine["end_s"],
            "Speaker": mine["speaker"],
            "Confidence": mine["confidence"],
        }
    )
    two = st.column_config.NumberColumn(format="%.2f")
    picked = st.dataframe(
        table,
        key=f"evaluate.cell.{label}.{answer}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=min(38 + 35 * len(mine), 318),
        column_config={"Start, s": two, "End, s": two, "Confidence": two},
    )
    rows = picked["selection"]["rows"]
    if not rows or rows[0] >= len(mine):
        st.caption("Select a row to hear it.")
        return
    _hear(mine.iloc[rows[0]])


def _hear(row: pd.Series) -> None:
    whole = pd.isna(row["start_s"])
    if isinstance(row["recording"], str):
        span = Span(0.0, 1e5) if whole else Span(row["start_s"], row["end_s"])
        stretch_table.play(row["recording"], span)
        return
    try:
        st.audio(str(Path(row["file"])))
    except (OSError, RuntimeError):
        st.info(
            "The file is not where it was, so it cannot be heard.", icon=":material/volume_off:"
        )
        return
    if not whole:
        st.caption(f"The label is about {row['start_s']:.2f} to {row['end_s']:.2f} s of it.")


def _shaded(row: pd.Series) -> list[str]:
    total = max(1, int(row.sum()))
    return [f"background-color: rgba(70, 120, 175, {0.55 * n / total:.3f})" for n in row]
