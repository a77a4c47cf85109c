"""The pages and the ways between them."""

from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.navigation.page import StreamlitPage

_PAGES: Final = Path(__file__).resolve().parent.parent / "pages"


def pages() -> list[StreamlitPage]:
    """Returns every page, in the order of the menu."""
    return [
        st.Page(_PAGES / "overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page(_PAGES / "analyze.py", title="Analyse", icon=":material/graphic_eq:"),
        st.Page(_PAGES / "recording.py", title="Recording", icon=":material/timeline:"),
        st.Page(_PAGES / "map.py", title="Map", icon=":material/scatter_plot:"),
        st.Page(_PAGES / "clusters.py", title="Clusters", icon=":material/workspaces:"),
        st.Page(_PAGES / "similar.py", title="Same tone", icon=":material/hearing:"),
        st.Page(_PAGES / "sessions.py", title="Sessions", icon=":material/groups:"),
        st.Page(_PAGES / "flags.py", title="Flags", icon=":material/flag:"),
        st.Page(_PAGES / "evaluate.py", title="Evaluate", icon=":material/fact_check:"),
        st.Page(_PAGES / "calibrate.py", title="Calibrate", icon=":material/tune:"),
        st.Page(_PAGES / "export.py", title="Export", icon=":material/download:"),
        st.Page(_PAGES / "engines.py", title="Engines", icon=":material/memory:"),
    ]


def open_page(name: str, **query: str) -> None:
    """Goes to a page with what its address should say."""
    st.switch_page(_PAGES / f"{name}.py", query_params=query)


def link(name: str, label: str, icon: str | None = None, **query: str) -> None:
    """Shows a link to a page."""
    st.page_link(_PAGES / f"{name}.py", label=label, icon=icon, query_params=query)
