"""Exports, read back by other programs' readers and compared with the timeline."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.csv
import pyarrow.parquet
import pytest

from core import correcting
from core.emotions import EMOTIONS
from core.errors import StoreError
from core.export.tables import TableFormat, export_tables
from core.pipeline import Pipeline
from core.records import Metadata, Turn
from core.settings import Analysis, Conditioning, Segmentation
from core.timeline.segments import scores_of_segment
from core.timeline.track import FrameChoice, Timeline
from core.version import VERSION
from tests.fakes import FakeEngine
from tests.synthetic import silence, write

NAMES = [str(emotion) for emotion in EMOTIONS]
READERS = {
    "csv": pd.read_csv,
    "parquet": lambda path: pyarrow.parquet.read_table(path).to_pandas(),
    "json": lambda path: pd.DataFrame(json.loads(path.read_text())),
}


@pytest.fixture
def filled(pipeline, talk_file, make_talk, store):
    """A store of two recordings, one of them under two segmentations; and the first's track."""
    metadata = Metadata("3", "Anna", date(2026, 5, 12), ("a", "b"))
    first = pipeline.analyze(talk_file, store, metadata, name="=cmd().wav")
    pipeline.analyze(make_talk("b.wav", 300), store, name='a "quoted",\nname.wav')
    finer = Pipeline(FakeEngine(), Analysis(segmentation=Segmentation(max_segment_s=1.0)))
    finer.analyze(talk_file, store)
    return store, pipeline.stored(first.recording, store)


@pytest.mark.parametrize("kind", READERS)
def test_tables_read_back_equal_the_timeline(filled, tmp_path, kind):
    store, stored = filled
    written = dict(export_tables(store, tmp_path / "out", TableFormat(kind)))
    tables = {p.stem: READERS[kind](p) for p in written if p.stem != "codebook"}
    assert set(tables) == {"recordings", "segments", "frames", "labels"}
    for path, n_rows in written.items():
        assert path.exists()
        if path.stem in tables:
            assert len(tables[path.stem]) == n_rows
    recording = stored.track.source.recording
    timeline = Timeline(stored.track)
    said = timeline.utterance()

    def rows_of(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["recording"] == recording]

    (row,) = rows_of(tables["recordings"]).to_dict("records")
    assert [row[name] for name in NAMES] == pytest.approx(said.scores.tolist(), abs=1e-6)
    name = "'=cmd().wav" if kind == "csv" else "=cmd().wav"  # no formula for a spreadsheet
    assert (row["emotion"], row["name"], row["speaker"]) == (said.emotion, name, "Anna")
    assert row["confidence"] == pytest.approx(said.confidence)
    assert str(row["recorded_on"])[:10] == "2026-05-12"
    assert row["tags"] == "a;b"
    assert row["speech_s"] == pytest.approx(4.5)

    segments = rows_of(tables["segments"])
    assert sorted(segments.groupby("run_key").size()) == [2, 5]
    whole = segments.groupby("run_key").filter(lambda run: len(run) == 2)
    for row, segment in zip(whole.to_dict("records"), stored.segments, strict=True):
        expected = scores_of_segment(timeline, segment).tolist()
        assert [row[name] for name in NAMES] == pytest.approx(expected, abs=1e-6)
        assert (row["start_s"], row["end_s"]) == (segment.start_s, segment.end_s)
        assert (row["emotion"], row["n_frames"]) == (segment.emotion, segment.n_frames)
    assert set(segments["speaker"]) == {"Anna"}  # nobody told speakers apart

    frames = rows_of(tables["frames"])
    np.testing.assert_allclose(frames[NAMES].to_numpy(float), stored.track.logits, atol=1e-6)
    assert frames["frame"].tolist() == list(range(350))
    np.testing.assert_allclose(frames["start_s"], timeline.times(), atol=1e-9)
    np.testing.assert_array_equal(frames["speech"].to_numpy(bool), stored.track.speech)


def test_regions_can_be_read_anew_from_exported_frames(filled, tmp_path):
    """The definition holds for whoever has only the export."""
    from scipy.special import softmax

    from core.records import Span

    store, stored = filled
    list(export_tables(store, tmp_path, TableFormat.PARQUET))
    frames = pd.read_parquet(tmp_path / "frames.parquet")
    frames = frames[frames["recording"] == stored.track.source.recording]
    chosen = frames[(frames["start_s"] >= 2.0 - 1e-9) & (frames["start_s"] < 4.5 - 1e-9)]
    expected = Timeline(stored.track).read_out(Span(2.0, 4.5), FrameChoice.ALL).scores
    np.testing.assert_allclose(softmax(chosen[NAMES].mean()), expected, atol=1e-6)


def test_arrays_read_back_in_the_order_of_their_table(filled, tmp_path):
    store, stored = filled
    written = dict(export_tables(store, tmp_path / "out", TableFormat.NPY))
    recording = stored.track.source.recording
    for path in (tmp_path / "out").glob("segment_embeddings_*.npy"):
        vectors = np.load(path, allow_pickle=False)
        index = pd.read_csv(path.with_suffix(".csv"))
        assert written[path] == written[path.with_suffix(".csv")] == len(vectors) == len(index)
        run_key = path.stem.removeprefix("segment_embeddings_")
        for row, vector in zip(index.to_dict("records"), vectors, strict=True):
            assert row["run_key"] == run_key
            segment = store.segments(row["recording"], None, run_key)[row["segment"]]
            np.testing.assert_array_equal(vector, segment.embedding)
    (logits,) = (tmp_path / "out").glob(f"frame_logits_{recording[:16]}_mix_*.npy")
    np.testing.assert_array_equal(np.load(logits), stored.track.logits)


