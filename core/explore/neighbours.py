"""The nearest segments of a query: exact, with what is left out, what is liked, and why.

In a space of `space.py` rows have length 1, so a product of two rows is their cosine.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.emotions import EMOTIONS, N_EMOTIONS
from core.errors import ExploreError
from core.records import Flags, Floats

MORE: Final = 0.75  # weight of what is liked, against 1 of the query
LESS: Final = 0.15  # weight of what is not
TELLING: Final = 0.25  # least difference of logits that is worth a word
_PRODUCTS: Final = 1 << 24  # products that are held at once

Rows = NDArray[np.intp]


def nearest(
    vectors: Floats, queries: Floats, k: int, excluded: Flags | None = None
) -> tuple[Rows, Floats]:
    """Returns the rows with the greatest product with each query, the best first.

    Args:
        vectors: shape `(n_points, n_dims)`, in a space.
        queries: shape `(n_queries, n_dims)`, in the same space.
        k: how many of each.
        excluded: shape `(n_points,)`, true for rows that are never found.

    Returns:
        Rows and products, each of shape `(n_queries, min(k, rows that are left))`; among equal
        products the lower row comes first.

    Raises:
        ExploreError: k is less than 1.
    """
    if k < 1:
        raise ExploreError(f"{k} nearest segments make no answer; ask for 1 or more.")
    allowed = None if excluded is None or not excluded.any() else ~excluded
    k = min(k, len(vectors) if allowed is None else int(allowed.sum()))
    step = max(1, _PRODUCTS // max(len(vectors), 1))
    rows, scores = np.empty((len(queries), k), np.intp), np.empty((len(queries), k), np.float32)
    if k == 0:
        return rows, scores
    for first in range(0, len(queries), step):
        part = slice(first, first + step)
        products = queries[part] @ vectors.T
        if allowed is not None:
            products[:, ~allowed] = -np.inf
        rows[part], scores[part] = top(products, k)
    return rows, scores


def top(products: Floats, k: int) -> tuple[Rows, Floats]:
    """Returns the columns of the k greatest values of each row, and these, the greatest first."""
    n_columns = products.shape[1]
    if k < n_columns:
        least = -np.partition(-products, k - 1, axis=1)[:, k - 1]
        columns = np.stack(
            [_first(row, float(low), k) for row, low in zip(products, least, strict=True)]
        )
    else:
        columns = np.tile(np.arange(n_columns), (len(products), 1))
    values = np.take_along_axis(products, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)


def _first(row: Floats, least: float, k: int) -> Rows:
    """Returns k columns in ascending order that reach a value; of those equal to it the first."""
    above = np.flatnonzero(row > least)
    equal = np.flatnonzero(row == least)[: k - len(above)]
    return np.sort(np.concatenate([above, equal]))


def more_like(
    query: Floats | None, liked: Floats | None = None, disliked: Floats | None = None
) -> Floats:
    """Returns a query moved towards what is liked and away from what is not, of length 1.

    Args:
        query: shape `(n_dims,)`, or None to start from what is liked alone.
        liked: shape `(n_liked, n_dims)`, or None.
        disliked: shape `(n_disliked, n_dims)`, or None.

    Raises:
        ExploreError: nothing says where to look, or it cancels out.

    Source:
        Rocchio 1971, with the weights 1, 0.75 and 0.15 of Manning, Raghavan & Schütze 2008, 9.1.1.
    """
    has_liked = liked is not None and len(liked) > 0
    if query is None and not has_liked:
        raise ExploreError("Nothing says what to look for; choose a region, or a segment you like.")
    moved = 0.0 if query is None else np.asarray(query, np.float64)
    if liked is not None and has_liked:
        moved = moved + MORE * liked.mean(axis=0, dtype=np.float64)
    if disliked is not None and len(disliked):
        moved = moved - LESS * disliked.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(moved))
    if length < 1e-6:
        raise ExploreError(
            "What is liked and what is not cancel each other out; take one of them back."
        )
    found: Floats = (np.asarray(moved) / length).astype(np.float32)
    return found


def contrast(query_logits: Floats, hit_logits: Floats, mask: Sequence[bool]) -> Floats:
    """Returns by how much each emotion stands out more in a hit than in the query.

    Of each, logits are taken relative to the mean of the classes that the engine has, as only
    differences between logits count in a softmax.

    Args:
        query_logits: shape `(9,)`, mean raw logits of the query.
        hit_logits: shape `(n_hits, 9)`.
        mask: length 9, true for each class that the engine has; the others are 0.

    Returns:
        Shape `(n_hits, 9)`; positive where the hit sounds more like it to the engine.
    """
    has = np.asarray(mask, np.bool_)
    away = hit_logits.astype(np.float64) - query_logits.astype(np.float64)
    away -= away[:, has].mean(axis=1, keepdims=True)
    found: Floats = np.where(has, away, 0.0).astype(np.float32)
    return found


def telling(difference: Floats, most: int = 2) -> tuple[list[int], list[int]]:
    """Returns which emotions stand out more than in the query, and which less, the furthest first.

    Args:
        difference: shape `(9,)`, a row of `contrast`.
        most: emotions in either direction.

    Returns:
        Places in `EMOTIONS`; none that differs too little to tell.
    """
    if difference.shape != (N_EMOTIONS,):
        raise ExploreError(f"Differences of shape {difference.shape} came, and (9,) is expected.")
    order = np.argsort(-difference, kind="stable").tolist()
    more = [i for i in order[:most] if difference[i] >= TELLING]
    less = [i for i in order[::-1][:most] if difference[i] <= -TELLING]
    return more, less


def why(difference: Floats, most: int = 2) -> str:
    """Returns a sentence on what sets a hit apart from the query; arguments as of `telling`."""
    named = [[_named(i, difference) for i in side] for side in telling(difference, most)]
    parts = [
        f"{word} {' and '.join(side)}"
        for word, side in zip(("more", "less"), named, strict=True)
        if side
    ]
    if not parts:
        return "Sounds the same to the engine in all nine emotions."
    return f"Sounds {', '.join(parts)} to the engine than the query."


def _named(number: int, difference: Floats) -> str:
    return f"{EMOTIONS[number]} ({difference[number]:+.1f})"
