"""Plain words on law and ethics; information, not legal advice."""

from typing import Final

import streamlit as st

LAW: Final = """
**This is information, not legal advice.** Ask the people who know the law where you work.

- **Employees, applicants, pupils and students**: in the European Union it is banned to infer
  their emotions at work and in education by an AI system, with narrow exceptions for medical and
  safety reasons (AI Act, Article 5(1)(f)).
- **Other uses** of emotion recognition are high-risk or need notice: the people concerned must be
  told (AI Act, Annex III and Article 50).
- **A voice is personal data, and so is its embedding**, even without a name. Have a lawful ground,
  such as consent; store no more than you need, and pseudonyms in place of names.
- **No diagnosis.** Tonescope says how speech sounds to an engine. It says nothing of anybody's
  health or intent, and nothing should be decided about a person from it.
- **The engine `compact` is not for commercial use** (CC BY-NC-SA 4.0).

Meant for interviews with consent, research on therapy, dubbing and acted speech, and calls whose
customers were told.
"""


def show() -> None:
    """Shows the words, folded away, with the heart of them in sight."""
    st.caption(
        "In the EU, emotion recognition of employees, applicants and pupils is banned, with narrow "
        "exceptions. A voice is personal data. A flag is no diagnosis."
    )
    with st.expander("Law and ethics, in plain words", icon=":material/gavel:"):
        st.markdown(LAW)
