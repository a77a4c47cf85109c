"""Who is told when somebody labels a region in the view of a recording, or takes a label back.

Nobody by default: the view then offers no labels. Whatever keeps labels sets `PLACE.listener`.
"""

from dataclasses import dataclass
from typing import Protocol

from core.records import Span
from dashboard.resources import Choice


class Listener(Protocol):
    """Keeps what people say of regions."""

    def names(self, choice: Choice) -> list[str]:
        """Returns the labels of the keys 1 to 9, at most nine."""

    def label(self, choice: Choice, region: Span, label: str) -> None:
        """Takes a label of a region."""

    def undo(self, choice: Choice) -> None:
        """Takes back the last label."""


@dataclass
class _Place:
    listener: Listener | None = None


PLACE = _Place()


def names(choice: Choice) -> list[str]:
    """Returns the labels that can be given, none where nobody keeps them."""
    return PLACE.listener.names(choice)[:9] if PLACE.listener else []


def label(choice: Choice, region: Span, name: object) -> None:
    """Passes a label on, if it is one of those offered."""
    if PLACE.listener and isinstance(name, str) and name in names(choice):
        PLACE.listener.label(choice, region, name)


def undo(choice: Choice) -> None:
    """Passes on that the last label is taken back."""
    if PLACE.listener:
        PLACE.listener.undo(choice)
