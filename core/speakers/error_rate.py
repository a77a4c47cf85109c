"""Diarization error rate: how much of what is said goes to the wrong person, or to nobody.

Source: NIST Rich Transcription evaluation, 2009; as in pyannote.metrics, Bredin, 2017.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.records import Turn


@dataclass(frozen=True)
class ErrorRate:
    """What was said, and what became of it, in seconds of speakers.

    Attributes:
        total_s: time that speakers speak, those of an overlap counted each.
        missed_s: of it, given to nobody.
        false_s: given to somebody where nobody, or fewer, spoke.
        confused_s: given to another.
    """

    total_s: float
    missed_s: float
    false_s: float
    confused_s: float

    @property
    def rate(self) -> float:
        """The error rate; 0 is best, and it may exceed 1."""
        return (self.missed_s + self.false_s + self.confused_s) / max(1e-9, self.total_s)


def error_rate(
    truth: Sequence[Turn], found: Sequence[Turn], collar_s: float = 0.0, *, overlap: bool = True
) -> ErrorRate:
    """Returns how far turns are from the true ones, under the best matching of names.

    Args:
        truth: what is right.
        found: what is to be judged.
        collar_s: on both sides of each true boundary this much is not judged.
        overlap: whether time in which two people truly speak is judged.
    """
    edges = {t for turn in (*truth, *found) for t in (turn.start_s, turn.end_s)}
    bounds = {t for turn in truth for t in (turn.start_s, turn.end_s)}
    if collar_s:
        edges |= {t + side for t in bounds for side in (-collar_s, collar_s)}
    real, given = (sorted({turn.speaker for turn in turns}) for turns in (truth, found))
    rows: list[tuple[float, set[str], set[str]]] = []
    for start, end in pairwise(sorted(edges)):
        middle = (start + end) / 2
        if collar_s and any(abs(middle - t) < collar_s for t in bounds):
            continue
        are, said = (
            {turn.speaker for turn in turns if turn.start_s <= middle < turn.end_s}
            for turns in (truth, found)
        )
        if overlap or len(are) < 2:
            rows.append((end - start, are, said))
    matched = _matched(rows, real, given)
    total = sum(s * len(are) for s, are, _ in rows)
    missed = sum(s * max(0, len(are) - len(said)) for s, are, said in rows)
    false = sum(s * max(0, len(said) - len(are)) for s, are, said in rows)
    right = sum(s * len(are & {matched[name] for name in said}) for s, are, said in rows)
    both = sum(s * min(len(are), len(said)) for s, are, said in rows)
    return ErrorRate(total, missed, false, both - right)


def _matched(
    rows: Sequence[tuple[float, set[str], set[str]]], real: list[str], given: list[str]
) -> dict[str, str | None]:
    """Returns the true name for each given one, so that most time agrees."""
    from scipy.optimize import linear_sum_assignment

    shared = np.zeros((len(given), len(real)))
    for seconds, are, said in rows:
        for name in said:
            for other in are:
                shared[given.index(name), real.index(other)] += seconds
    matched: dict[str, str | None] = dict.fromkeys(given)
    for row, column in zip(*linear_sum_assignment(-shared), strict=True):
        matched[given[row]] = real[column]
    return matched
