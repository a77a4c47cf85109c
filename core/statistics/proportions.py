"""Intervals of a share that was counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: the figure.
        low: lower end, or None where there is no interval.
        high: upper end, or None where there is no interval.
        n: units that it rests on: speakers, or what was counted.
    """

    value: float
    low: float | None
    high: float | None
    n: int


def normal_quantile(level: float) -> float:
    """Returns how many standard errors an interval of this level reaches to either side."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


def wilson(share: float, n: float, quantile: float) -> tuple[float, float]:
    """Returns the ends of the Wilson interval of a share.

    Args:
        share: of what was counted.
        n: how much was counted, more than 0.
        quantile: how many standard errors it reaches to either side.

    Source: Wilson, 1927, https://doi.org/10.1080/01621459.1927.10502953.
    """
    square = quantile**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    spread = share * (1 - share) / n + square / (4 * n**2)
    half = quantile / (1 + square / n) * spread**0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def share_over_speakers(
    hits: Sequence[bool] | NDArray[Any], speakers: Sequence[str] | NDArray[Any], level: float = 0.95
) -> Estimate | None:
    """Returns the share of hits with an interval that takes speakers as the units; None of nothing.

    The interval is Wilson's for the number of independent ones that vary as much as these do over
    speakers, with the quantile of Student's t for so many speakers. Where all are alike, how alike those
    of a speaker are cannot be told, and each speaker counts once. A single speaker has no interval.

    Args:
        hits: shape `(n,)`.
        speakers: shape `(n,)`.
        level: of the interval.

    Source: Korn & Graubard, 1998, Survey Methodology 24, 193-201; with Wilson's interval in Dean &
    Pagano, 2015, https://doi.org/10.1093/jssam/smv024.
    """
    from scipy.stats import t

    if not len(hits):
        return None
    right = np.asarray(hits, dtype=np.float64)
    names, numbers = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    share, n, n_speakers = float(right.mean()), len(right), len(names)
    if n_speakers < 2:
        return Estimate(share, None, None, n)
    sums = np.bincount(numbers, right - share)
    variance = float((sums**2).sum()) * n_speakers / (n_speakers - 1) / n**2
    alike = 0 < share < 1 and variance > 0
    n_alone = min(n, share * (1 - share) / variance) if alike else n_speakers
    low, high = wilson(share, n_alone, float(t.ppf(0.5 + level / 2, n_speakers - 1)))
    return Estimate(share, low, high, n)
