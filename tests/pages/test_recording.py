"""The timeline of one recording: empty, with data, after a choice, by a link that leads nowhere."""

import json

import numpy as np
import pytest

from core.emotions import EMOTIONS
from core.records import Span
from core.timeline.track import FrameChoice
from dashboard import resources, shared
from dashboard.timeline_figure import timeline_figure
from tests.pages.conftest import DIARY


def _timeline(recording: str):
    row = resources.catalogue().iloc[0]
    return resources.timeline(resources.choice_of(row))


def _drawn(app) -> dict:
    """Returns what the view of the recording is told to draw."""
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_empty_store_teaches_what_to_do(open_page):
    app = open_page("recording")
    assert not app.exception
    assert "No recording yet" in " ".join(m.value for m in app.markdown)
    assert app.button[0].label == "Analyse a recording"


def test_view_is_told_nine_emotions_in_order(open_page, diary):
    app = open_page("recording")
    assert not app.exception
    assert app.title[0].value.replace("\\", "") == "synthetic_diary.mp3"
    drawn = _drawn(app)
    assert [e["name"] for e in drawn["emotions"]] == [str(emotion) for emotion in EMOTIONS]
    assert drawn["src"] == f"/tonescope/audio/{diary}"
    assert drawn["duration_s"] == _timeline(diary).track.duration_s


def test_view_follows_what_is_chosen(open_page, diary):
    app = open_page("recording")
    drawn = _drawn(app)
    assert (drawn["smoothing"], drawn["frames"], drawn["stacked"]) == (1.0, "speech", False)
    app.select_slider(key="smoothing").set_value(0.5)
    app.segmented_control(key="view").set_value("Stacked")
    app.segmented_control(key="frames").set_value("All").run()
    assert not app.exception
    drawn = _drawn(app)
    assert (drawn["smoothing"], drawn["frames"], drawn["stacked"]) == (0.5, "all", True)


def test_chart_to_take_along_is_the_read_out_of_the_track(diary):
    timeline = _timeline(diary)
    segments = resources.segments(resources.choice_of(resources.catalogue().iloc[0]))
    made = timeline_figure(
        timeline, segments, width_s=0.5, frames=FrameChoice.SPEECH, stacked=False, dark=False
    )
    expected = timeline.curve(0.5, FrameChoice.SPEECH)
    for number, trace in enumerate(made.data[:9]):
        assert trace.name == str(EMOTIONS[number])
        rows = np.round(np.array(trace.x, float) / 0.02 - 0.5).astype(int)
        np.testing.assert_allclose(trace.y, expected[rows, number], atol=1e-4)
        assert np.nanmax(trace.y) == pytest.approx(np.nanmax(expected[:, number]), abs=1e-4)
        assert set(np.flatnonzero(~np.isnan(expected[:, number]))) == set(rows[~np.isnan(trace.y)])
    part = timeline_figure(
        timeline,
        segments,
        width_s=0.5,
        frames=FrameChoice.SPEECH,
        stacked=False,
        dark=False,
        region=Span(2.0, 4.0),
    )
    np.testing.assert_allclose(part.data[0].x, 0.02 * np.arange(99, 201) + 0.01, atol=1e-6)
    np.testing.assert_allclose(part.data[0].y, expected[99:201, 0], atol=1e-4)
    assert list(part.layout.xaxis2.range) == [2.0, 4.0]


def test_summary_is_told_as_the_engines_not_as_truth(open_page, diary):
    app = open_page("recording")
    labels = [m.label for m in app.metric]
    assert labels[:2] == ["Sounds to the engine", "Most of the speech sounds"]
    text = " ".join(c.value for c in app.caption)
    assert "calibrated confidence: none over 10 s" in text


def test_segment_table_equals_the_stored_segments(open_page, diary):
    app = open_page("recording")
    row = resources.catalogue().iloc[0]
    stored = resources.segments(resources.choice_of(row))
    table = app.dataframe[0].value
    assert table["Start, s"].tolist() == [s.start_s for s in stored]
    assert table["Confidence"].tolist() == [s.confidence for s in stored]
    assert len(stored) >= 5


def test_address_names_the_recording(open_page, diary):
    app = open_page("recording")
    assert app.query_params["recording"] == diary


def test_address_names_the_track_and_says_when_it_is_gone(open_page, diary):
    app = open_page("recording")
    row = resources.catalogue().iloc[0]
    assert app.query_params["track"] == row["run_key"]
    app.query_params["track"] = "f" * 16
    app.run()
    assert not app.exception
    assert "track in this address is not in the store" in app.warning[0].value


def test_address_of_a_lost_recording_is_explained(open_page, diary):
    app = open_page("recording")
    app.query_params["recording"] = "f" * 64
    app.run()
    assert not app.exception
    assert "not in the store" in app.warning[0].value


def test_lost_audio_leaves_the_results_readable(open_page, tmp_path):
    moved = tmp_path / "moved.mp3"
    moved.write_bytes(DIARY.read_bytes())
    assert shared.scope().analyze(moved).status == "done"
    moved.unlink()
    app = open_page("recording")
    assert not app.exception
    assert "no longer where it was analysed" in app.info[0].value
    assert app.dataframe


def test_provenance_names_engine_and_windows(open_page, diary):
    app = open_page("recording")
    text = " ".join(m.value for m in app.markdown)
    assert "Engine fake-000000000000, fp32; windows of 4 s with 1 s overlap" in text


def test_moved_file_is_asked_for_and_checked(open_page, tmp_path):
    old, new = tmp_path / "old.mp3", tmp_path / "new.mp3"
    old.write_bytes(DIARY.read_bytes())
    assert shared.scope().analyze(old).status == "done"
    old.rename(new)
    other = tmp_path / "other.mp3"
    other.write_bytes(DIARY.read_bytes() + b"x")
    app = open_page("recording")
    for path, said in ((other, "its bytes differ"), (tmp_path / "gone.mp3", "cannot be read")):
        app.text_input[0].set_value(str(path))
        app.button[0].click().run()
        assert not app.exception
        assert said in app.error[0].value
    app.text_input[0].set_value(str(new))
    app.button[0].click().run()
    assert not app.exception
    assert "Where the file lies now" not in [field.label for field in app.text_input]
    assert shared.scope().store.lake.read("recordings")["source"].to_pylist() == [str(new)]


def test_sound_quality_is_told(open_page, diary):
    app = open_page("recording")
    folded = next(e for e in app.expander if e.label == "Sound quality")
    shown = {m.label: m.value for m in folded.metric}
    assert list(shown) == [
        "Level",
        "Peak",
        "Clipped",
        "Speech over noise",
        "Bandwidth",
        "Speech",
        "Music or tones outside speech",
    ]
    quality = _timeline(diary).track.source.quality
    assert shown["Level"] == f"{quality.level_db:.0f} dB"
