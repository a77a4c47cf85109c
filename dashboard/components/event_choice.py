"""The time axis of courses, and the event on which they are locked."""

from typing import Any, Final

import streamlit as st

from core.emotions import EMOTIONS
from core.studies.courses import Axis
from core.studies.events import Event, EventKind
from dashboard import courses, palette, studies
from dashboard.components import choose
from dashboard.session import Keys

_RELATIVE, _SECONDS, _EVENT = "Start to end", "Seconds", "Round an event"
_LENGTHS: Final = ("10", "30", "60", "120", "300", "600", "1800", "3600")
_REACHES: Final = ("2", "5", "10", "20", "30", "60")
_KINDS: Final = {
    EventKind.TURN: "Turning point to",
    EventKind.LABEL: "Label by people",
    EventKind.FLAG: "Flag of a rule",
}


def show(bar: Any) -> Axis | None:
    """Asks for the time axis; returns it, or None after saying what is missing."""
    kind = choose.one_of(
        "Time",
        [_RELATIVE, _SECONDS, _EVENT],
        Keys.SESSIONS_AXIS,
        bar,
        help="Round an event: time 0 is where the event begins, and the events of a recording are "
        "averaged.",
    )
    if kind == _SECONDS:
        return Axis(_seconds("Up to", Keys.SESSIONS_END, _LENGTHS, "60", bar))
    if kind != _EVENT:
        return Axis()
    event = _event(bar)
    before_s = _seconds("Before", Keys.SESSIONS_BEFORE, _REACHES, "10", bar)
    after_s = _seconds("After", Keys.SESSIONS_AFTER, _REACHES, "10", bar)
    if event is None:
        st.info(
            "No rule is saved yet. Write one under *Flags*, or choose another event.",
            icon=":material/flag:",
        )
        return None
    return Axis(None, event, before_s, after_s)


def _event(bar: Any) -> Event | None:
    names = {str(kind): label for kind, label in _KINDS.items()}
    kind = EventKind(choose.show("Event", Keys.SESSIONS_EVENT, names, bar, width=175))
    if kind is EventKind.TURN:
        options = {str(emotion): palette.signed(str(emotion)) for emotion in EMOTIONS}
    elif kind is EventKind.LABEL:
        nine = {str(emotion): palette.signed(str(emotion)) for emotion in EMOTIONS}
        options = {term: nine.get(term, term) for term in courses.terms()}
    else:
        options = {found.rule.name: found.rule.name for found in studies.rules()}
        if not options:
            return None
    return Event(kind, choose.show("Which", Keys.SESSIONS_EVENT_OF, options, bar, width=170))


def _seconds(label: str, key: str, known: tuple[str, ...], first: str, bar: Any) -> float:
    if st.query_params.get(key) not in known:
        st.query_params[key] = first
    options = {length: f"{length} s" for length in known}
    return float(choose.show(label, key, options, bar, width=105))
