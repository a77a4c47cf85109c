"""Who labels or reviews: asked once, and kept in this browser."""

from typing import Any

import streamlit as st

from dashboard import labelling, words
from dashboard.session import Keys

_KEEPER = st.components.v2.component(
    "tonescope_annotator",
    html="<span></span>",
    js="""
export default function ({ data }) {
  const year_s = 31536000;
  const value = encodeURIComponent(data.name);
  document.cookie = `${data.cookie}=${value}; path=/; max-age=${year_s}; SameSite=Strict`;
}
""",
)


def ask(place: Any, label: str = "Annotator") -> str:
    """Asks for a name; returns it, or an empty string."""
    name = place.text_input(
        label,
        value=labelling.remembered() if Keys.ANNOTATOR not in st.session_state else None,
        key=Keys.ANNOTATOR,
        max_chars=80,
        placeholder="your name or code",
        help=words.ANNOTATOR,
        width=320,
    )
    return (name or "").strip()


def keep(name: str, of: str) -> None:
    """Keeps a name in this browser.

    Args:
        name: of who labels; an empty one is not kept.
        of: names the place on the page.
    """
    if name:
        _KEEPER(key=f"annotator-{of}", data={"cookie": labelling.COOKIE, "name": name}, height=1)
