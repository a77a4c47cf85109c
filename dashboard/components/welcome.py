"""The first screen of a new store: from nothing to a timeline in one click."""

import streamlit as st

from dashboard import navigation, words


def show() -> None:
    """Shows the screen. It imports no library of numbers, so that it is there at once."""
    st.markdown(
        "See how emotion moves through a recording, listen where it changes, and keep the results "
        "as data. Your recordings never leave this computer."
    )
    with st.container(border=True):
        st.markdown(
            "**Nothing is here yet.** Try it with two short sample recordings. They are synthetic "
            "speech, made by a program, so nobody felt what you will see."
        )
        with st.container(horizontal=True):
            if st.button("Analyse the synthetic samples", type="primary"):
                from dashboard import jobs

                navigation.open_page("analyze", job=jobs.submit_samples())
            if st.button("Analyse my own recordings"):
                navigation.open_page("analyze")
    st.caption(words.COMPACT_LICENCE)
