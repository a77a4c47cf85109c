"""Two engines, or an engine and a head, on the same items."""

import pandas as pd
import streamlit as st

from core.errors import StudyError
from core.learn.comparing import compare_engines, side_by_side
from core.learn.scoring import recall_of
from core.statistics.proportions import Estimate
from dashboard import palette, words
from dashboard.evaluating import Result


def show(found: Result, other: Result) -> None:
    """Shows both UARs, their difference, and the paired test over speakers."""
    first, second = words.plain(found.title), words.plain(other.title)
    st.subheader(f"{first} against {second}", help=words.ENGINE_PAIR, anchor=False)
    both = side_by_side(found.items, other.items)
    if both.empty:
        st.info("Not one item was answered by both; analyse the same recordings with both engines.")
        return
    terms, mine, its, speakers = (
        both[name].to_numpy(dtype=str) for name in ("label", "answer", "other", "speaker")
    )
    try:
        test = compare_engines(terms, mine, its, speakers)
    except StudyError as error:
        st.info(str(error), icon=":material/info:")
        return
    places = st.columns(3)
    for place, label, estimate, signed in (
        (places[0], f"UAR of {first}", test.first, False),
        (places[1], f"UAR of {second}", test.second, False),
        (places[2], "Difference", test.difference, True),
    ):
        with place:
            text = f"{estimate.value:+.3f}" if signed else f"{estimate.value:.3f}"
            st.metric(label, text)
            st.caption(_between(estimate))
    left = len(found.items) - len(both)
    told = f"On the {len(both):,} items of {test.n_speakers} speakers that both answered"
    told += f"; {left:,} that only the first did are left out. " if left else ". "
    st.caption(told + words.paired(test))
    with st.expander("Recall of each emotion, side by side"):
        rows = [
            {
                "Emotion": palette.signed(name),
                "Labels": int((terms == name).sum()),
                first: recall_of(terms[terms == name], mine[terms == name]),
                second: recall_of(terms[terms == name], its[terms == name]),
            }
            for name in sorted(set(terms))
        ]
        digits = st.column_config.NumberColumn(format="%.2f")
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, column_config={first: digits, second: digits}
        )


def _between(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return "no interval"
    return f"{found.low:.2f} to {found.high:.2f}"
