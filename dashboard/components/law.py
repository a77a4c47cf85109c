"""Plain words on law and ethics; information, not legal advice."""

import streamlit as st

from core.export.law import MEANT_FOR, NOTICE, POINTS


def show() -> None:
    """Shows the words, folded away, with the heart of them in sight."""
    st.caption(
        "In the EU, emotion recognition of employees, applicants and pupils is banned, with narrow "
        "exceptions. A voice is personal data. A flag is no diagnosis."
    )
    with st.expander("Law and ethics, in plain words", icon=":material/gavel:"):
        points = "\n".join(f"- **{head}**{text}" for head, text in POINTS)
        st.markdown(
            f"**{NOTICE}** Ask the people who know the law where you work.\n\n{points}\n\n{MEANT_FOR}"
        )
