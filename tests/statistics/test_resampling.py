"""Intervals over speakers: against scipy, a worked example, and what they promise."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, t

from core.statistics.proportions import normal_quantile, share_over_speakers, wilson
from core.statistics.resampling import interval, nested_draws, nested_mean, speaker_bootstrap


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (3, 10), (81, 263), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_interval_is_that_of_scipy(hits, n, level):
    found = wilson(hits / n, n, normal_quantile(level))
    expected = binomtest(hits, n).proportion_ci(level, method="wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_share_over_speakers_is_of_as_many_as_vary_so_much():
    """A worked example: 4 speakers of 2, of whom 3, 1, 0 and 0 halves are hits."""
    hits = [True, True, True, False, False, False, False, False]
    found = share_over_speakers(hits, list("aabbccdd"))
    sums = np.array([2, 1, 0, 0]) - 2 * 3 / 8
    variance = (sums**2).sum() * 4 / 3 / 8**2
    n_alone = 3 / 8 * 5 / 8 / variance
    assert n_alone < 8
    assert (found.value, found.n) == (3 / 8, 8)
    assert (found.low, found.high) == wilson(3 / 8, n_alone, t.ppf(0.975, 3))
    same = share_over_speakers([True] * 20, ["a"] * 15 + ["b"] * 5)
    assert (same.low, same.high) == pytest.approx(wilson(1.0, 2, t.ppf(0.975, 1)))
    alone = share_over_speakers([True, False], ["a", "a"])
    assert (alone.value, alone.low, alone.high) == (0.5, None, None)
    assert share_over_speakers([], []) is None


def test_interval_over_speakers_holds_where_that_of_independent_ones_does_not():
    rng = np.random.default_rng(0)
    held = {"speakers": 0, "independent": 0}
    for _ in range(400):
        chance = rng.beta(3.2, 0.8, size=9)  # 0.8 on average, and speakers differ
        who = rng.integers(0, 9, 25)
        hits = rng.random(25) < chance[who]
        found = share_over_speakers(hits, who)
        held["speakers"] += found.low <= 0.8 <= found.high
        low, high = wilson(hits.mean(), 25, normal_quantile(0.95))
        held["independent"] += low <= 0.8 <= high
    assert held["speakers"] >= 0.95 * 400
    assert held["independent"] < 0.9 * 400


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
