"""Asks where the file of a recording lies now, when it is no longer where it was analysed."""

from pathlib import Path

import streamlit as st

from core.errors import TonescopeError
from dashboard import resources, words
from dashboard.session import Keys


def show(recording: str, missing: str) -> None:
    """Shows what is missing, and takes a new place for it.

    Args:
        recording: its SHA-256.
        missing: the sentence that says what is missing.
    """
    st.info(words.said(missing), icon=":material/volume_off:")
    if resources.held_back(recording, resources.Use.LISTEN):
        return
    with st.form(f"{Keys.MOVED}.form", border=False):
        path = st.text_input(
            "Where the file lies now",
            key=f"{Keys.MOVED}.{recording}",
            placeholder="/data/interviews/moved/anna.wav",
            help="On the computer that runs Tonescope. It must be the very same file.",
        )
        wanted = st.form_submit_button("Use this file")
    if wanted and path.strip():
        try:
            resources.relocate(recording, Path(path.strip()).expanduser())
        except TonescopeError as error:
            st.error(words.said(str(error)), icon=":material/error:")
            return
        st.rerun()
