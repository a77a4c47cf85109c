"""Session, speaker, date and tags of recordings, edited as a history that only grows.

Each row of `metadata` says what a recording was before and after a step of a person, or that a step was
undone or redone. The row is written first, then the recordings are set; `settle` sets them again where a
writer died between the two.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from core.errors import StudyError
from core.plain import one_line
from core.records import Metadata, Recording
from core.store import rows
from core.store.attempts import new_number
from core.store.schema import TABLES
from core.store.store import Store

_TABLE: Final = "metadata"
_FIELDS: Final = ["session", "speaker", "recorded_on", "tags"]


@dataclass(frozen=True)
class Step:
    """A step of a person that counts.

    Attributes:
        origin: name of the file that it came from, or None where it was typed.
    """

    action: int
    by: str
    n_recordings: int
    origin: str | None
    made_at: datetime


def edit(
    store: Store,
    changes: Mapping[str, Metadata],
    by: str,
    origin: str | None = None,
    *,
    only_given: bool = False,
) -> int:
    """Sets what is said of recordings, as one step that can be undone; returns how many changed.

    Args:
        store: where they are.
        changes: by SHA-256.
        by: whose step it is.
        origin: name of the file it came from.
        only_given: whether what is not given stays as it is, as with a table that lacks columns; else
            it is cleared.

    Raises:
        StudyError: nobody does it.
        StoreError: there is no such recording.
    """
    person = one_line(by, 80)
    if not person:
        raise StudyError("An edit needs the name of who makes it; give one.")
    known = {found.recording: found for found in _recordings(store)}
    made: list[dict[str, Any]] = []
    action = _next(store)
    for recording, wanted in changes.items():
        before = _said(known[recording] if recording in known else store.recording(recording))
        after = _joined(before, wanted) if only_given else wanted
        if after != before:
            made.append(
                {
                    "event": action + len(made),
                    "action": action,
                    "kind": "set",
                    "by": person,
                    "recording": recording,
                    "before": _text(before),
                    "after": _text(after),
                    "origin": None if origin is None else one_line(origin, 200),
                    "made_at": datetime.now(UTC),
                }
            )
    if made:
        _append(store, made)
        settle(store, {row["recording"] for row in made})
    return len(made)


def undo(store: Store, by: str) -> Step | None:
    """Undoes a person's last step; returns it, or None if there was none."""
    return _turn(store, by, "undo")


def redo(store: Store, by: str) -> Step | None:
    """Does again what a person undid last; returns it, or None if there was nothing."""
    return _turn(store, by, "redo")


def steps(store: Store) -> list[Step]:
    """Returns the steps that count, the first one first."""
    found = _events(store)
    done, _ = _stacks(found)
    counts = {action for actions in done.values() for action in actions}
    mine: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        if row["kind"] == "set" and row["action"] in counts:
            mine[row["action"]].append(row)
    return [
        Step(action, of[0]["by"], len(of), of[0]["origin"], of[0]["made_at"])
        for action, of in sorted(mine.items())
    ]


def settle(store: Store, recordings: set[str] | None = None) -> None:
    """Sets recordings to what their history says; those without a history stay as they are.

    Args:
        store: where they are.
        recordings: only these, by default all.
    """
    found = _events(store)
    done, _ = _stacks(found)
    counts = {action for actions in done.values() for action in actions}
    stands: dict[str, Metadata] = {}
    for row in found:
        if row["kind"] == "set":
            stands.setdefault(row["recording"], _from_text(row["before"]))
            if row["action"] in counts:
                stands[row["recording"]] = _from_text(row["after"])
    changed = [
        replace(known, **vars(stands[known.recording]))
        for known in _recordings(store)
        if known.recording in stands
        and (recordings is None or known.recording in recordings)
        and _said(known) != stands[known.recording]
    ]
    if changed:
        table = pa.concat_tables([rows.recording_row(one) for one in changed])
        store.lake.merge("recordings", table, _FIELDS)


def table(store: Store) -> pd.DataFrame:
    """Returns what is said of each recording, a row each: `recording`, `name` and the four fields.

    Rows are in the order of names.
    """
    found = [
        {"recording": known.recording, "name": known.name, **vars(_said(known))}
        for known in sorted(_recordings(store), key=lambda known: (known.name, known.recording))
    ]
    return pd.DataFrame(found, columns=["recording", "name", *_FIELDS], dtype=object)


def _turn(store: Store, by: str, kind: str) -> Step | None:
    found = _events(store)
    done, undone = _stacks(found)
    person = one_line(by, 80)
    actions = (done if kind == "undo" else undone).get(person, [])
    if not actions:
        return None
    mine = [row for row in found if row["action"] == actions[-1] and row["kind"] == "set"]
    row = {"event": _next(store), "action": actions[-1], "kind": kind, "by": person}
    _append(store, [row | {"recording": "", "made_at": datetime.now(UTC)}])
    settle(store, {step["recording"] for step in mine})
    return Step(actions[-1], person, len(mine), mine[0]["origin"], mine[0]["made_at"])


def _stacks(found: list[dict[str, Any]]) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Returns which steps of each person count, and which were undone."""
    done: dict[str, list[int]] = defaultdict(list)
    undone: dict[str, list[int]] = defaultdict(list)
    for row in found:
        mine, back, action = done[row["by"]], undone[row["by"]], row["action"]
        if row["kind"] == "undo" and action in mine:
            mine.remove(action)
            back.append(action)
        elif row["kind"] == "redo" and action in back:
            back.remove(action)
            mine.append(action)
        elif row["kind"] == "set" and action not in mine:
            mine.append(action)
            back.clear()
    return done, undone


def _events(store: Store) -> list[dict[str, Any]]:
    return sorted(store.lake.read(_TABLE).to_pylist(), key=lambda row: row["event"])


def _next(store: Store) -> int:
    """Returns a number greater than all before, even where the clock was set back."""
    last = max((row["event"] for row in _events(store)), default=0)
    return max(new_number(), last + 1)


def _append(store: Store, made: list[dict[str, Any]]) -> None:
    store.lake.append(_TABLE, pa.Table.from_pylist(made, schema=TABLES[_TABLE].schema))
    store.lake.tidy(_TABLE)


def _recordings(store: Store) -> list[Recording]:
    return [rows.recording_from(row) for row in store.lake.read("recordings").to_pylist()]


def _said(known: Recording) -> Metadata:
    return Metadata(known.session, known.speaker, known.recorded_on, known.tags)


def _joined(before: Metadata, given: Metadata) -> Metadata:
    told = {key: value for key, value in vars(given).items() if value}
    return replace(before, **told)


def _text(said: Metadata) -> str:
    day = said.recorded_on.isoformat() if said.recorded_on else None
    return json.dumps({**vars(said), "recorded_on": day, "tags": list(said.tags)})


def _from_text(text: str) -> Metadata:
    told = json.loads(text)
    day = date.fromisoformat(told["recorded_on"]) if told["recorded_on"] else None
    return Metadata(told["session"], told["speaker"], day, tuple(told["tags"]))
