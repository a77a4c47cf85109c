"""What a cluster is: its emotions, what is typical of it, what sets it apart, who it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ExploreError
from core.explore.neighbours import Rows
from core.records import Flags, Floats


@dataclass(frozen=True)
class Effect:
    """How far a measure sets a group apart from the rest.

    Attributes:
        measure: such as `level_db`.
        mean: of the group.
        rest: mean of the rest.
        cohens_d: difference of the means in standard deviations; None where nothing varies.
        rank_biserial: from -1 to 1: how much more often a value of the group is the higher one of
            a pair than the lower one; 0 is no difference.
        n: values in the group.
        n_rest: values in the rest.
    """

    measure: str
    mean: float
    rest: float
    cohens_d: float | None
    rank_biserial: float
    n: int
    n_rest: int


@dataclass(frozen=True)
class Profile:
    """What a group of segments is.

    Attributes:
        cluster: its number.
        size: how many segments.
        share: of all segments.
        emotions: for each of the nine, mean calibrated score of the group; None where none has one.
        emotions_rest: the same of all other segments.
        typical: rows nearest to the group's centre, the nearest first.
        outliers: rows of the group farthest from it, the farthest first.
        effects: of each measure that has values in the group and the rest, the strongest first.
        origins: for `recording`, `speaker`, `session`: how many segments of the group come from
            each, the most first.
    """

    cluster: int
    size: int
    share: float
    emotions: tuple[float, ...] | None
    emotions_rest: tuple[float, ...] | None
    typical: tuple[int, ...]
    outliers: tuple[int, ...]
    effects: tuple[Effect, ...]
    origins: Mapping[str, Mapping[str, int]]


def profile(
    cluster: int,
    labels: NDArray[Any],
    vectors: Floats,
    scores: NDArray[np.floating[Any]],
    measures: Mapping[str, NDArray[np.floating[Any]]],
    origins: Mapping[str, Sequence[str | None]],
    n_examples: int = 8,
) -> Profile:
    """Returns what one cluster is.

    Args:
        cluster: its number.
        labels: shape `(n_segments,)`.
        vectors: shape `(n_segments, n_dims)`, in the space of the clustering.
        scores: shape `(n_segments, 9)`, calibrated; rows of NaN where there are none.
        measures: name to values, shape `(n_segments,)`; NaN where not known.
        origins: kind to names, length n; None where not known.
        n_examples: typical segments and outliers that are listed.

    Raises:
        ExploreError: the cluster has no segment.
    """
    inside = np.asarray(labels) == cluster
    if not inside.any():
        raise ExploreError(f"Cluster {cluster} has no segment; choose one of the clustering.")
    near, far = examples(vectors, inside, n_examples)
    told = (effect(name, values, inside) for name, values in measures.items())
    effects = sorted((e for e in told if e is not None), key=lambda e: -abs(e.rank_biserial))
    return Profile(
        cluster=cluster,
        size=int(inside.sum()),
        share=float(inside.mean()),
        emotions=mean_scores(scores[inside]),
        emotions_rest=mean_scores(scores[~inside]),
        typical=tuple(near.tolist()),
        outliers=tuple(far.tolist()),
        effects=tuple(effects),
        origins={kind: counted(names, inside) for kind, names in origins.items()},
    )


def examples(vectors: Floats, inside: Flags, most: int = 8) -> tuple[Rows, Rows]:
    """Returns rows of a group nearest to its mean, and those farthest from it, never the same.

    Args:
        vectors: shape `(n_segments, n_dims)`.
        inside: shape `(n_segments,)`, which belong to the group.
        most: of either.
    """
    rows = np.flatnonzero(inside)
    mine = vectors[rows]
    distances = np.linalg.norm(mine - mine.mean(axis=0), axis=1)
    order = rows[np.argsort(distances, kind="stable")]
    n_near = min(most, -(-len(order) // 2))
    return order[:n_near], order[::-1][: min(most, len(order) - n_near)]


def mean_scores(scores: NDArray[np.floating[Any]]) -> tuple[float, ...] | None:
    """Returns the mean of the rows that have scores, length 9, or None if none has."""
    told = ~np.isnan(scores).any(axis=1)
    return tuple(scores[told].mean(axis=0).tolist()) if told.any() else None


def effect(measure: str, values: NDArray[np.floating[Any]], inside: Flags) -> Effect | None:
    """Returns how far a measure sets a group apart, or None where one side has no value.

    Args:
        measure: its name.
        values: shape `(n_segments,)`; NaN where not known.
        inside: shape `(n_segments,)`, which belong to the group.

    Source:
        Cohen 1988 with the pooled standard deviation; rank-biserial correlation of Cureton 1956
        from the Mann-Whitney U.
    """
    known = ~np.isnan(values)
    mine, rest = values[inside & known].astype(float), values[~inside & known].astype(float)
    if not len(mine) or not len(rest):
        return None
    difference = float(mine.mean() - rest.mean())
    spread = cohens_d = None
    if len(mine) + len(rest) > 2:
        squares = ((mine - mine.mean()) ** 2).sum() + ((rest - rest.mean()) ** 2).sum()
        spread = float(np.sqrt(squares / (len(mine) + len(rest) - 2)))
    if spread:
        cohens_d = difference / spread
    return Effect(
        measure=measure,
        mean=float(mine.mean()),
        rest=float(rest.mean()),
        cohens_d=cohens_d,
        rank_biserial=rank_biserial(mine, rest),
        n=len(mine),
        n_rest=len(rest),
    )


def rank_biserial(mine: NDArray[Any], rest: NDArray[Any]) -> float:
    """Returns how much more often a value of the first is the higher of a pair; ties count none."""
    ordered = np.sort(rest)
    below = np.searchsorted(ordered, mine, "left").sum(dtype=np.float64)
    above = len(rest) * len(mine) - np.searchsorted(ordered, mine, "right").sum(dtype=np.float64)
    return float((below - above) / (len(mine) * len(rest)))


def counted(names: Sequence[str | None], inside: Flags) -> dict[str, int]:
    """Returns how many of a group come from each name, the most first; unknown ones do not count."""
    mine = [name for name, is_in in zip(names, inside, strict=True) if is_in and name]
    found, counts = np.unique(np.array(mine, dtype=str), return_counts=True)
    order = np.lexsort((found, -counts))
    return {str(found[i]): int(counts[i]) for i in order}
