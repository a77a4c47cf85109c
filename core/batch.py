"""Many files at once: while the model works on one, others are decoded, searched for speech, stored.

Results come in the order of the files. Only a few files are ahead of the one that is waited for, so
memory does not grow with the batch; what is killed goes on where it was, as what is stored is skipped.
"""

import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from core.audio.decode import open_audio
from core.channels import EachChannel
from core.errors import AudioError, Cancelled, TonescopeError
from core.pipeline import Pipeline
from core.plain import file_stem
from core.records import Metadata, Outcome
from core.store.store import Store

AT_ONCE = 3  # one at the model, others before or behind it
_AHEAD = 2  # files waiting, for each that is worked on

Track = tuple[Pipeline, Outcome]


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


def run(
    pipeline: Pipeline,
    inputs: Iterable[Input],
    store: Store,
    metadata: Metadata | None = None,
    *,
    at_once: int = AT_ONCE,
    retries: int = 0,
) -> Iterator[tuple[Input, list[Track]]]:
    """Analyses files into a store; yields the tracks of each file, in the order of the files.

    Args:
        pipeline: makes the tracks; one for each channel where it is `EachChannel`.
        inputs: the files; read only as far as work goes on.
        store: where results go; what it holds already is not made again.
        metadata: what is said of all of them.
        at_once: files that are worked on at the same time.
        retries: how often a file that fails is tried again.
    """
    stop = threading.Event()

    def work(item: Input) -> list[Track]:
        tracks = _tracks(pipeline, item, store, metadata, stop)
        for _ in range(retries):
            if all(outcome.status != "failed" for _, outcome in tracks):
                break
            tracks = _tracks(pipeline, item, store, metadata, stop)
        return tracks

    waiting: deque[tuple[Input, Future[list[Track]]]] = deque()
    threads = ThreadPoolExecutor(at_once, thread_name_prefix="tonescope-batch")
    try:
        for item in inputs:
            waiting.append((item, threads.submit(work, item)))
            if len(waiting) >= at_once * _AHEAD:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        stop.set()  # of what is under way when the batch ends early, nothing is kept
        threads.shutdown(wait=True, cancel_futures=True)


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


def _tracks(
    pipeline: Pipeline, item: Input, store: Store, metadata: Metadata | None, stop: threading.Event
) -> list[Track]:
    def progress(share: float) -> None:
        del share
        if stop.is_set():
            raise Cancelled("Stopped; what was finished is stored.")

    try:
        with _local(item) as path:
            name = item.name if item.remote else None
            if isinstance(pipeline, EachChannel):
                each = pipeline.analyze_each(path, store, metadata, name=name, progress=progress)
                found = [(pipeline.of_channel(outcome.channel), outcome) for outcome in each]
            else:
                outcome = pipeline.analyze(path, store, metadata, name=name, progress=progress)
                found = [(pipeline, outcome)]
            return [_placed(item, track, store) for track in found]
    except AudioError as error:
        return [(pipeline, Outcome(item.place, None, "failed", error=str(error)))]


def _placed(item: Input, track: Track, store: Store) -> Track:
    """Names a fetched file by its URL, here and in the store."""
    made_by, outcome = track
    if not item.remote:
        return track
    if outcome.recording and outcome.status != "failed":
        known = store.recording(outcome.recording)
        if known.source != item.place:
            store.put_recording(replace(known, source=item.place))
    return made_by, replace(outcome, file=item.place)


@contextmanager
def _local(item: Input) -> Iterator[Path]:
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
