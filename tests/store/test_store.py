"""The store: what counts, what is found again, and whose files it touches."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core import preferences
from core.emotions import Emotion
from core.errors import AudioError, StoreError
from core.provenance import sha256_of
from core.records import Failure, Run
from core.store import query
from core.store.store import Store, Utterance, kept_path
from tests.synthetic import make_recording, make_segment, make_track

HOSTILE = ["../../x.wav", "<b>.wav", "=cmd().wav", "a\nb.wav", "'; DROP--.wav", "面談 😠.wav", ".."]


def said(seed: int = 0) -> Utterance:
    logits = np.random.default_rng(seed).standard_normal(9).astype(np.float32)
    return Utterance(logits, Emotion.SAD, None)


def run_of(segments, run_key: str = "run0", recording: str = "ab" * 32) -> Run:
    return Run(recording, "0123456789abcdef", run_key, "{}", 0.02, tuple(segments))


def equal(a: object, b: object) -> bool:
    """Whether two records are equal, arrays bit by bit and with their types."""
    for name, one in vars(a).items():
        two = getattr(b, name)
        if isinstance(one, np.ndarray):
            if one.dtype != two.dtype or not np.array_equal(one, two):
                return False
        elif one != two:
            return False
    return True


@pytest.mark.parametrize("n_frames", [1, 25, 26, 1_234])
def test_track_comes_back_exactly(store, n_frames):
    track, _ = make_track(n_frames, offset_s=0.0125, channel=1, warnings=("odd", "söng"))
    with store.attempt() as attempt:
        store.write_track(attempt, make_recording(), track, said())
    found = store.track("ab" * 32, 1, "0123456789abcdef")
    assert equal(found.source, track.source)
    assert equal(found, replace(track, source=found.source))
    (row,) = store.table("tracks").to_pylist()
    np.testing.assert_array_equal(row["logits"], said().logits)
    assert (row["emotion"], row["confidence"]) == ("sad", None)


def test_segments_come_back_exactly_and_in_order(store):
    track, _ = make_track(100)
    segments = [make_segment(n, n / 3, n / 3 + 0.3) for n in range(40)]
    with store.attempt() as attempt:
        store.write_track(attempt, make_recording(), track, said())
        store.write_run(attempt, track, run_of(segments))
    found = store.segments("ab" * 32, None, "run0")
    assert len(found) == 40
    assert all(equal(a, b) for a, b in zip(found, segments, strict=True))


def test_recording_comes_back(store):
    recording = make_recording(
        session="1",
        speaker="Anna",
        recorded_on=date(2026, 5, 12),
        tags=("a", "b;c"),
        kept="audio/x",
    )
    store.put_recording(recording)
    assert store.recording("ab" * 32) == recording


def test_unknown_track_and_run_are_none(store):
    track, _ = make_track(10)
    with store.attempt() as attempt:
        store.write_track(attempt, make_recording(), track, said())
    assert store.track("ab" * 32, 0, "0123456789abcdef") is None
    assert store.track("ab" * 32, None, "other") is None
    assert store.segments("ab" * 32, None, "run0") is None


def test_run_without_segments_is_known_to_have_none(store):
    track, _ = make_track(10)
    with store.attempt() as attempt:
        store.write_track(attempt, make_recording(), track, said())
        store.write_run(attempt, track, run_of([]))
    assert store.segments("ab" * 32, None, "run0") == ()


def test_catalogue_has_what_a_join_by_pandas_has(store):
    for number in range(3):
        name = f"{number}b" * 32
        track, _ = make_track(10, recording=name, channel=number or None)
        with store.attempt() as attempt:
            known = make_recording(recording=name, tags=("a", "b;c")[:number])
            store.write_track(attempt, known, track, said())
            for run in range(number):  # the first has none
                found = replace(run_of([make_segment(0, 0, 1)], f"run{run}"), recording=name)
                store.write_run(attempt, track, found)
    runs, tracks, recordings = (
        store.lake.read(name).to_pandas() for name in ("runs", "tracks", "recordings")
    )
    keys = ["recording", "channel", "track_key"]
    expected = runs.merge(tracks.drop(columns=["attempt", "created_at"]), on=keys)
    expected = expected.merge(recordings.drop(columns="duration_s"), on="recording")
    found = query.catalogue(store)
    assert len(found) == 3
    assert found["attempt"].is_monotonic_decreasing
    found, expected = (
        rows.sort_values(["recording", "run_key"], ignore_index=True)[list(found)]
        for rows in (found, expected)
    )
    pd.testing.assert_frame_equal(found, expected)


def test_rows_of_an_attempt_that_names_none_do_not_count(store):
    from core.store import rows

    track, _ = make_track(50)
    with store.attempt() as attempt:
        store.lake.append("frames", rows.frame_rows(track, attempt))
        store.lake.append("segments", rows.segment_rows(run_of([make_segment(0, 0, 1)]), attempt))
    assert len(store.lake.read("frames")) == 50
    assert len(store.table("frames")) == len(store.table("segments")) == 0
    assert store.track("ab" * 32, None, "0123456789abcdef") is None


def test_loser_of_a_race_does_not_count(store):
    first, _ = make_track(50, seed=1)
    second, _ = make_track(50, seed=2)
    with store.attempt() as one, store.attempt() as two:
        store.write_track(one, make_recording(), first, said(1))
        store.write_track(two, make_recording(), second, said(2))
        store.write_run(two, second, run_of([make_segment(0, 0, 1, seed=2)]))
        store.write_run(one, first, run_of([make_segment(0, 0, 1, seed=1)]))
    found = store.track("ab" * 32, None, "0123456789abcdef")
    np.testing.assert_array_equal(found.logits, first.logits)
    assert len(store.table("frames")) == 50
    assert len(store.table("tracks")) == len(store.table("recordings")) == 1
    assert len(store.segments("ab" * 32, None, "run0")) == 1
    assert len(store.table("segments")) == 1


def test_track_that_lost_frames_is_explained(store):
    track, _ = make_track(50)
    with store.attempt() as attempt:
        store.write_track(attempt, make_recording(), track, said())
    store.lake.delete("frames", "frame < 10")
    with pytest.raises(StoreError, match=r"holds 40 of 50 frames .* analyse it again"):
        store.track("ab" * 32, None, "0123456789abcdef")


def test_first_digits_are_enough_if_no_other_begins_so(store):
    for recording in ("ab" * 32, "ac" * 32):
        store.put_recording(make_recording(recording=recording))
    assert store.recording("ab").recording == "ab" * 32
    for asked, words in (("a", "2 recordings 'a'"), ("ff", "no recording 'ff'"), ("", "store")):
        with pytest.raises(StoreError, match=words):
            store.recording(asked)


def test_what_people_said_before_stays_unless_said_anew(store):
    store.put_recording(make_recording(session="1", speaker="Anna", tags=("a",)))
    store.put_recording(make_recording(speaker="Berta", source=None))
    found = store.recording("ab")
    assert (found.session, found.speaker, found.tags) == ("1", "Berta", ("a",))
    assert found.source == "talk.wav"


@pytest.mark.parametrize("name", HOSTILE)
def test_name_is_kept_as_it_came(store, name):
    store.put_recording(make_recording(name=name, speaker=name, session=name, tags=(name,)))
    found = store.recording("ab")
    assert (found.name, found.speaker, found.session, found.tags) == (name, name, name, (name,))


@pytest.mark.parametrize("suffix", [*HOSTILE, ".WAV", "", ".mp3/../../x", ".é", ".w\0av"])
def test_copy_lies_in_the_store_whatever_the_suffix(store, tmp_path, suffix):
    source = tmp_path / "source"
    source.write_bytes(b"sound")
    kept = store.keep(source, "ab" * 32, suffix)
    target = (store.root / kept).resolve()
    assert target.parent == (store.root / "audio" / "ab").resolve()
    assert target.read_bytes() == b"sound"
    assert target.name.startswith("ab" * 32)
    assert target.name.isascii()
    assert [p.name for p in target.parent.iterdir()] == [target.name]


def test_equal_bytes_are_kept_once(store, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"sound")
    assert store.keep(tmp_path / "a.wav", "ab" * 32, ".wav") == kept_path("ab" * 32, ".wav")
    (tmp_path / "a.wav").unlink()  # a second copy is never asked for
    assert store.keep(tmp_path / "a.wav", "ab" * 32, ".wav").endswith(".wav")


def test_copy_that_fails_leaves_nothing(store, tmp_path):
    with pytest.raises(StoreError, match="could not be copied into the store"):
        store.keep(tmp_path / "gone.wav", "ab" * 32, ".wav")
    assert list((store.root / "audio").rglob("*.*")) == []


def test_two_threads_may_keep_the_same_file(store, tmp_path, monkeypatch):
    import shutil

    (tmp_path / "a.wav").write_bytes(b"sound")
    copy, gate, raised = shutil.copyfile, threading.Barrier(2), []

    def together(source: Path, target: Path) -> None:
        copy(source, target)
        gate.wait(timeout=10)

    def work() -> None:
        try:
            store.keep(tmp_path / "a.wav", "ab" * 32, ".wav")
        except StoreError as error:
            raised.append(error)

    monkeypatch.setattr(shutil, "copyfile", together)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert raised == []


def test_audio_is_found_where_it_is_kept_or_lay(store, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    lying = make_recording(source=str(path), size_bytes=5)
    assert store.audio_path(lying) == path
    kept = store.keep(path, "ab" * 32, ".wav")
    assert store.audio_path(replace(lying, kept=kept)) == store.root / kept
    path.write_bytes(b"another sound")
    with pytest.raises(StoreError, match="no longer where it was analysed"):
        store.audio_path(lying)


def test_failures_are_kept_with_their_reason(store):
    failure = Failure(None, "a\nb.wav", "fake", "read", "gone", datetime.now(UTC))
    store.record_failure(failure)
    row = store.table("failures").to_pylist()[0]
    assert {key: row[key] for key in vars(failure)} == vars(failure)


def test_two_stores_see_what_the_other_wrote(store):
    other = Store(store.root)
    store.put_recording(make_recording())
    assert other.recording("ab").name == "talk.wav"


def test_moved_file_is_taken_only_if_it_is_the_same(store, tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(b"sound")
    known = make_recording(recording=sha256_of(path), source="gone.wav", size_bytes=5)
    store.put_recording(known)
    with pytest.raises(StoreError, match="no longer where it was analysed"):
        store.audio_path(store.recording(known.recording))
    other = tmp_path / "other.wav"
    other.write_bytes(b"noise")
    with pytest.raises(StoreError, match=r"not the file that was analysed as 'talk\.wav'"):
        store.relocate(known.recording, other)
    with pytest.raises(AudioError, match="cannot be read"):
        store.relocate(known.recording, tmp_path / "nowhere.wav")
    store.relocate(known.recording[:12], path)
    assert store.audio_path(store.recording(known.recording)) == path


def test_copy_for_the_browser_is_written_once_and_whole_or_not_at_all(store):
    written = []

    def fail(path):
        path.write_bytes(b"half")
        raise AudioError("It cannot be decoded.")

    def write(path):
        written.append(path)
        path.write_bytes(b"copy")

    recording = make_recording()
    with pytest.raises(AudioError):
        store.browser_copy(recording, fail)
    assert [p for p in (store.root / "audio").rglob("*") if p.is_file()] == []
    copies = {store.browser_copy(recording, write) for _ in range(3)}
    assert len(written) == 1
    assert [c.read_bytes() for c in copies] == [b"copy"]


def test_choice_made_before_the_store_does_not_keep_it_from_being_started(tmp_path):
    preferences.choose_engine(tmp_path / "store", "compact")
    store = Store(tmp_path / "store")
    assert preferences.default_engine(tmp_path / "store") == "compact"
    assert len(store.lake.read("recordings")) == 0
