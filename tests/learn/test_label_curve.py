"""Recall against the number of labels, in the order in which they were given."""

import numpy as np
import pytest

from core.learn import heads
from core.learn import label_curve as label_curve_module
from core.learn.calibrating import calibrate
from core.learn.heads import Labelled
from core.learn.label_curve import label_curve, sizes
from core.learn.scoring import recall_of
from tests.learn.test_heads import corpus, few_strengths  # noqa: F401


def nothing(of: Labelled) -> Labelled:
    return of.part(np.zeros(len(of), dtype=bool))


def test_numbers_of_labels_end_with_all():
    assert sizes(7) == (7,)
    assert sizes(12) == (10, 11, 12)
    found = sizes(160)
    assert (found[0], found[-1], len(found)) == (10, 160, 6)
    steps = np.diff(np.log(found))
    np.testing.assert_allclose(steps, steps.mean(), atol=0.04)


@pytest.fixture
def three_points(monkeypatch):
    monkeypatch.setattr(label_curve_module, "MOST_POINTS", 3)


def test_last_point_is_the_calibrated_head_and_earlier_ones_know_less(three_points):
    sample, picked = corpus(90, seed=1, noise=1.5), corpus(40, seed=2, noise=1.5)
    rng = np.random.default_rng(0)
    times = rng.permutation(130)
    points = label_curve(picked, sample, times[:40], times[40:])
    made = calibrate("mine", "fake-0", picked, sample, np.zeros((90, 9)))
    assert points[-1].n_labels == 130
    assert points[-1].uar == made.uar
    assert points[0].uar.value < points[-1].uar.value
    assert points[-1].uar.low < points[-1].uar.value < points[-1].uar.high


def test_a_point_is_that_of_fitting_by_hand(three_points):
    sample = corpus(60, n_speakers=6, seed=3)
    order = np.random.default_rng(1).permutation(60)
    points = label_curve(nothing(sample), sample, np.zeros(0), order)
    point = points[1]
    given = order < point.n_labels
    answers = np.empty(60, dtype=object)
    for train, test in heads.speaker_folds(sample.terms, sample.speakers, 0):
        teaching = sample.part(train[given[train]])
        linear = heads.fit(teaching, heads.best_strength(teaching))
        said = linear.logits(sample.embeddings[test]).argmax(axis=1)
        answers[test] = np.array(linear.classes)[said]
    assert point.uar.value == pytest.approx(recall_of(sample.terms, answers.astype(str)))


def test_numbers_on_which_nothing_can_be_fitted_are_left_out(three_points):
    sample = corpus(60, n_speakers=4, seed=4)
    assert (sample.terms == min(sample.terms)).sum() > 10
    late = np.argsort(np.argsort(sample.terms, kind="stable"))  # one class after the other
    points = label_curve(nothing(sample), sample, np.zeros(0), late)
    assert points[0].n_labels > 10
    assert points[-1].n_labels == 60
