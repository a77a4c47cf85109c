"""Scores and confidence, against scipy and a worked example."""

import numpy as np
import pytest
from scipy.special import softmax

from core.emotions import EMOTIONS
from core.timeline.calibration import Calibration, emotion_of, scores_of

ALL = (True,) * 9
TEMPERATURES = {2.0: 1.5, 0.5: 4.0, 10.0: 1.0}


@pytest.mark.parametrize(
    ("width_s", "expected"),
    [
        (0.5, 4.0),
        (1.0, np.exp((np.log(4) + np.log(1.5)) / 2)),  # 1 s lies half-way from 0.5 to 2 in log
        (2.0, 1.5),
        (10.0, 1.0),
        (np.sqrt(20), np.exp((np.log(1.5) + 0) / 2)),
    ],
)
def test_temperature_is_interpolated_in_the_logarithm_of_both(width_s, expected):
    assert Calibration(TEMPERATURES, ALL).temperature(width_s) == pytest.approx(expected)


@pytest.mark.parametrize("width_s", [0.0, 0.02, 0.49, 10.01, 600.0, float("nan")])
def test_there_is_no_confidence_for_what_is_too_short_or_too_long(width_s):
    calibration = Calibration(TEMPERATURES, ALL)
    assert calibration.temperature(width_s) is None
    assert calibration.confidence(np.arange(9.0), width_s) is None
    assert calibration.scores(np.arange(9.0), width_s) is None


def test_width_summed_from_frames_is_not_lost_to_rounding():
    calibration = Calibration(TEMPERATURES, ALL)
    assert calibration.temperature(sum([0.02] * 25)) is not None
    assert calibration.temperature(sum([0.02] * 500)) is not None


@pytest.mark.parametrize("temperatures", [None, {}])
def test_engine_never_calibrated_has_no_confidence(temperatures):
    assert Calibration(temperatures, ALL).confidence(np.arange(9.0), 2.0) is None


def test_one_temperature_holds_for_all_widths():
    calibration = Calibration({2.0: 3.0}, ALL)
    assert [calibration.temperature(w) for w in (0.5, 2.0, 10.0)] == pytest.approx([3.0] * 3)


def test_confidence_is_the_highest_score_at_the_temperature():
    logits = np.random.default_rng(0).standard_normal(9) * 3
    mask = (True,) * 7 + (False,) * 2
    calibration = Calibration(TEMPERATURES, mask)
    expected = softmax(logits[:7] / 1.5)
    assert calibration.confidence(logits, 2.0) == pytest.approx(expected.max())
    np.testing.assert_allclose(calibration.scores(logits, 2.0), [*expected, 0, 0])


def test_temperature_never_changes_the_emotion():
    rng = np.random.default_rng(1)
    calibration = Calibration(TEMPERATURES, ALL)
    for logits in rng.standard_normal((50, 9)):
        calibrated = calibration.scores(logits, 1.3)
        assert emotion_of(calibrated) == emotion_of(scores_of(logits, ALL))


@pytest.mark.parametrize("shift", [0.0, 1e3, -1e3])
def test_scores_equal_scipys_softmax_even_for_huge_logits(shift):
    logits = np.random.default_rng(2).standard_normal((4, 9)) * 50 + shift
    np.testing.assert_allclose(scores_of(logits, ALL), softmax(logits, axis=1), atol=1e-12)


def test_emotion_is_named_by_position():
    for number, emotion in enumerate(EMOTIONS):
        assert emotion_of(np.eye(9)[number]) is emotion
