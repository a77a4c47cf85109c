"""Permutation of speakers: against scipy, its own promises, and shuffled speakers."""

import numpy as np
import pytest
from scipy.stats import permutation_test, ttest_ind, ttest_rel

from core.errors import StudyError
from core.statistics.permutation import paired, two_groups


def welch(a, b, axis=-1):
    return np.abs(ttest_ind(a, b, axis=axis, equal_var=False).statistic)


def test_statistic_and_exact_p_of_one_cell_are_those_of_scipy():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(5, 1)) + 1.2, rng.normal(size=(4, 1))
    found = two_groups(first, second)
    expected = permutation_test(
        (first[:, 0], second[:, 0]), welch, vectorized=True, alternative="greater"
    )
    assert abs(found.statistic[0]) == pytest.approx(expected.statistic)
    assert found.p[0] == pytest.approx(expected.pvalue)
    assert (found.exact, found.n_permutations) == (True, 126)
    assert found.smallest_p == pytest.approx(1 / 126)


def test_paired_p_of_one_cell_is_that_of_scipy():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(7, 1)) + 0.8, rng.normal(size=(7, 1))
    found = paired(first, second)
    expected = permutation_test(
        (first[:, 0], second[:, 0]),
        lambda a, b, axis=-1: np.abs(ttest_rel(a, b, axis=axis).statistic),
        vectorized=True,
        permutation_type="samples",
        alternative="greater",
    )
    assert found.p[0] == pytest.approx(expected.pvalue)
    assert found.statistic[0] == pytest.approx(ttest_rel(first, second).statistic[0])
    assert found.smallest_p == pytest.approx(2 / 2**7)


def test_least_p_is_reached_by_a_great_difference():
    first, second = np.arange(4.0)[:, np.newaxis] + 100, np.arange(4.0)[:, np.newaxis]
    found = two_groups(first, second)
    assert found.p[0] == pytest.approx(found.smallest_p) == pytest.approx(2 / 70)
    again = paired(first + np.arange(4.0)[:, np.newaxis] / 9, second)
    assert again.p[0] == pytest.approx(again.smallest_p) == pytest.approx(2 / 16)


def test_correction_is_by_the_greatest_cell():
    """Brute force: every split, its greatest t over the cells."""
    from itertools import combinations

    rng = np.random.default_rng(2)
    pooled = rng.normal(size=(8, 2, 3))
    pooled[:4, 0, 0] += 3
    found = two_groups(pooled[:4], pooled[4:])
    greatest = []
    for members in combinations(range(8), 4):
        rest = [k for k in range(8) if k not in members]
        greatest.append(welch(pooled[list(members)], pooled[rest], axis=0).max())
    own = welch(pooled[:4], pooled[4:], axis=0)
    expected = (np.array(greatest)[:, None, None] >= own - 1e-9).mean(axis=0)
    np.testing.assert_allclose(found.p, expected)
    np.testing.assert_allclose(found.difference, pooled[:4].mean(0) - pooled[4:].mean(0))


@pytest.mark.parametrize("kind", ["groups", "pairs"])
def test_false_positives_of_shuffled_speakers_stay_at_the_level(kind):
    """No effect, curves of 12 times and 3 emotions: any corrected p under 0.05 is a false positive.

    Of 300 studies 15 are expected; 30 or more would come up once in 4,000 times.
    """
    rng = np.random.default_rng(7)
    n_false = 0
    for study in range(300):
        walk = rng.normal(size=(14, 12, 3)).cumsum(axis=1)  # each speaker's own course
        if kind == "groups":
            found = two_groups(walk[:7], walk[7:], n_permutations=199, seed=study)
        else:
            found = paired(walk[:7], walk[7:], n_permutations=199, seed=study)
        n_false += bool((found.p <= 0.05).any())
    assert 3 <= n_false < 30


def test_cells_without_any_variation_have_no_p():
    first, second = np.ones((4, 2)), np.ones((4, 2))
    second[:, 1] = [0, 1, 2, 3]
    found = two_groups(first, second)
    assert np.isnan(found.p[0])
    assert np.isfinite(found.p[1])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [((1, 3), (5, 3), "1 and 5 speakers"), ((4, 3), (4, 2), "same times and emotions")],
)
def test_what_cannot_be_compared_is_explained(first, second, said):
    with pytest.raises(StudyError, match=said):
        two_groups(np.zeros(first), np.zeros(second))


def test_pairs_must_be_pairs():
    with pytest.raises(StudyError, match="compare unpaired"):
        paired(np.zeros((4, 2)), np.zeros((5, 2)))
