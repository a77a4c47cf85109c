"""Turns in the store: every version is kept, so nothing that is corrected is lost.

A version is a row with turn -1, which says how it was made, and a row for each turn, written in one
commit. The version with the greatest number counts. To undo is to write the version before anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import TurnError
from core.records import Turn
from core.settings import digest
from core.store.attempts import new_number
from core.store.rows import channel_number
from core.store.schema import TABLES
from core.store.store import Store

HEAD: Final = -1


@dataclass(frozen=True)
class TurnVersion:
    """The turns of one channel of a recording, as they stood at one time.

    Attributes:
        version: grows with time.
        parent: the version that it was made from, or None.
        source: what made it: `auto`, `import`, `hand` or `undo`.
        method: how, as plain data.
    """

    version: int
    parent: int | None
    source: str
    method: dict[str, Any]
    turns: tuple[Turn, ...]

    @property
    def key(self) -> str:
        """Names these very turns, however they were made."""
        return digest({"turns": [[t.speaker, t.start_s, t.end_s] for t in self.turns]})


def versions(store: Store, recording: str, channel: int | None) -> list[TurnVersion]:
    """Returns all versions of the turns of a channel, the first one first."""
    where = (pc.field("recording") == recording) & (pc.field("channel") == channel_number(channel))
    rows = store.lake.read("turns", where=where).sort_by(
        [("version", "ascending"), ("turn", "ascending")]
    )
    found: dict[int, tuple[Mapping[str, Any], list[Turn]]] = {}
    for row in rows.to_pylist():
        if row["turn"] == HEAD:
            found[row["version"]] = (row, [])
        elif row["version"] in found:
            turn = Turn(row["speaker"], row["start_s"], row["end_s"], row["source"])
            found[row["version"]][1].append(turn)
    return [
        TurnVersion(
            version, head["parent"], head["source"], json.loads(head["method"]), tuple(turns)
        )
        for version, (head, turns) in found.items()
    ]


def current(store: Store, recording: str, channel: int | None) -> TurnVersion | None:
    """Returns the version that counts, or None where nobody told speakers apart."""
    return next(iter(reversed(versions(store, recording, channel))), None)


def put(
    store: Store,
    recording: str,
    channel: int | None,
    turns: Sequence[Turn],
    source: str,
    method: dict[str, Any] | None = None,
) -> TurnVersion:
    """Writes a new version, made from the one that counts now; returns it."""
    before = current(store, recording, channel)
    parent = None if before is None else before.version
    return _write(store, recording, channel, parent, source, method or {}, tuple(turns))


def undo(store: Store, recording: str, channel: int | None) -> TurnVersion:
    """Writes anew what stood before the version that counts; undone again, it goes further back.

    Raises:
        TurnError: there is nothing to undo.
    """
    known = {version.version: version for version in versions(store, recording, channel)}
    last = known[max(known)] if known else None
    if last is None or last.parent is None or last.parent not in known:
        raise TurnError("There is nothing to undo: these are the first turns of this recording.")
    before = known[last.parent]
    return _write(store, recording, channel, before.parent, "undo", before.method, before.turns)


def _write(
    store: Store,
    recording: str,
    channel: int | None,
    parent: int | None,
    source: str,
    method: dict[str, Any],
    turns: tuple[Turn, ...],
) -> TurnVersion:
    version = new_number()
    same = {
        "recording": recording,
        "channel": channel_number(channel),
        "version": version,
        "made_at": datetime.now(UTC),
    }
    text = json.dumps(method, sort_keys=True)
    head = same | {"turn": HEAD, "parent": parent, "source": source, "method": text}
    rows = [
        same
        | {
            "turn": number,
            "speaker": turn.speaker,
            "start_s": turn.start_s,
            "end_s": turn.end_s,
            "source": turn.source,
        }
        for number, turn in enumerate(turns)
    ]
    store.lake.append("turns", pa.Table.from_pylist([head, *rows], schema=TABLES["turns"].schema))
    return TurnVersion(version, parent, source, method, turns)
