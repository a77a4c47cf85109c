"""Labels by people as pages read and write them, and who labels in this browser."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from core.emotions import EMOTIONS
from core.errors import TonescopeError
from core.labels import agreement as agreed
from core.labels import coefficients, history, imports
from core.labels.history import History
from core.labels.readers import Tier
from core.labels.records import Draft, Kind, Label
from core.store import corpus
from dashboard.session import Keys
from dashboard.shared import scope

COOKIE: Final = "tonescope_annotator"


def version() -> int:
    """Returns a number that changes with every label."""
    return scope().store.lake.version("labels")


def of(recording: str) -> History:
    """Returns the labels of a recording, and what can be undone."""
    return _history(recording, version(), str(scope().folder))


@st.cache_resource(show_spinner=False, max_entries=32)
def _history(recording: str, version: int, store: str) -> History:
    del version, store  # only the key of the cache
    return history.history(scope().store, recording)


def seen(labels: tuple[Label, ...], only: str | None) -> tuple[Label, ...]:
    """Returns the labels that may be shown: all, or a person's own and every transcript.

    Args:
        labels: of a recording.
        only: whose, while the labels of others would lead them; None for all.
    """
    if only is None:
        return labels
    return tuple(x for x in labels if x.kind is not Kind.EMOTION or x.annotator == only)


def own_terms() -> list[str]:
    """Returns the words besides the nine emotions that were used, in alphabetical order."""
    return _own_terms(version(), str(scope().folder))


@st.cache_data(show_spinner=False, max_entries=4)
def _own_terms(version: int, store: str) -> list[str]:
    del version, store
    labels = [x for known in history.every(scope().store).values() for x in known.labels]
    return sorted({x.term for x in labels if x.kind is Kind.EMOTION and x.term not in EMOTIONS})


def attempt(action: Callable[[], object]) -> str | None:
    """Does something to the labels; returns the sentence that says why it could not be done."""
    try:
        action()
    except TonescopeError as error:
        return str(error)
    return None


def add(draft: Draft) -> str | None:
    """Adds a label; returns why it could not be kept, or None."""
    return attempt(lambda: history.add(scope().store, draft))


def change(label: int, draft: Draft, by: str) -> str | None:
    """Gives a label another form; returns why it could not be kept, or None."""
    return attempt(lambda: history.change(scope().store, label, draft, by))


def remove(label: Label, by: str) -> str | None:
    """Takes a label back; returns why not, or None."""
    return attempt(lambda: history.remove(scope().store, label.recording, label.label, by))


def undo(recording: str, by: str) -> str | None:
    """Undoes the last action of a person; returns why it could not be done, or None."""
    return attempt(lambda: history.undo(scope().store, recording, by))


def redo(recording: str, by: str) -> str | None:
    """Does again what a person undid last; returns why it could not be done, or None."""
    return attempt(lambda: history.redo(scope().store, recording, by))


def preview(recording: str, takes: list[tuple[Tier, imports.Take]], origin: str) -> imports.Preview:
    """Returns what would be stored of a file."""
    return imports.preview(scope().store, recording, takes, origin)


def store_preview(found: imports.Preview, by: str) -> str | None:
    """Stores what a preview showed; returns why it could not be done, or None."""
    return attempt(lambda: imports.store_preview(scope().store, found, by))


def engines() -> list[str]:
    """Returns the engines that have analysed anything, the one used last first."""
    return corpus.engine_ids(scope().store)


def agreement(engine: str, recording: str | None) -> agreed.Agreement:
    """Returns how far people agree, over one recording or all."""
    return agreed.agreement(scope().store, engine, None if recording is None else [recording])


def gamma(recording: str) -> float | None:
    """Returns gamma of a recording's annotators.

    Raises:
        LabelError: the optional package is not installed.
    """
    labels: dict[str, list[Label]] = {}
    for label in of(recording).labels:
        if label.kind is Kind.EMOTION:
            labels.setdefault(label.annotator, []).append(label)
    return coefficients.gamma(labels)


def annotator() -> str:
    """Returns who labels in this browser, or an empty string."""
    typed = st.session_state.get(Keys.ANNOTATOR)
    return str(typed if typed is not None else remembered()).strip()


def remembered() -> str:
    """Returns the name that this browser was told last."""
    from urllib.parse import unquote

    return unquote(st.context.cookies.get(COOKIE, ""))
