"""Maps: two coordinates for each segment, so that what sounds alike tends to lie together.

A map is a picture, no measurement: distances between far points, sizes of groups and gaps between
them carry no evidence.
"""

import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from core.errors import ExploreError
from core.explore.threads import threads_for
from core.records import Floats

FEW: Final = 15  # UMAP looks at so many neighbours of each point
_DIMS: Final = 50  # principal components that UMAP and t-SNE start from


class Method(StrEnum):
    """How a map is made."""

    UMAP = "umap"
    PCA = "pca"
    TSNE = "tsne"


@dataclass(frozen=True)
class MapSettings:
    """The parameters of the methods.

    Attributes:
        n_neighbors: UMAP's, how many neighbours of each point are kept near it; few show detail,
            many the whole.
        min_dist: UMAP's, how closely points may lie on the map.
        perplexity: t-SNE's, roughly how many neighbours of each point count.
        fit_points: the most segments that UMAP or t-SNE arrange; of a larger corpus so many are
            drawn, and the others are placed beside their nearest neighbours.
    """

    n_neighbors: int = FEW - 1
    min_dist: float = 0.1
    perplexity: float = 30.0
    fit_points: int = 20_000

    def __post_init__(self) -> None:
        if not (2 <= self.n_neighbors <= 200 and 0 <= self.min_dist <= 1):
            raise ExploreError(
                f"UMAP with {self.n_neighbors} neighbours and a least distance of {self.min_dist} "
                "makes no map; choose 2 to 200 neighbours and a distance from 0 to 1."
            )
        if not (1 <= self.perplexity <= 500 and self.fit_points >= 100):
            raise ExploreError(
                f"A perplexity of {self.perplexity:g} or {self.fit_points} arranged segments make no "
                "map; choose a perplexity from 1 to 500 and at least 100 segments."
            )


NAMES: Final = {Method.UMAP: "UMAP", Method.PCA: "PCA", Method.TSNE: "t-SNE"}


def method_for(asked: Method, n_points: int) -> tuple[Method, str | None]:
    """Returns the method that is used, and why it is another one than was asked, or None."""
    if asked is Method.PCA or n_points >= FEW:
        return asked, None
    return Method.PCA, (
        f"{n_points} segments are too few for {NAMES[asked]}, which asks for the neighbours of "
        f"each; PCA is shown until there are {FEW}."
    )


def settings(
    method: Method, n_points: int, n_dims: int, wanted: MapSettings | None = None
) -> dict[str, Any]:
    """Returns the parameters of a method, as they are recorded with a map."""
    wanted = wanted or MapSettings()
    if method is Method.PCA:
        return {}
    components = min(_DIMS, n_dims, n_points - 1)
    if method is Method.UMAP:
        n_neighbors = min(wanted.n_neighbors, n_points - 1)
        return {
            "components": components,
            "n_neighbors": n_neighbors,
            "min_dist": wanted.min_dist,
        }
    return {"components": components, "perplexity": min(wanted.perplexity, (n_points - 1) / 3)}


def project(
    vectors: Floats, method: Method, seed: int = 0, wanted: MapSettings | None = None
) -> Floats:
    """Returns a map of vectors; the same seed gives the same map on the same machine.

    Args:
        vectors: shape `(n_points, n_dims)`, from `space.directions`.
        method: from `method_for`.
        seed: of everything that is random; PCA has none.
        wanted: the parameters of UMAP and t-SNE.

    Returns:
        Shape `(n_points, 2)`.

    Raises:
        ExploreError: there are too few points for the method.

    Source:
        UMAP: McInnes, Healy, Melville 2018 (umap-learn). t-SNE: van der Maaten, Hinton 2008
        (scikit-learn). Both start from principal components, as scikit-learn advises.
    """
    chosen, reason = method_for(method, len(vectors))
    if chosen is not method:
        raise ExploreError(str(reason))
    if method is Method.PCA:
        return _components(vectors, 2, seed)
    given = settings(method, len(vectors), vectors.shape[1], wanted)
    start = _components(vectors, given.pop("components"), seed)
    points = _umap(start, given, seed) if method is Method.UMAP else _tsne(start, given, seed)
    found: Floats = np.ascontiguousarray(points, dtype=np.float32)
    return found


def _components(vectors: Floats, wanted: int, seed: int) -> Floats:
    from sklearn.decomposition import PCA

    n_found = min(wanted, *vectors.shape)
    reduced = PCA(n_found, svd_solver="auto", random_state=seed).fit_transform(vectors)
    padded: Floats = np.zeros((len(vectors), wanted), np.float32)
    padded[:, :n_found] = reduced
    return padded


def _umap(start: Floats, given: dict[str, Any], seed: int) -> Any:
    with warnings.catch_warnings():  # that TensorFlow is missing, that one thread is slower
        warnings.simplefilter("ignore")
        from umap import UMAP

        return UMAP(**given, random_state=seed, n_jobs=1).fit_transform(start)


def _tsne(start: Floats, given: dict[str, Any], seed: int) -> Any:
    from sklearn.manifold import TSNE

    with threads_for(len(start)):
        return TSNE(**given, init="pca", random_state=seed).fit_transform(start)
