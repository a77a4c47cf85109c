"""How much of a clustering, or of a space, is who spoke, where and how loud, and how much emotion.

Clusters of speech embeddings tend to be speakers or microphones. Whatever a corpus is grouped by, this
says beside it what the groups follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.explore.sampling import any_of
from core.explore.space import SpaceKind
from core.records import Floats

BINS: Final = 5  # of equal numbers of segments, for what is measured on a scale
COMPARED: Final = 20_000  # the most segments that labels are compared over
PROBED: Final = 3_000  # the most segments of a probe
FOLDS: Final = 5
SHUFFLES: Final = 5  # probes of shuffled labels whose mean is the chance level
FEW_LABELS: Final = 30
FEW_UNITS: Final = 10  # fewer segments, recordings or sessions are not said to follow anything
CLEAR: Final = 0.1  # adjusted mutual information from which groups are said to follow something
PROBE_CLEAR: Final = 0.15  # of the way from chance to always right


class Factor(StrEnum):
    """What a clustering may follow."""

    SPEAKER = "speaker"
    RECORDING = "recording"
    SESSION = "session"
    LEVEL = "level"
    DURATION = "duration"
    EMOTION_PEOPLE = "emotion_people"
    EMOTION_ENGINE = "emotion_engine"


MEASURED: Final = frozenset({Factor.LEVEL, Factor.DURATION})
EMOTIONS_OF: Final = frozenset({Factor.EMOTION_PEOPLE, Factor.EMOTION_ENGINE})
CIRCULAR: Final = (
    "Agreement with the engine's own labels is circular: clusters and labels come from the same "
    "embeddings."
)


@dataclass(frozen=True)
class Found:
    """How far groups and vectors follow one factor.

    Attributes:
        factor: which.
        n: segments for which it is known.
        values: how many different values these have; of level and duration, bins.
        ami: adjusted mutual information with the groups: 0 by chance, 1 the same; None without
            groups, or where there are not two values that occur more than once: what is different
            everywhere agrees with any groups that are, too.
        ari: adjusted Rand index, likewise.
        probe_accuracy: balanced accuracy of a linear probe that names the value from the vectors of
            segments of recordings that it never saw; None where that cannot be tried.
        chance: of the same probe on shuffled values.
        note: why something is None, or what to bear in mind; None where there is nothing to say.
    """

    factor: Factor
    n: int
    values: int
    ami: float | None
    ari: float | None
    probe_accuracy: float | None
    chance: float | None
    note: str | None = None

    @property
    def lift(self) -> float | None:
        """How far the probe is on the way from chance to always right."""
        if self.probe_accuracy is None or self.chance is None or self.chance >= 1:
            return None
        return (self.probe_accuracy - self.chance) / (1 - self.chance)


def audit(
    vectors: Floats,
    labels: NDArray[Any] | None,
    factors: Mapping[Factor, Sequence[Any] | NDArray[Any]],
    recordings: Sequence[str],
    seed: int = 0,
) -> tuple[Found, ...]:
    """Returns how far groups and vectors follow each factor.

    Args:
        vectors: shape `(n_segments, n_dims)`, in a space, or places on a map.
        labels: shape `(n_segments,)`, group of each segment, -1 for none; None without groups.
        factors: for each, length n: names with None where not known, or numbers with NaN for level
            and duration.
        recordings: length n: a recording is never on both sides of a probe, except where the
            recording itself is asked for.
        seed: of samples, folds and shuffles.

    Source:
        Adjusted mutual information: Vinh, Epps & Bailey 2010; adjusted Rand index: Hubert & Arabie
        1985 (scikit-learn). Probes: Alain & Bengio 2017; chance by shuffled labels.
    """
    groups = np.unique(np.asarray(recordings, dtype=str), return_inverse=True)[1]
    return tuple(
        _audit_one(Factor(factor), vectors, labels, values, groups, seed)
        for factor, values in factors.items()
    )


def _audit_one(
    factor: Factor,
    vectors: Floats,
    labels: NDArray[Any] | None,
    values: Sequence[Any] | NDArray[Any],
    recordings: NDArray[np.intp],
    seed: int,
) -> Found:
    codes = binned(np.asarray(values, float)) if factor in MEASURED else coded(values)
    known = codes >= 0
    n_values = len(np.unique(codes[known]))
    note = CIRCULAR if factor is Factor.EMOTION_ENGINE else None
    if n_values < 2:
        why = "not known here" if n_values == 0 else "the same everywhere it is known"
        return Found(factor, int(known.sum()), n_values, None, None, None, None, f"It is {why}.")
    ami = ari = None
    if labels is not None:
        ami, ari = agreement(np.asarray(labels), codes, seed)
    groups = np.arange(len(codes)) if factor is Factor.RECORDING else recordings
    accuracy, chance = probe(vectors, codes, groups, seed)
    if accuracy is None:
        note = "Too few of its values occur in two recordings or more, so no probe can be tried."
    return Found(factor, int(known.sum()), n_values, ami, ari, accuracy, chance, note)


def coded(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.intp]:
    """Returns names as numbers from 0, shape `(n,)`; -1 for None, NaN and the empty name."""
    names = [value if isinstance(value, str) and value else None for value in values]
    order = {name: number for number, name in enumerate(sorted({n for n in names if n}))}
    return np.array([-1 if name is None else order[name] for name in names], np.intp)


def binned(values: NDArray[np.floating[Any]], n_bins: int = BINS) -> NDArray[np.intp]:
    """Returns numbers as bins of about equal size from 0, shape `(n,)`; -1 for NaN."""
    known = ~np.isnan(values)
    found = np.full(len(values), -1, np.intp)
    if known.any():
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, n_bins + 1)[1:-1]))
        bins = np.searchsorted(edges, values[known], "right")
        found[known] = np.unique(bins, return_inverse=True)[1]
    return found


def agreement(
    labels: NDArray[Any], codes: NDArray[np.intp], seed: int = 0
) -> tuple[float | None, float | None]:
    """Returns adjusted mutual information and Rand index of groups with values, over both known."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    rows = np.flatnonzero((codes >= 0) & (labels >= 0))
    rows = rows[any_of(len(rows), COMPARED, seed)]
    if np.count_nonzero(np.unique(codes[rows], return_counts=True)[1] > 1) < 2:
        return None, None
    two = labels[rows], codes[rows]
    return float(adjusted_mutual_info_score(*two)), float(adjusted_rand_score(*two))


