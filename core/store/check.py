"""Checking a store: does every stored result hold together, and what did dead writers leave."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import StoreError
from core.store.attempts import alive, new_number
from core.store.schema import TABLES
from core.store.store import Store

_OWNERS = {"frames": "tracks", "blocks": "tracks", "segments": "runs"}


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes:
        tables: how many tables were read.
        orphans: attempts and files of dead writers; they were removed.
        problems: sentences on what does not hold together.
    """

    tables: int
    recordings: int
    tracks: int
    orphans: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems


def check(store: Store) -> Check:
    """Checks a store and removes what dead writers left; a live writer is left in peace."""
    horizon = new_number()  # whoever begins after this is alive, though not among the living
    living = alive(store.attempts)
    problems, read = [], 0
    for name in TABLES:
        try:
            store.lake.read(name, columns=TABLES[name].schema.names[:1])
            read += 1
        except StoreError as error:
            problems.append(str(error))
    if problems:
        return Check(read, 0, 0, 0, tuple(problems))
    orphans = _remove_orphans(store, living, horizon)
    tracks = store.lake.read("tracks")
    recordings = store.lake.read("recordings")
    problems += _incomplete(store, tracks, "n_frames", "frames", "tracks")
    problems += _incomplete(store, store.lake.read("runs"), "n_segments", "segments", "runs")
    problems += _without_recording(tracks, recordings)
    problems += _lost_audio(store, recordings)
    return Check(read, len(recordings), len(tracks), orphans, tuple(problems))


def _remove_orphans(store: Store, living: set[int], horizon: int) -> int:
    written = {
        name: set(pc.unique(store.lake.read(name, columns=["attempt"])["attempt"]).to_pylist())
        for name in _OWNERS
    }
    named = {
        owner: set(store.lake.read(owner, columns=["attempt"])["attempt"].to_pylist())
        for owner in set(_OWNERS.values())
    }
    dead: set[int] = set()
    for name, attempts in written.items():
        mine = {a for a in attempts - named[_OWNERS[name]] - living if a < horizon}
        if mine:
            store.lake.delete(name, f"attempt IN ({', '.join(str(a) for a in sorted(mine))})")
        dead |= mine
    bare = 0 if living else _remove_bare_recordings(store)
    return len(dead) + bare + _remove_drafts(store)


def _remove_bare_recordings(store: Store) -> int:
    """Removes recordings whose writer died before their first track counted."""
    with_track = set(store.lake.read("tracks", columns=["recording"])["recording"].to_pylist())
    known = store.lake.read("recordings", columns=["recording"])["recording"].to_pylist()
    bare = sorted(set(known) - with_track)
    if bare:
        quoted = ", ".join(f"'{recording}'" for recording in bare)  # hexadecimal digits only
        store.lake.delete("recordings", f"recording IN ({quoted})")
    return len(bare)


def _remove_drafts(store: Store) -> int:
    """Removes copies that a dead process began; a draft's name ends in its process number."""
    removed = 0
    for draft in (store.root / "audio").glob("*/.*"):
        if not _runs(draft.suffix[1:]):
            draft.unlink(missing_ok=True)
            removed += 1
    return removed


def _runs(process: str) -> bool:
    import psutil

    return process.isdigit() and psutil.pid_exists(int(process))


def _incomplete(store: Store, owners: pa.Table, count: str, name: str, owner: str) -> list[str]:
    """Returns a sentence for each row whose attempt wrote more or fewer rows than it says."""
    rows = store.lake.read(name, columns=["attempt"])
    found = {v["values"]: v["counts"] for v in pc.value_counts(rows["attempt"]).to_pylist()}
    return [
        f"The row of {owner} for recording {row['recording'][:12]} names {row[count]} {name}, "
        f"but {found.get(row['attempt'], 0)} are stored; analyse the recording again."
        for row in owners.select(["recording", "attempt", count]).to_pylist()
        if found.get(row["attempt"], 0) != row[count]
    ]


def _without_recording(tracks: pa.Table, recordings: pa.Table) -> list[str]:
    known = set(recordings["recording"].to_pylist())
    return [
        f"A track names recording {recording[:12]}, which is not stored; analyse it again."
        for recording in sorted(set(tracks["recording"].to_pylist()) - known)
    ]


def _lost_audio(store: Store, recordings: pa.Table) -> list[str]:
    return [
        f"The store's copy of recording {row['recording'][:12]} is missing; "
        "analyse the file again to hear it."
        for row in recordings.select(["recording", "kept"]).to_pylist()
        if row["kept"] and not (store.root / row["kept"]).is_file()
    ]
