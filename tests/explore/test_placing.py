"""Maps of any size: who is arranged, who is placed, and that nobody moves."""

from collections import Counter

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as scikit_trustworthiness
from sklearn.neighbors import NearestNeighbors

from core.errors import ExploreError
from core.explore import placing
from core.explore.placing import arrange, place, trustworthiness
from core.explore.projection import MapSettings, Method
from core.explore.sampling import any_of, stratified


def _groups(n: int, dims: int = 60) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    which = random.integers(0, 4, n)
    centres = random.normal(0, 3, (4, dims))
    return (centres[which] + random.normal(0, 1, (n, dims))).astype(np.float32), which


def test_places_are_the_weighted_mean_of_the_nearest_by_hand():
    fitted = np.array([[0, 0], [1, 0], [0, 3], [9, 9]], np.float32)
    points = np.array([[0, 0], [10, 0], [0, 10], [99, 99]], np.float32)
    new = np.array([[0.25, 0]], np.float32)
    weights = np.array([1 / 0.25, 1 / 0.75])
    expected = weights @ points[:2] / weights.sum()
    np.testing.assert_allclose(place(fitted, points, new, k=2)[0], expected, rtol=1e-5)
    np.testing.assert_allclose(place(fitted, points, fitted, k=2), points, atol=1e-3)
    assert place(fitted, points, new[:0]).shape == (0, 2)


@pytest.mark.parametrize("many", [10**9, 10])  # exact, and by an index
def test_places_follow_scikit_learns_neighbours_in_the_components(monkeypatch, many):
    monkeypatch.setattr(placing, "MANY", many)
    vectors, _ = _groups(700)
    fitted, new = vectors[:600], vectors[600:]
    points = np.random.default_rng(0).normal(size=(600, 2)).astype(np.float32)
    model = PCA(50, random_state=0).fit(fitted)
    distances, rows = (
        NearestNeighbors(n_neighbors=10)
        .fit(model.transform(fitted))
        .kneighbors(model.transform(new))
    )
    expected = np.einsum("nk,nkc->nc", 1 / distances, points[rows])
    expected /= (1 / distances).sum(axis=1, keepdims=True)
    found = place(fitted, points, new)
    same = np.isclose(found, expected, atol=1e-3).all(axis=1)
    assert same.mean() == 1 if many > 700 else same.mean() > 0.5


def test_large_corpus_is_fitted_on_a_sample_and_the_rest_lies_with_its_own():
    vectors, which = _groups(400)
    made = arrange(vectors, Method.TSNE, 0, MapSettings(fit_points=150), which)
    assert made.fitted.sum() == 150
    share = np.bincount(which[made.fitted]) / 150
    np.testing.assert_allclose(share, np.bincount(which) / 400, atol=0.01)
    middle = np.stack([made.points[made.fitted & (which == g)].mean(axis=0) for g in range(4)])
    placed = made.points[~made.fitted]
    nearest = np.linalg.norm(placed[:, np.newaxis] - middle, axis=2).argmin(axis=1)
    assert (nearest == which[~made.fitted]).mean() > 0.95
    assert made.trustworthiness > 0.7


def test_small_corpus_is_arranged_whole():
    made = arrange(_groups(60)[0], Method.PCA)
    assert made.fitted.all()
    assert made.trust_points == 60


def test_trustworthiness_is_scikit_learns_on_the_sample():
    vectors, _ = _groups(80)
    points = vectors[:, :2]
    found, n = trustworthiness(vectors, points)
    assert n == 80
    assert found == pytest.approx(scikit_trustworthiness(vectors, points, n_neighbors=10))
    assert trustworthiness(vectors[:2], points[:2]) == (None, 2)
    assert trustworthiness(vectors, points, most=40)[1] == 40


def test_strata_have_their_share_to_a_row():
    strata = np.repeat(["a", "b", "c", "d"], [1000, 300, 7, 1])
    rows = stratified(strata, 100, 3)
    counts = Counter(strata[rows].tolist())
    assert len(set(rows.tolist())) == len(rows) == 100
    assert all(abs(counts[s] - 100 * n / 1308) < 1 for s, n in Counter(strata.tolist()).items())
    np.testing.assert_array_equal(rows, stratified(strata, 100, 3))
    assert not np.array_equal(rows, stratified(strata, 100, 4))
    np.testing.assert_array_equal(stratified(strata[:5], 9), np.arange(5))
    assert any_of(3, 5).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "wrong", [{"n_neighbors": 1}, {"min_dist": 2.0}, {"perplexity": 0.5}, {"fit_points": 5}]
)
def test_parameters_that_make_no_map_are_refused(wrong):
    with pytest.raises(ExploreError, match="choose"):
        MapSettings(**wrong)
