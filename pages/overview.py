"""What is in the store; from nothing to a timeline in one click."""

import streamlit as st

from dashboard import lifecycle
from dashboard.components import welcome


def main() -> None:
    """Shows the page."""
    st.title("Your recordings")
    if lifecycle.store_is_unused():
        welcome.show()
        return
    from dashboard.components import catalogue

    catalogue.show()


main()
