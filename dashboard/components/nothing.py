"""The empty state of a page: what will be here, and the one button that gets there."""

import streamlit as st

from dashboard import navigation


def show(title: str, sentence: str) -> None:
    """Shows it.

    Args:
        title: of the page.
        sentence: what will be here; Markdown.
    """
    st.title(title, anchor=False)
    with st.container(border=True):
        st.markdown(sentence)
        if st.button("Analyse a recording", type="primary"):
            navigation.open_page("analyze")
