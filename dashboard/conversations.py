"""Who speaks when in a recording, as it counts now, and how a person corrects it."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.correcting import TurnPreview
from core.records import Turn
from core.speakers.imports import FORMATS
from core.speakers.turns import Turns
from core.store.rows import MIX
from core.store.turns import TurnVersion
from dashboard import resources
from dashboard.resources import Choice
from dashboard.shared import scope

Change = Callable[[], object]


def turns(choice: Choice) -> tuple[Turn, ...]:
    """Returns who speaks when in a track's channel, as it counts now."""
    version = turn_version(choice)
    return () if version is None else version.turns


def turn_version(choice: Choice) -> TurnVersion | None:
    """Returns the turns of a track's channel as they count now, or None where there never were any."""
    version = scope().store.lake.version("turns")
    return _turn_version(choice.recording, choice.channel, version, resources.place())


def everyone(choice: Choice) -> tuple[Turn, ...]:
    """Returns who speaks when in a recording: in all channels where each is a track of its own."""
    if choice.channel is None:
        return turns(choice)
    rows = resources.catalogue()
    mine = rows.loc[rows["recording"] == choice.recording, "channel"]
    each = [replace(choice, channel=int(n)) for n in sorted(set(mine)) if n != MIX]
    found = [turn for one in each for turn in turns(one)]
    return tuple(sorted(found, key=lambda turn: (turn.start_s, turn.end_s)))


@st.cache_resource(show_spinner=False, max_entries=32)
def _turn_version(
    recording: str, channel: int | None, version: int, place: str
) -> TurnVersion | None:
    del version, place  # only the key of the cache
    return scope().turn_version(recording, channel)


def correct_turns(choice: Choice, corrected: Sequence[Turn]) -> None:
    """Stores turns corrected by hand, with segments that follow them.

    Raises:
        TurnError: a turn is none.
    """
    scope().correct_turns(choice.recording, corrected, choice.channel)


def change_turns(choice: Choice, change: Callable[[Turns], Turns]) -> None:
    """Stores what a function of `core.speakers.turns` makes of the turns, with their segments.

    Raises:
        TurnError: it cannot be done, or changes nothing.
    """
    scope().change_turns(choice.recording, change, choice.channel)


def cut_by_turns(choice: Choice) -> None:
    """Cuts segments that follow the turns that count, for runs made before them.

    Raises:
        TurnError: speakers were never told apart.
    """
    scope().recut(choice.recording, choice.channel)


def undo_turns(choice: Choice) -> None:
    """Goes back to the turns before the last change.

    Raises:
        TurnError: there is nothing to undo.
    """
    scope().undo_turns(choice.recording, choice.channel)


def preview_turns(choice: Choice, name: str, data: bytes) -> TurnPreview:
    """Returns what a file of turns would give; nothing is stored.

    Args:
        choice: the track whose channel they belong to.
        name: of the file, which says its format.
        data: its bytes.

    Raises:
        TurnError: it cannot be read, holds no turns, or none of this recording.
    """
    kind = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"turns{kind if kind in FORMATS else ''}"
        path.write_bytes(data)
        return scope().preview_turns(path, choice.recording, choice.channel, name=name)


def store_turns(preview: TurnPreview, only: Sequence[str]) -> None:
    """Stores the turns of some speakers of a preview, with segments that follow them.

    Raises:
        TurnError: none of these speakers has a turn.
    """
    scope().store_turns(preview, only)
