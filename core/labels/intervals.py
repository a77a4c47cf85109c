"""How far figures of agreement would move with other speakers: intervals by the bootstrap.

Segments of one speaker are not independent, so whole speakers are drawn, or whole recordings, each as
often as chance has it. Both figures of a table of terms and alpha come from tables that add up, so a
draw is a weighted sum of them.

Source: Field & Welsh, 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x (cluster bootstrap);
    Efron, 1979, https://doi.org/10.1214/aos/1176344552 (percentiles).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_GROUPS: Final = 8
DRAWS: Final = 2_000
LEVEL: Final = 0.95
LEAST_DEFINED: Final = 0.9  # of the draws

Doubles = NDArray[np.float64]
Figure = Callable[[Doubles], Doubles]
Seconds = Mapping[tuple[str, str], float]  # by the terms of two raters


@dataclass(frozen=True)
class Interval:
    """Where a figure would lie in 95% of draws.

    Attributes:
        by: what was drawn anew, `speakers` or `recordings`.
        n: how many of them there are.
    """

    low: float
    high: float
    by: str
    n: int


@dataclass(frozen=True)
class Groups:
    """What may be drawn anew.

    Attributes:
        by: `speakers` or `recordings`.
        of: shape `(n_units,)`, the number of each unit's group, from 0.
        n: how many groups there are.
    """

    by: str
    of: NDArray[np.intp]
    n: int


@dataclass(frozen=True)
class Times:
    """For how long two raters said which two terms, an entry for each recording and two terms.

    Attributes:
        recordings: of each entry.
        speakers: who speaks there, None where several do or nobody told.
        terms: of the two raters.
        lengths_s: how long they said so.
    """

    recordings: tuple[str, ...]
    speakers: tuple[str | None, ...]
    terms: tuple[tuple[str, str], ...]
    lengths_s: tuple[float, ...]


def times(speakers: Mapping[str, set[str | None]], seconds: Mapping[str, Seconds]) -> Times:
    """Returns what two raters said over time, in one table.

    Args:
        speakers: by recording.
        seconds: by recording.
    """
    alone = {r: next(iter(who)) if len(who) == 1 else None for r, who in speakers.items()}
    rows = [
        (recording, alone.get(recording), terms, length_s)
        for recording, mine in seconds.items()
        for terms, length_s in mine.items()
    ]
    recordings, people, both, lengths_s = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Times(recordings, people, both, lengths_s)


def groups(speakers: Sequence[str | None], recordings: Sequence[str]) -> Groups | str:
    """Returns what to draw anew, or the sentence that says why there can be no interval.

    Args:
        speakers: of each unit, None where nobody told.
        recordings: of each unit.
    """
    told = [name for name in speakers if name]
    if len(told) == len(speakers) and len(set(told)) >= LEAST_GROUPS:
        return _groups("speakers", told)
    if len(set(recordings)) >= LEAST_GROUPS:
        return _groups("recordings", recordings)
    n, of = len(set(told)), len(set(recordings))
    return (
        f"No interval: it takes at least {LEAST_GROUPS} speakers or recordings, and there are "
        f"{n} known speaker{'' if n == 1 else 's'} and {of} recording{'' if of == 1 else 's'}."
    )


def pair_tables(
    terms: Sequence[tuple[str, str]], found: Groups, weights: Sequence[float] | None = None
) -> Doubles:
    """Returns how often, or for how long, two raters said which two terms, `(n_groups, k, k)`.

    Args:
        terms: of each unit.
        found: the groups of the units.
        weights: what each unit counts, such as seconds; by default 1.
    """
    names = sorted({term for pair in terms for term in pair})
    tables = np.zeros((found.n, len(names), len(names)))
    weighed = zip(found.of, terms, weights or [1.0] * len(terms), strict=True)
    for group, (a, b), weight in weighed:
        tables[group, names.index(a), names.index(b)] += weight
    return tables


def coincidences(ratings: Sequence[Sequence[str | None]], found: Groups) -> Doubles:
    """Returns Krippendorff's coincidence matrices, shape `(n_groups, k, k)`.

    Args:
        ratings: for each rater a term for each unit, or None; each unit has at least two.
        found: the groups of the units.
    """
    names = sorted({term for row in ratings for term in row if term is not None})
    tables = np.zeros((found.n, len(names), len(names)))
    for group, unit in zip(found.of, zip(*ratings, strict=True), strict=True):
        counts = np.array([unit.count(name) for name in names], np.float64)
        tables[group] += (np.outer(counts, counts) - np.diag(counts)) / (counts.sum() - 1)
    return tables


def share(tables: Doubles) -> Doubles:
    """Returns the share of units with the same term, of tables `(n, k, k)`; NaN without units."""
    with np.errstate(invalid="ignore"):
        found: Doubles = np.trace(tables, axis1=1, axis2=2) / tables.sum(axis=(1, 2))
    return found


def kappa(tables: Doubles) -> Doubles:
    """Returns Cohen's kappa of tables `(n, k, k)`; NaN where it is undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total = tables.sum(axis=(1, 2))
        chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / total**2
        return _defined((share(tables) - chance) / (1 - chance), chance < 1 - 1e-12)


def alpha(tables: Doubles) -> Doubles:
    """Returns Krippendorff's nominal alpha of coincidence matrices `(n, k, k)`, NaN as for kappa."""
    with np.errstate(invalid="ignore", divide="ignore"):
        totals = tables.sum(axis=2)
        n = totals.sum(axis=1)
        expected = n**2 - (totals**2).sum(axis=1)
        differ = n - np.trace(tables, axis1=1, axis2=2)
        return _defined(1 - (n - 1) * differ / expected, expected > 1e-9)


def draws(n_groups: int) -> NDArray[np.intp]:
    """Returns which groups each draw takes, shape `(2000, n_groups)`, always the same ones."""
    return np.random.default_rng(0).integers(0, n_groups, (DRAWS, n_groups))


def interval(figure: Figure, tables: Doubles, found: Groups) -> Interval | None:
    """Returns the percentile interval of a figure, or None where too many draws leave it undefined.

    Args:
        figure: `share`, `kappa` or `alpha`.
        tables: shape `(n_groups, k, k)`.
        found: the groups.
    """
    drawn = draws(found.n)
    weights = np.stack([(drawn == group).sum(axis=1) for group in range(found.n)], axis=1)
    values = figure(np.einsum("dg,gij->dij", weights, tables, optimize=True))
    values = values[~np.isnan(values)]
    if len(values) < LEAST_DEFINED * DRAWS:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), found.by, found.n)


def _groups(by: str, names: Sequence[str]) -> Groups:
    _, of = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
    return Groups(by, of.astype(np.intp), int(of.max()) + 1)


def _defined(values: Doubles, where: NDArray[np.bool_]) -> Doubles:
    return np.where(where, values, np.nan)
