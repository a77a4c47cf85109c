"""Recordings and sessions as wholes: how much of each emotion, and how that goes over time."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.records import Floats

STEPS: Final = 20  # stretches of equal length into which a recording is cut


def shares(scores: NDArray[np.floating[Any]], widths_s: NDArray[np.floating[Any]]) -> Floats:
    """Returns the mean of the scores of a unit's segments, weighted by speech time, shape `(9,)`.

    Args:
        scores: shape `(n_segments, 9)`, calibrated; rows of NaN do not count.
        widths_s: shape `(n_segments,)`, seconds of speech of each.

    Returns:
        NaN where no segment has scores.
    """
    told = ~np.isnan(scores).any(axis=1) & (widths_s > 0)
    if not told.any():
        return np.full(scores.shape[1], np.nan, np.float32)
    mean: Floats = np.average(scores[told], axis=0, weights=widths_s[told]).astype(np.float32)
    return mean


def trajectory(
    start_s: NDArray[np.floating[Any]],
    end_s: NDArray[np.floating[Any]],
    scores: NDArray[np.floating[Any]],
    duration_s: float,
    steps: int = STEPS,
) -> Floats:
    """Returns the emotions of a unit over normalised time, shape `(steps, 9)`.

    Each step is the mean of the scores of the segments that lie in it, weighted by the time that
    they share with it. A step without speech takes what lies between its neighbours.

    Args:
        start_s: shape `(n_segments,)`.
        end_s: shape `(n_segments,)`.
        scores: shape `(n_segments, 9)`, calibrated; rows of NaN do not count.
        duration_s: of the unit.
        steps: stretches of equal length.

    Returns:
        NaN where no segment has scores.
    """
    told = ~np.isnan(scores).any(axis=1)
    if not told.any() or duration_s <= 0:
        return np.full((steps, scores.shape[1]), np.nan, np.float32)
    edges = np.linspace(0.0, duration_s, steps + 1)
    first = np.maximum(start_s[told][:, np.newaxis], edges[:-1])
    last = np.minimum(end_s[told][:, np.newaxis], edges[1:])
    shared_s = np.clip(last - first, 0.0, None)
    total = shared_s.sum(axis=0)
    found = np.full((steps, scores.shape[1]), np.nan)
    heard = total > 0
    if not heard.any():
        return found.astype(np.float32)
    found[heard] = (shared_s.T @ scores[told])[heard] / total[heard, np.newaxis]
    at = np.arange(steps)
    for column in found.T:
        column[~heard] = np.interp(at[~heard], at[heard], column[heard])
    path: Floats = found.astype(np.float32)
    return path
