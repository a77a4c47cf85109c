"""Many files at once: while the model works on one, others are decoded, searched for speech, stored.

Files are stored as they are finished, and told in their order. What is finished and not stored is
bounded by its frames, so memory does not grow with the batch; a long file keeps no other from being
worked on. What is killed goes on where it was, as what is stored is skipped; what was only gathered is
made again.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from core.audio.decode import open_audio
from core.channels import EachChannel
from core.errors import AudioError, Cancelled, TonescopeError
from core.findings import Found, failed, write_found
from core.pipeline import Pipeline
from core.plain import file_stem
from core.progress import Progress
from core.records import Metadata, Outcome
from core.store.store import Store

AT_ONCE = 3  # one at the model, others before or behind it
_AHEAD = 2  # files waiting, for each that is worked on
TOGETHER = 64  # files in the commits of one
GATHERED_S = 5.0  # what is finished waits no longer to be stored,
_STORING = 0.05  # unless storing would then take a greater share of the time
_LONGEST_S = 60.0
GATHERED_FRAMES = 180_000  # an hour of sound, 110 MB with the embeddings of `compact`

Track = tuple[Pipeline, Outcome]
Named = TypeVar("Named")


@dataclass(frozen=True)
class Input:
    """One file of a batch.

    Attributes:
        place: a path, or a URL that fsspec opens.
    """

    place: str

    @property
    def remote(self) -> bool:
        """Whether it is fetched first."""
        return "://" in self.place

    @property
    def name(self) -> str:
        """What people call it."""
        path = urlsplit(self.place).path if self.remote else self.place
        return PurePosixPath(path).name or "recording"


@dataclass(frozen=True)
class Expected:
    """What a batch holds, before it is run.

    Attributes:
        files: how many.
        duration_s: of those that declare it.
        unknown: how many do not declare their duration, or cannot be read.
    """

    files: int
    duration_s: float
    unknown: int


class Gathered(Generic[Named]):
    """What files came to, gathered until it is worth the commits of storing it.

    Args:
        pipeline: that made it.
        store: where it goes.
        together: files that are stored together at most.
    """

    def __init__(self, pipeline: Pipeline, store: Store, together: int = TOGETHER) -> None:
        self._pipeline = pipeline
        self._store = store
        self._together = together
        self._files: list[tuple[Named, list[Found]]] = []
        self._since_s = 0.0
        self._took_s = 0.0

    @property
    def wait_s(self) -> float | None:
        """How long the next file may be waited for; None where nothing else waits."""
        if not self._files:
            return None
        hold_s = max(GATHERED_S, min(self._took_s / _STORING, _LONGEST_S))
        return max(0.0, self._since_s + hold_s - time.monotonic())

    def add(self, item: Named, found: list[Found]) -> Iterator[tuple[Named, list[Track]]]:
        """Takes what a file came to; yields all that was gathered, if that is stored now."""
        if not self._files:
            self._since_s = time.monotonic()
        self._files.append((item, found))
        n_frames = sum(_n_frames(each) for _, each in self._files)
        full = len(self._files) >= self._together or n_frames >= GATHERED_FRAMES
        if full or self.wait_s == 0:
            yield from self.flush()

    def flush(self) -> Iterator[tuple[Named, list[Track]]]:
        """Stores all that was gathered, and yields it file by file."""
        files, self._files = self._files, []
        start_s = time.monotonic()
        outcomes = iter(write_found(self._store, [one for _, each in files for one in each]))
        self._took_s = time.monotonic() - start_s
        for item, each in files:
            yield item, [(self._made_by(one), next(outcomes)) for one in each]

    def _made_by(self, found: Found) -> Pipeline:
        if isinstance(self._pipeline, EachChannel):
            return self._pipeline.of_channel(found.outcome.channel)
        return self._pipeline


class _Room:
    """How much may be finished and not taken yet; no file is begun while that is too much."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_frames = 0
        self._open = True

    def enter(self) -> None:
        """Waits until there is room, or the batch ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._n_frames < GATHERED_FRAMES or not self._open)

    def add(self, n_frames: int) -> None:
        """Counts what was finished, or taken where it is less than 0."""
        with self._changed:
            self._n_frames += n_frames
            self._changed.notify_all()

    def close(self) -> None:
        """Lets go of all that wait."""
        with self._changed:
            self._open = False
            self._changed.notify_all()


def run(
    pipeline: Pipeline,
    inputs: Iterable[Input],
    store: Store,
    metadata: Metadata | None = None,
    *,
    at_once: int = AT_ONCE,
    retries: int = 0,
    together: int = TOGETHER,
) -> Iterator[tuple[Input, list[Track]]]:
    """Analyses files into a store; yields the tracks of each file, in the order of the files.

    Args:
        pipeline: makes the tracks; one for each channel where it is `EachChannel`.
        inputs: the files; read only as far as work goes on.
        store: where results go; what it holds already is not made again.
        metadata: what is said of all of them.
        at_once: files that are worked on at the same time.
        retries: how often a file that fails is tried again.
        together: files that are stored together at most; as many are lost at most by a kill, besides
            those that are worked on.
    """
    stop, room = threading.Event(), _Room()

    def progress(share: float) -> None:
        del share
        if stop.is_set():
            raise Cancelled("Stopped; what was finished is stored.")

    def work(item: Input) -> list[Found]:
        room.enter()
        progress(0.0)
        found = find(pipeline, item, store, metadata, retries=retries, progress=progress)
        room.add(_n_frames(found))
        return found

    gathered: Gathered[tuple[int, Input]] = Gathered(pipeline, store, together)
    waiting: dict[Future[list[Found]], tuple[int, Input]] = {}
    told: dict[int, tuple[Input, list[Track]]] = {}
    ahead = max(at_once * _AHEAD, together)  # as many may be finished while others are stored
    n_told = 0
    threads = ThreadPoolExecutor(at_once, thread_name_prefix="tonescope-batch")
    coming = enumerate(inputs)
    try:
        while True:
            for number, item in islice(coming, ahead - len(waiting)):
                waiting[threads.submit(work, item)] = number, item
            done, _ = wait(waiting, gathered.wait_s, FIRST_COMPLETED)
            stored = [] if done else list(gathered.flush())
            for future in done:
                found = future.result()
                room.add(-_n_frames(found))
                stored += gathered.add(waiting.pop(future), found)
            told |= {number: (item, tracks) for (number, item), tracks in stored}
            while n_told in told:
                yield told.pop(n_told)
                n_told += 1
            if not waiting and gathered.wait_s is None:
                break
    finally:
        stop.set()  # of what is under way when the batch ends early, nothing is kept
        room.close()
        threads.shutdown(wait=True, cancel_futures=True)


def _n_frames(found: list[Found]) -> int:
    return sum(one.n_frames for one in found)


def find(
    pipeline: Pipeline,
    item: Input,
    store: Store | None,
    metadata: Metadata | None = None,
    *,
    retries: int = 0,
    progress: Progress | None = None,
) -> list[Found]:
    """Returns what a file came to, by its channels where they are apart, still to be stored.

    Args:
        pipeline: that of the batch.
        item: the file.
        store: what it holds is not made again; without one nothing is known before.
        metadata: what is said of it.
        retries: how often it is tried again where it fails.
        progress: as of `Pipeline.find`.
    """
    for _ in range(retries):
        found = _find(pipeline, item, store, metadata, progress)
        if all(one.outcome.status != "failed" for one in found):
            return found
    return _find(pipeline, item, store, metadata, progress)


def expect(inputs: Iterable[Input]) -> Expected:
    """Returns how much a batch holds, from what files declare; decodes nothing, fetches nothing."""
    files = unknown = 0
    duration_s = 0.0
    for item in inputs:
        files += 1
        declared_s = None
        if not item.remote:
            try:
                with open_audio(Path(item.place)) as audio:
                    declared_s = audio.info.declared_s
            except TonescopeError:
                declared_s = None
        unknown += declared_s is None
        duration_s += declared_s or 0.0
    return Expected(files, duration_s, unknown)


def _find(
    pipeline: Pipeline,
    item: Input,
    store: Store | None,
    metadata: Metadata | None,
    progress: Progress | None,
) -> list[Found]:
    name = item.name if item.remote else None
    try:
        with open_local(item) as path:
            if isinstance(pipeline, EachChannel):
                each = pipeline.find_each(path, store, metadata, name=name, progress=progress)
                found = list(each)
            else:
                found = [pipeline.find(path, store, metadata, name=name, progress=progress)]
            return [_placed(item, one, store) for one in found]
    except AudioError as error:
        told = failed(Path(item.name), item.name, None, pipeline.engine.name, "read", error)
        return [replace(told, outcome=replace(told.outcome, file=item.place))]


def _placed(item: Input, found: Found, store: Store | None) -> Found:
    """Names a fetched file by its URL, here and in the store."""
    if not item.remote:
        return found
    result = found.result
    if result:
        result = replace(result, recording=replace(result.recording, source=item.place))
    elif store and found.outcome.recording and found.outcome.status != "failed":
        known = store.recording(found.outcome.recording)
        if known.source != item.place:
            store.put_recording(replace(known, source=item.place))
    return replace(found, result=result, outcome=replace(found.outcome, file=item.place))


@contextmanager
def open_local(item: Input) -> Iterator[Path]:
    """Yields a path to read a file from: its own, or that of a copy which is then removed."""
    if not item.remote:
        yield Path(item.place)
        return
    import fsspec

    with tempfile.TemporaryDirectory(prefix="tonescope-") as folder:
        suffix = "".join(c for c in Path(item.name).suffix if c.isascii() and c.isalnum())[:8]
        path = Path(folder) / f"{file_stem(item.name)}.{suffix or 'bin'}"
        try:
            with fsspec.open(item.place, "rb") as far, path.open("wb") as near:
                shutil.copyfileobj(far, near, 1 << 20)
        except Exception as error:  # each of fsspec's many backends raises errors of its own
            raise AudioError(
                f"{item.place!r} cannot be fetched ({type(error).__name__}: {str(error)[:200]}); "
                "check the address, the network, and that fsspec's package for it is installed."
            ) from error
        yield path
