"""How far people agree with one another, beside how far the engine agrees with them."""

import pandas as pd
import streamlit as st

from core.errors import TonescopeError
from core.labels.agreement import Pair
from dashboard import labelling, study_figures, words
from dashboard.components import label_agreement
from dashboard.session import is_dark


def show(engine: str) -> None:
    """Shows Krippendorff's alpha, and Cohen's kappa of each pair."""
    st.subheader("People beside the engine", help=words.AGREEMENT, anchor=False)
    try:
        found = labelling.agreement(engine, None)
    except TonescopeError as error:
        st.info(str(error), icon=":material/info:")
        return
    label_agreement.alpha(found)
    known = [pair for pair in found.pairs if pair.kappa is not None]
    if not known:
        st.caption(
            "No kappa: it needs segments that two labelled, with different terms among them."
        )
        return
    rows = pd.DataFrame([_row(pair) for pair in known[:40]])
    st.plotly_chart(
        study_figures.forest_figure(rows, is_dark(), "Cohen's kappa", "kappa", -0.2),
        config={"displayModeBar": False},
        key="evaluate.people",
        alt="Cohen's kappa of people with one another and with the engine",
    )
    st.caption(_told(known))
    with st.expander("Agreement of each pair"):
        label_agreement.pairs(found)
        st.caption(words.AGREEMENT_READ)


def _row(pair: Pair) -> dict[str, object]:
    between = pair.intervals.figures.get("kappa")
    second = "the engine" if pair.with_engine else pair.second
    return {
        "slice": f"{pair.first}, {second}",
        "n": pair.counts.n_segments,
        "n_speakers": pair.counts.n_speakers,
        "kappa": pair.kappa,
        "low": float("nan") if between is None else between.low,
        "high": float("nan") if between is None else between.high,
    }


def _told(pairs: list[Pair]) -> str:
    """Returns the mean kappa of people, and that of people with the engine, in a sentence."""
    people = [pair.kappa for pair in pairs if not pair.with_engine and pair.kappa is not None]
    engine = [pair.kappa for pair in pairs if pair.with_engine and pair.kappa is not None]
    parts = []
    if people:
        parts.append(f"People with one another: {sum(people) / len(people):.2f} on average")
    if engine:
        parts.append(f"people with the engine: {sum(engine) / len(engine):.2f}")
    told = "; ".join(parts)
    bound = " Where people differ, no engine can agree with all of them." if people else ""
    return f"{told[:1].upper()}{told[1:]}. In brackets: segments that both rated.{bound}"
