"""Writers that are killed at any moment, and writers at once: nothing half, nothing twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.pipeline import Pipeline
from core.provenance import sha256_of
from core.store.check import check
from core.store.store import Store
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write

ROOT = Path(__file__).resolve().parents[2]
ANALYSE = """
import sys
from pathlib import Path
import core.audio.survey
from tests.synthetic import LevelDetector
core.audio.survey.SpeechDetector = LevelDetector
from core.pipeline import Pipeline
from core.store.store import Store
from tests.fakes import FakeEngine

store = Store(Path(sys.argv[1]))
pipeline = Pipeline(FakeEngine())
print("ready", flush=True)
sys.stdin.readline()
for path in map(Path, sys.argv[2:]):
    outcome = pipeline.analyze(path, store, keep=True)
    print(outcome.status, outcome.recording, outcome.error, flush=True)
"""


def start(root: Path, files: list[Path]) -> subprocess.Popen:
    command = [sys.executable, "-c", ANALYSE, str(root), *map(str, files)]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


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
        kept = store.root / store.recording(recording).kept
        assert kept.read_bytes() == path.read_bytes()
    for name in ("frames", "blocks", "segments"):
        assert len(store.table(name)) == len(store.lake.read(name))


@pytest.fixture(autouse=True)
def _levels(monkeypatch):
    monkeypatch.setattr("core.audio.survey.SpeechDetector", LevelDetector)


def test_analysis_that_is_killed_again_and_again_resumes_and_ends_whole(tmp_path):
    files = files_in(tmp_path, 8)
    root = tmp_path / "store"
    rng = random.Random(0)
    told: set[str] = set()
    for _ in range(4):
        with start(root, files) as process:
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("\n")
            process.stdin.flush()
            time.sleep(rng.uniform(0.02, 0.5))
            os.kill(process.pid, signal.SIGKILL)
            lines = process.stdout.read().splitlines()
        assert not [line for line in lines if line.startswith("failed")]
        told |= {line.split()[1] for line in lines if line.count(" ") == 2}
        store = Store(root)
        found = check(store)
        assert found.ok, found.problems
        stored = set(store.table("tracks")["recording"].to_pylist())
        assert told <= stored
        assert check(store).orphans == 0
    with start(root, files) as process:
        output, _ = process.communicate("\n", timeout=60)
    statuses = Counter(line.split()[0] for line in output.splitlines()[1:])
    assert set(statuses) <= {"done", "skipped"}
    assert statuses.total() == 8
    assert check(Store(root)).ok
    assert_whole(Store(root), files)


def test_processes_that_write_the_same_and_other_recordings_at_once_leave_no_duplicate(tmp_path):
    files = files_in(tmp_path, 6)
    root = tmp_path / "store"
    orders = [files[:4], files[:1] + files[2:], files[::-1]]
    writers = [start(root, order) for order in orders]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer, order in zip(writers, orders, strict=True):
        output, _ = writer.communicate(timeout=60)
        lines = output.splitlines()
        assert [line for line in lines if line.split()[0] not in ("done", "skipped")] == []
        assert [line.split()[1] for line in lines] == [sha256_of(path) for path in order]
        assert writer.returncode == 0
    found = check(Store(root))
    assert found.ok, found.problems
    assert_whole(Store(root), files)


@pytest.mark.parametrize("trial", range(2))
def test_processes_may_begin_one_store_at_once(tmp_path, trial):
    root = tmp_path / "store"
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from core.store.store import Store\n"
        "sys.stdin.readline(); Store(Path(sys.argv[1]))",
        str(root),
    ]
    writers = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    time.sleep(1.5)  # until all of them wait for the word
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    said = [writer.communicate(timeout=60)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], said
