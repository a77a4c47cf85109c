"""Maps, against what they must keep of the space they show."""

import sys

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from core.errors import ExploreError
from core.explore.projection import FEW, Method, method_for, project, settings


@pytest.fixture(scope="module")
def groups() -> tuple[np.ndarray, np.ndarray]:
    """Three groups of 20 points in 60 dimensions, well apart, and which is which."""
    random = np.random.default_rng(1)
    centres = random.normal(0, 5, (3, 60))
    which = np.repeat(np.arange(3), 20)
    return (centres[which] + random.normal(0, 1, (60, 60))).astype(np.float32), which


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Lets numba compile UMAP quickly, and while nothing traces it: coverage makes that slow."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NUMBA_OPT", "0")
            project(np.eye(FEW, dtype=np.float32), Method.UMAP)
    finally:
        sys.settrace(tracer)


def test_pca_is_the_two_widest_directions(groups):
    vectors, _ = groups
    points = project(vectors, Method.PCA)
    values = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), values[:2], rtol=1e-4)
    assert abs(np.corrcoef(points.T)[0, 1]) < 1e-3


@pytest.mark.parametrize("method", [Method.TSNE, Method.UMAP])
def test_neighbours_stay_neighbours_and_the_seed_decides(groups, method):
    vectors, which = groups
    points = project(vectors, method, seed=3)
    assert points.shape == (60, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    assert trustworthiness(vectors, points, n_neighbors=5) > 0.85
    assert KNeighborsClassifier(5).fit(points, which).score(points, which) == 1
    np.testing.assert_array_equal(project(vectors, method, seed=3), points)
    if (
        method is Method.UMAP
    ):  # t-SNE begins at the principal components and has little chance in it
        assert not np.array_equal(project(vectors, method, seed=4), points)


@pytest.mark.parametrize("method", [Method.TSNE, Method.UMAP])
def test_pca_stands_in_and_says_why_while_there_are_too_few(method):
    used, reason = method_for(method, FEW - 1)
    assert used is Method.PCA
    assert "14 segments are too few" in reason
    assert "PCA is shown until there are 15" in reason
    assert method_for(method, FEW) == (method, None)
    with pytest.raises(ExploreError, match="too few"):
        project(np.eye(14, dtype=np.float32), method)


def test_pca_asked_for_needs_no_reason():
    assert method_for(Method.PCA, 3) == (Method.PCA, None)


@pytest.mark.parametrize("method", Method)
def test_least_number_of_points_makes_a_map(method):
    vectors = np.random.default_rng(0).normal(size=(FEW, 4)).astype(np.float32)
    assert np.isfinite(project(vectors, method)).all()
    assert settings(Method.TSNE, FEW, 4)["perplexity"] < FEW


def test_one_dimension_makes_a_line():
    points = project(np.array([[-1], [0], [1]], np.float32), Method.PCA)
    np.testing.assert_allclose(np.abs(points), [[1, 0], [0, 0], [1, 0]], atol=1e-6)
