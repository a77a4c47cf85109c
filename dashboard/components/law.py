"""Plain words on law and ethics; information, not legal advice."""

import streamlit as st

from core.law import ADVICE, ASK, MEANT, POINTS


def show() -> None:
    """Shows the words, folded away, with the heart of them in sight."""
    st.caption(
        "In the EU, emotion recognition of employees, applicants and pupils is banned, with narrow "
        "exceptions. A voice is personal data. A flag is no diagnosis."
    )
    with st.expander("Law and ethics, in plain words", icon=":material/gavel:"):
        points = "\n".join(f"- **{head}**{text}" for head, text in POINTS)
        st.markdown(f"**{ADVICE}** {ASK}\n\n{points}\n\n{MEANT}")
