"""Which segments are offered for labels."""

import numpy as np
import pytest
from sklearn.cluster import kmeans_plusplus

from core.errors import HeadError
from core.learn.picking import Way, margins, pick, spread


def data(n=60, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(9), n)
    return scores, rng.normal(size=(n, 4)).astype(np.float32)


def test_margins_are_those_of_sorting():
    scores, _ = data()
    ordered = np.sort(scores, axis=1)
    np.testing.assert_allclose(margins(scores), ordered[:, -1] - ordered[:, -2])


def test_uncertain_ones_have_the_least_margins_among_the_free():
    scores, points = data()
    taken = np.argsort(margins(scores))[:5]
    found = pick(Way.UNCERTAIN, 8, scores, points, taken=taken)
    assert set(found) == set(np.argsort(margins(scores))[5:13])


@pytest.mark.parametrize("way", list(Way))
def test_nothing_taken_is_offered_and_nothing_twice(way):
    scores, points = data()
    taken = np.arange(0, 60, 2)
    found = pick(way, 100, scores, points, taken=taken, seed=3)
    assert sorted(found) == list(range(1, 60, 2))
    assert (
        pick(way, 5, scores, points, seed=3).tolist()
        == pick(way, 5, scores, points, seed=3).tolist()
    )


def test_spread_points_cover_groups_as_those_of_scikit_learn_do():
    rng = np.random.default_rng(0)
    centres = 100 * np.eye(6)
    sizes = (200, 3, 3, 3, 3, 3)
    points = np.concatenate(
        [c + rng.normal(size=(n, 6)) for c, n in zip(centres, sizes, strict=True)]
    )
    group = np.repeat(np.arange(6), sizes)
    rows = spread(points.astype(np.float32), 6, points[:0].astype(np.float32), rng)
    _, theirs = kmeans_plusplus(points, 6, random_state=0, n_local_trials=1)
    assert len(set(group[rows])) == len(set(group[theirs])) == 6
    found = pick(Way.RANDOM, 6, np.zeros((215, 9)), points.astype(np.float32))
    assert len(set(group[found])) < 6  # a random pick misses the rare ones


def test_what_is_known_is_kept_away_from():
    points = np.array([[0.0], [0.1], [50.0], [50.1]], np.float32)
    known = np.array([[0.05]], np.float32)
    rows = spread(points, 1, known, np.random.default_rng(0))
    assert rows[0] in (2, 3)


def test_equal_points_can_all_be_picked():
    same = np.ones((5, 3), np.float32)
    assert sorted(spread(same, 5, same[:0], np.random.default_rng(0))) == [0, 1, 2, 3, 4]


def test_nothing_left_is_explained():
    scores, points = data(3)
    with pytest.raises(HeadError, match="of 0 segments"):
        pick(Way.RANDOM, 2, scores, points, taken=np.arange(3))
