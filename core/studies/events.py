"""Events to lock courses on: turning points, labels that people gave, and flags of a rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.emotions import EMOTIONS
from core.errors import StudyError
from core.labels import history
from core.labels.records import Kind
from core.store import turns as turn_versions
from core.store.rows import MIX
from core.store.store import Store
from core.studies import flag_store
from core.studies.timelines import tracks
from core.timeline.calibration import Doubles
from core.timeline.turning_points import turning_points

_Found = Iterator[tuple[tuple[str, int], float]]
Places = dict[tuple[str, int], Doubles]  # by recording and channel: times in seconds, in order


class EventKind(StrEnum):
    """What an event is."""

    TURN = "turn"
    LABEL = "label"
    FLAG = "flag"


@dataclass(frozen=True)
class Event:
    """What courses are locked on.

    Attributes:
        what: of a turning point the emotion to which it turns, of a label its term, of a flag the name
            of its rule.
    """

    kind: EventKind
    what: str

    @property
    def text(self) -> str:
        """Returns it as it is written on a command line, such as `turn:sad`."""
        return f"{self.kind}:{self.what}"


def from_text(text: str) -> Event:
    """Returns an event of `turn:EMOTION`, `label:TERM` or `flag:RULE`.

    Raises:
        StudyError: it is none.
    """
    kind, _, what = text.partition(":")
    if kind not in tuple(EventKind) or not what.strip():
        raise StudyError(
            f"{text!r:.60} is no event; write turn:EMOTION, label:TERM or flag:RULE, such as turn:sad."
        )
    if kind == EventKind.TURN and what.strip() not in tuple(EMOTIONS):
        raise StudyError(f"{what!r:.40} is none of the emotions {', '.join(EMOTIONS)}.")
    return Event(EventKind(kind), what.strip())


def places(store: Store, event: Event, engine: str) -> Places:
    """Returns when an event happens in each recording and channel; those without are not there.

    A label and a flag happen where they begin. A label of the whole recording's sound is one of each of
    its channels.

    Args:
        store: where the tracks and labels are.
        event: what is looked for.
        engine: a name or an id.

    Raises:
        RuleError: there is no such rule, or a track lacks what it asks for.
    """
    look = {
        EventKind.TURN: _turning_points,
        EventKind.LABEL: _labels,
        EventKind.FLAG: _flags,
    }[event.kind]
    found: dict[tuple[str, int], list[float]] = {}
    for place, time_s in look(store, event.what, engine):
        found.setdefault(place, []).append(time_s)
    return {place: np.array(sorted(times)) for place, times in found.items()}


def _turning_points(store: Store, emotion: str, engine: str) -> _Found:
    for row, timeline in tracks(store, engine):
        channel = None if row["channel"] == MIX else int(row["channel"])
        version = turn_versions.versions(store, row["recording"], channel)
        turns = version[-1].turns if version else ()
        for point in turning_points(timeline, turns=turns):
            if point.after == emotion:
                yield (row["recording"], int(row["channel"])), point.time_s


def _labels(store: Store, term: str, engine: str) -> _Found:
    said = history.every(store)
    for row, _ in tracks(store, engine):
        place = (row["recording"], int(row["channel"]))
        for label in said[row["recording"]].labels if row["recording"] in said else ():
            mine = label.channel is None or place[1] in (MIX, label.channel)
            if mine and label.kind is Kind.EMOTION and label.term == term:
                yield place, label.start_s


def _flags(store: Store, name: str, engine: str) -> _Found:
    rows = flag_store.find(store, flag_store.rule(store, name).rule, engine)
    for row in rows.to_dict("records"):
        yield (row["recording"], int(row["channel"])), float(row["start_s"])