def probe(
    vectors: Floats, codes: NDArray[np.intp], groups: NDArray[np.intp], seed: int = 0
) -> tuple[float | None, float | None]:
    """Returns the balanced accuracy of a linear probe on unseen groups, and its chance level.

    Only values that occur in at least two groups can be named in an unseen one. For the chance
    level values are shuffled among groups where each group has one value, else among segments.

    Args:
        vectors: shape `(n_segments, n_dims)`.
        codes: shape `(n_segments,)`, values from 0, -1 for unknown.
        groups: shape `(n_segments,)`, such as the recording: never on both sides.
        seed: of the sample, the folds and the shuffles.

    Returns:
        Twice None where fewer than two values occur in two groups.
    """
    rows = np.flatnonzero(codes >= 0)
    pairs = np.unique(np.stack([codes[rows], groups[rows]]), axis=1)
    usable, n_groups = np.unique(pairs[0], return_counts=True)
    usable = usable[n_groups >= 2]
    if len(usable) < 2:
        return None, None
    rows = rows[np.isin(codes[rows], usable)]
    rows = rows[any_of(len(rows), PROBED, seed)]
    values = np.unique(codes[rows], return_inverse=True)[1]
    owners = np.unique(groups[rows], return_inverse=True)[1]
    if values.max() < 1 or owners.max() < 1 or np.bincount(values).max() < 2:
        return None, None
    found = vectors[rows].astype(np.float64)
    found = (found - found.mean(axis=0)) / np.maximum(found.std(axis=0), 1e-9)
    folds = _folds(values, owners, seed)
    random = np.random.default_rng(seed)
    shuffled = [_accuracy(found, _shuffled(values, owners, random), folds) for _ in range(SHUFFLES)]
    return _accuracy(found, values, folds), float(np.mean(shuffled))


