"""Groups of points by K-Means or HDBSCAN, how well they stand apart, and how firmly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ExploreError
from core.explore.neighbours import nearest
from core.explore.sampling import any_of
from core.explore.threads import threads_for
from core.records import Floats

MOST_TRIED: Final = 12  # with k chosen automatically, 2 to this are tried
STARTS: Final = 10
SAMPLED: Final = 5_000  # points from which silhouettes are computed and k is chosen
LARGE: Final = 20_000  # points from which K-Means goes in mini-batches
STABLE: Final = 0.8  # mean adjusted Rand index between seeds from which a k counts as stable
SEEDS: Final = 4  # runs that are compared with one another
SEED_STARTS: Final = 3  # of each of them
SEED_POINTS: Final = 2_000
DENSE_POINTS: Final = 10_000  # the most that HDBSCAN groups; its time grows with their square
NOISE: Final = -1
_BATCH: Final = 4_096
_DIMS: Final = 20  # principal components in which HDBSCAN looks for dense places

Labels = NDArray[np.int32]


class Grouping(StrEnum):
    """How points are grouped."""

    KMEANS = "kmeans"
    HDBSCAN = "hdbscan"


@dataclass(frozen=True)
class Clustered:
    """Groups of points.

    Attributes:
        labels: shape `(n_points,)`, cluster of each point from 0, the largest first; -1 is noise.
        silhouette: mean over points, from -1 to 1, or None where each point is its own cluster.
        tried: silhouette of each k that was tried, empty when k was given.
        silhouette_points: how many points the silhouettes are computed from.
        stability: for each k that was tried, or the one given, the mean adjusted Rand index between
            runs of other seeds on a sample; 1 is the same groups every time.
        noise: how many points belong to no cluster.
        grouped_points: how many points were grouped; the others joined their nearest neighbour.
    """

    labels: Labels
    k: int
    silhouette: float | None
    sizes: tuple[int, ...]
    tried: Mapping[int, float]
    silhouette_points: int
    stability: Mapping[int, float] = field(default_factory=dict)
    noise: int = 0
    grouped_points: int = 0


def cluster(vectors: Floats, k: int | None = None, seed: int = 0, of: str = "points") -> Clustered:
    """Returns K-Means clusters.

    Args:
        vectors: shape `(n_points, n_dims)`.
        k: how many, or None for the one of 2 to 12 with the highest silhouette among those that
            other seeds find again, or among all where none is stable.
        seed: of everything that is random.
        of: what the points are, for sentences on what is wrong.

    Raises:
        ExploreError: there are too few points, or fewer different ones than clusters.

    Source:
        K-Means: Lloyd 1982 with k-means++ (scikit-learn), above 20,000 points in mini-batches
        (Sculley 2010). Silhouette: Rousseeuw 1987. Stability: Ben-Hur, Elisseeff & Guyon 2002 with
        the adjusted Rand index.
    """
    sample = any_of(len(vectors), SAMPLED, seed)
    n_distinct = _check(vectors, sample, k, of)
    tried: dict[int, float] = {}
    steady: dict[int, float] = {}
    if k is None:
        for candidate in range(2, min(MOST_TRIED, n_distinct - 1) + 1):
            score = _silhouette(vectors[sample], _fit(vectors[sample], candidate, seed))
            if score is not None:
                tried[candidate] = score
                steady[candidate] = stability(vectors, candidate, seed)
        k = suggested(tried, steady)
    elif k < n_distinct:
        steady[k] = stability(vectors, k, seed)
    labels, sizes = by_size(_fit(vectors, k, seed))
    score = _silhouette(vectors[sample], labels[sample])
    return Clustered(labels, k, score, sizes, tried, len(sample), steady, 0, len(vectors))


def suggested(tried: Mapping[int, float], steady: Mapping[int, float]) -> int:
    """Returns the k to take: the highest silhouette of those that are stable, or of all; else 2."""
    firm = [k for k in tried if steady.get(k, 0.0) >= STABLE]
    return max(firm or tried, key=lambda k: tried[k], default=2)


def stability(vectors: Floats, k: int, seed: int = 0) -> float:
    """Returns the mean adjusted Rand index between K-Means runs of other seeds, on a sample."""
    from sklearn.metrics import adjusted_rand_score

    part = vectors[any_of(len(vectors), SEED_POINTS, seed)]
    runs = [_fit(part, k, seed + 1 + run, SEED_STARTS) for run in range(SEEDS)]
    return float(np.mean([adjusted_rand_score(a, b) for a, b in combinations(runs, 2)]))


def dense(vectors: Floats, least: int = 10, seed: int = 0, of: str = "points") -> Clustered:
    """Returns HDBSCAN clusters: dense places; what lies between them is noise.

    Of more than 10,000 points so many are drawn and grouped; each other joins the group, or the
    noise, of its nearest one.

    Args:
        vectors: shape `(n_points, n_dims)`; places are looked for in 20 principal components.
        least: the fewest points of a cluster.
        seed: of everything that is random.
        of: what the points are, for sentences on what is wrong.

    Raises:
        ExploreError: there are too few points, they do not differ, or no place is dense.

    Source:
        Campello, Moulavi & Sander 2013 (scikit-learn).
    """
    if least < 2:
        raise ExploreError(f"{least} point(s) make no cluster; choose 2 or more.")
    sample = any_of(len(vectors), SAMPLED, seed)
    _check(vectors, sample, None, of)
    rows = any_of(len(vectors), DENSE_POINTS, seed)
    start = _components(vectors[rows], seed)
    found = np.full(len(vectors), NOISE, np.int32)
    found[rows] = _hdbscan(start, min(least, max(2, len(rows) // 2)))
    if len(rows) < len(vectors):
        others = np.setdiff1d(np.arange(len(vectors)), rows, assume_unique=True)
        beside, _ = nearest(vectors[rows], vectors[others], 1)
        found[others] = found[rows][beside[:, 0]]
    grouped = found >= 0
    if not grouped.any():
        raise ExploreError(
            f"HDBSCAN found no place that is denser than the rest among these {of}; choose a smaller "
            "least size, or K-Means."
        )
    labels = found.copy()
    labels[grouped], sizes = by_size(found[grouped])
    judged = sample[labels[sample] >= 0]
    score = _silhouette(vectors[judged], labels[judged])
    noise = int((~grouped).sum())
    return Clustered(labels, len(sizes), score, sizes, {}, len(judged), {}, noise, len(rows))


def by_size(labels: NDArray[Any]) -> tuple[Labels, tuple[int, ...]]:
    """Returns labels renumbered by size, equal ones by first occurrence; and the sizes."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    rank = np.empty(len(found), np.int32)
    rank[order] = np.arange(len(found), dtype=np.int32)
    return rank[np.searchsorted(found, labels)], tuple(counts[order].tolist())


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


def _fit(vectors: Floats, k: int, seed: int, starts: int = STARTS) -> Labels:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    with threads_for(len(vectors)):
        if len(vectors) <= LARGE:
            found: Labels = KMeans(k, n_init=starts, random_state=seed).fit_predict(vectors)
        else:
            model = MiniBatchKMeans(k, n_init=starts, batch_size=_BATCH, random_state=seed)
            found = model.fit(vectors).labels_
    return found


def _hdbscan(vectors: Floats, least: int) -> Labels:
    from sklearn.cluster import HDBSCAN

    with threads_for(len(vectors)):
        labels: Labels = HDBSCAN(min_cluster_size=least, copy=True).fit_predict(vectors)
    return labels


def _components(vectors: Floats, seed: int) -> Floats:
    from sklearn.decomposition import PCA

    n_dims = min(_DIMS, *vectors.shape)
    found: Floats = PCA(n_dims, random_state=seed).fit_transform(vectors).astype(np.float32)
    return found


def _silhouette(vectors: Floats, labels: NDArray[Any]) -> float | None:
    from sklearn.metrics import silhouette_score

    if not 2 <= len(np.unique(labels)) < len(labels):
        return None
    return float(silhouette_score(vectors, labels))
