"""Labels as a history that only grows: every change is a new row, and undo is one as well.

A row of `labels` says that a label takes a form (`set`), is taken back (`withdraw`), or that an
earlier action does not count (`undo`) or counts again (`redo`). What stands now is found by going
through the rows, so it is the same after a reload and for everybody; each action is one commit, so
what is killed on the way never happened; and rows are only added, so any number of people can work
at once and no analysis can overwrite a label.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import LabelError
from core.labels.records import Draft, Kind, Label, checked
from core.plain import one_line
from core.store.attempts import new_number
from core.store.rows import MIX, channel_number
from core.store.schema import TABLES
from core.store.store import Store

SET: Final = "set"
WITHDRAW: Final = "withdraw"
UNDO: Final = "undo"
REDO: Final = "redo"
_TABLE: Final = "labels"


@dataclass(frozen=True)
class History:
    """The labels of a recording, and what each person can undo.

    Attributes:
        labels: those that stand now, in order of time.
        done: the actions that count, by who did them, in order.
        undone: the actions that were undone and can be redone, the one undone last at the end.
        last: the greatest number used.
    """

    labels: tuple[Label, ...]
    done: Mapping[str, Sequence[int]]
    undone: Mapping[str, Sequence[int]]
    last: int

    def label(self, number: int) -> Label | None:
        """Returns a label that stands, or None."""
        return next((found for found in self.labels if found.label == number), None)


def add(store: Store, *drafts: Draft, by: str | None = None) -> tuple[int, ...]:
    """Adds labels to one recording as one step that can be undone; returns their numbers.

    Args:
        store: where they go.
        drafts: of the same recording.
        by: who adds them, by default their annotator.

    Raises:
        LabelError: one of them cannot be kept; then none is.
        StoreError: there is no such recording, or the store cannot be written to.
    """
    if not drafts:
        raise LabelError("There is no label to add; give at least one.")
    recording = store.recording(drafts[0].recording)
    if any(draft.recording != drafts[0].recording for draft in drafts):
        raise LabelError("Labels of several recordings came together; add them one by one.")
    kept = [
        replace(checked(draft, recording.duration_s), recording=recording.recording)
        for draft in drafts
    ]
    first = _next(history(store, recording.recording))
    numbers = tuple(range(first, first + len(kept)))
    rows = [
        _row(draft, event=number, action=first, label=number, kind=SET, by=by or draft.annotator)
        for number, draft in zip(numbers, kept, strict=True)
    ]
    _append(store, rows)
    return numbers


def change(store: Store, label: int, draft: Draft, by: str | None = None) -> None:
    """Gives a label another form; the earlier ones stay in its history.

    Args:
        store: where it is.
        label: its number.
        draft: its new form.
        by: who changes it, by default its annotator.

    Raises:
        LabelError: it does not stand any more, is somebody else's, or the form cannot be kept.
    """
    recording = store.recording(draft.recording)
    known = history(store, recording.recording)
    person = by or draft.annotator
    old = _own(known, label, person)
    kept = replace(checked(draft, recording.duration_s), recording=recording.recording)
    if kept.annotator != old.annotator:
        raise LabelError(
            f"The label belongs to {old.annotator!r} and stays so; add one of your own instead."
        )
    number = _next(known)
    _append(store, [_row(kept, event=number, action=number, label=label, kind=SET, by=person)])


def remove(store: Store, recording: str, label: int, by: str) -> None:
    """Takes a label back; its history stays.

    Raises:
        LabelError: it does not stand any more, or is somebody else's.
    """
    known = history(store, recording)
    old = _own(known, label, by)
    number = _next(known)
    _append(store, [_row(old, event=number, action=number, label=label, kind=WITHDRAW, by=by)])


def undo(store: Store, recording: str, annotator: str) -> bool:
    """Undoes a person's last action on a recording; returns whether there was one."""
    return _turn(store, recording, annotator, UNDO)


def redo(store: Store, recording: str, annotator: str) -> bool:
    """Does again what a person undid last on a recording; returns whether there was anything."""
    return _turn(store, recording, annotator, REDO)


def of(store: Store, recording: str, kind: Kind | None = None) -> tuple[Label, ...]:
    """Returns the labels that stand on a recording, in order of time.

    Args:
        store: where they are.
        recording: its SHA-256.
        kind: only these, by default all.
    """
    found = history(store, recording).labels
    return tuple(label for label in found if kind is None or label.kind is kind)


