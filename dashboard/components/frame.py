"""What stands round every page: the name, and what to know before trusting a result."""

import streamlit as st

from core.version import VERSION
from dashboard import words

_STYLE = """
<style>
  .block-container {padding: 2.2rem 2.5rem 4rem; max-width: 1280px}
  h1 {font-size: 2rem !important}
  [data-testid="stMetricValue"] {font-variant-numeric: tabular-nums; font-size: 1.6rem}
  [data-testid="stButtonGroup"] [role="radiogroup"] {flex-wrap: wrap; row-gap: 4px}
  [data-testid="stSidebarNav"] {padding-top: .2rem}
</style>
"""


def show() -> None:
    """Shows the frame."""
    st.html(_STYLE)
    with st.sidebar:
        st.caption(words.ACTED)
        st.caption(f"Tonescope {VERSION} · everything stays on this computer")
