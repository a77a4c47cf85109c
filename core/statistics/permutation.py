"""Differences between groups of speakers, by permuting whole speakers.

The greatest statistic over all cells (times, emotions) of each permutation is what a cell is held
against, so the chance of any false positive at all stays at the level.

Source: Nichols & Holmes, 2002, https://doi.org/10.1002/hbm.1058; p of random permutations as in Phipson
& Smyth, 2010, https://arxiv.org/abs/1603.05766.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from math import comb

import numpy as np
from numpy.typing import NDArray

from core.errors import StudyError

Doubles = NDArray[np.float64]
N_PERMUTATIONS = 2000
_SAME = 1e-9


@dataclass(frozen=True)
class GroupTest:
    """What permuting speakers says of a difference.

    Attributes:
        difference: shape as a speaker's values: mean of the first group minus that of the second.
        statistic: the same shape, in standard errors; NaN where it is undefined.
        p: the same shape, corrected over all cells; NaN where it is undefined.
        n_permutations: how many were tried.
        exact: whether these are all there are.
        smallest_p: the least p that so many speakers can give at all.
        n_first: speakers of the first group, or pairs.
        n_second: speakers of the second group, or pairs.
    """

    difference: Doubles
    statistic: Doubles
    p: Doubles
    n_permutations: int
    exact: bool
    smallest_p: float
    n_first: int
    n_second: int


def two_groups(
    first: Doubles, second: Doubles, n_permutations: int = N_PERMUTATIONS, seed: int = 0
) -> GroupTest:
    """Returns how two groups of different speakers differ, by putting speakers into them anew.

    Args:
        first: shape `(n_speakers, ...)`: a row for each speaker, such as `(n_times, n_emotions)`.
        second: shape `(n_others, ...)`, of the same cells.
        n_permutations: most to try; where there are no more, all are.
        seed: of those drawn at random.

    Raises:
        StudyError: a group has fewer than two speakers, or the cells differ.
    """
    _check(first, second)
    n_first, n_all = len(first), len(first) + len(second)
    pooled = np.concatenate([first, second]).reshape(n_all, -1)
    n_there_are = comb(n_all, n_first)
    exact = n_there_are <= n_permutations
    rng = np.random.default_rng(seed)
    signs = (
        _memberships(n_all, n_first) if exact else _shuffled(n_all, n_first, n_permutations, rng)
    )
    observed = np.zeros((1, n_all), dtype=bool)
    observed[0, :n_first] = True
    twins = 2 if 2 * n_first == n_all else 1  # the same split with the groups' names changed
    return _tested(
        first.mean(axis=0) - second.mean(axis=0),
        _welch(pooled, observed)[0],
        (_welch(pooled, rows) for rows in np.array_split(signs, max(1, len(signs) // 64))),
        (len(signs), exact, twins / n_there_are),
        (n_first, len(second)),
    )


def paired(
    first: Doubles, second: Doubles, n_permutations: int = N_PERMUTATIONS, seed: int = 0
) -> GroupTest:
    """Returns how the same speakers differ between two conditions, by flipping signs.

    Args:
        first: shape `(n_speakers, ...)`.
        second: the same shape, the same speakers in the same order.
        n_permutations: most to try; where there are no more, all are.
        seed: of those drawn at random.

    Raises:
        StudyError: there are fewer than two speakers, or the shapes differ.
    """
    _check(first, second)
    if first.shape != second.shape:
        raise StudyError(
            f"{len(first)} speakers stand beside {len(second)}; a paired comparison needs the same "
            "speakers in both, so leave out those that lack one, or compare unpaired."
        )
    gaps = (first - second).reshape(len(first), -1)
    n_there_are = 2 ** len(gaps)
    exact = n_there_are <= n_permutations
    if exact:
        signs = np.array(list(product([1.0, -1.0], repeat=len(gaps))))
    else:
        rng = np.random.default_rng(seed)
        signs = rng.choice([1.0, -1.0], (n_permutations, len(gaps)))
    return _tested(
        (first - second).mean(axis=0),
        _one_sample(gaps, np.ones((1, len(gaps))))[0],
        (_one_sample(gaps, rows) for rows in np.array_split(signs, max(1, len(signs) // 64))),
        (len(signs), exact, 2 / n_there_are),
        (len(first), len(second)),
    )


def _tested(
    difference: Doubles,
    statistic: Doubles,
    permuted: Iterator[Doubles],
    kind: tuple[int, bool, float],
    sizes: tuple[int, int],
) -> GroupTest:
    """Returns the test of a statistic, shape `(n_cells,)`, against those of the permutations."""
    n_tried, exact, smallest = kind
    defined = np.isfinite(statistic)
    reached = np.zeros(len(statistic))
    for rows in permuted:
        greatest = np.abs(rows[:, defined]).max(axis=1, initial=0.0)
        reached += (greatest[:, np.newaxis] >= np.abs(statistic) * (1 - _SAME)).sum(axis=0)
    p = reached / n_tried if exact else (reached + 1) / (n_tried + 1)
    p[~defined] = np.nan
    return GroupTest(
        difference=np.asarray(difference),
        statistic=statistic.reshape(np.shape(difference)),
        p=p.reshape(np.shape(difference)),
        n_permutations=n_tried,
        exact=exact,
        smallest_p=smallest if exact else max(smallest, 1 / (n_tried + 1)),
        n_first=sizes[0],
        n_second=sizes[1],
    )


def _welch(pooled: Doubles, members: NDArray[np.bool_]) -> Doubles:
    """Returns Welch's t of each division, shape `(n_divisions, n_cells)`."""
    rest = ~members
    n_first, n_second = int(members[0].sum()), int(rest[0].sum())
    centred = pooled - pooled.mean(axis=0)
    squares = centred**2
    first, second = members @ centred / n_first, rest @ centred / n_second
    error = (members @ squares / n_first - first**2) / (n_first - 1)
    error = error + (rest @ squares / n_second - second**2) / (n_second - 1)
    return _ratio(first - second, error, squares.mean(axis=0))


def _one_sample(gaps: Doubles, signs: Doubles) -> Doubles:
    """Returns Student's t of the mean of flipped gaps, shape `(n_flips, n_cells)`."""
    n, squares = len(gaps), (gaps**2).mean(axis=0)
    means = signs @ gaps / n
    return _ratio(means, (squares - means**2) / (n - 1), squares)


def _ratio(means: Doubles, error: Doubles, scale: Doubles) -> Doubles:
    """Returns means in standard errors; where nothing varies, NaN without a scale, else huge."""
    floor = np.where(scale > 0, 1e-12 * scale, np.nan)
    found: Doubles = means / np.sqrt(np.maximum(error, floor))
    return found


def _memberships(n_all: int, n_first: int) -> NDArray[np.bool_]:
    chosen = np.array(list(combinations(range(n_all), n_first)))
    found = np.zeros((len(chosen), n_all), dtype=bool)
    np.put_along_axis(found, chosen, True, axis=1)
    return found


def _shuffled(n_all: int, n_first: int, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    return np.argsort(rng.random((n, n_all)), axis=1) < n_first


def _check(first: Doubles, second: Doubles) -> None:
    if first.shape[1:] != second.shape[1:]:
        raise StudyError(
            f"The groups have values of the shapes {first.shape[1:]} and {second.shape[1:]}; "
            "measure both on the same times and emotions."
        )
    if min(len(first), len(second)) < 2:
        raise StudyError(
            f"The groups have {len(first)} and {len(second)} speakers; a comparison needs at least "
            "two in each, so choose larger groups."
        )
