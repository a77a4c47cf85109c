"""The objects of the contract, made from records."""

import json

import numpy as np
import pytest
from scipy.special import softmax

from core import answers
from core.answers import Granularity
from core.emotions import EMOTIONS
from core.errors import RegionError
from core.records import Outcome, Span
from core.timeline.segments import segments_of
from core.timeline.track import FrameChoice, Timeline
from tests.synthetic import make_track

TRACK, EMBEDDINGS = make_track(500, speech=np.repeat([True, False, True, True], 125))
TIMELINE = Timeline(TRACK)
BOUNDS = [Span(0.0, 2.5), Span(5.0, 7.5), Span(7.5, 10.0)]
SEGMENTS = segments_of(TIMELINE, BOUNDS, [np.zeros(3, np.float32)] * 3)
NAMES = [str(emotion) for emotion in EMOTIONS]


def mean_scores(rows: np.ndarray) -> list[float]:
    return softmax(TRACK.logits[rows].astype(np.float64).mean(axis=0)).tolist()


def test_whole_recording_is_read_over_all_frames():
    answer = answers.prediction(TIMELINE, SEGMENTS)
    assert list(answer["scores"]) == NAMES
    assert list(answer["scores"].values()) == pytest.approx(mean_scores(np.arange(500)))
    assert sum(answer["scores"].values()) == pytest.approx(1)
    assert answer["emotion"] == max(answer["scores"], key=answer["scores"].get)
    assert (answer["engine"], answer["duration_s"]) == ("fake-000000000000", 10.0)
    assert "segments" not in answer
    assert "frames" not in answer
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize(
    ("region", "frames", "rows"),
    [
        (None, FrameChoice.ALL, np.arange(500)),
        (None, FrameChoice.SPEECH, np.flatnonzero(TRACK.speech)),
        (Span(2.0, 3.0), None, np.arange(100, 125)),
        (Span(2.0, 3.0), FrameChoice.SPEECH, np.arange(100, 125)),
        (Span(2.0, 3.0), FrameChoice.ALL, np.arange(100, 150)),
        (Span(8.0, float("inf")), None, np.arange(400, 500)),
    ],
)
def test_region_and_frames_choose_what_is_read(region, frames, rows):
    answer = answers.prediction(TIMELINE, SEGMENTS, region=region, frames=frames)
    assert list(answer["scores"].values()) == pytest.approx(mean_scores(rows))
    if region is not None:
        assert (answer["start_s"], answer["end_s"]) == (region.start_s, min(10.0, region.end_s))


def test_segments_are_told_with_their_scores():
    answer = answers.prediction(TIMELINE, SEGMENTS, Granularity.SEGMENT)
    assert [(s["start_s"], s["end_s"]) for s in answer["segments"]] == [
        (b.start_s, b.end_s) for b in BOUNDS
    ]
    first = answer["segments"][0]
    assert list(first["scores"].values()) == pytest.approx(mean_scores(np.arange(125)), abs=1e-6)
    assert first["emotion"] == max(first["scores"], key=first["scores"].get)
    assert first["confidence"] == pytest.approx(SEGMENTS[0].confidence)


def test_only_segments_that_touch_the_region_are_told():
    answer = answers.prediction(TIMELINE, SEGMENTS, Granularity.SEGMENT, Span(7.0, 7.5))
    assert [s["start_s"] for s in answer["segments"]] == [5.0]


def test_frames_are_told_unsmoothed_and_without_confidence():
    frames = answers.prediction(TIMELINE, SEGMENTS, Granularity.FRAME)["frames"]
    assert len(frames) == 500
    for i in (0, 7, 123, 499):
        assert (frames[i]["start_s"], frames[i]["end_s"]) == (
            pytest.approx(0.02 * i),
            pytest.approx(0.02 * i + 0.02),
        )
        assert frames[i]["confidence"] is None
        assert list(frames[i]["scores"].values()) == pytest.approx(mean_scores(np.array([i])))
        assert frames[i]["emotion"] == NAMES[TRACK.logits[i].argmax()]
    assert all(len(str(frame["start_s"])) <= 5 for frame in frames)  # no 0.060000000000000005


def test_frames_of_a_region_are_those_that_start_in_it():
    told = answers.prediction(TIMELINE, SEGMENTS, Granularity.FRAME, Span(1.01, 1.05))
    assert [frame["start_s"] for frame in told["frames"]] == [1.02, 1.04]
    spoken = answers.prediction(
        TIMELINE, SEGMENTS, Granularity.FRAME, Span(2.4, 2.6), FrameChoice.SPEECH
    )
    assert [frame["start_s"] for frame in spoken["frames"]] == [2.4, 2.42, 2.44, 2.46, 2.48]


@pytest.mark.parametrize("region", [Span(3, 2), Span(10, 12), Span(2.6, 4.0)])
def test_region_that_cannot_be_read_is_an_error(region):
    with pytest.raises(RegionError):
        answers.prediction(TIMELINE, SEGMENTS, region=region)


def test_outcome_is_a_line_of_plain_json():
    line = answers.outcome(Outcome("a.wav", None, "failed", error="gone", warnings=("x",)))
    assert json.loads(json.dumps(line)) == {
        "file": "a.wav",
        "recording": None,
        "status": "failed",
        "duration_s": None,
        "emotion": None,
        "confidence": None,
        "segments": None,
        "warnings": ["x"],
        "error": "gone",
        "channel": None,
    }
