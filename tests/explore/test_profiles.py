"""What clusters are, against scipy and by hand."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from core.errors import ExploreError
from core.explore.profiles import effect, examples, mean_scores, profile
from core.explore.trajectories import shares, trajectory


def test_effects_are_those_of_scipy_and_the_textbook():
    random = np.random.default_rng(0)
    values = np.round(np.concatenate([random.normal(1, 2, 40), random.normal(0, 1, 60)]), 1)
    values[3] = np.nan
    inside = np.arange(100) < 40
    found = effect("level_db", values, inside)
    mine, rest = values[:40][~np.isnan(values[:40])], values[40:]
    u = mannwhitneyu(mine, rest).statistic
    assert found.rank_biserial == pytest.approx(2 * u / (39 * 60) - 1)
    pooled = np.sqrt((38 * mine.var(ddof=1) + 59 * rest.var(ddof=1)) / 97)
    assert found.cohens_d == pytest.approx((mine.mean() - rest.mean()) / pooled)
    assert (found.n, found.n_rest) == (39, 60)


def test_effect_of_what_is_not_known_or_does_not_vary():
    inside = np.array([True, False])
    assert effect("f0_hz", np.array([1.0, np.nan]), inside) is None
    assert effect("f0_hz", np.array([1.0, 1.0]), inside).cohens_d is None


def test_typical_are_near_the_centre_and_outliers_far_and_never_the_same():
    vectors = np.array([[0, 0], [0.1, 0], [9, 0], [-2, 0], [50, 50]], np.float32)
    near, far = examples(vectors, np.array([True, True, True, True, False]), 2)
    assert near.tolist() == [1, 0]
    assert far.tolist() == [2, 3]
    near, far = examples(vectors, np.array([True, True, True, False, False]), 8)
    assert set(near) | set(far) == {0, 1, 2}
    assert not set(near) & set(far)


def test_profile_of_a_cluster_says_all_of_it():
    labels = np.array([0, 0, 1, 1])
    scores = np.eye(9)[[0, 0, 6, 6]]
    scores[1] = np.nan
    found = profile(
        0,
        labels,
        np.eye(4, dtype=np.float32),
        scores,
        {"a": np.array([1.0, 1.1, 1.0, 1.2]), "b": np.array([5.0, 6, 1, 2])},
        {"speaker": ["P", "Q", "P", None], "session": [None] * 4},
    )
    assert (found.size, found.share) == (2, 0.5)
    assert found.emotions == tuple(np.eye(9)[0])
    assert found.emotions_rest == tuple(np.eye(9)[6])
    assert [e.measure for e in found.effects] == ["b", "a"]
    assert found.origins == {"speaker": {"P": 1, "Q": 1}, "session": {}}
    assert mean_scores(np.full((2, 9), np.nan)) is None
    with pytest.raises(ExploreError, match="Cluster 7 has no segment"):
        profile(7, labels, np.eye(4, dtype=np.float32), scores, {}, {})


def test_shares_are_weighted_by_speech_time():
    scores = np.eye(9)[[0, 1, 2]]
    scores[2] = np.nan
    np.testing.assert_allclose(shares(scores, np.array([3.0, 1.0, 50.0]))[:2], [0.75, 0.25])
    assert np.isnan(shares(scores[2:], np.array([1.0]))).all()


def test_trajectory_shares_steps_by_time_and_bridges_pauses():
    scores = np.eye(9)[[0, 1, 2]]
    path = trajectory(np.array([0, 1.5, 8]), np.array([1.5, 2, 10]), scores, 10.0, steps=5)
    np.testing.assert_allclose(path[0, :2], [0.75, 0.25])
    np.testing.assert_allclose(path[4, 2], 1)
    np.testing.assert_allclose(path[2, :3], [0.375, 0.125, 0.5])
    np.testing.assert_allclose(path.sum(axis=1), 1, rtol=1e-6)
    assert np.isnan(trajectory(np.zeros(0), np.zeros(0), np.zeros((0, 9)), 5.0)).all()
    assert np.isnan(trajectory(np.array([7.0]), np.array([8.0]), scores[:1], 5.0)).all()
