"""The choice of two groups of recordings, by session or tag; kept in the address."""

from typing import Any, Final

import streamlit as st

from core.studies.courses import Grouping
from dashboard import courses
from dashboard.components import choose
from dashboard.session import Keys

BY: Final = {"Session": Grouping.SESSION, "Tag": Grouping.TAG}


def by(bar: Any) -> Grouping:
    """Asks what recordings are grouped by."""
    chosen = choose.one_of("Groups by", list(BY), Keys.SESSIONS_BY, bar)
    return BY[chosen]


def show(engine: str, bar: Any, what: str) -> tuple[Grouping, tuple[str, str]] | None:
    """Asks for two groups; returns them, or None after saying what is missing.

    Args:
        engine: whose recordings.
        bar: where the widgets go.
        what: what they are chosen for, such as "Courses are compared".
    """
    grouping = by(bar)
    members = courses.groups_of(engine, grouping)
    if len(members) < 2:
        there = "there is 1" if len(members) == 1 else f"there are {len(members)}"
        st.info(
            f"{what} between two groups, and {there} here. Give recordings a session or tags under "
            "*Recordings* first.",
            icon=":material/group_work:",
        )
        return None
    labels = {name: f"{name} ({len(members[name])})" for name in members}
    first = choose.show("First group", Keys.SESSIONS_FIRST, labels, bar, width=190)
    others = {name: label for name, label in labels.items() if name != first}
    second = choose.show("Second group", Keys.SESSIONS_SECOND, others, bar, width=190)
    return grouping, (first, second)