def history(store: Store, recording: str) -> History:
    """Returns what stands on a recording, and what can be undone."""
    return _replayed(store.lake.read(_TABLE, where=pc.field("recording") == recording))


def every(store: Store) -> dict[str, History]:
    """Returns the histories of all recordings that have one, by recording."""
    table = store.lake.read(_TABLE)
    return {
        str(recording): _replayed(table.filter(pc.equal(table["recording"], recording)))
        for recording in pc.unique(table["recording"])
    }


def _replayed(table: pa.Table) -> History:
    rows = sorted(table.to_pylist(), key=lambda row: row["event"])
    done: dict[str, list[int]] = defaultdict(list)
    undone: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        mine, back, action = done[row["by"]], undone[row["by"]], row["action"]
        if row["kind"] == UNDO and action in mine:
            mine.remove(action)
            back.append(action)
        elif row["kind"] == REDO and action in back:
            back.remove(action)
            mine.append(action)
        elif row["kind"] in (SET, WITHDRAW) and (not mine or mine[-1] != action):
            mine.append(action)
            back.clear()
    counts = {action for actions in done.values() for action in actions}
    last = rows[-1]["event"] if rows else 0
    return History(_standing(rows, counts), dict(done), dict(undone), last)


def _standing(rows: list[dict[str, Any]], counts: set[int]) -> tuple[Label, ...]:
    """Returns the labels whose making counts, each in the last form that counts."""
    made: dict[int, dict[str, Any]] = {}
    found: dict[int, Label] = {}
    for row in rows:
        if row["kind"] not in (SET, WITHDRAW):
            continue
        first = made.setdefault(row["label"], row)
        if row["action"] not in counts or first["action"] not in counts:
            continue
        if row["kind"] == SET:
            found[row["label"]] = _label(row, by=first["by"])
        else:
            found.pop(row["label"], None)
    order = sorted(found.values(), key=lambda label: (label.start_s, label.end_s, label.label))
    return tuple(order)


def _turn(store: Store, recording: str, annotator: str, kind: str) -> bool:
    """Writes that an action does not count, or counts again."""
    known = history(store, recording)
    person = one_line(annotator)
    actions = (known.done if kind == UNDO else known.undone).get(person, ())
    if not actions:
        return False
    row = {"event": _next(known), "action": actions[-1], "kind": kind, "recording": recording}
    _append(store, [row | {"by": person, "made_at": datetime.now(UTC)}])
    return True


def _own(known: History, label: int, person: str) -> Label:
    found = known.label(label)
    if found is None:
        raise LabelError("The label is no longer there; reload the page to see what is.")
    if one_line(person) not in (found.annotator, found.by):
        raise LabelError(
            f"The label belongs to {found.annotator!r}, and only they may change it; add one of "
            "your own instead."
        )
    return found


def _next(known: History) -> int:
    """Returns a number greater than all before, even where the clock was set back."""
    number = new_number()
    return number if number > known.last else known.last + 1 + secrets.randbelow(1 << 20)


def _row(draft: Draft, *, by: str, **numbers: Any) -> dict[str, Any]:
    return {
        **numbers,
        "by": one_line(by),
        "recording": draft.recording,
        "channel": channel_number(draft.channel),
        "tier": str(draft.kind),
        "start_s": draft.start_s,
        "end_s": draft.end_s,
        "term": draft.term,
        "intensity": draft.intensity,
        "note": draft.note,
        "annotator": draft.annotator,
        "blind": draft.blind,
        "origin": draft.origin,
        "made_at": datetime.now(UTC),
    }


def _label(row: Mapping[str, Any], by: str) -> Label:
    return Label(
        label=row["label"],
        recording=row["recording"],
        channel=None if row["channel"] == MIX else row["channel"],
        kind=Kind(row["tier"]),
        start_s=row["start_s"],
        end_s=row["end_s"],
        term=row["term"],
        intensity=row["intensity"],
        note=row["note"],
        annotator=row["annotator"],
        blind=row["blind"],
        origin=row["origin"],
        by=by,
        created_at=row["made_at"],
    )


def _append(store: Store, rows: Iterable[dict[str, Any]]) -> None:
    store.lake.append(_TABLE, pa.Table.from_pylist(list(rows), schema=TABLES[_TABLE].schema))
    store.lake.tidy(_TABLE)
