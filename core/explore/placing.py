"""Maps of corpora of any size: some points are arranged, the others placed beside neighbours.

What is placed never moves what is there, so a new recording joins a map without changing it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.explore import projection
from core.explore.neighbours import nearest
from core.explore.projection import MapSettings, Method
from core.explore.sampling import any_of, stratified
from core.records import Flags, Floats

NEIGHBOURS: Final = 10
DIMS: Final = 50  # principal components in which neighbours are looked for
TRUSTED: Final = 2_000  # points from which the trustworthiness is measured
MANY: Final = 20_000  # new points from which neighbours come from an index
_LEAST: Final = 1e-6  # of a distance, so that a point on a neighbour takes its place


@dataclass(frozen=True)
class Arranged:
    """A map.

    Attributes:
        points: shape `(n_points, 2)`.
        fitted: shape `(n_points,)`, true where the method itself arranged the point, false where
            it was placed by its neighbours.
        trustworthiness: from 0 to 1, how far neighbours on the map are neighbours in the space,
            over a sample; None where there are too few points.
        trust_points: how many points that sample has.
    """

    points: Floats
    fitted: Flags
    trustworthiness: float | None
    trust_points: int


def arrange(
    vectors: Floats,
    method: Method,
    seed: int = 0,
    wanted: MapSettings | None = None,
    strata: Sequence[Any] | NDArray[Any] | None = None,
) -> Arranged:
    """Returns a map of a corpus of any size.

    Args:
        vectors: shape `(n_points, n_dims)`, in the chosen space.
        method: from `projection.method_for`.
        seed: of everything that is random.
        wanted: the parameters of the method.
        strata: length n, such as the recordings: in a large corpus so many points of each are
            arranged as it has a share.

    Raises:
        ExploreError: there are too few points for the method.
    """
    wanted = wanted or MapSettings()
    fitted = np.ones(len(vectors), np.bool_)
    if method is Method.PCA or len(vectors) <= wanted.fit_points:
        points = projection.project(vectors, method, seed, wanted)
    else:
        rows = stratified(
            np.zeros(len(vectors)) if strata is None else strata, wanted.fit_points, seed
        )
        fitted[:] = False
        fitted[rows] = True
        points = np.empty((len(vectors), 2), np.float32)
        points[rows] = projection.project(vectors[rows], method, seed, wanted)
        points[~fitted] = place(vectors[rows], points[rows], vectors[~fitted], seed=seed)
    trust, n_trusted = trustworthiness(vectors, points, seed=seed)
    return Arranged(points, fitted, trust, n_trusted)


def place(
    fitted: Floats, points: Floats, new: Floats, k: int = NEIGHBOURS, seed: int = 0
) -> Floats:
    """Returns where new segments lie on a map: the mean place of their nearest arranged neighbours.

    Neighbours are weighted by the inverse of their distance in the space, cut to the 50 principal
    components of the arranged points. Among more than 20,000 new ones, neighbours come from an
    index and a few may be missed.

    Args:
        fitted: shape `(n_fitted, n_dims)`, segments that the method arranged.
        points: shape `(n_fitted, 2)`, their places.
        new: shape `(n_new, n_dims)`, in the same space.
        k: how many neighbours count.
        seed: of the axes, where they are estimated at random.

    Returns:
        Shape `(n_new, 2)`.
    """
    if not len(new):
        return np.zeros((0, 2), np.float32)
    mean, axes = _axes(fitted, seed)
    known = _reduced(fitted, mean, axes)
    k = min(k, len(fitted))
    found: Floats = np.empty((len(new), 2), np.float32)
    index = _index(known) if len(new) > MANY else None
    for first in range(0, len(new), MANY):
        part = slice(first, first + MANY)
        asked = _reduced(new[part], mean, axes)
        rows, squared = _near(known, asked, k) if index is None else _by_index(index, asked, k)
        weights = np.where(rows >= 0, 1 / np.maximum(np.sqrt(squared), _LEAST), 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        found[part] = np.einsum("nk,nkc->nc", weights, points[rows])
    return found


def trustworthiness(
    vectors: Floats, points: Floats, k: int = NEIGHBOURS, most: int = TRUSTED, seed: int = 0
) -> tuple[float | None, int]:
    """Returns how far neighbours on a map are neighbours in the space, and over how many points.

    Args:
        vectors: shape `(n_points, n_dims)`.
        points: shape `(n_points, 2)`.
        k: how many neighbours of each point are looked at.
        most: points that are drawn for it; neighbours are looked for among these.
        seed: of the draw.

    Source:
        Venna & Kaski 2001 (scikit-learn).
    """
    from sklearn.manifold import trustworthiness as measured

    rows = any_of(len(vectors), most, seed)
    k = min(k, (len(rows) - 1) // 2)
    if k < 1:
        return None, len(rows)
    return float(measured(vectors[rows], points[rows], n_neighbors=k)), len(rows)


def _axes(fitted: Floats, seed: int) -> tuple[Floats, Floats | None]:
    """Returns the mean and the principal axes, shape `(n_dims, 50)`; none where there are few."""
    from sklearn.decomposition import PCA

    mean: Floats = fitted.mean(axis=0)
    if fitted.shape[1] <= DIMS or len(fitted) <= DIMS:
        return mean, None
    axes: Floats = PCA(DIMS, random_state=seed).fit(fitted).components_.T
    return mean, axes


def _reduced(vectors: Floats, mean: Floats, axes: Floats | None) -> Floats:
    centred = vectors - mean
    found: Floats = np.ascontiguousarray(centred if axes is None else centred @ axes, np.float32)
    return found


def _near(known: Floats, asked: Floats, k: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Returns the nearest rows by Euclidean distance and the squares of these, each `(n, k)`."""
    # |a - b|^2 ranks as a . b - |b|^2 / 2, which is one product with a column of ones.
    half = -0.5 * np.einsum("nd,nd->n", known, known)[:, np.newaxis]
    rows, _ = nearest(
        np.hstack([known, half]), np.hstack([asked, np.ones((len(asked), 1), np.float32)]), k
    )
    away = known[rows].astype(np.float64) - asked[:, np.newaxis]
    return rows, np.einsum("nkd,nkd->nk", away, away)


def _index(known: Floats) -> Any:
    import faiss

    n_cells = max(1, min(int(np.sqrt(len(known))), len(known) // 39))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(known.shape[1]), known.shape[1], n_cells)
    index.train(known)
    index.add(known)
    index.nprobe = max(8, n_cells // 8)
    return index


def _by_index(index: Any, asked: Floats, k: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    squared, rows = index.search(asked, k)
    return rows.astype(np.intp), np.maximum(squared, 0).astype(np.float64)
