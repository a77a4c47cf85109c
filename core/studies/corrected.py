"""The engine's error in group results: a random sample to label, and the estimates corrected by it.

A draw is a simple random sample of each group's segments, whatever was labelled before, so that it
stands for the group. It is kept with the way `group`, and heads take it for no random sample of the
corpus.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.emotions import Emotion
from core.errors import StudyError
from core.labels.terms import in_samples, terms_of
from core.settings import digest
from core.statistics.prediction_powered import (
    PredictionPowered,
    Sampled,
    corrected_difference,
    corrected_mean,
)
from core.statistics.proportions import Estimate
from core.store.corpus import Corpus, corpus, speakers_of
from core.store.samples import Sample, sample, samples, write_sample
from core.store.store import Store
from core.studies.courses import Grouping, members

WAY: Final = "group"
_ADDED: Final = "added_at"


@dataclass(frozen=True)
class Labelled:
    """How far a group's sample is labelled.

    Attributes:
        n_segments: of the group when the sample was drawn, as far as they are still there.
        n_drawn: of these drawn.
        n_labelled: of these with a label that counts.
        n_speakers: of the labelled ones.
        n_later: segments of recordings that came after the draw, and are no part of it.
    """

    n_segments: int
    n_drawn: int
    n_labelled: int
    n_speakers: int
    n_later: int


@dataclass(frozen=True)
class Corrected:
    """What a labelled sample says of an emotion's share of segments.

    Attributes:
        groups: by name: corrected, labels alone and engine alone; None while too few are labelled.
        difference: of the first from the second group, or None.
        labelled: by the group's name.
        changed: whether a group is of other recordings now than when the sample was drawn.
    """

    groups: dict[str, PredictionPowered | None]
    difference: PredictionPowered | None
    labelled: dict[str, Labelled]
    changed: bool


def draw(
    store: Store,
    by: Grouping,
    chosen: Sequence[str],
    n_each: int,
    engine: str = "compact",
    seed: int = 0,
) -> Sample:
    """Draws segments of one or two groups at random, keeps which, and returns them mixed.

    With the same seed and corpus, a larger draw holds the smaller one.

    Args:
        store: where the segments are.
        by: what recordings are grouped by.
        chosen: one or two groups.
        n_each: segments of each; all of a group that has no more.
        engine: a name or an id.
        seed: of the draw.

    Raises:
        StudyError: there is no such group, a recording is in both, or fewer than two are wanted.
    """
    if n_each < 2 or not 1 <= len(chosen) <= 2:
        raise StudyError(
            f"{n_each} segments of {len(chosen)} groups cannot be drawn; ask for at least two of one or "
            "two groups."
        )
    found = corpus(store, engine)
    mine = members(store, found, by, chosen)
    both = set(mine[0]) & set(mine[-1]) if len(mine) == 2 else set()
    if both:
        raise StudyError(
            f"{len(both)} recordings are in both groups; choose groups that share no recording."
        )
    rng = np.random.default_rng(seed)
    drawn: list[int] = []
    for recordings in mine:
        rows = np.flatnonzero(found.segments["recording"].isin(recordings).to_numpy())
        drawn += rng.permutation(rows)[:n_each].tolist()
    parameters = {
        "engine_id": found.engine_id,
        "way": WAY,
        "seed": seed,
        "n_of": int(found.segments["recording"].isin(list(chain(*mine))).sum()),
        "data": found.version,
        "by": str(by),
        "groups": list(chosen),
        "members": [_digest(recordings) for recordings in mine],
    }
    order = np.random.default_rng([seed, len(drawn)]).permutation(drawn)
    name = f"{n_each} of each: {' and '.join(chosen)}"
    number = write_sample(store, name, parameters, found.segments.iloc[order])
    return sample(store, number)


def draws(store: Store, engine_id: str) -> list[Sample]:
    """Returns the draws from groups of an engine's segments, the newest first."""
    return [one for one in samples(store, engine_id) if one.parameters["way"] == WAY]


def estimate(store: Store, drawn: Sample, emotion: Emotion) -> Corrected:
    """Returns the share of segments of an emotion in each group, and the difference, corrected.

    Args:
        store: where segments and labels are.
        drawn: by `draw`.
        emotion: whose share.

    Raises:
        StudyError: it was not drawn from groups, or a group is gone.
    """
    told = drawn.parameters
    if told["way"] != WAY:
        raise StudyError("This sample was not drawn from groups; draw one.")
    found = corpus(store, told["engine_id"])
    mine = members(store, found, Grouping(told["by"]), told["groups"])
    terms = terms_of(store, found)
    in_draw = in_samples(found, [drawn])
    early = (found.segments[_ADDED] <= pd.Timestamp(drawn.made_at)).to_numpy()
    speakers = speakers_of(found.segments)
    answers = (found.segments["emotion"] == str(emotion)).to_numpy(dtype=np.float64)
    parts: dict[str, Sampled] = {}
    counts: dict[str, Labelled] = {}
    changed = False
    for name, recordings, digits in zip(told["groups"], mine, told["members"], strict=True):
        of_group = found.segments["recording"].isin(recordings).to_numpy()
        said = of_group & early & in_draw & (terms != "")
        rest = of_group & early & ~said
        counts[name] = Labelled(
            n_segments=int((of_group & early).sum()),
            n_drawn=int((of_group & early & in_draw).sum()),
            n_labelled=int(said.sum()),
            n_speakers=len(set(speakers[said])),
            n_later=int((of_group & ~early).sum()),
        )
        changed |= digits != _digest(_recordings(found, of_group & early))
        parts[name] = Sampled(
            (terms[said] == str(emotion)).astype(np.float64),
            answers[said],
            speakers[said],
            answers[rest],
            speakers[rest],
        )
    means = {name: _share(part) if _enough(part) else None for name, part in parts.items()}
    difference = None
    if len(parts) == 2 and all(_enough(part) for part in parts.values()):
        difference = corrected_difference(*parts.values())
    return Corrected(means, difference, counts, changed)


def _share(part: Sampled) -> PredictionPowered:
    """Returns the corrected mean of a group; ends beyond 0 or 1, where no share is, are set to these."""
    found = corrected_mean(part)
    return replace(found, estimate=_within(found.estimate), labels_only=_within(found.labels_only))


def _within(found: Estimate) -> Estimate:
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


def _enough(part: Sampled) -> bool:
    return len(part.labels) >= 2 and len(part.rest) >= 1


def _recordings(found: Corpus, rows: NDArray[Any]) -> list[str]:
    return [str(name) for name in found.segments["recording"][rows].unique()]


def _digest(recordings: Sequence[str]) -> str:
    """Names a set of recordings without naming any, so that none has to be forgotten here."""
    return digest({"recordings": sorted(recordings)})
