"""Samples of a corpus that stand for all of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


def any_of(n_points: int, wanted: int, seed: int = 0) -> Rows:
    """Returns rows drawn at random in ascending order, shape `(min(n_points, wanted),)`."""
    if n_points <= wanted:
        return np.arange(n_points)
    drawn = np.random.default_rng(seed).choice(n_points, wanted, replace=False)
    return np.sort(drawn)


def stratified(strata: Sequence[Any] | NDArray[Any], wanted: int, seed: int = 0) -> Rows:
    """Returns rows of which each stratum has its share, in ascending order.

    Shares are rounded by the largest remainder, so a stratum is never more than one row off; within
    a stratum rows are drawn at random.

    Args:
        strata: length n, the stratum of each row.
        wanted: how many rows.
        seed: of the draw.
    """
    _, numbers, sizes = np.unique(np.asarray(strata), return_inverse=True, return_counts=True)
    n_rows = len(numbers)
    if n_rows <= wanted:
        return np.arange(n_rows)
    exact = sizes * (wanted / n_rows)
    quota = np.floor(exact).astype(np.intp)
    rest = np.argsort(quota - exact, kind="stable")[: wanted - int(quota.sum())]
    quota[rest] += 1
    shuffled = np.random.default_rng(seed).permutation(n_rows)
    by_stratum = shuffled[np.argsort(numbers[shuffled], kind="stable")]
    place = np.arange(n_rows) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen: Rows = np.sort(by_stratum[place < np.repeat(quota, sizes)])
    return chosen
