"""Turning points, peaks and the band of smoothing on made-up tracks."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from core.emotions import EMOTIONS, N_EMOTIONS
from core.errors import SettingsError
from core.records import Turn
from core.timeline import turning_points as tp
from core.timeline.track import FrameChoice, Timeline
from tests.synthetic import make_track


def track(stretches, seed=0, noise=1.0, pause_s=0.0):
    """Returns a timeline of stretches `(emotion, seconds)`, with a pause of silence after each."""
    rng = np.random.default_rng(seed)
    logits, speech = [], []
    for emotion, seconds in stretches:
        n = round(seconds / 0.02)
        part = noise * rng.standard_normal((n, N_EMOTIONS))
        part[:, EMOTIONS.index(emotion)] += 3
        n_pause = round(pause_s / 0.02)
        logits += [part, np.full((n_pause, N_EMOTIONS), -5.0)]
        speech += [np.ones(n, bool), np.zeros(n_pause, bool)]
    return made(np.concatenate(logits), np.concatenate(speech))


def made(logits, speech):
    plain, _ = make_track(len(logits), speech=speech)
    return Timeline(replace(plain, logits=logits.astype(np.float32)))


def test_points_lie_where_the_emotion_changes_for_good():
    timeline = track([("sad", 20), ("angry", 15), ("angry", 5), ("happy", 30)], pause_s=1.0)
    for rate in tp.PENALTIES:
        found = tp.turning_points(timeline, rate)
        assert [(p.before, p.after) for p in found] == [("sad", "angry"), ("angry", "happy")]
        assert [p.time_s for p in found] == pytest.approx([21, 43], abs=0.6)


def test_a_flicker_is_no_turning_point():
    timeline = track([("sad", 20), ("angry", 1), ("sad", 20)])
    assert tp.turning_points(timeline) == ()
    assert tp.turning_points(track([("sad", 3)])) == ()
    assert tp.turning_points(track([("sad", 60)])) == ()


def test_without_speech_there_is_no_turning_point():
    timeline = made(np.zeros((2000, N_EMOTIONS)), np.zeros(2000, bool))
    assert tp.turning_points(timeline) == ()


def test_changes_of_speaker_are_marked():
    timeline = track([("sad", 20), ("angry", 20), ("sad", 20)])
    turns = [Turn("A", 0, 19.5), Turn("B", 20.4, 50), Turn("B", 50, 60)]
    assert [p.new_speaker for p in tp.turning_points(timeline, turns=turns)] == [True, False]


def test_unmeasured_sensitivity_is_refused():
    with pytest.raises(SettingsError, match="2 false points per hour were not measured"):
        tp.turning_points(track([("sad", 3)]), 2)


@pytest.mark.parametrize("penalty", [3.0, 10.0, 40.0])
def test_change_points_cost_least_of_all(penalty, monkeypatch):
    monkeypatch.setattr(tp, "LEAST_REGIONS", 2)
    rng = np.random.default_rng(5)
    regions = rng.standard_normal((16, 3)) + np.repeat([[0], [4], [0], [2]], 4, axis=0)
    scaled = regions / np.sqrt(np.diff(regions, axis=0).var() / 2)

    def cost(bounds):
        parts = np.split(scaled, bounds)
        return sum(((p - p.mean(axis=0)) ** 2).sum() for p in parts) + penalty * len(bounds)

    every = [
        list(bounds)
        for n in range(5)
        for bounds in itertools.combinations(range(2, 15), n)
        if all(b - a >= 2 for a, b in itertools.pairwise([0, *bounds, 16]))
    ]
    assert tp.change_points(regions, penalty) == min(every, key=cost)


def test_a_shift_of_all_logits_changes_nothing():
    timeline = track([("sad", 20), ("angry", 20)])
    shifted = made(timeline.track.logits + 100, timeline.track.speech)
    assert tp.turning_points(timeline) == tp.turning_points(shifted)


def test_peaks_are_the_highest_moments():
    timeline = track([("sad", 10), ("angry", 3), ("sad", 10), ("happy", 3), ("sad", 5)], noise=0.3)
    found = tp.peaks(timeline, width_s=1.0)
    by_emotion = {peak.emotion: peak for peak in found}
    assert by_emotion["angry"].time_s == pytest.approx(11.5, abs=1.1)
    assert by_emotion["happy"].time_s == pytest.approx(24.5, abs=1.1)
    curve = timeline.curve(1.0, FrameChoice.SPEECH)
    assert by_emotion["angry"].score == pytest.approx(curve[:, 0].max(), abs=1e-6)
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    assert "fearful" not in by_emotion


def test_band_holds_every_curve():
    timeline = track([("sad", 10), ("angry", 3), ("sad", 10)], pause_s=0.5)
    band = tp.smoothing_band(timeline, (0.5, 2.0))
    speech = timeline.track.speech
    for width in (0.5, 2.0):
        curve = timeline.curve(width, FrameChoice.SPEECH)[speech]
        assert (band.low[speech] <= curve).all()
        assert (curve <= band.high[speech]).all()
    labels = [timeline.curve(w, FrameChoice.SPEECH)[speech].argmax(axis=1) for w in (0.5, 2.0)]
    assert band.same_label == pytest.approx((labels[0] == labels[1]).mean())
    assert tp.smoothing_band(timeline, (1.0,)).same_label == 1