def _folds(
    values: NDArray[np.intp], owners: NDArray[np.intp], seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    from sklearn.model_selection import StratifiedGroupKFold

    n_folds = min(FOLDS, int(owners.max()) + 1, int(np.bincount(values).max()))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    # Its warning that a value has fewer groups than folds is of no use: recalls are averaged at the end.
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(folds.split(np.zeros(len(values)), values, owners))


def _shuffled(
    values: NDArray[np.intp], owners: NDArray[np.intp], random: np.random.Generator
) -> NDArray[np.intp]:
    first = np.unique(owners, return_index=True)[1]
    of_owner = values[first]
    if np.array_equal(of_owner[owners], values):
        return random.permutation(of_owner)[owners]
    return random.permutation(values)


def _accuracy(
    vectors: NDArray[np.float64],
    values: NDArray[np.intp],
    folds: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
) -> float:
    """Returns the mean recall of the values over all held-out segments.

    The probe is ridge regression on the values as columns of 0 and 1, balanced.
    """
    from sklearn.linear_model import RidgeClassifier

    said = np.full(len(values), -1, np.intp)
    for train, test in folds:
        if len(np.unique(values[train])) > 1:
            model = RidgeClassifier(alpha=float(vectors.shape[1]), class_weight="balanced")
            said[test] = model.fit(vectors[train], values[train]).predict(vectors[test])
    right = said == values
    return float(np.mean([right[values == value].mean() for value in np.unique(values)]))


def advice(found: Sequence[Found], space: SpaceKind = SpaceKind.CENTRED) -> str:
    """Returns a sentence on what to do, from the numbers alone.

    Args:
        found: of `audit`.
        space: in which the groups were made.
    """
    if found and max(one.n for one in found) < FEW_UNITS:
        return "These are too few to say what groups of them follow; listen to them."
    by = {one.factor: one for one in found}
    judged = by.get(Factor.EMOTION_PEOPLE)
    people = judged.ami if judged and judged.n >= FEW_LABELS else None
    others = [
        one
        for one in found
        if one.factor not in EMOTIONS_OF and one.ami is not None and one.n >= FEW_UNITS
    ]
    worst = max(others, key=lambda one: (one.ami or 0.0, one.factor), default=None)
    if worst is None or worst.ami is None:
        leaning = [
            one for one in found if one.factor not in EMOTIONS_OF and (one.lift or 0) >= PROBE_CLEAR
        ]
        if not leaning:
            return "Nothing here can be said to lead groups astray; that is no proof that nothing does."
        most = max(leaning, key=lambda one: (one.lift or 0.0, one.factor))
        return (
            f"A probe names the {_NAMES[most.factor]} from these vectors in "
            f"{most.probe_accuracy:.0%} of cases where chance is {most.chance:.0%}: groups made here "
            f"may be that. {_CURES[most.factor]}"
        )
    if worst.ami < CLEAR:
        told = "" if people is None else f"; with the emotions that people heard it is {people:.2f}"
        start = (
            f"The groups follow none of these clearly, the {_NAMES[worst.factor]} most (adjusted "
            f"mutual information {worst.ami:.2f}){told}."
        )
        return f"{start} {_NEXT if people is None else ''}".rstrip()
    start = f"The groups follow the {_NAMES[worst.factor]} (adjusted mutual information {worst.ami:.2f})"
    if people is not None and people > worst.ami:
        return f"{start}, but the emotions that people heard more ({people:.2f}): use them and say both."
    beside = (
        f" more than the emotions that people heard ({people:.2f})" if people is not None else ""
    )
    cure = _CURES[worst.factor]
    if worst.factor is Factor.SPEAKER and space is SpaceKind.SPEAKER:
        cure = "Centring per speaker did not undo it, so compare within speakers only."
    return f"{start}{beside}: do not read them as emotions. {cure}"


_NAMES: Final = {
    Factor.SPEAKER: "speaker",
    Factor.RECORDING: "recording",
    Factor.SESSION: "session",
    Factor.LEVEL: "level",
    Factor.DURATION: "duration",
    Factor.EMOTION_PEOPLE: "emotion that people heard",
    Factor.EMOTION_ENGINE: "emotion of the engine",
}
_NEXT: Final = "Label some segments by ear to learn whether they are emotions."
_CURES: Final = {
    Factor.SPEAKER: (
        "Centre per speaker if every speaker shows many emotions; otherwise group each speaker alone."
    ),
    Factor.RECORDING: "Whiten the space, or group recordings made under equal conditions together.",
    Factor.SESSION: "Group each session alone, or compare sessions by their shares of emotion.",
    Factor.LEVEL: "Compare recordings of equal level only, or check by ear what a group shares.",
    Factor.DURATION: "Cut segments to about equal length, then group again.",
}
