"""Checking: orphans of the dead go, the living stay, and what is broken is said."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import core.store.check as checking
from core.store import rows
from core.store.check import check
from core.store.schema import TABLES
from core.store.store import Store
from tests.store.test_store import run_of, said
from tests.synthetic import make_recording, make_segment, make_track

ROOT = Path(__file__).resolve().parents[2]
WRITE_AND_HOLD = """
import sys, time
from pathlib import Path
from core.store import rows
from core.store.store import Store
from tests.store.test_store import run_of
from tests.synthetic import make_recording, make_segment, make_track

store = Store(Path(sys.argv[1]))
track, _ = make_track(50)
with store.attempt() as attempt:
    store.lake.append("frames", rows.frame_rows(track, attempt))
    store.lake.append("blocks", rows.block_rows(track, attempt))
    store.lake.append("segments", rows.segment_rows(run_of([make_segment(0, 0, 1)]), attempt))
    store.put_recording(make_recording())
    print(attempt, flush=True)
    time.sleep(60)
"""


def written(store: Store, recording: str = "cd" * 32) -> None:
    track, _ = make_track(50, recording=recording)
    with store.attempt() as attempt:
        store.write_track(attempt, make_recording(recording=recording), track, said())
        run = run_of([make_segment(0, 0, 1)], recording=recording)
        store.write_run(attempt, track, run)


def test_empty_store_is_sound(store):
    found = check(store)
    assert (found.ok, found.tables, found.recordings, found.tracks) == (True, len(TABLES), 0, 0)
    assert found.orphans == 0


def test_sound_store_loses_nothing(store):
    written(store)
    for _ in range(2):
        found = check(store)
        assert (found.ok, found.recordings, found.tracks, found.orphans) == (True, 1, 1, 0)
    assert len(store.table("frames")) == 50


def test_living_writer_is_left_in_peace_and_a_dead_one_is_cleared_away(store):
    written(store)
    command = [sys.executable, "-c", WRITE_AND_HOLD, str(store.root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            attempt = int(process.stdout.readline())
            found = check(store)
            assert (found.ok, found.orphans) == (True, 0)
            assert len(store.lake.read("frames")) == 100
            assert len(store.lake.read("recordings")) == 2
        finally:
            os.kill(process.pid, signal.SIGKILL)
    found = check(store)
    assert found.ok
    assert found.orphans == 1  # a recording without a track is no result, and may soon have one
    assert (found.recordings, found.tracks) == (1, 1)
    for name in ("frames", "blocks", "segments"):
        assert attempt not in store.lake.read(name)["attempt"].to_pylist()
    assert list(store.attempts.iterdir()) == []
    assert check(store).orphans == 0


def test_loser_of_a_race_is_cleared_away(store):
    track, _ = make_track(50)
    with store.attempt() as one, store.attempt() as two:
        store.write_track(one, make_recording(), track, said())
        store.write_track(two, make_recording(), track, said())
    assert check(store).orphans == 1
    assert len(store.lake.read("frames")) == 50
    assert check(store).ok


def begins_after(monkeypatch: pytest.MonkeyPatch, name: str, work) -> None:
    """Lets a writer begin right after the check has looked who is alive."""
    looked = getattr(checking, name)
    once: list[int] = []

    def then(*args: object) -> object:
        found = looked(*args)
        if not once:
            once.append(1)
            work()
        return found

    monkeypatch.setattr(checking, name, then)


def test_recording_of_a_writer_that_begins_during_the_check_stays(store, monkeypatch):
    """Its recording comes before its track; the check may not take it for a dead writer's."""
    written(store)
    go, ready = threading.Event(), threading.Event()
    track, _ = make_track(50)

    def write() -> None:
        with store.attempt() as attempt:
            store.lake.append("frames", rows.frame_rows(track, attempt))
            store.put_recording(make_recording())
            ready.set()
            go.wait(timeout=30)
            store.write_track(attempt, make_recording(), track, said())

    writer = threading.Thread(target=write)

    def begin() -> None:
        writer.start()
        assert ready.wait(timeout=30)

    begins_after(monkeypatch, "alive", begin)
    check(store)
    still_there = "ab" * 32 in store.lake.read("recordings")["recording"].to_pylist()
    go.set()
    writer.join(timeout=30)
    assert still_there


def test_writer_that_was_slow_to_lock_its_number_keeps_its_rows(store, monkeypatch):
    """A number is drawn before its file is locked; a check may fall in between."""
    from core.store import attempts

    written(store)
    drawn, go, ready, end = (threading.Event() for _ in range(4))
    number = attempts.new_number()

    def slow() -> int:
        drawn.set()
        go.wait(timeout=30)
        return number

    track, _ = make_track(50)

    def write() -> None:
        with store.attempt() as attempt:
            store.lake.append("frames", rows.frame_rows(track, attempt))
            ready.set()
            end.wait(timeout=30)

    monkeypatch.setattr(attempts, "new_number", slow)
    writer = threading.Thread(target=write)
    writer.start()
    assert drawn.wait(timeout=30)

    def proceed() -> None:
        go.set()
        assert ready.wait(timeout=30)

    begins_after(monkeypatch, "alive", proceed)
    check(store)
    kept = number in store.lake.read("frames")["attempt"].to_pylist()
    end.set()
    writer.join(timeout=30)
    assert kept


@pytest.mark.parametrize(
    ("table", "predicate", "words"),
    [
        ("frames", "frame < 10", "stands for 50 frames, but 40 are stored; analyse"),
        ("segments", "segment = 0", "stands for 1 segments, but 0 are stored; analyse"),
        ("blocks", "block = 0", "stands for 2 blocks, but 1 are stored; analyse"),
        ("recordings", "true", "which is not stored"),
    ],
)
def test_what_does_not_hold_together_is_said(store, table, predicate, words):
    written(store)
    store.lake.delete(table, predicate)
    found = check(store)
    assert not found.ok
    assert words in " ".join(found.problems)


def test_lost_copy_is_said(store, tmp_path):
    written(store)
    (tmp_path / "a").write_bytes(b"sound")
    kept = store.keep(tmp_path / "a", "cd" * 32, ".wav")
    store.put_recording(make_recording(recording="cd" * 32, kept=kept))
    assert check(store).ok
    (store.root / kept).unlink()
    assert "copy of recording cdcdcdcdcdcd is missing" in check(store).problems[0]


def test_unreadable_table_is_said(store):
    written(store)
    for log in (store.root / "tables" / "tracks" / "_delta_log").glob("*.json"):
        log.write_text("garbage")
    found = check(store)
    assert not found.ok
    assert "read the table 'tracks'" in found.problems[0]


def test_lost_data_file_is_said(store):
    written(store)
    for path in (store.root / "tables" / "frames").glob("*.parquet"):
        path.unlink()
    found = check(store)
    assert not found.ok
    assert "'frames'" in found.problems[0]


def test_drafts_of_dead_processes_are_removed_and_those_of_living_ones_stay(store):
    written(store)
    folder = store.root / "audio" / "ab"
    folder.mkdir(parents=True)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (folder / f".abc.wav.{dead.pid}").write_bytes(b"")
    (folder / f".abc.wav.{os.getpid()}").write_bytes(b"")
    assert check(store).orphans == 1
    assert [p.name for p in folder.iterdir()] == [f".abc.wav.{os.getpid()}"]
