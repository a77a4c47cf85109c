"""From a file to a stored result, with an engine whose answers are known."""

import json
import logging
import os
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from core.engines.base import Frames
from core.errors import AudioError, Cancelled, EngineError
from core.pipeline import Pipeline, sha256_of
from core.records import Metadata, Span
from core.settings import Analysis, Conditioning, Segmentation
from core.store.schema import TABLES
from core.store.store import Store
from core.timeline.track import FrameChoice, Timeline
from tests.fakes import FakeEngine
from tests.synthetic import silence, talk, tone, write


class Counting(FakeEngine):
    def __init__(self) -> None:
        self.calls = 0

    def run(self, waveforms):
        self.calls += 1
        return super().run(waveforms)


def rows_in(store: Store) -> dict[str, int]:
    return {name: len(store.lake.read(name)) for name in TABLES if len(store.lake.read(name))}


def test_why_an_engine_runs_otherwise_is_told_with_every_track(talk_file, loud_is_speech):
    engine = FakeEngine()
    engine.remark = "It runs in fp32: in bf16 it differs."
    assert Pipeline(engine).predict(talk_file).track.source.warnings[-1] == engine.remark
    assert engine.remark not in Pipeline(FakeEngine()).predict(talk_file).track.source.warnings


def test_prediction_hears_what_was_put_there(pipeline, talk_file):
    analysed = pipeline.predict(talk_file)
    timeline = Timeline(analysed.track)
    assert analysed.track.duration_s == pytest.approx(7.0)
    assert len(analysed.track.logits) == 350
    assert [(s.start_s, s.end_s, s.emotion) for s in analysed.segments] == [
        (1.0, 3.0, "sad"),
        (4.0, 6.5, "angry"),
    ]
    assert timeline.read_out(Span(0, 1), FrameChoice.ALL).emotion == "unknown"
    for segment in analysed.segments:
        read = timeline.read_out(Span(segment.start_s, segment.end_s))
        np.testing.assert_allclose(segment.logits, read.logits, atol=1e-6)
        assert segment.confidence == pytest.approx(read.confidence)
        assert segment.n_frames == read.n_frames


def test_block_sums_are_the_sums_of_the_frames(pipeline, talk_file):
    from core.audio.decode import open_audio

    with open_audio(talk_file) as audio:
        samples = np.concatenate(list(audio.samples()))
    frames = FakeEngine().run(samples[np.newaxis])[0]
    track = pipeline.predict(talk_file).track
    assert track.block_frames.sum() == len(frames) == 350
    for block, total in enumerate(track.block_sums):
        expected = frames.embeddings[25 * block : 25 * block + 25].sum(axis=0)
        np.testing.assert_allclose(total, expected, atol=1e-4)
    np.testing.assert_allclose(track.logits, frames.logits, atol=1e-5)


