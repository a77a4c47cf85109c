"""Writers that are killed at any moment, and writers at once: nothing half, nothing twice."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest

from core import batch
from core.batch import Input
from core.pipeline import Pipeline
from core.provenance import sha256_of
from core.store.check import check
from core.store.store import Store
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write

# Children begin anew: native libraries that were imported before a fork need not survive it.
CHILDREN = get_context("spawn")


class Child:
    """A process that begins when it is told, and tells lines as it goes."""

    def __init__(self, work: Callable[..., None], *given: object) -> None:
        self._lines, theirs = CHILDREN.Pipe(duplex=False)
        self._word = CHILDREN.Event()
        self.process = CHILDREN.Process(target=work, args=(theirs, self._word, *given))
        self.process.start()
        theirs.close()
        assert self._lines.recv() == "ready"

    def go(self) -> None:
        self._word.set()

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)

    def rest(self) -> list[tuple[str, ...]]:
        """Returns what it told until its end."""
        lines = []
        try:
            while self._lines.poll(120):
                lines.append(self._lines.recv())
            raise AssertionError(f"nothing was told for two minutes after {lines}")
        except EOFError:
            pass
        self.process.join(60)
        assert self.process.exitcode is not None
        return lines


def analyse(told: Connection, word: Event, root: Path, files: list[Path]) -> None:
    """Analyses files into a store, and tells each as it is stored."""
    import core.audio.survey

    core.audio.survey.SpeechDetector = LevelDetector
    store, pipeline = Store(root), Pipeline(FakeEngine())
    told.send("ready")
    word.wait()
    for path in files:
        outcome = pipeline.analyze(path, store, keep=True)
        told.send((outcome.status, outcome.recording, outcome.error))


def analyse_together(told: Connection, word: Event, root: Path, files: list[Path]) -> None:
    """Analyses files as a batch, and tells each as it is stored."""
    import core.audio.survey

    core.audio.survey.SpeechDetector = LevelDetector
    store, inputs = Store(root), [Input(str(path)) for path in files]
    told.send("ready")
    word.wait()
    for _, tracks in batch.run(Pipeline(FakeEngine()), inputs, store, together=3):
        outcome = tracks[0][1]
        told.send((outcome.status, outcome.recording, outcome.error))


def begin(told: Connection, word: Event, root: Path) -> None:
    """Begins a store."""
    told.send("ready")
    word.wait()
    Store(root)
    told.send(("begun",))


def files_in(folder: Path, n: int) -> list[Path]:
    return [
        write(folder / f"{i}.wav", talk([(0.3, 0), (1.0 + i / 10, 0.3), (0.4, 0)], hz=200 + 10 * i))
        for i in range(n)
    ]


def assert_whole(store: Store, files: list[Path]) -> None:
    """Each file is there once, with all its rows, and just as an undisturbed analysis has it."""
    expected = {sha256_of(path): path for path in files}
    for name in ("recordings", "tracks", "runs"):
        assert Counter(store.table(name)["recording"].to_pylist()) == Counter(list(expected))
    pipeline = Pipeline(FakeEngine())
    for recording, path in expected.items():
        stored = pipeline.stored(recording, store)
        fresh = pipeline.predict(path)
        np.testing.assert_array_equal(stored.track.logits, fresh.track.logits)
        np.testing.assert_array_equal(stored.track.block_sums, fresh.track.block_sums)
        assert [(s.start_s, s.end_s) for s in stored.segments] == [
            (s.start_s, s.end_s) for s in fresh.segments
        ]
        kept = store.recording(recording).kept
        assert kept is None or (store.root / kept).read_bytes() == path.read_bytes()
    for name in ("frames", "blocks", "segments"):
        assert len(store.table(name)) == len(store.lake.read(name))


@pytest.fixture(autouse=True)
def _levels(monkeypatch):
    monkeypatch.setattr("core.audio.survey.SpeechDetector", LevelDetector)


def test_batch_that_is_killed_again_and_again_resumes_and_ends_whole(tmp_path):
    files = files_in(tmp_path, 16)
    root = tmp_path / "store"
    rng = random.Random(0)
    told: set[str] = set()
    for _ in range(10):
        child = Child(analyse_together, root, files)
        child.go()
        time.sleep(rng.uniform(0.02, 0.5))
        child.kill()
        lines = child.rest()
        assert child.process.exitcode == -signal.SIGKILL
        assert not [line for line in lines if line[0] == "failed"]
        told |= {recording for _, recording, _ in lines}
        store = Store(root)
        found = check(store)
        assert found.ok, found.problems
        stored = set(store.table("tracks")["recording"].to_pylist())
        assert told <= stored
        assert check(store).orphans == 0
    child = Child(analyse_together, root, files)
    child.go()
    statuses = Counter(status for status, _, _ in child.rest())
    assert child.process.exitcode == 0
    assert set(statuses) <= {"done", "skipped"}
    assert statuses.total() == 16
    assert check(Store(root)).ok
    assert_whole(Store(root), files)


def test_processes_that_write_the_same_and_other_recordings_at_once_leave_no_duplicate(tmp_path):
    files = files_in(tmp_path, 6)
    root = tmp_path / "store"
    orders = [files[:4], files[:1] + files[2:], files[::-1]]
    writers = [Child(analyse, root, order) for order in orders]
    for writer in writers:
        writer.go()
    for writer, order in zip(writers, orders, strict=True):
        lines = writer.rest()
        assert [line for line in lines if line[0] not in ("done", "skipped")] == []
        assert [line[1] for line in lines] == [sha256_of(path) for path in order]
        assert writer.process.exitcode == 0
    assert all(Store(root).recording(sha256_of(path)).kept for path in files)
    found = check(Store(root))
    assert found.ok, found.problems
    assert_whole(Store(root), files)


@pytest.mark.parametrize("trial", range(2))
def test_processes_may_begin_one_store_at_once(tmp_path, trial):
    root = tmp_path / "store"
    writers = [Child(begin, root) for _ in range(4)]
    for writer in writers:
        writer.go()
    assert [writer.rest() for writer in writers] == [[("begun",)]] * 4
