"""Which segments to label next: uncertain, diverse or random ones.

Only a random pick tells how good anything is; the other two teach a head more with fewer labels, but
what they pick is harder or stranger than the corpus.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.errors import HeadError
from core.records import Floats

Doubles = NDArray[np.float64]
Rows = NDArray[np.intp]


class Way(StrEnum):
    """How segments are picked."""

    UNCERTAIN = "uncertain"
    DIVERSE = "diverse"
    RANDOM = "random"


def pick(
    way: Way,
    n_wanted: int,
    scores: Doubles,
    embeddings: Floats,
    *,
    taken: Rows | None = None,
    seed: int = 0,
) -> Rows:
    """Returns the rows to label, the first to be labelled first.

    Args:
        way: how they are picked.
        n_wanted: how many; fewer where no more are left.
        scores: shape `(n_segments, n_classes)`.
        embeddings: shape `(n_segments, n_dims)`.
        taken: rows that have a label or are kept for a test; they are not picked.
        seed: of what is random.

    Raises:
        HeadError: none is left, or none is wanted.
    """
    known = np.zeros(0, np.intp) if taken is None else np.unique(taken)
    free = np.setdiff1d(np.arange(len(embeddings)), known)
    if n_wanted < 1 or not len(free):
        raise HeadError(
            f"{n_wanted} of {len(free)} segments without a label were asked for; analyse more "
            "recordings, or ask for at least one."
        )
    n_wanted = min(n_wanted, len(free))
    rng = np.random.default_rng(seed)
    if way is Way.UNCERTAIN:
        order = np.lexsort((rng.random(len(free)), margins(scores[free])))
        return free[order[:n_wanted]]
    if way is Way.DIVERSE:
        return free[spread(embeddings[free], n_wanted, embeddings[known], rng)]
    return rng.permutation(free)[:n_wanted]


def margins(scores: Doubles) -> Doubles:
    """Returns how far the highest score lies above the second, shape `(n_segments,)`.

    Source: margin sampling, Scheffer et al., 2001, https://doi.org/10.1007/3-540-44816-0_31.
    """
    highest = np.partition(scores, -2, axis=1)[:, -2:]
    found: Doubles = highest[:, 1] - highest[:, 0]
    return found


def spread(points: Floats, n_wanted: int, known: Floats, rng: np.random.Generator) -> Rows:
    """Returns rows far from one another and from known points, by the seeding of k-means++.

    Each is drawn with a chance that grows with the squared distance to the nearest one so far.

    Args:
        points: shape `(n_points, n_dims)`.
        n_wanted: at most `n_points`.
        known: shape `(n_known, n_dims)`, may be empty.
        rng: draws.

    Source: Arthur & Vassilvitskii, 2007; as a way to pick labels, Ash et al., 2020,
    https://arxiv.org/abs/1906.03671.
    """
    exact = points.astype(np.float64)
    nearest = np.full(len(exact), np.inf)
    for point in known.astype(np.float64):
        nearest = np.minimum(nearest, ((exact - point) ** 2).sum(axis=1))
    found: list[int] = []
    free = np.ones(len(exact), dtype=bool)
    for _ in range(n_wanted):
        chance = np.where(
            free, np.minimum(nearest, 1.0 if np.isinf(nearest).all() else np.inf), 0.0
        )
        if not chance.sum():  # all that is left lies on what was picked
            chance = free.astype(np.float64)
        row = int(rng.choice(len(exact), p=chance / chance.sum()))
        found.append(row)
        free[row] = False
        nearest = np.minimum(nearest, ((exact - exact[row]) ** 2).sum(axis=1))
    return np.array(found, dtype=np.intp)