@pytest.mark.parametrize("n", [320, 639, 640, 8_000, 8_319, 8_320, 63_999, 64_000, 64_001, 64_320])
def test_every_length_gives_its_frames(pipeline, tmp_path, n):
    path = write(tmp_path / "a.wav", tone(n / 16_000))
    track = pipeline.predict(path).track
    assert len(track.logits) == len(track.speech) == n // 320
    assert track.block_frames.sum() == n // 320
    assert len(track.block_sums) == -(-(n // 320) // 25)


def test_prediction_stores_nothing(pipeline, talk_file, store):
    pipeline.predict(talk_file)
    assert rows_in(store) == {}


def test_what_is_stored_is_what_was_predicted(pipeline, talk_file, store):
    outcome = pipeline.analyze(talk_file, store)
    fresh, stored = pipeline.predict(talk_file), pipeline.stored(outcome.recording, store)
    np.testing.assert_array_equal(stored.track.logits, fresh.track.logits)
    np.testing.assert_array_equal(stored.track.speech, fresh.track.speech)
    np.testing.assert_array_equal(stored.track.block_sums, fresh.track.block_sums)
    for one, two in zip(stored.segments, fresh.segments, strict=True):
        np.testing.assert_array_equal(one.embedding, two.embedding)
        assert (one.start_s, one.emotion, one.confidence) == (
            two.start_s,
            two.emotion,
            two.confidence,
        )
    assert (outcome.status, outcome.segments, outcome.emotion) == ("done", 2, "angry")
    assert outcome.duration_s == pytest.approx(7.0)
    assert store.table("tracks", outcome.recording)["emotion"].to_pylist() == ["angry"]


def test_recording_knows_what_was_said_of_it(pipeline, talk_file, store):
    metadata = Metadata("3", "Anna", date(2026, 5, 12), ("pilot", "quiet"))
    outcome = pipeline.analyze(talk_file, store, metadata)
    found = store.recording(outcome.recording)
    assert (found.session, found.speaker, found.recorded_on, found.tags) == (
        "3",
        "Anna",
        date(2026, 5, 12),
        ("pilot", "quiet"),
    )
    assert found.name == "talk.wav"
    assert found.source == str(talk_file.resolve())
    assert found.size_bytes == talk_file.stat().st_size
    assert found.recording == sha256_of(talk_file)


def test_same_bytes_under_another_name_are_skipped(pipeline, talk_file, store, tmp_path):
    pipeline.engine = Counting()
    first = pipeline.analyze(talk_file, store)
    before = rows_in(store)
    other = tmp_path / "copy of talk.WAV"
    other.write_bytes(talk_file.read_bytes())
    calls = pipeline.engine.calls
    second = pipeline.analyze(other, store)
    assert pipeline.engine.calls == calls > 0
    assert rows_in(store) == before
    assert second == replace(first, status="skipped", file=str(other))
    assert store.recording(first.recording).source == str(other.resolve())
    assert store.recording(first.recording).name == "talk.wav"


def test_skipping_takes_new_metadata_and_keeps_the_old(pipeline, talk_file, store):
    recording = pipeline.analyze(talk_file, store, Metadata("3", "Anna")).recording
    pipeline.analyze(talk_file, store, Metadata(speaker="Berta", tags=("x",)))
    found = store.recording(recording)
    assert (found.session, found.speaker, found.tags) == ("3", "Berta", ("x",))


def test_new_segmentation_does_not_run_the_engine_again(pipeline, talk_file, store):
    engine = Counting()
    Pipeline(engine).analyze(talk_file, store)
    calls = engine.calls
    finer = Pipeline(engine, Analysis(segmentation=Segmentation(max_segment_s=1.0)))
    outcome = finer.analyze(talk_file, store)
    assert (outcome.status, engine.calls) == ("done", calls)
    assert outcome.segments == 5
    assert finer.track_key == pipeline.track_key
    assert finer.run_key != pipeline.run_key
    assert len(store.table("tracks")) == 1
    resolutions = store.table("runs")["embedding_resolution_s"].to_pylist()
    assert sorted(resolutions) == [0.02, 0.5]
    assert len(store.segments(outcome.recording, None, pipeline.run_key)) == 2
    direct = finer.predict(talk_file)
    for one, two in zip(
        store.segments(outcome.recording, None, finer.run_key), direct.segments, strict=True
    ):
        assert (one.start_s, one.end_s) == (two.start_s, two.end_s)
        np.testing.assert_allclose(one.logits, two.logits, atol=1e-6)


def test_new_segmentation_takes_new_metadata(pipeline, talk_file, store):
    recording = pipeline.analyze(talk_file, store).recording
    settings = Analysis(segmentation=Segmentation(max_segment_s=1.0))
    Pipeline(FakeEngine(), settings).analyze(talk_file, store, Metadata(speaker="Anna"))
    assert store.recording(recording).speaker == "Anna"


def test_part_of_a_segment_that_is_all_pause_is_left_out_of_a_new_segmentation(
    pipeline, tmp_path, store
):
    path = write(tmp_path / "a.wav", talk([(1.0, 0.3), (5.0, 0.0), (1.0, 0.3)]))
    settings = Analysis(segmentation=Segmentation(max_pause_s=6.0, max_segment_s=1.0))
    bridging = Pipeline(FakeEngine(), settings)
    direct = bridging.predict(path)
    pipeline.analyze(path, store)
    outcome = bridging.analyze(path, store)
    assert (outcome.status, outcome.error) == ("done", None)
    assert outcome.segments == len(direct.segments) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda p: Pipeline(p.engine, Analysis(Conditioning(channel=0))),
        lambda p: Pipeline(p.engine, Analysis(Conditioning(speech_threshold=0.6))),
        lambda p: Pipeline(type("Other", (FakeEngine,), {"engine_id": "fake-1"})()),
        lambda p: Pipeline(type("Other", (FakeEngine,), {"precision": "bf16"})()),
    ],
)
def test_what_changes_frames_makes_another_track(pipeline, talk_file, store, change):
    other = change(pipeline)
    assert other.track_key != pipeline.track_key
    for one in (pipeline, other):
        assert one.analyze(talk_file, store).status == "done"
    assert len(store.table("tracks")) == 2
    assert len(store.table("recordings")) == 1


def bad_files(folder):
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "text.wav").write_text("no sound " * 100)
    write(folder / "short.wav", tone(0.01))
    return {
        "empty.mp3": "is empty",
        "text.wav": "cannot be read as audio",
        "short.wav": "too short",
        "gone.wav": "No such file",
    }


