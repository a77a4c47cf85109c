"""Intervals over speakers: against scipy, a worked example, and what they promise."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from core.statistics.proportions import wilson
from core.statistics.resampling import interval, nested_draws, nested_mean, speaker_bootstrap


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (3, 10), (81, 263), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_interval_is_that_of_scipy(hits, n, level):
    found = wilson(hits, n, level)
    expected = binomtest(hits, n).proportion_ci(level, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (found.value, found.n) == (hits / n, n)


def test_nothing_counted_has_no_share():
    assert wilson(0, 0) is None


def test_one_row_a_speaker_is_the_ordinary_bootstrap():
    rng = np.random.default_rng(1)
    values = rng.exponential(size=30)
    found = speaker_bootstrap(lambda r: values[r].mean(), np.arange(30), n_draws=4000)
    expected = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=2)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.03)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.03)


def test_few_speakers_have_no_interval():
    found = speaker_bootstrap(lambda r: float(len(r)), ["a", "b"] * 50)
    assert (found.value, found.low, found.high, found.n) == (100.0, None, None, 2)


def test_whole_speakers_are_drawn():
    speakers = np.repeat(np.arange(10), 5)
    seen: list[set[int]] = []

    def statistic(rows: np.ndarray) -> float:
        counts = np.bincount(rows, minlength=50).reshape(10, 5)
        seen.append({len(set(row)) for row in counts.tolist()})
        return 0.0

    speaker_bootstrap(statistic, speakers, n_draws=20)
    assert all(kinds == {1} for kinds in seen)  # all rows of a speaker as often as one another


def test_nested_mean_of_a_worked_example():
    values = np.array([[1.0], [3.0], [5.0], [10.0]])
    weights = np.array([1.0, 3.0, 1.0, 2.0])
    sessions = np.array(["x", "x", "y", "x"])
    speakers = np.array(["A", "A", "A", "B"])
    # A: x (1 + 9) / 4 = 2.5, y 5, mean 3.75; B: 10
    assert nested_mean(values, weights, sessions, speakers)[0] == pytest.approx((3.75 + 10) / 2)


def test_hierarchical_draws_are_those_of_a_plain_loop():
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(9), 12)
    sessions = np.tile(np.repeat(np.arange(3), 4), 9)
    values = (rng.normal(size=9)[speakers] + rng.normal(size=108))[:, np.newaxis]
    weights = rng.uniform(0.5, 2, 108)
    fast = nested_draws(values, weights, sessions, speakers, 3000)
    slow = []
    for _ in range(600):
        people = []
        for person in rng.integers(0, 9, 9):
            means = []
            for session in rng.integers(0, 3, 3):
                rows = np.flatnonzero((speakers == person) & (sessions == session))
                rows = rng.choice(rows, len(rows))
                means.append(np.average(values[rows, 0], weights=weights[rows]))
            people.append(np.mean(means))
        slow.append(np.mean(people))
    assert fast.std() == pytest.approx(np.std(slow), rel=0.12)
    assert fast.mean() == pytest.approx(np.mean(slow), abs=0.05)
    low, high = interval(fast)
    assert low[0] < nested_mean(values, weights, sessions, speakers)[0] < high[0]
