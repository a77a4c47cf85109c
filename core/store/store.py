"""The store: what was analysed, found again by what it is.

Delta commits one table at a time. So each attempt writes its frames, blocks and segments under a
number of its own, and only then merges the rows of `tracks` and `runs` that name the number: what
is killed before that never happened, and of two equal analyses the first counts.
"""

import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.emotions import EMOTIONS, N_EMOTIONS, Emotion
from core.errors import StoreError
from core.provenance import readable, sha256_of
from core.records import FRAMES_A_BLOCK, Failure, Floats, Recording, Run, Segment, Track
from core.store import rows
from core.store.attempts import open_attempt
from core.store.gate import writing
from core.store.lake import Lake
from core.store.schema import TABLES

_MAKING: dict[str, threading.Lock] = {}  # a player asks for several ranges of a copy at once


@dataclass(frozen=True)
class Utterance:
    """The read-out of a whole recording, as it is stored beside its track.

    Attributes:
        logits: shape `(9,)`, mean of the raw logits over all frames.
    """

    logits: Floats
    emotion: Emotion
    confidence: float | None


class Store:
    """A folder of Delta tables and kept audio.

    Raises:
        StoreError: the folder cannot be used as a store.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lake = Lake(root)

    @property
    def attempts(self) -> Path:
        """The folder in which live writers hold their locks."""
        return self.root / "attempts"

    @contextmanager
    def attempt(self) -> Iterator[int]:
        """Holds an attempt open and yields its number; what it leaves unnamed never counts."""
        with open_attempt(self.attempts) as number, writing(self.root):
            yield number

    def write_track(
        self, attempt: int, recording: Recording, track: Track, said: Utterance
    ) -> None:
        """Stores a track with its recording; nothing happens if there is one under its key."""
        self.lake.append("frames", rows.frame_rows(track, attempt))
        self.lake.append("blocks", rows.block_rows(track, attempt))
        self.put_recording(recording)
        row = rows.track_row(track, attempt, said.logits, said.emotion, said.confidence)
        self.lake.merge("tracks", row)

    def write_run(self, attempt: int, track: Track, run: Run, *, anew: bool = False) -> None:
        """Stores the segments of a track; nothing happens if there are some under this key.

        Args:
            attempt: the writer's.
            track: that was cut.
            run: the segments.
            anew: whether they count in place of those that are there, as the newest run.
        """
        if run.segments:
            self.lake.append("segments", rows.segment_rows(run, attempt))
        update = ["attempt", "n_segments", "embedding_resolution_s"] if anew else []
        self.lake.merge("runs", rows.run_row(run, track, attempt), update)

    def put_recording(self, recording: Recording) -> None:
        """Stores a recording; where it is known, sets anew only what is given here."""
        self.put_recordings([recording])

    def put_recordings(self, recordings: Iterable[Recording]) -> None:
        """Stores recordings, each another one, like `put_recording` but in few commits."""
        together: dict[tuple[str, ...], list[pa.Table]] = {}
        for recording in recordings:
            together.setdefault(rows.given_columns(recording), []).append(
                rows.recording_row(recording)
            )
        for columns, told in together.items():
            self.lake.merge("recordings", pa.concat_tables(told), columns)

    def record_failure(self, failure: Failure) -> None:
        """Stores why an input could not be analysed."""
        self.lake.append("failures", rows.failure_row(failure))

    def keep(self, path: Path, recording: str, suffix: str) -> str:
        """Copies a file into the store under the hash of its bytes; returns its relative path."""
        kept = kept_path(recording, suffix)
        target = self.root / kept
        if target.exists():
            return kept
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.{os.getpid()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, draft)
            draft.replace(target)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise StoreError(
                f"{path.name!r} could not be copied into the store ({error.strerror}); "
                "check the free space of its disk."
            ) from error
        return kept

    def audio_path(self, recording: Recording) -> Path:
        """Returns the file to play: the store's copy, or where it was analysed.

        Raises:
            StoreError: neither is there any more.
        """
        candidates = [self.root / recording.kept] if recording.kept else []
        if recording.source:
            candidates.append(Path(recording.source))
        for path in candidates:
            if path.is_file() and path.stat().st_size == recording.size_bytes:
                return path
        raise StoreError(
            f"The audio of {recording.name!r} is no longer where it was analysed; "
            "give its new place to hear it. Its results are unharmed."
        )

    def relocate(self, recording: str, path: Path) -> Recording:
        """Sets where the file of a recording lies now, and returns the recording.

        Args:
            recording: its SHA-256, or the first digits of it.
            path: the file, which must hold the very same bytes.

        Raises:
            AudioError: the file cannot be read.
            StoreError: it is another file, or there is no such recording.
        """
        known = self.recording(recording)
        if sha256_of(path) != known.recording:
            raise StoreError(
                f"{str(path)!r} is not the file that was analysed as {known.name!r}: its bytes "
                "differ; choose the file itself, or analyse this one as a new recording."
            )
        moved = replace(known, source=readable(path.resolve()))
        self.put_recording(moved)
        return moved

    def browser_copy(self, recording: Recording, write: Callable[[Path], None]) -> Path:
        """Returns the copy of a recording that browsers play, written on first use.

        Args:
            recording: whose file no browser plays.
            write: writes it to a path that is new.

        Raises:
            StoreError: the disk does not take it.
        """
        return self.derived(recording, "play.webm", write)

    def derived_path(self, recording: Recording, name: str) -> Path:
        """Returns where something made from a recording's sound lies, or will lie.

        Args:
            recording: from which it is made.
            name: what it is, such as `mix.peaks.npz`.
        """
        digits = recording.recording
        return self.root / f"audio/{digits[:2]}/{digits}.{name}"

    def derived(self, recording: Recording, name: str, write: Callable[[Path], None]) -> Path:
        """Returns something made from a recording's sound, made on first use and then kept.

        Args:
            recording: from which it is made.
            name: what it is, such as `mix.peaks.npz`.
            write: writes it to a path that is new.

        Raises:
            StoreError: the disk does not take it.
        """
        target = self.derived_path(recording, name)
        with _MAKING.setdefault(str(target), threading.Lock()):
            if target.exists():
                return target
            draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.{os.getpid()}")
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                write(draft)
                draft.replace(target)
            except OSError as error:
                raise StoreError(
                    f"What is made from the sound of {recording.name!r} cannot be written "
                    f"({error.strerror}); check the free space of the store's disk."
                ) from error
            finally:
                draft.unlink(missing_ok=True)
        return target

    def recording(self, recording: str) -> Recording:
        """Returns a recording.

        Args:
            recording: its SHA-256, or the first digits of it if no other begins so.

        Raises:
            StoreError: there is none, or more than one.
        """
        where = pc.starts_with(pc.field("recording"), recording)
        found = self.lake.pick("recordings", where).to_pylist()
        if len(found) != 1 or not recording:
            there_is = "no recording" if not found else f"{len(found)} recordings"
            raise StoreError(
                f"There is {there_is} {recording[:16]!r} in the store; "
                "give more digits of an SHA-256 that `export --format csv` or Overview lists."
            )
        return rows.recording_from(found[0])

    def track(
        self, recording: str, channel: int | None, track_key: str, *, blocks: bool = True
    ) -> Track | None:
        """Returns a track with all its frames, or None if there is none.

        Args:
            recording: its SHA-256.
            channel: the one channel, or None for the mix of all.
            track_key: which of its tracks.
            blocks: whether the embeddings come with it; without, there are no blocks.
        """
        row = self._track_row(recording, channel, track_key)
        if row is None:
            return None
        mine = pc.field("attempt") == row["attempt"]
        columns = [name for name in TABLES["frames"].schema.names if name != "attempt"]
        frames = rows.sorted_by(self.lake.read("frames", columns, mine), "frame")
        found = TABLES["blocks"].schema.empty_table()
        if blocks:
            found = rows.sorted_by(self.lake.read("blocks", where=mine), "block")
        n_blocks = -(-row["n_frames"] // FRAMES_A_BLOCK) if blocks else 0
        if (len(frames), len(found)) != (row["n_frames"], n_blocks):
            raise StoreError(
                f"The store holds {len(frames)} of {row['n_frames']} frames and {len(found)} of "
                f"{n_blocks} blocks of this track; run `store check`, then analyse it again."
            )
        logits = np.empty((N_EMOTIONS, len(frames)), np.float32)  # each column lies in one piece
        for number, emotion in enumerate(EMOTIONS):
            logits[number] = frames[str(emotion)].to_numpy()
        return Track(
            source=rows.source_from(row),
            duration_s=row["duration_s"],
            hop_s=row["hop_s"],
            offset_s=row["offset_s"],
            logits=logits.T,
            speech=frames["speech"].to_numpy(),
            block_sums=rows.matrix_of(found["embedding_sum"], row["n_dims"]),
            block_frames=found["n_frames"].to_numpy(),
        )

    def segments(
        self, recording: str, channel: int | None, run_key: str, *, embeddings: bool = True
    ) -> tuple[Segment, ...] | None:
        """Returns the segments of a run in order, or None if there is no such run.

        Args:
            recording: its SHA-256.
            channel: the one channel, or None for the mix of all.
            run_key: which of its runs.
            embeddings: whether these come with them; without, they are empty.
        """
        where = _key(recording, channel, "run_key", run_key)
        attempts = self.lake.pick("runs", where, ["attempt"])["attempt"].to_pylist()
        if not attempts:
            return None
        mine = pc.field("attempt") == attempts[0]
        columns = [n for n in TABLES["segments"].schema.names if embeddings or n != "embedding"]
        stored = rows.sorted_by(self.lake.read("segments", columns, mine), "segment")
        return rows.segments_from(stored)

    def table(self, name: str, recording: str | None = None) -> pa.Table:
        """Returns all rows of a table that count: those of attempts that came to nothing do not.

        Args:
            name: of the table.
            recording: only the rows of this one, by its SHA-256, or None for all.
        """
        mine = None if recording is None else pc.field("recording") == recording
        if name not in ("frames", "blocks", "segments"):
            return self.lake.read(name, where=mine)
        owner = "runs" if name == "segments" else "tracks"
        winners = self.lake.read(owner, columns=["attempt"], where=mine)["attempt"]
        if recording is not None:
            return self.lake.read(name, where=pc.field("attempt").isin(winners.combine_chunks()))
        written = self.lake.read(name, columns=["attempt"])["attempt"].unique()
        losers = written.filter(pc.invert(pc.is_in(written, winners.combine_chunks())))
        if not len(losers):
            return self.lake.read(name)
        return self.lake.read(name, where=~pc.field("attempt").isin(losers))

    def _track_row(
        self, recording: str, channel: int | None, track_key: str
    ) -> dict[str, Any] | None:
        where = _key(recording, channel, "track_key", track_key)
        found = self.lake.pick("tracks", where).to_pylist()
        return found[0] if found else None


def kept_path(recording: str, suffix: str) -> str:
    """Returns where the copy of a file lies, relative to the store."""
    clean = "".join(c for c in suffix.lower() if c.isascii() and c.isalnum())[:8]
    return f"audio/{recording[:2]}/{recording}" + (f".{clean}" if clean else "")


def _key(recording: str, channel: int | None, column: str, value: str) -> pc.Expression:
    return (
        (pc.field("recording") == recording)
        & (pc.field("channel") == rows.channel_number(channel))
        & (pc.field(column) == value)
    )