def test_bad_file_is_a_failure_with_its_reason_and_nothing_else(pipeline, store, tmp_path):
    expected = bad_files(tmp_path)
    for number, (name, words) in enumerate(expected.items(), 1):
        outcome = pipeline.analyze(tmp_path / name, store)
        assert outcome.status == "failed"
        assert words in outcome.error
        assert outcome.emotion is outcome.confidence is outcome.segments is None
        assert (outcome.recording is None) == (name == "gone.wav")
        assert rows_in(store) == {"failures": number}
    rows = store.table("failures").to_pylist()
    assert sorted(row["name"] for row in rows) == sorted(expected)
    assert all(row["engine"] == "fake" for row in rows)
    assert {row["stage"] for row in rows} <= {"read", "decode", "analyse", "store"}


def test_prediction_of_a_bad_file_is_an_error_of_the_tree(pipeline, tmp_path):
    bad_files(tmp_path)
    for name in ("empty.mp3", "text.wav", "gone.wav"):
        with pytest.raises(AudioError):
            pipeline.predict(tmp_path / name)
    with pytest.raises(EngineError):
        pipeline.predict(tmp_path / "short.wav")


def test_fault_of_the_program_costs_one_file_and_is_logged(pipeline, talk_file, store, caplog):
    class Broken(FakeEngine):
        def run(self, waveforms):
            raise ZeroDivisionError("oops")

    with caplog.at_level(logging.ERROR):
        outcome = Pipeline(Broken()).analyze(talk_file, store)
    assert outcome.status == "failed"
    assert "ZeroDivisionError" in outcome.error
    assert "oops" not in outcome.error
    assert "oops" in caplog.text
    assert rows_in(store) == {"failures": 1}
    assert pipeline.analyze(talk_file, store).status == "done"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_engine_that_answers_no_numbers_is_a_failure(talk_file, store, loud_is_speech, bad):
    """Such logits would make every prefix sum behind them, and with it every region, nonsense."""

    class Overflowing(FakeEngine):
        def _frames(self, waveform, n_frames):
            frames = super()._frames(waveform, n_frames)
            logits = frames.logits.copy()
            logits[3, 4] = bad
            return Frames(logits, frames.embeddings)

    outcome = Pipeline(Overflowing()).analyze(talk_file, store)
    assert outcome.status == "failed"
    assert rows_in(store) == {"failures": 1}


def test_store_that_fails_is_a_failed_outcome(pipeline, talk_file, store, monkeypatch):
    from core.errors import StoreError

    def full(*args, **kwargs):
        raise StoreError("Could not write; the disk is full.")

    monkeypatch.setattr(store.lake, "append", full)
    outcome = pipeline.analyze(talk_file, store)
    assert (outcome.status, outcome.error) == ("failed", "Could not write; the disk is full.")
    assert list(store.attempts.iterdir()) == []


@pytest.mark.parametrize("at", [0.0, 0.2, 0.5, 0.9])
def test_cancel_in_the_middle_leaves_nothing(pipeline, talk_file, store, at):
    def stop(share: float) -> None:
        if share >= at:
            raise Cancelled("Stopped by the user.")

    with pytest.raises(Cancelled):
        pipeline.analyze(talk_file, store, progress=stop, keep=True)
    assert rows_in(store) == {}
    assert not (store.root / "audio").exists()


