"""The empty state of a page: what will be here, and the one button that gets there."""

import streamlit as st

from dashboard import navigation


def show(title: str, sentence: str) -> None:
    """Shows that of a page without recordings.

    Args:
        title: of the page.
        sentence: what will be here; Markdown.
    """
    st.title(title, anchor=False)
    instead(sentence, "Analyse a recording", "analyze")


def instead(sentence: str, label: str, page: str, **query: str) -> None:
    """Shows what will be here, and the button that goes to another page.

    Args:
        sentence: what will be here; Markdown.
        label: of the button.
        page: its name.
        query: what its address should say.
    """
    with st.container(border=True):
        st.markdown(sentence)
        if st.button(label, type="primary"):
            navigation.open_page(page, **query)
