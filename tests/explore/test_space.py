"""The space of comparison, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.preprocessing import normalize

from core.errors import ExploreError
from core.explore.space import directions, means


def _embeddings(n: int = 40, dims: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, 1, (n, dims)).astype(np.float32)


def test_directions_are_centred_rows_of_length_1():
    raw = _embeddings()
    np.testing.assert_allclose(directions(raw), normalize(raw - raw.mean(axis=0)), atol=1e-5)


def test_input_is_left_as_it_was():
    raw = _embeddings()
    before = raw.copy()
    directions(raw)
    np.testing.assert_array_equal(raw, before)


def test_common_offset_changes_nothing():
    raw = _embeddings()
    np.testing.assert_allclose(directions(raw + 5), directions(raw), atol=1e-5)


def test_segment_at_the_centre_has_no_direction():
    raw = np.array([[1.0, 1], [3, 3], [2, 2]], np.float32)
    np.testing.assert_allclose(directions(raw)[2], 0)


@pytest.mark.parametrize(("n", "said"), [(0, "no segments"), (1, "only 1 segment"), (2, "only 2")])
def test_too_few_are_refused(n, said):
    with pytest.raises(ExploreError, match=f"{said}.*at least 3 are needed"):
        directions(_embeddings(n))


def test_equal_embeddings_are_refused_in_spite_of_rounding():
    raw = np.tile(_embeddings(1, 384), (1000, 1))
    raw[::2] *= np.float32(1 + 1e-7)
    with pytest.raises(ExploreError, match="All 1000 segments have the same embedding"):
        directions(raw)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(value):
    raw = _embeddings()
    raw[3, 2] = value
    with pytest.raises(ExploreError, match="no finite numbers"):
        directions(raw)


def test_means_of_groups_by_hand():
    vectors = np.array([[0, 2], [10, 0], [4, 4]], np.float32)
    np.testing.assert_array_equal(means(vectors, np.array([1, 0, 1])), [[10, 0], [2, 3]])
