"""Group results with the engine's error in them: prediction-powered estimates.

An engine's mean over a corpus is off by its error. A random sample of it, labelled by people, tells how
far, and the corrected mean has an interval that counts both. With `power` 0 it is the mean of the
labels alone, with 1 the classical correction; the best lies between and is found from the data.

Source: PPI, Angelopoulos et al., 2023, https://arxiv.org/abs/2301.09633; power tuning (PPI++), 2023,
https://arxiv.org/abs/2311.01453. Clustered by speaker: influence values are summed over speakers before
they are squared (Liang & Zeger, 1986, https://doi.org/10.1093/biomet/73.1.13).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StudyError
from core.statistics.proportions import Estimate, normal_quantile
from core.statistics.resampling import MIN_SPEAKERS

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Sampled:
    """A group: what people said of its random sample, and what the engine says of everything.

    Attributes:
        labels: shape `(n_labelled,)`, by people: 0 or 1 for "is of this emotion", or any figure.
        answers: shape `(n_labelled,)`, the engine's on the same segments.
        speakers: shape `(n_labelled,)`.
        rest: shape `(n_rest,)`, the engine's answers on all other segments.
        rest_speakers: shape `(n_rest,)`.
    """

    labels: Doubles
    answers: Doubles
    speakers: NDArray[Any]
    rest: Doubles
    rest_speakers: NDArray[Any]


@dataclass(frozen=True)
class PredictionPowered:
    """A corrected mean or difference beside the others.

    Attributes:
        estimate: corrected; an interval from 8 speakers on. None where all labels of a group are the
            same: their spread, which is none, would make the interval one of certainty.
        labels_only: from the labelled sample alone.
        engine_only: what the engine says, uncorrected; it has no interval, as its error is not in it.
        power: how far the engine's answers count, 0 to 1; for a difference that of each group.
        n_labelled: segments that people labelled.
    """

    estimate: Estimate
    labels_only: Estimate
    engine_only: float
    power: tuple[float, ...]
    n_labelled: int


def corrected_mean(
    group: Sampled, *, clustered: bool = True, power: float | None = None, level: float = 0.95
) -> PredictionPowered:
    """Returns the mean of a group, corrected by its labelled sample.

    Args:
        group: its sample must have been drawn at random.
        clustered: whether the interval counts speakers as the units; else segments.
        power: how far the engine's answers count, by default as the data tell.
        level: of the intervals.

    Raises:
        StudyError: fewer than two segments were labelled, or none is left.
    """
    return _estimate([(group, 1.0)], clustered, power, level)


def corrected_difference(
    first: Sampled, second: Sampled, *, clustered: bool = True, level: float = 0.95
) -> PredictionPowered:
    """Returns the mean of the first group minus that of the second, each corrected.

    Speakers who are in both groups are taken as what they are, the same people.

    Raises:
        StudyError: in a group fewer than two segments were labelled, or none is left.
    """
    return _estimate([(first, 1.0), (second, -1.0)], clustered, None, level)


def draw_sample(n_segments: int, n_wanted: int, seed: int) -> NDArray[np.intp]:
    """Returns which segments to label: a simple random sample without replacement, in order.

    Raises:
        StudyError: more are wanted than there are, or fewer than two.
    """
    if not 2 <= n_wanted <= n_segments:
        raise StudyError(
            f"{n_wanted} of {n_segments} segments cannot be drawn; ask for 2 to {n_segments}."
        )
    chosen = np.random.default_rng(seed).choice(n_segments, n_wanted, replace=False)
    return np.sort(chosen).astype(np.intp)


def _estimate(
    groups: list[tuple[Sampled, float]], clustered: bool, power: float | None, level: float
) -> PredictionPowered:
    powers = []
    totals = {"corrected": 0.0, "labels": 0.0, "engine": 0.0}
    parts: dict[str, list[tuple[NDArray[Any], Doubles]]] = {"corrected": [], "labels": []}
    told = all(len(np.unique(group.labels)) > 1 for group, _ in groups)
    for number, (group, sign) in enumerate(groups):
        _check(group)
        used = _power(group) if power is None else power
        powers.append(used)
        n, n_rest = len(group.labels), len(group.rest)
        gaps = group.labels - used * group.answers
        every = np.concatenate([group.answers, group.rest])
        totals["corrected"] += sign * (used * group.rest.mean() + gaps.mean())
        totals["labels"] += sign * group.labels.mean()
        totals["engine"] += sign * every.mean()
        prefix = "" if clustered else f"{number}:"
        who = _units(group.speakers, prefix, "a", clustered)
        others = _units(group.rest_speakers, prefix, "b", clustered)
        parts["corrected"] += [
            (who, sign * (gaps - gaps.mean()) / n),
            (others, sign * used * (group.rest - group.rest.mean()) / n_rest),
        ]
        parts["labels"].append((who, sign * (group.labels - group.labels.mean()) / n))
    return PredictionPowered(
        estimate=_interval(totals["corrected"], parts["corrected"], clustered, level, told),
        labels_only=_interval(totals["labels"], parts["labels"], clustered, level, told),
        engine_only=float(totals["engine"]),
        power=tuple(powers),
        n_labelled=sum(len(group.labels) for group, _ in groups),
    )


def _units(speakers: NDArray[Any], prefix: str, kind: str, clustered: bool) -> NDArray[Any]:
    if clustered:
        return np.asarray(speakers, dtype=str)
    return np.array([f"{prefix}{kind}{row}" for row in range(len(speakers))])


def _power(group: Sampled) -> float:
    """Returns the power of least variance for independent segments, kept within 0 and 1."""
    every = np.concatenate([group.answers, group.rest])
    spread = float(every.var())
    if spread == 0:
        return 0.0
    shared = float(np.mean((group.labels - group.labels.mean()) * group.answers))
    share = len(group.labels) / len(group.rest)
    return min(1.0, max(0.0, shared / ((1 + share) * spread)))


def _interval(
    value: float,
    parts: list[tuple[NDArray[Any], Doubles]],
    clustered: bool,
    level: float,
    told: bool,
) -> Estimate:
    """Returns a figure with the interval that its influence values give, summed by unit."""
    from scipy.stats import t

    names = np.concatenate([who for who, _ in parts])
    _, numbers = np.unique(names, return_inverse=True)
    sums = np.bincount(numbers, np.concatenate([values for _, values in parts]))
    n_units = len(sums)
    if not told or (clustered and n_units < MIN_SPEAKERS):
        return Estimate(float(value), None, None, n_units)
    reach = float(t.ppf(0.5 + level / 2, n_units - 1)) if clustered else normal_quantile(level)
    half = reach * float(np.sqrt((sums**2).sum() * n_units / (n_units - 1)))
    return Estimate(float(value), float(value - half), float(value + half), n_units)


def _check(group: Sampled) -> None:
    sizes: Mapping[str, int] = {"labelled": len(group.labels), "other": len(group.rest)}
    if sizes["labelled"] < 2 or sizes["other"] < 1:
        raise StudyError(
            f"The group has {sizes['labelled']} labelled and {sizes['other']} other segments; at "
            "least two labelled ones and one other are needed, so label more of a random sample."
        )
