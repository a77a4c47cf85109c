"""Maps: two coordinates for each segment, so that what sounds alike tends to lie together.

A map is a picture, no measurement: distances between far points, sizes of groups and gaps between
them carry no evidence.
"""

import warnings
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


NAMES: Final = {Method.UMAP: "UMAP", Method.PCA: "PCA", Method.TSNE: "t-SNE"}


def method_for(asked: Method, n_points: int) -> tuple[Method, str | None]:
    """Returns the method that is used, and why it is another one than was asked, or None."""
    if asked is Method.PCA or n_points >= FEW:
        return asked, None
    return Method.PCA, (
        f"{n_points} segments are too few for {NAMES[asked]}, which asks for the neighbours of "
        f"each; PCA is shown until there are {FEW}."
    )


def settings(method: Method, n_points: int, n_dims: int) -> dict[str, Any]:
    """Returns the parameters of a method, as they are recorded with a map."""
    if method is Method.PCA:
        return {}
    components = min(_DIMS, n_dims, n_points - 1)
    if method is Method.UMAP:
        return {"components": components, "n_neighbors": FEW - 1, "min_dist": 0.1}
    return {"components": components, "perplexity": min(30.0, (n_points - 1) / 3)}


def project(vectors: Floats, method: Method, seed: int = 0) -> Floats:
    """Returns a map of vectors; the same seed gives the same map on the same machine.

    Args:
        vectors: shape `(n_points, n_dims)`, from `space.directions`.
        method: from `method_for`.
        seed: of everything that is random; PCA has none.

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
    given = settings(method, *vectors.shape)
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
