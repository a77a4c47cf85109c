"""The timeline of one recording: empty, with data, after a choice, by a link that leads nowhere."""

import json

import numpy as np

from core.emotions import EMOTIONS
from core.timeline.track import FrameChoice
from dashboard import resources, shared
from tests.pages.conftest import DIARY


def _timeline(recording: str):
    row = resources.catalogue().iloc[0]
    return resources.timeline(resources.choice_of(row))


def _chart(app, number: int = 0) -> dict:
    return json.loads(app.get("plotly_chart")[number].proto.spec)


def test_empty_store_teaches_what_to_do(open_page):
    app = open_page("recording")
    assert not app.exception
    assert "No recording yet" in " ".join(m.value for m in app.markdown)
    assert app.button[0].label == "Analyse a recording"


def test_timeline_has_nine_traces_in_order(open_page, diary):
    app = open_page("recording")
    assert not app.exception
    assert app.title[0].value == "synthetic_diary.mp3"
    names = [trace["name"] for trace in _chart(app)["data"] if trace["type"] == "scatter"]
    assert names == [str(emotion) for emotion in EMOTIONS]


def test_curves_are_the_read_out_of_the_track(open_page, diary):
    app = open_page("recording")
    app.select_slider(key="smoothing").set_value(0.5).run()
    assert not app.exception
    timeline = _timeline(diary)
    expected = timeline.curve(0.5, FrameChoice.SPEECH)
    angry = _chart(app)["data"][0]
    shown = [np.nan if y is None else y for y in _decoded(angry["y"])]
    np.testing.assert_allclose(shown, expected[:, 0], atol=1e-4)


def _decoded(values):
    if isinstance(values, dict):
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return values


def test_stacked_view_adds_up(open_page, diary):
    app = open_page("recording")
    app.segmented_control(key="view").set_value("Stacked").run()
    assert not app.exception
    traces = [t for t in _chart(app)["data"] if t["type"] == "scatter"]
    assert {t["stackgroup"] for t in traces} == {"all"}
    total = np.nansum([np.asarray(_decoded(t["y"]), float) for t in traces], axis=0)
    np.testing.assert_allclose(total[total > 0], 1, atol=1e-3)


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
    assert not app.text_input
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
