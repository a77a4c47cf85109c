"""The space in which segments are compared: directions from the centre of the corpus.

Raw embeddings of one engine point almost the same way, so that their cosine tells little. Centred per
corpus and brought to length 1, what they share falls away, and a Euclidean distance ranks as the
cosine does.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ExploreError
from core.records import Floats

SPACE: Final = "centred per corpus, length 1"
MIN_POINTS: Final = 3
_SAME = 1e-5  # of the mean length: float32 noise of equal embeddings stays under it


def directions(embeddings: Floats) -> Floats:
    """Returns embeddings as directions from their common mean.

    Args:
        embeddings: shape `(n_segments, n_dims)`, of one engine.

    Returns:
        Shape `(n_segments, n_dims)`, rows of length 1; a row that equals the mean is zero.

    Raises:
        ExploreError: there are fewer than 3, they do not differ, or are no finite numbers.

    Source:
        That raw cosine is nearly degenerate is reported in ddlBoJack/emotion2vec#66.
    """
    n_segments = len(embeddings)
    if n_segments < MIN_POINTS:
        raise ExploreError(
            f"There {_are(n_segments)} in this corpus, and at least {MIN_POINTS} are needed to "
            "compare any; analyse more or longer recordings."
        )
    if not np.isfinite(embeddings).all():
        raise ExploreError(
            "Some stored embeddings are no finite numbers; run `store check`, then analyse their "
            "recordings again."
        )
    centred = embeddings.astype(np.float64)
    scale = float(np.linalg.norm(centred, axis=1).mean())
    centred -= centred.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    differs = lengths > _SAME * scale
    if not differs.any():
        raise ExploreError(
            f"All {n_segments} segments have the same embedding, so there is nothing to compare; "
            "analyse recordings that differ."
        )
    centred[differs] /= lengths[differs, np.newaxis]
    centred[~differs] = 0.0
    return centred.astype(np.float32)


def means(vectors: Floats, groups: NDArray[np.intp]) -> Floats:
    """Returns the mean vector of each group.

    Args:
        vectors: shape `(n_segments, n_dims)`.
        groups: shape `(n_segments,)`, numbers of groups from 0, each of which occurs.

    Returns:
        Shape `(n_groups, n_dims)`.
    """
    sums = np.zeros((int(groups.max()) + 1, vectors.shape[1]))
    np.add.at(sums, groups, vectors)
    found: Floats = (sums / np.bincount(groups)[:, np.newaxis]).astype(np.float32)
    return found


def _are(n_segments: int) -> str:
    if n_segments == 0:
        return "are no segments"
    return "is only 1 segment" if n_segments == 1 else f"are only {n_segments} segments"
