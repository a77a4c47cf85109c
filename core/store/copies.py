"""What left the store: bundles and backups, so that forgetting can say which still hold somebody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from core.provenance import readable
from core.store.attempts import new_number
from core.store.schema import TABLES
from core.store.store import Store


@dataclass(frozen=True)
class Copy:
    """A file or folder that holds recordings of a store.

    Attributes:
        kind: `backup`, `bundle` or `report`.
        place: where it was written.
    """

    kind: str
    place: str


def note(store: Store, kind: str, place: Path | str, recordings: Iterable[str]) -> None:
    """Notes that recordings were copied to a place: a path, or words for where it is."""
    number, now = new_number(), datetime.now(UTC)
    rows = [
        {
            "copy": number,
            "kind": kind,
            "place": place if isinstance(place, str) else readable(place.resolve()),
            "recording": recording,
            "made_at": now,
        }
        for recording in sorted(set(recordings))
    ]
    if rows:
        store.lake.append("copies", pa.Table.from_pylist(rows, schema=TABLES["copies"].schema))


def holding(store: Store, recordings: Iterable[str]) -> list[Copy]:
    """Returns the copies that hold any of these recordings, as they were noted."""
    rows = store.lake.read("copies", ["kind", "place", "recording"]).to_pylist()
    wanted = set(recordings)
    found = {Copy(row["kind"], row["place"]) for row in rows if row["recording"] in wanted}
    return sorted(found, key=lambda copy: (copy.kind, copy.place))
