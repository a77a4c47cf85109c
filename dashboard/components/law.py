"""Plain words on law and ethics; information, not legal advice."""

from typing import Final

import streamlit as st

from core.law import ADVICE, ASK, MEANT, POINTS

LAW: Final = "\n".join(
    [f"**{ADVICE}** {ASK}\n", *(f"- **{head}**{text}" for head, text in POINTS), f"\n{MEANT}"]
)


def show() -> None:
    """Shows the words, folded away, with the heart of them in sight."""
    st.caption(
        "In the EU, emotion recognition of employees, applicants and pupils is banned, with narrow "
        "exceptions. A voice is personal data. A flag is no diagnosis."
    )
    with st.expander("Law and ethics, in plain words", icon=":material/gavel:"):
        st.markdown(LAW)
