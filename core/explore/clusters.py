"""Groups of points by K-Means, and how well they stand apart."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ExploreError
from core.explore.threads import threads_for
from core.records import Floats

MOST_TRIED: Final = 12  # with k chosen automatically, 2 to this are tried
STARTS: Final = 10
SAMPLED: Final = 5_000  # points from which silhouettes are computed and k is chosen


@dataclass(frozen=True)
class Clustered:
    """Groups of points.

    Attributes:
        labels: shape `(n_points,)`, cluster of each point from 0, the largest first.
        silhouette: mean over points, from -1 to 1, or None where each point is its own cluster.
        tried: silhouette of each k that was tried, empty when k was given.
        silhouette_points: how many points the silhouettes are computed from.
    """

    labels: NDArray[np.int32]
    k: int
    silhouette: float | None
    sizes: tuple[int, ...]
    tried: dict[int, float]
    silhouette_points: int


def cluster(vectors: Floats, k: int | None = None, seed: int = 0, of: str = "points") -> Clustered:
    """Returns K-Means clusters.

    Args:
        vectors: shape `(n_points, n_dims)`.
        k: how many, or None for the one of 2 to 12 with the highest silhouette.
        seed: of everything that is random.
        of: what the points are, for sentences on what is wrong.

    Raises:
        ExploreError: there are too few points, or fewer different ones than clusters.

    Source:
        K-Means: Lloyd 1982 with k-means++ (scikit-learn). Silhouette: Rousseeuw 1987.
    """
    sample = np.arange(len(vectors))
    if len(vectors) > SAMPLED:
        sample = np.sort(np.random.default_rng(seed).choice(len(vectors), SAMPLED, replace=False))
    n_distinct = _check(vectors, sample, k, of)
    tried: dict[int, float] = {}
    if k is None:
        for candidate in range(2, min(MOST_TRIED, n_distinct - 1) + 1):
            labels = _fit(vectors[sample], candidate, seed)
            score = _silhouette(vectors[sample], labels)
            if score is not None:
                tried[candidate] = score
        k = max(tried, key=lambda candidate: tried[candidate]) if tried else 2
    labels, sizes = _by_size(_fit(vectors, k, seed))
    score = _silhouette(vectors[sample], labels[sample])
    return Clustered(labels, k, score, sizes, tried, len(sample))


def _check(vectors: Floats, sample: NDArray[np.intp], k: int | None, of: str) -> int:
    """Returns how many of the sample differ, after making sure that all can be grouped."""
    n_points, n_distinct = len(vectors), len(np.unique(vectors[sample], axis=0))
    if n_distinct < (k or 2) and len(sample) < n_points:
        n_distinct = len(np.unique(vectors, axis=0))
    if k is not None and k < 2:
        raise ExploreError(f"{k} cluster(s) make no groups; choose 2 or more.")
    if n_points < (k or 3):
        wanted = "at least 3 are needed" if k is None else f"{k} clusters need at least {k}"
        counted = f"is only 1 of the {of}" if n_points == 1 else f"are only {n_points} {of}"
        raise ExploreError(
            f"There {counted} to group, and {wanted}; "
            "choose a smaller k, a finer unit, or analyse more recordings."
        )
    if n_distinct < (k or 2):
        raise ExploreError(
            f"Only {n_distinct} of the {n_points} {of} differ from each other, too few for {k or 2} "
            "clusters; choose a smaller k or analyse recordings that differ."
        )
    return n_distinct


def _fit(vectors: Floats, k: int, seed: int) -> NDArray[np.int32]:
    from sklearn.cluster import KMeans

    with threads_for(len(vectors)):
        found: NDArray[np.int32] = KMeans(k, n_init=STARTS, random_state=seed).fit_predict(vectors)
    return found


def _silhouette(vectors: Floats, labels: NDArray[Any]) -> float | None:
    from sklearn.metrics import silhouette_score

    if not 2 <= len(np.unique(labels)) < len(labels):
        return None
    return float(silhouette_score(vectors, labels))


def _by_size(labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], tuple[int, ...]]:
    """Returns labels renumbered by size, equal ones by first occurrence; and the sizes."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    rank = np.empty(len(found), np.int32)
    rank[order] = np.arange(len(found), dtype=np.int32)
    return rank[np.searchsorted(found, labels)], tuple(counts[order].tolist())
