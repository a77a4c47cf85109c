"""From which emotion to which, and how long each lasts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.emotions import EMOTIONS, N_EMOTIONS, Emotion

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Transitions:
    """Changes between emotions, in the order of `EMOTIONS`.

    Attributes:
        counts: shape `(9, 9)`: how often a stretch of the row's emotion was followed by the column's.
        chances: shape `(9, 9)`: rows of sum 1, NaN where nothing followed.
        dwell_s: for each emotion the lengths of its stretches in seconds.
    """

    counts: NDArray[np.int64]
    chances: Doubles
    dwell_s: dict[str, tuple[float, ...]]


def transitions(
    sequences: Sequence[Sequence[str]], lengths_s: Sequence[Sequence[float]]
) -> Transitions:
    """Returns transitions and dwell times of labelled segments.

    Neighbours of one emotion are one stretch, so nothing is followed by itself.

    Args:
        sequences: for each recording (or speaker in it) the emotions of its segments, in order.
        lengths_s: how long each segment is, in seconds.
    """
    counts = np.zeros((N_EMOTIONS, N_EMOTIONS), dtype=np.int64)
    dwell: dict[str, list[float]] = {str(emotion): [] for emotion in EMOTIONS}
    for names, lengths in zip(sequences, lengths_s, strict=True):
        if not len(names):
            continue
        numbers = np.array([EMOTIONS.index(Emotion(name)) for name in names])
        first = np.flatnonzero(np.diff(numbers, prepend=-1))
        kinds = numbers[first]
        np.add.at(counts, (kinds[:-1], kinds[1:]), 1)
        for kind, seconds in zip(kinds, np.add.reduceat(np.asarray(lengths), first), strict=True):
            dwell[str(EMOTIONS[kind])].append(float(seconds))
    totals = counts.sum(axis=1, keepdims=True)
    chances = np.divide(
        counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0, dtype=np.float64
    )
    return Transitions(counts, chances, {name: tuple(found) for name, found in dwell.items()})
