"""Nearest segments against brute force, and what moves a query."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from core.errors import ExploreError
from core.explore import index as indexes
from core.explore import neighbours
from core.explore.index import build, load, recall_of
from core.explore.neighbours import contrast, more_like, nearest, why
from core.explore.space import directions

MASK = (True,) * 9


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """600 directions round 30 centres."""
    random = np.random.default_rng(0)
    centres = random.normal(0, 1, (30, 16))
    made = centres[random.integers(0, 30, 600)] + random.normal(0, 0.3, (600, 16))
    return directions(made.astype(np.float32))


def test_nearest_are_those_of_scikit_learn(vectors, monkeypatch):
    monkeypatch.setattr(neighbours, "_PRODUCTS", 600 * 7)  # several blocks
    rows, scores = nearest(vectors, vectors[:50], 10)
    model = NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute").fit(vectors)
    distances, expected = model.kneighbors(vectors[:50])
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(scores, 1 - distances, atol=1e-5)


def test_excluded_rows_are_never_found_and_the_rest_is_complete(vectors):
    away = np.zeros(600, bool)
    away[np.argsort(-(vectors @ vectors[0]))[:595]] = True
    rows, _ = nearest(vectors, vectors[:1], 10, away)
    assert set(rows[0]) == set(np.flatnonzero(~away))
    assert nearest(vectors, vectors[:1], 10, np.ones(600, bool))[0].shape == (1, 0)
    with pytest.raises(ExploreError, match="ask for 1 or more"):
        nearest(vectors, vectors[:1], 0)


def test_equal_products_are_found_by_the_lower_row():
    same = np.tile(np.eye(1, 4, dtype=np.float32), (6, 1))
    assert nearest(same, same[:1], 3)[0].tolist() == [[0, 1, 2]]


def test_more_like_and_less_like_is_rocchios_formula():
    axes = np.eye(3, dtype=np.float32)
    moved = axes[0] + 0.75 * axes[1] - 0.15 * axes[2]
    found = more_like(axes[0], axes[1:2], axes[2:])
    np.testing.assert_allclose(found, moved / np.linalg.norm(moved), atol=1e-6)
    np.testing.assert_allclose(more_like(None, axes[1:2]), axes[1])
    with pytest.raises(ExploreError, match="Nothing says"):
        more_like(None)
    with pytest.raises(ExploreError, match="cancel each other out"):
        more_like(axes[0], np.stack([-axes[0] / 0.75]))


def test_contrast_is_free_of_what_a_softmax_ignores():
    query, hit = np.zeros(9, np.float32), np.full((1, 9), 5, np.float32)
    hit[0, 0] += 2
    found = contrast(query, hit, MASK)
    np.testing.assert_allclose(found[0], [16 / 9, *[-2 / 9] * 8], atol=1e-5)
    masked = contrast(query, hit, (True, *[False] * 8))
    np.testing.assert_array_equal(masked, np.zeros((1, 9)))


def test_why_names_the_greatest_differences_in_words():
    difference = np.array([1.5, 0, 0, -0.9, 0.1, 0, 0.3, 0, 0], np.float32)
    assert why(difference) == (
        "Sounds more angry (+1.5) and sad (+0.3), less happy (-0.9) to the engine than the query."
    )
    assert why(np.zeros(9, np.float32)).startswith("Sounds the same")
    with pytest.raises(ExploreError, match=r"\(9,\) is expected"):
        why(np.zeros(3, np.float32))


@pytest.fixture
def small(monkeypatch):
    """Has 100 segments already searched by an index."""
    monkeypatch.setattr(indexes, "EXACT_MOST", 100)


def test_small_corpora_are_searched_exactly(vectors):
    index = build(vectors, "s")
    assert (index.exact, index.made.recall) == (True, 1.0)
    np.testing.assert_array_equal(
        index.search(vectors[:5], 4)[0], nearest(vectors, vectors[:5], 4)[0]
    )


def test_index_finds_what_brute_force_finds_and_measures_it(vectors, small):
    index = build(vectors[:500], "s")
    assert not index.exact
    truth, exact = nearest(vectors[:500], vectors[500:], 10)
    rows, scores = index.search(vectors[500:], 10)
    assert recall_of(rows, truth) >= 0.9
    assert index.made.recall >= 0.95
    same = rows == truth
    np.testing.assert_allclose(scores[same], exact[same], atol=1e-6)
    away = np.zeros(500, bool)
    away[truth[0]] = True
    assert not set(index.search(vectors[500:501], 10, away)[0][0]) & set(truth[0])


def test_index_is_kept_takes_more_and_is_made_anew_when_it_does_not_fit(vectors, small, tmp_path):
    path = tmp_path / "indexes" / "s.faiss"
    first = build(vectors[:400], "s")
    first.save(path)
    again = load(path, vectors[:400], "s")
    np.testing.assert_array_equal(
        again.search(vectors[500:], 5)[0], first.search(vectors[500:], 5)[0]
    )
    more = load(path, vectors[:450], "s")
    assert (more.made.n, more.made.n_built) == (450, 400)
    assert more.search(vectors[449:450], 1)[0].tolist() == [[449]]
    assert load(path, vectors[:400], "other") is None
    assert load(path, vectors[:300], "s") is None
    path.write_bytes(b"damaged")
    assert load(path, vectors[:400], "s") is None
    path.with_suffix(".json").write_text("[")
    assert load(path, vectors[:400], "s") is None


def test_index_that_is_outgrown_is_built_anew(vectors, small):
    assert build(vectors[:200], "s").with_more(vectors).made.n_built == 600
    with pytest.raises(ExploreError, match="ask for 1"):
        build(vectors, "s").search(vectors[:1], 0)
