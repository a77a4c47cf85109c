"""Figures of an evaluation with what makes them vary: intervals, engines side by side, slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import StudyError
from core.learn.scoring import N_BINS, calibration_error, recall_of
from core.statistics.proportions import Estimate
from core.statistics.resampling import N_DRAWS, codes, speaker_bootstrap

Doubles = NDArray[np.float64]
Names = NDArray[np.str_]
WIDTHS_S = (0.5, 1.0, 2.0, 5.0, 10.0)
MOST_EXACT = 11  # speakers of whom all 2^n changes are tried
N_CHANGES = 5000


@dataclass(frozen=True)
class EngineComparison:
    """Two engines on the same material.

    Attributes:
        first: UAR of the first engine, over speakers.
        second: UAR of the second.
        difference: the first's minus the second's.
        p: how often a difference as great comes up when the engines' answers are exchanged for whole
            speakers at random.
        smallest_p: the least p that so many speakers can give.
        n_speakers: how many there are.
    """

    first: Estimate
    second: Estimate
    difference: Estimate
    p: float
    smallest_p: float
    n_speakers: int


def uar_over_speakers(terms: Names, answers: Names, speakers: Names, seed: int = 0) -> Estimate:
    """Returns the UAR with its interval over speakers; all of shape `(n,)`."""
    return speaker_bootstrap(lambda r: recall_of(terms[r], answers[r]), speakers, seed=seed)


def compare_engines(
    terms: Names, first: Names, second: Names, speakers: Names, seed: int = 0
) -> EngineComparison:
    """Returns how two engines differ, paired over speakers.

    Args:
        terms: shape `(n,)`, the labels.
        first: shape `(n,)`, answers of one engine.
        second: shape `(n,)`, answers of the other on the same segments.
        speakers: shape `(n,)`.
        seed: of what is random.

    Raises:
        StudyError: there are fewer than two speakers.
    """
    numbers, n_speakers = codes(speakers)
    if n_speakers < 2:
        raise StudyError("The engines were compared on one speaker; label segments of several.")
    # the UAR is a sum over segments, so its difference is a sum of what each speaker adds
    classes, kinds = np.unique(terms, return_inverse=True)
    share = 1 / (len(classes) * np.bincount(kinds))[kinds]
    gained = ((first == terms).astype(float) - (second == terms)) * share
    each = np.bincount(numbers, gained, n_speakers)
    exact = n_speakers <= MOST_EXACT
    if exact:
        bits = np.arange(2**n_speakers)[:, np.newaxis] >> np.arange(n_speakers) & 1
        signs = 1.0 - 2.0 * bits
    else:
        signs = np.random.default_rng(seed).choice([1.0, -1.0], (N_CHANGES, n_speakers))
    reached = int((np.abs(signs @ each) >= abs(each.sum()) - 1e-12).sum())
    p = reached / len(signs) if exact else (reached + 1) / (len(signs) + 1)
    return EngineComparison(
        first=uar_over_speakers(terms, first, speakers, seed),
        second=uar_over_speakers(terms, second, speakers, seed),
        difference=speaker_bootstrap(
            lambda r: recall_of(terms[r], first[r]) - recall_of(terms[r], second[r]),
            speakers,
            n_draws=N_DRAWS,
            seed=seed,
        ),
        p=p,
        smallest_p=max(2 / 2.0**n_speakers, 0.0 if exact else 1 / (N_CHANGES + 1)),
        n_speakers=n_speakers,
    )


def side_by_side(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Returns the items that two engines answered both.

    Args:
        first: a row for each item: `key`, which names it, `label`, `answer`, and what else there is.
        second: `key`, `label` and `answer` of the other engine.

    Returns:
        The rows of `first` that `second` has with the same label, with `other`, its answer.
    """
    other = second[["key", "label", "answer"]].rename(columns={"answer": "other"})
    return first.merge(other, on=["key", "label"], how="inner", validate="one_to_one")


def slices(
    terms: Names, answers: Names, speakers: Names, groups: Sequence[Any], seed: int = 0
) -> pd.DataFrame:
    """Returns the UAR of each slice, as a forest plot shows it.

    Args:
        terms: shape `(n,)`, the labels.
        answers: shape `(n,)`.
        speakers: shape `(n,)`.
        groups: length n: a name for each, a tuple of names (tags: a row is in several slices), or None.
        seed: of the draws.

    Returns:
        A row for each slice: `slice`, `n`, `n_speakers`, `uar`, `low`, `high` (NaN under 8 speakers).
    """
    rows: dict[str, list[int]] = {}
    for number, names in enumerate(groups):
        for name in names if isinstance(names, tuple) else (names,):
            rows.setdefault("unknown" if name is None else str(name), []).append(number)
    made = []
    for name in sorted(rows):
        mine = np.array(rows[name])
        found = uar_over_speakers(terms[mine], answers[mine], speakers[mine], seed)
        bounds = (np.nan if edge is None else edge for edge in (found.low, found.high))
        made.append((name, len(mine), found.n, found.value, *bounds))
    return pd.DataFrame(made, columns=["slice", "n", "n_speakers", "uar", "low", "high"])


def binned(values: Sequence[float | None], edges: Sequence[float], unit: str) -> list[str | None]:
    """Returns the name of each value's bin, such as `2 to 5 s`; None where there is no value.

    Args:
        values: such as durations or ratios of speech to noise.
        edges: ascending; below the first and from the last on are bins too.
        unit: `s`, `dB`.
    """
    names = [f"under {edges[0]:g} {unit}"]
    names += [f"{a:g} to {b:g} {unit}" for a, b in pairwise(edges)]
    names += [f"from {edges[-1]:g} {unit}"]
    places = [None if v is None or np.isnan(v) else v for v in values]
    return [
        None if v is None else names[int(np.searchsorted(edges, v, side="right"))] for v in places
    ]


def reliability(
    confidence: Doubles, right: NDArray[np.bool_], n_bins: int = N_BINS
) -> pd.DataFrame:
    """Returns the reliability diagram: a row for each bin that holds anything.

    Returns:
        `low`, `high` (bounds of the bin), `n`, `confidence` and `accuracy` (means).
    """
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    rows = []
    for number in np.unique(bins):
        mine = bins == number
        means = float(confidence[mine].mean()), float(right[mine].mean())
        rows.append((number / n_bins, (number + 1) / n_bins, int(mine.sum()), *means))
    return pd.DataFrame(rows, columns=["low", "high", "n", "confidence", "accuracy"])


def error_by_width(
    confidence: Doubles,
    right: NDArray[np.bool_],
    widths_s: Doubles,
    edges_s: Sequence[float] = WIDTHS_S,
) -> pd.DataFrame:
    """Returns the calibration error by region width.

    Args:
        confidence: shape `(n,)`, of regions that have one.
        right: shape `(n,)`.
        widths_s: shape `(n,)`, seconds that each read-out takes.
        edges_s: bounds of the groups of widths.

    Returns:
        A row for each group that holds anything: `width`, `n`, `ece`, `confidence`, `accuracy`.
    """
    names = np.array(binned(widths_s.tolist(), edges_s, "s"), dtype=str)
    rows = []
    for name in dict.fromkeys(names[np.argsort(widths_s, kind="stable")]):
        mine = names == name
        error = calibration_error(confidence[mine], right[mine])
        means = float(confidence[mine].mean()), float(right[mine].mean())
        rows.append((str(name), int(mine.sum()), error, *means))
    return pd.DataFrame(rows, columns=["width", "n", "ece", "confidence", "accuracy"])
