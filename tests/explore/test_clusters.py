"""K-Means and its choice of k, against groups that are known and scikit-learn's silhouette."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from core.errors import ExploreError
from core.explore import clusters
from core.explore.clusters import cluster


def _groups(sizes: list[int], spread: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    which = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.eye(len(sizes), 6) * 5
    points = centres[which] + random.normal(0, spread, (len(which), 6))
    order = random.permutation(len(which))
    return points[order].astype(np.float32), which[order]


def test_known_groups_are_found_and_counted_by_size():
    vectors, which = _groups([8, 30, 17])
    found = cluster(vectors)
    assert found.k == 3
    assert found.sizes == (30, 17, 8)
    assert adjusted_rand_score(which, found.labels) == 1
    assert np.bincount(found.labels).tolist() == [30, 17, 8]


def test_silhouettes_are_those_of_scikit_learn():
    vectors, _ = _groups([20, 20], spread=3)
    found = cluster(vectors, 3)
    assert found.silhouette == pytest.approx(silhouette_score(vectors, found.labels), abs=1e-6)
    assert found.tried == {}
    automatic = cluster(vectors)
    assert set(automatic.tried) == set(range(2, 13))
    assert automatic.tried[automatic.k] == max(automatic.tried.values())
    assert automatic.silhouette == pytest.approx(automatic.tried[automatic.k], abs=1e-6)


def test_seed_decides():
    vectors = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    np.testing.assert_array_equal(cluster(vectors, 9, 5).labels, cluster(vectors, 9, 5).labels)


def test_equal_sizes_are_numbered_by_first_occurrence():
    vectors = np.array([[9, 9], [0, 0], [9, 8], [0, 1]], np.float32)
    assert cluster(vectors, 2).labels.tolist() == [0, 1, 0, 1]


def test_large_corpora_are_judged_by_a_sample(monkeypatch):
    monkeypatch.setattr(clusters, "SAMPLED", 60)
    vectors, which = _groups([100, 80, 120])
    found = cluster(vectors)
    assert (found.k, found.silhouette_points) == (3, 60)
    assert adjusted_rand_score(which, found.labels) == 1
    whole = silhouette_score(vectors, found.labels)
    assert found.silhouette == pytest.approx(whole, abs=0.05)


def test_each_its_own_cluster_has_no_silhouette():
    found = cluster(np.eye(4, dtype=np.float32), 4)
    assert (found.silhouette, found.sizes) == (None, (1, 1, 1, 1))


def test_two_different_points_make_two_clusters():
    vectors = np.repeat(np.eye(2, dtype=np.float32), 5, axis=0)
    found = cluster(vectors)
    assert (found.k, found.sizes) == (2, (5, 5))


@pytest.mark.parametrize(
    ("vectors", "k", "said"),
    [
        (np.eye(5), 6, "only 5 points to group, and 6 clusters need at least 6"),
        (np.eye(2), None, "at least 3 are needed"),
        (np.eye(1), 2, "only 1 of the points"),
        (np.eye(5), 1, "choose 2 or more"),
        (np.ones((5, 2)), 2, "Only 1 of the 5 points differ"),
        (np.ones((5, 2)), None, "Only 1 of the 5 points differ"),
    ],
)
def test_what_cannot_be_grouped_is_explained(vectors, k, said):
    with pytest.raises(ExploreError, match=said):
        cluster(vectors.astype(np.float32), k)
