"""Checking a store: does every stored result hold together, and what did dead writers leave."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import StoreError
from core.records import FRAMES_A_BLOCK
from core.store.attempts import alive
from core.store.forget import resume
from core.store.schema import TABLES
from core.store.store import Store

_OWNERS = {"frames": "tracks", "blocks": "tracks", "segments": "runs"}


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes:
        tables: how many tables were read.
        recordings: how many have a track.
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
    """Checks a store and removes what dead writers left; a live writer is left in peace.

    What a killed process began to forget is forgotten first.
    """
    resume(store)
    problems, read = [], 0
    for name in TABLES:
        try:
            store.lake.read(name, columns=TABLES[name].schema.names[:1])
            read += 1
        except StoreError as error:
            problems.append(str(error))
    if problems:
        return Check(read, 0, 0, 0, tuple(problems))
    orphans = _remove_orphans(store) + _remove_drafts(store)
    tracks, runs = store.lake.read("tracks"), store.lake.read("runs")
    recordings = store.lake.read("recordings")
    problems += _incomplete(store, tracks, "frames", "tracks", tracks["n_frames"].to_pylist())
    n_blocks = [-(-n // FRAMES_A_BLOCK) for n in tracks["n_frames"].to_pylist()]
    problems += _incomplete(store, tracks, "blocks", "tracks", n_blocks)
    problems += _incomplete(store, runs, "segments", "runs", runs["n_segments"].to_pylist())
    problems += _without_recording(tracks, recordings)
    problems += _lost_audio(store, recordings)
    finished = len(set(tracks["recording"].to_pylist()))
    return Check(read, finished, len(tracks), orphans, tuple(problems))


def _remove_orphans(store: Store) -> int:
    """Removes the rows of dead attempts that no row names; returns how many attempts they were.

    The order matters: whoever has written by the first reading is then alive, or has ended, and an
    attempt that ended well is named by the last reading.
    """
    written = {
        name: set(pc.unique(store.lake.read(name, columns=["attempt"])["attempt"]).to_pylist())
        for name in _OWNERS
    }
    living = alive(store.attempts)
    named = {
        owner: set(store.lake.read(owner, columns=["attempt"])["attempt"].to_pylist())
        for owner in set(_OWNERS.values())
    }
    dead: set[int] = set()
    for name, attempts in written.items():
        mine = attempts - named[_OWNERS[name]] - living
        if mine:
            store.lake.delete(name, f"attempt IN ({', '.join(str(a) for a in sorted(mine))})")
        dead |= mine
    return len(dead)


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


def _incomplete(
    store: Store, owners: pa.Table, name: str, owner: str, expected: list[int]
) -> list[str]:
    """Returns a sentence for each row whose attempt wrote more or fewer rows than it should."""
    rows = store.lake.read(name, columns=["attempt"])
    found = {v["values"]: v["counts"] for v in pc.value_counts(rows["attempt"]).to_pylist()}
    named = owners.select(["recording", "attempt"]).to_pylist()
    return [
        f"The row of {owner} for recording {row['recording'][:12]} stands for {count} {name}, "
        f"but {found.get(row['attempt'], 0)} are stored; analyse the recording again."
        for row, count in zip(named, expected, strict=True)
        if found.get(row["attempt"], 0) != count
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
