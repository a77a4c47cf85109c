"""Bootstrap intervals that respect that what one speaker says is not independent.

Resampling segments as if they were independent gives intervals far too narrow: groups of speakers put
together at random then differ "significantly" in 23% to 43% of the cases. So speakers are drawn first,
then their sessions, then the segments of these.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.statistics.proportions import Estimate

Doubles = NDArray[np.float64]
MIN_SPEAKERS: Final = 8  # under these the speakers themselves are shown, and no interval
N_DRAWS: Final = 1000


def codes(names: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """Returns a number from 0 for each name, and how many different names there are."""
    found, numbers = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    return numbers.astype(np.intp), len(found)


def speaker_bootstrap(
    statistic: Callable[[NDArray[np.intp]], float],
    speakers: Sequence[Any] | NDArray[Any],
    *,
    n_draws: int = N_DRAWS,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Returns any figure of rows with its percentile interval over speakers.

    Args:
        statistic: the figure of the rows of these numbers; a row may come more than once.
        speakers: shape `(n_rows,)`, whose each row is.
        n_draws: how often speakers are drawn.
        level: of the interval.
        seed: of the draws.

    Source: cluster bootstrap, Field & Welsh, 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x.
    """
    numbers, n_speakers = codes(speakers)
    every = np.arange(len(numbers))
    value = float(statistic(every))
    if n_speakers < MIN_SPEAKERS:
        return Estimate(value, None, None, n_speakers)
    rows = [np.flatnonzero(numbers == number) for number in range(n_speakers)]
    rng = np.random.default_rng(seed)
    drawn = [
        float(statistic(np.concatenate([rows[k] for k in rng.integers(0, n_speakers, n_speakers)])))
        for _ in range(n_draws)
    ]
    low, high = np.nanquantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(value, float(low), float(high), n_speakers)


def nested_mean(
    values: Doubles, weights: Doubles, sessions: NDArray[Any], speakers: NDArray[Any]
) -> Doubles:
    """Returns the mean over speakers of the mean over their sessions, shape `(n_values,)`.

    Within a session rows weigh as told; each session of a speaker and each speaker weigh the same.

    Args:
        values: shape `(n_rows, n_values)`.
        weights: shape `(n_rows,)`, such as seconds of speech.
        sessions: shape `(n_rows,)`.
        speakers: shape `(n_rows,)`.
    """
    means = [
        np.mean([np.average(values[r], axis=0, weights=weights[r]) for r in of_speaker], axis=0)
        for of_speaker in _nested(sessions, speakers)
    ]
    found: Doubles = np.mean(means, axis=0)
    return found


def nested_draws(
    values: Doubles,
    weights: Doubles,
    sessions: NDArray[Any],
    speakers: NDArray[Any],
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> Doubles:
    """Returns `nested_mean` of speakers, then sessions, then rows drawn with replacement.

    Takes the arguments of `nested_mean`. A session's draws are made once and then picked at random,
    which is the same as long as there are many.

    Returns:
        Shape `(n_draws, n_values)`.

    Source: hierarchical bootstrap, Saravanan et al., 2020, https://arxiv.org/abs/2007.07797.
    """
    rng = np.random.default_rng(seed)
    pools = [
        _drawn([_row_draws(values[r], weights[r], n_draws, rng) for r in of_speaker], n_draws, rng)
        for of_speaker in _nested(sessions, speakers)
    ]
    return _drawn(pools, n_draws, rng)


def interval(draws: Doubles, level: float = 0.95) -> tuple[Doubles, Doubles]:
    """Returns the lower and upper ends of the percentile interval of draws `(n_draws, ...)`."""
    low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return low, high


def _nested(sessions: NDArray[Any], speakers: NDArray[Any]) -> list[list[NDArray[np.intp]]]:
    """Returns the rows of each session of each speaker."""
    people, n_people = codes(speakers)
    found = []
    for person in range(n_people):
        mine = np.flatnonzero(people == person)
        numbers, n_sessions = codes(np.asarray(sessions)[mine])
        found.append([mine[numbers == number] for number in range(n_sessions)])
    return found


def _row_draws(
    values: Doubles, weights: Doubles, n_draws: int, rng: np.random.Generator
) -> Doubles:
    """Returns weighted means of rows drawn with replacement, shape `(n_draws, n_values)`."""
    n_rows = len(values)
    counts = rng.multinomial(n_rows, np.full(n_rows, 1 / n_rows), size=n_draws)
    mass = counts * weights
    found: Doubles = (mass @ values) / mass.sum(axis=1, keepdims=True)
    return found


def _drawn(pools: list[Doubles], n_draws: int, rng: np.random.Generator) -> Doubles:
    """Returns means over as many pools, drawn with replacement, each by a draw at random."""
    stacked = np.stack(pools)  # (n_pools, n_draws, n_values)
    which = rng.integers(0, len(pools), (n_draws, len(pools)))
    draw = rng.integers(0, stacked.shape[1], (n_draws, len(pools)))
    found: Doubles = stacked[which, draw].mean(axis=1)
    return found
