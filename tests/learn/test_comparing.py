"""Intervals, engines side by side, slices, reliability, and errors over time."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import balanced_accuracy_score

from core.emotions import EMOTIONS
from core.errors import StudyError
from core.learn import comparing
from core.learn.comparing import binned, compare_engines, error_by_width, reliability, slices
from core.learn.emotion_error import Event, emotion_error, together
from core.learn.scoring import calibration_error, recall_of
from core.records import Span


def made(n_speakers=9, seed=0):
    rng = np.random.default_rng(seed)
    terms = rng.choice(["angry", "sad", "happy"], 12 * n_speakers)
    flip = rng.choice(["angry", "sad", "happy"], len(terms))
    first = np.where(rng.random(len(terms)) < 0.7, terms, flip)
    second = np.where(rng.random(len(terms)) < 0.4, terms, flip)
    return terms, first, second, np.repeat([f"P{k}" for k in range(n_speakers)], 12)


def test_paired_p_is_that_of_exchanging_whole_speakers():
    terms, first, second, speakers = made(5)
    found = compare_engines(terms, first, second, speakers)
    own = recall_of(terms, first) - recall_of(terms, second)
    reached = 0
    for change in product([False, True], repeat=5):
        swap = np.repeat(change, 12)
        a, b = np.where(swap, second, first), np.where(swap, first, second)
        reached += abs(recall_of(terms, a) - recall_of(terms, b)) >= abs(own) - 1e-12
    assert found.p == pytest.approx(reached / 32)
    assert found.difference.value == pytest.approx(own)
    assert found.first.value == pytest.approx(balanced_accuracy_score(terms, first))
    assert (found.smallest_p, found.n_speakers, found.difference.low) == (2 / 32, 5, None)


def test_many_speakers_are_drawn():
    found = compare_engines(*made(14))
    assert found.p < 0.01
    assert 0 < found.difference.low < found.difference.value < found.difference.high
    same, other, _, speakers = made(14)
    assert compare_engines(same, other, other, speakers).p == 1.0
    with pytest.raises(StudyError, match="one speaker"):
        compare_engines(*made(1))


def test_slices_hold_their_rows():
    terms, first, _, speakers = made(9)
    tags = [("a", "b") if k % 2 else ("a",) for k in range(len(terms))]
    found = slices(terms, first, speakers, tags).set_index("slice")
    assert found.loc["a", "n"] == len(terms)
    assert found.loc["b", "uar"] == pytest.approx(recall_of(terms[1::2], first[1::2]))
    assert found.loc["a", "low"] < found.loc["a", "uar"] < found.loc["a", "high"]
    few = slices(terms, first, speakers, [None if s == "P0" else s for s in speakers])
    assert few["slice"].tolist()[-1] == "unknown"
    assert few["low"].isna().all()


def test_bins_are_named():
    assert binned([1.0, 2.0, 4.9, 5.0, None, float("nan")], (2, 5), "s") == [
        "under 2 s", "2 to 5 s", "2 to 5 s", "from 5 s", None, None,
    ]  # fmt: skip


def test_reliability_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    confidence = rng.random(500)
    right = rng.random(500) < confidence**2
    found = reliability(confidence, right)
    share, mean = calibration_curve(right, confidence, n_bins=15)
    np.testing.assert_allclose(found["accuracy"], share)
    np.testing.assert_allclose(found["confidence"], mean)
    gap = np.abs(found["accuracy"] - found["confidence"])
    assert (gap * found["n"]).sum() / 500 == pytest.approx(calibration_error(confidence, right))
    widths = rng.uniform(0.5, 12, 500)
    by_width = error_by_width(confidence, right, widths).set_index("width")
    assert by_width["n"].sum() == 500
    mine = (widths >= 1) & (widths < 2)
    expected = calibration_error(confidence[mine], right[mine])
    assert by_width.loc["1 to 2 s", "ece"] == pytest.approx(expected)
    assert by_width.index[-1] == "from 10 s"


NAMES = [str(e) for e in EMOTIONS[:4]]
EVENTS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 150), st.sampled_from(NAMES)), max_size=6
)


@settings(deadline=None, max_examples=80)
@given(EVENTS, EVENTS)
def test_error_is_that_of_a_grid_of_10_ms(reference, told):
    sides = [[Event(a / 100, (a + n) / 100, e) for a, n, e in side] for side in (reference, told)]
    found = emotion_error(*sides)
    miss = alarm = confusion = total = 0
    for step in range(400):
        there, said = ({e for a, n, e in s if a <= step < a + n} for s in (reference, told))
        miss += max(0, len(there) - len(said))
        alarm += max(0, len(said) - len(there))
        confusion += min(len(there), len(said)) - len(there & said)
        total += len(there)
    got = (found.miss, found.false_alarm, found.confusion, found.reference_s)
    assert got == pytest.approx((miss / 100, alarm / 100, confusion / 100, total / 100))


SPANS = st.lists(st.tuples(st.integers(0, 250), st.integers(1, 150)), max_size=3)


@settings(deadline=None, max_examples=60)
@given(EVENTS, EVENTS, SPANS, SPANS, SPANS)
def test_only_time_that_counts_is_counted(reference, told, first, second, without):
    sides = [[Event(a / 100, (a + n) / 100, e) for a, n, e in side] for side in (reference, told)]
    masks = [[Span(a / 100, (a + n) / 100) for a, n in m] for m in (first, second, without)]
    found = emotion_error(*sides, ("angry",), within=masks[:2], without=masks[2])
    miss = alarm = confusion = total = 0
    for step in range(400):
        a, b, c = (any(x <= step < x + n for x, n in m) for m in (first, second, without))
        if not (a and b) or c:
            continue
        there, said = (
            {e for x, n, e in s if x <= step < x + n} - {"angry"} for s in (reference, told)
        )
        miss += max(0, len(there) - len(said))
        alarm += max(0, len(said) - len(there))
        confusion += min(len(there), len(said)) - len(there & said)
        total += len(there)
    got = (found.miss, found.false_alarm, found.confusion, found.reference_s)
    assert got == pytest.approx((miss / 100, alarm / 100, confusion / 100, total / 100))


def test_items_of_two_engines_are_paired_by_their_names():
    first = pd.DataFrame(
        {"key": [1, 2, 3], "label": ["sad"] * 3, "answer": ["sad", "angry", "sad"]}
    )
    second = pd.DataFrame(
        {"key": [3, 1, 9], "label": ["sad"] * 3, "answer": ["happy", "sad", "sad"]}
    )
    both = comparing.side_by_side(first, second)
    assert both[["key", "answer", "other"]].to_numpy().tolist() == [
        [1, "sad", "sad"], [3, "sad", "happy"],
    ]  # fmt: skip


def test_worked_example_of_emotion_error():
    reference = [Event(0, 4, "angry"), Event(4, 6, "neutral"), Event(6, 10, "sad")]
    told = [Event(0, 3, "angry"), Event(3, 5, "happy"), Event(8, 12, "sad")]
    found = emotion_error(reference, told, ignored=("neutral",))
    assert (found.confusion, found.false_alarm, found.miss) == (1, 3, 2)
    assert found.rate == pytest.approx(6 / 8)
    assert together([found, found]).rate == pytest.approx(6 / 8)
    assert emotion_error([], []).rate is None
    for bad in (Event(2, 1, "sad"), Event(0, 1, "bored")):
        with pytest.raises(StudyError, match="is no event"):
            emotion_error([bad], [])


def test_interval_of_uar_needs_speakers():
    terms, first, _, speakers = made(9)
    found = comparing.uar_over_speakers(terms, first, speakers)
    assert found.low < found.value < found.high