def test_codebook_explains_every_column(filled, tmp_path):
    store, _ = filled
    list(export_tables(store, tmp_path, TableFormat.CSV))
    book = json.loads((tmp_path / "codebook.json").read_text())
    assert book["tonescope"] == VERSION
    assert book["engines"][0]["engine_id"] == "fake-000000000000"
    for name in ("recordings", "segments", "frames", "labels"):
        header = pyarrow.csv.read_csv(
            tmp_path / f"{name}.csv",
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        ).column_names
        assert list(book["columns"][name]) == header
        assert all(book["columns"][name].values())


def test_one_recording_can_be_exported_alone(filled, tmp_path):
    store, stored = filled
    recording = stored.track.source.recording
    list(export_tables(store, tmp_path, TableFormat.CSV, recording[:10]))
    for name in ("recordings", "segments", "frames"):
        assert set(pd.read_csv(tmp_path / f"{name}.csv")["recording"]) == {recording}
    with pytest.raises(StoreError, match="no recording 'ffff'"):
        list(export_tables(store, tmp_path, TableFormat.CSV, "ffff"))


def test_of_one_recording_no_other_frames_are_read(filled, tmp_path, monkeypatch):
    store, stored = filled
    read, counts = store.lake.read, []

    def counted(name, *more, **named):
        rows = read(name, *more, **named)
        counts.append((name, len(rows)))
        return rows

    monkeypatch.setattr(store.lake, "read", counted)
    list(export_tables(store, tmp_path, TableFormat.CSV, stored.track.source.recording))
    assert [n for name, n in counts if name == "frames"] == [len(stored.track.logits)]
    assert store.table("frames").num_rows > len(stored.track.logits)


@pytest.mark.parametrize("kind", TableFormat)
def test_recording_without_segments_is_exported(pipeline, store, tmp_path, kind):
    pipeline.analyze(write(tmp_path / "quiet.wav", silence(1.0)), store)
    written = {p.name: n for p, n in export_tables(store, tmp_path / "out", kind)}
    if kind is TableFormat.NPY:
        assert [n for name, n in written.items() if name.startswith("frame_logits")] == [50]
    else:
        assert written[f"segments.{kind}"] == 0
        assert written[f"frames.{kind}"] == 50
        assert len(READERS[kind](tmp_path / "out" / f"recordings.{kind}")) == 1


def test_two_channels_stay_apart(loud_is_speech, store, tmp_path, talk_file):
    from tests.synthetic import talk

    path = write(
        tmp_path / "two.wav", np.stack([talk([(2.0, 0.05)]), talk([(1.0, 0), (1.0, 0.6)])])
    )
    for channel in (0, 1, None):
        Pipeline(FakeEngine(), Analysis(Conditioning(channel=channel))).analyze(path, store)
    list(export_tables(store, tmp_path / "all", TableFormat.PARQUET))
    table = pd.read_parquet(tmp_path / "all" / "segments.parquet")
    assert dict(zip(table["channel"], table["emotion"], strict=True)) == {
        0: "sad",
        1: "angry",
        -1: table.loc[table["channel"] == -1, "emotion"].item(),
    }
    assert table["start_s"].tolist() == [
        pytest.approx(1.0 if channel == 1 else 0.0) for channel in table["channel"]
    ]
    for kind in TableFormat:
        assert dict(export_tables(store, tmp_path / str(kind), kind))


def test_rows_of_dead_attempts_are_not_exported(filled, tmp_path):
    from core.store import rows

    store, stored = filled
    before = dict(export_tables(store, tmp_path / "a", TableFormat.CSV))
    with store.attempt() as attempt:
        store.lake.append("frames", rows.frame_rows(stored.track, attempt))
    after = dict(export_tables(store, tmp_path / "b", TableFormat.CSV))
    assert {p.name: n for p, n in before.items()} == {p.name: n for p, n in after.items()}


def test_folder_that_cannot_be_written_to_is_explained(filled, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written to"):
        list(export_tables(filled[0], tmp_path / "out", TableFormat.CSV))


def test_empty_store_is_explained(store, tmp_path):
    with pytest.raises(StoreError, match="analyse a recording first"):
        list(export_tables(store, tmp_path / "out", TableFormat.CSV))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", READERS)
def test_segments_keep_their_own_speakers(pipeline, talk_file, store, tmp_path, kind):
    recording = pipeline.analyze(talk_file, store, Metadata(speaker="Anna")).recording
    turns = [Turn("=Ben", 0.0, 2.2), Turn("Cem", 2.2, 4.0)]  # nobody has what comes after
    correcting.correct(store, recording, None, turns)
    list(export_tables(store, tmp_path, TableFormat(kind)))
    rows = READERS[kind](tmp_path / f"segments.{kind}")
    found = rows[rows["run_key"] == rows["run_key"].iloc[-1]]
    other = rows[rows["run_key"] != rows["run_key"].iloc[-1]]
    if set(other["speaker"]) != {"Anna"}:
        found, other = other, found
    assert set(other["speaker"]) == {"Anna"}
    guard = "'" if kind == "csv" else ""
    for row in found.to_dict("records"):
        middle_s = (row["start_s"] + row["end_s"]) / 2
        expected = f"{guard}=Ben" if middle_s < 2.2 else "Cem" if middle_s < 4.0 else "Anna"
        assert row["speaker"] == expected
    assert {f"{guard}=Ben", "Cem"} <= set(found["speaker"])
    book = json.loads((tmp_path / "codebook.json").read_text())
    assert "who speaks in this segment" in book["columns"]["segments"]["speaker"]
    assert "as given by the user" in book["columns"]["recordings"]["speaker"]
