"""Intervals of a share that was counted."""

from dataclasses import dataclass


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


def wilson(hits: int, n: int, level: float = 0.95) -> Estimate | None:
    """Returns a share with its Wilson interval; None where nothing was counted.

    Args:
        hits: how many of them.
        n: of how many.
        level: of the interval.

    Source: Wilson, 1927, https://doi.org/10.1080/01621459.1927.10502953.
    """
    if n == 0:
        return None
    z, share = normal_quantile(level), hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half), n)
