"""Figures of agreement against counting by hand and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from core.emotions import EMOTIONS, N_EMOTIONS, Emotion
from core.learn.scoring import agreement, calibration_error


def one_hot(answers: list[Emotion]) -> np.ndarray:
    scores = np.full((len(answers), N_EMOTIONS), 0.01)
    for row, answer in enumerate(answers):
        scores[row, EMOTIONS.index(answer)] = 0.92
    return scores


A, H, S = Emotion.ANGRY, Emotion.HAPPY, Emotion.SAD


def test_worked_example():
    labels = [A, A, A, H]
    found = agreement(labels, one_hot([A, A, S, H]), [0.9, 0.9, 0.5, None])
    assert found.n == 4
    assert found.wa == 0.75
    assert found.per_class == {"angry": pytest.approx(2 / 3), "happy": 1.0}
    assert found.uar == pytest.approx((2 / 3 + 1) / 2)  # sad is no label here, and counts not
    assert found.confusion == {"angry": {"angry": 2, "sad": 1}, "happy": {"happy": 1}}
    assert found.n_confident == 3
    assert found.ece == pytest.approx((2 * abs(1 - 0.9) + abs(0 - 0.5)) / 3)


def test_answers_limited_to_the_labels_that_are_there():
    scores = one_hot([A, S, H])
    scores[1, EMOTIONS.index(H)] = 0.5  # second best, after sad, which is no label here
    found = agreement([A, H, H], scores, [None] * 3)
    assert found.uar == 0.75
    assert found.uar_present == 1.0
    assert found.ece is None
    assert found.n_confident == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(EMOTIONS), st.sampled_from(EMOTIONS)), min_size=1))
def test_agrees_with_other_ways_of_counting(pairs):
    truth, answers = ([str(e) for e in side] for side in zip(*pairs, strict=True))
    found = agreement([t for t, _ in pairs], one_hot([a for _, a in pairs]), [0.5] * len(pairs))
    assert found.wa == pytest.approx(sum(t == a for t, a in pairs) / len(pairs))
    recalls = [sum(t == a == e for t, a in pairs) / truth.count(e) for e in sorted(set(truth))]
    assert found.uar == pytest.approx(np.mean(recalls))
    if set(answers) <= set(truth) and len(set(truth)) > 1:
        assert found.uar == pytest.approx(balanced_accuracy_score(truth, answers))
    labels = sorted(set(truth))
    f1 = f1_score(truth, answers, labels=labels, average="macro", zero_division=0)
    assert found.f1 == pytest.approx(f1)
    assert sum(n for row in found.confusion.values() for n in row.values()) == len(pairs)


def test_calibration_error_of_what_is_as_sure_as_right():
    right = np.array([True, True, False, True])
    assert calibration_error(np.full(4, 0.75), right) == pytest.approx(0)
    assert calibration_error(np.full(4, 1.0), right) == pytest.approx(0.25)
    weighed = calibration_error(np.full(4, 0.75), right, np.array([1.0, 1.0, 2.0, 1.0]))
    assert weighed == pytest.approx(abs(0.25 * 3 - 0.75 * 2) / 5)
