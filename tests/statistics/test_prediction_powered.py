"""Prediction-powered estimates: against ppi_py 0.2.3, and how often their intervals hold the truth."""

import numpy as np
import pytest

from core.errors import StudyError
from core.statistics.prediction_powered import (
    Sampled,
    corrected_difference,
    corrected_mean,
    draw_sample,
)


def group(labels, answers, rest, speakers=None, rest_speakers=None) -> Sampled:
    who = np.arange(len(labels)) if speakers is None else speakers
    others = 1000 + np.arange(len(rest)) if rest_speakers is None else rest_speakers
    return Sampled(np.asarray(labels, float), answers, who, rest, others)


@pytest.mark.parametrize(
    ("power", "value", "low", "high"),
    [(1.0, 0.50443957, 0.40209996, 0.60677918), (None, 0.50533191, 0.40276189, 0.60790192)],
)
def test_independent_segments_give_what_ppi_py_gives(power, value, low, high):
    """The figures are of ppi_mean_pointestimate and ppi_mean_ci on the same numbers.

    ppi_py divides by n, this by n - 1; ends differ by 2e-4 with 60 labels.
    """
    rng = np.random.default_rng(3)
    answers = rng.random(60)
    labels = rng.random(60) < answers
    found = corrected_mean(group(labels, answers, rng.random(500)), clustered=False, power=power)
    assert found.estimate.value == pytest.approx(value, abs=1e-4)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((low, high), abs=3e-4)


def corpus(rng, n_speakers=20, bias=0.2, effect=0.0):
    """Speakers of 40 segments who differ, an engine that is off, 6 segments of each labelled."""
    level = np.clip(rng.normal(0.4 + effect, 0.15, n_speakers), 0.02, 0.98)
    truth = (rng.random((n_speakers, 40)) < level[:, None]).astype(float)
    answers = np.clip(0.6 * truth + bias + rng.normal(0, 0.2, truth.shape), 0, 1)
    who = np.repeat(np.arange(n_speakers), 40)
    chosen = np.zeros(truth.size, bool)
    chosen[draw_sample(truth.size, 6 * n_speakers, int(rng.integers(1 << 30)))] = True
    truth, answers = truth.ravel(), answers.ravel()
    return group(truth[chosen], answers[chosen], answers[~chosen], who[chosen], who[~chosen])


def test_intervals_over_speakers_hold_the_truth_where_those_over_segments_do_not():
    """The truth is 0.4 in the population of speakers; 95% of the intervals should hold it."""
    rng = np.random.default_rng(0)
    held = {True: 0, False: 0}
    width = {"estimate": 0.0, "labels_only": 0.0}
    off = 0.0
    for _ in range(300):
        one = corpus(rng)
        for clustered in held:
            found = corrected_mean(one, clustered=clustered)
            held[clustered] += found.estimate.low <= 0.4 <= found.estimate.high
        found = corrected_mean(one)
        for name in width:
            part = getattr(found, name)
            width[name] += part.high - part.low
        off += found.engine_only - 0.4
    assert held[True] >= 0.91 * 300  # over 1,500 it was 94.7%
    assert held[False] < 0.85 * 300
    assert off / 300 > 0.03  # the engine alone is wrong
    assert width["estimate"] < 0.95 * width["labels_only"]


def test_difference_of_groups_that_do_not_differ_is_seldom_found():
    rng = np.random.default_rng(1)
    n_false = 0
    for _ in range(200):
        first, second = corpus(rng, bias=0.1), corpus(rng, bias=0.3)
        second = Sampled(
            second.labels,
            second.answers,
            second.speakers + 100,
            second.rest,
            second.rest_speakers + 100,
        )
        found = corrected_difference(first, second)
        n_false += not found.estimate.low <= 0 <= found.estimate.high
        assert found.engine_only < -0.05  # an engine that errs by group shows what is not there
    assert n_false <= 20


def test_same_people_in_both_groups_are_compared_with_themselves():
    rng = np.random.default_rng(2)
    one = corpus(rng)
    with_self = corrected_difference(one, one)
    assert (with_self.estimate.low, with_self.estimate.high) == pytest.approx((0, 0), abs=1e-12)


def test_few_speakers_have_no_interval():
    found = corrected_mean(corpus(np.random.default_rng(0), n_speakers=5))
    assert (found.estimate.low, found.estimate.n) == (None, 5)


def test_useless_engine_is_left_out():
    labels = np.array([0.0, 1.0, 1.0, 0.0])
    found = corrected_mean(group(labels, np.full(4, 0.3), np.full(50, 0.3)), clustered=False)
    assert found.power == (0.0,)
    assert found.estimate == found.labels_only or found.estimate.value == 0.5


def test_sample_is_drawn_without_replacement_and_by_its_seed():
    found = draw_sample(100, 30, 4)
    assert len(set(found.tolist())) == 30
    assert found.tolist() == sorted(found) == draw_sample(100, 30, 4).tolist()
    counts = sum(np.bincount(draw_sample(10, 3, s), minlength=10) for s in range(2000))
    np.testing.assert_allclose(counts, 600, atol=80)  # four standard deviations
    with pytest.raises(StudyError, match="5 of 4 segments"):
        draw_sample(4, 5, 0)


def test_sample_without_labels_is_explained():
    with pytest.raises(StudyError, match="1 labelled and 2 other"):
        corrected_mean(group(np.ones(1), np.ones(1), np.ones(2)))


def test_labels_that_all_say_the_same_give_no_interval_of_certainty():
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(10), 4).astype(str)
    answers = (rng.random(40) < 0.2).astype(float)
    flat = Sampled(np.zeros(40), answers, speakers, answers, speakers)
    varied = Sampled((rng.random(40) < 0.5).astype(float), answers, speakers, answers, speakers)
    for found in (corrected_mean(flat), corrected_difference(varied, flat)):
        assert found.estimate.low is found.estimate.high is None
        assert found.labels_only.low is None
        assert found.estimate.n == 10
    assert corrected_mean(varied).estimate.low is not None