def test_progress_rises_to_one(pipeline, tmp_path, store):
    path = write(tmp_path / "long.wav", talk([(20.0, 0.2)]))
    shares: list[float] = []
    pipeline.analyze(path, store, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(set(shares)) > 4


@pytest.mark.parametrize("name", ["../../x.wav", "<b>.wav", "=cmd().wav", "a\nb.wav", "面談.wav"])
def test_name_given_by_others_is_only_a_name(pipeline, talk_file, store, name):
    before = set(store.root.parent.rglob("*"))
    outcome = pipeline.analyze(talk_file, store, name=name, keep=True)
    assert outcome.status == "done"
    found = store.recording(outcome.recording)
    assert found.name == name
    assert (store.root / found.kept).read_bytes() == talk_file.read_bytes()
    outside = [p for p in set(store.root.parent.rglob("*")) - before if store.root not in p.parents]
    assert outside == []


def test_name_that_is_no_unicode_costs_no_more_than_itself(pipeline, talk_file, store, tmp_path):
    """A file from an old disk may have a name whose bytes are no UTF-8."""
    odd = tmp_path / os.fsdecode(b"caf\xe9.wav")
    odd.write_bytes(talk_file.read_bytes())
    outcome = pipeline.analyze(odd, store)
    assert outcome.status == "done"
    bad = tmp_path / os.fsdecode(b"na\xefve.wav")
    bad.write_bytes(b"")
    assert pipeline.analyze(bad, store).status == "failed"


def test_file_that_grows_while_it_is_read_is_a_failure(pipeline, talk_file, store):
    class Slow(FakeEngine):
        def n_frames(self, n_samples):
            return super().n_frames(n_samples) + (n_samples == 112_000)

    outcome = Pipeline(Slow()).analyze(talk_file, store)
    assert "changed while it was read" in outcome.error


def test_silence_is_done_without_segments_and_with_a_warning(pipeline, tmp_path, store):
    outcome = pipeline.analyze(write(tmp_path / "a.wav", silence(2.0)), store)
    assert (outcome.status, outcome.segments, outcome.emotion) == ("done", 0, "unknown")
    assert "digital silence" in outcome.warnings[0]
    again = pipeline.analyze(tmp_path / "a.wav", store)
    assert (again.status, again.warnings) == ("skipped", outcome.warnings)


def test_track_tells_how_to_make_it_again(pipeline, talk_file, store):
    recording = pipeline.analyze(talk_file, store).recording
    source = pipeline.stored(recording, store).track.source
    assert source.engine_id == "fake-000000000000"
    assert json.loads(source.windowing) == {"window_s": 4.0, "overlap_s": 1.0}
    assert json.loads(source.conditioning)["speech_threshold"] == 0.5
    assert source.temperatures == {0.5: 2.0, 10.0: 1.0}
    assert {"tonescope", "numpy", "av", "soxr"} <= set(source.versions)


def test_kept_recording_does_not_point_to_the_draft_it_came_from(pipeline, talk_file, store):
    recording = pipeline.analyze(talk_file, store, name="x.wav", keep=True).recording
    talk_file.unlink()
    found = store.recording(recording)
    assert store.audio_path(found) == store.root / found.kept


def test_track_without_its_run_is_completed_without_the_engine(pipeline, talk_file, store):
    """A writer may die between its two last commits."""
    recording = pipeline.analyze(talk_file, store).recording
    store.lake.delete("runs", "true")
    pipeline.engine = Counting()
    outcome = pipeline.analyze(talk_file, store)
    assert (outcome.status, outcome.segments, pipeline.engine.calls) == ("done", 2, 0)
    assert len(store.segments(recording, None, pipeline.run_key)) == 2


def trimmed(**changes) -> Pipeline:
    conditioning = Conditioning(trim_silence=True, **changes)
    return Pipeline(FakeEngine(), Analysis(conditioning))


def test_trimming_leaves_out_silence_and_moves_no_time(pipeline, talk_file, store):
    plain, cut = pipeline.predict(talk_file), trimmed().predict(talk_file)
    assert cut.track.offset_s == pytest.approx(0.9)
    assert len(cut.track.logits) == 285  # from 0.9 to 6.6 s
    assert cut.track.duration_s == plain.track.duration_s
    for one, two in zip(cut.segments, plain.segments, strict=True):
        assert (one.start_s, one.end_s, one.emotion) == (two.start_s, two.end_s, two.emotion)
        np.testing.assert_allclose(one.embedding, two.embedding, atol=1e-5)
    for span in (Span(1, 2), Span(4.5, 5.5)):
        np.testing.assert_allclose(
            Timeline(cut.track).read_out(span).logits,
            Timeline(plain.track).read_out(span).logits,
            atol=1e-5,
        )
    span = Span(1.4, 2.9)  # whole blocks of the trimmed track
    np.testing.assert_allclose(Timeline(cut.track).embedding(span)[0], 0.05 / np.sqrt(2), atol=1e-3)


def test_options_are_recorded_and_kept_apart(pipeline, talk_file, store):
    first = pipeline.analyze(talk_file, store)
    second = trimmed().analyze(talk_file, store)
    assert (first.status, second.status) == ("done", "done")
    assert trimmed().track_key != pipeline.track_key
    assert trimmed(noise_reduction=True).track_key != trimmed().track_key
    tracks = store.table("tracks").to_pylist()
    options = [json.loads(row["conditioning"])["trim_silence"] for row in tracks]
    assert sorted(options) == [False, True]
    stored = trimmed().stored(second.recording, store).track
    assert stored.source.quality.heard == Span(0.9, 6.6)
    assert trimmed().analyze(talk_file, store).status == "skipped"


def test_nothing_is_trimmed_where_there_is_no_speech(loud_is_speech, tmp_path):
    track = trimmed().predict(write(tmp_path / "a.wav", silence(2.0))).track
    assert (track.offset_s, len(track.logits)) == (0.0, 100)


def test_noise_reduction_changes_what_the_engine_hears_and_no_time(loud_is_speech, talk_file):
    settings = Analysis(Conditioning(noise_reduction=True))
    found = Pipeline(FakeEngine(), settings).predict(talk_file)
    assert len(found.track.logits) == 350
    assert found.track.offset_s == 0
    assert found.track.source.versions["noisereduce"]
