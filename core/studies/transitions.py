"""From which emotion to which, and how long each lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.emotions import EMOTIONS, N_EMOTIONS, Emotion
from core.errors import StudyError
from core.store.corpus import speakers_of
from core.studies.trajectories import Band, group_band

Doubles = NDArray[np.float64]
_PLACE: Final = ["recording", "channel"]


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


@dataclass(frozen=True)
class Changes:
    """Transitions and dwell times over speakers, in the order of `EMOTIONS`; each speaker counts once.

    Attributes:
        counts: shape `(9, 9)`: how often the row's emotion was followed by the column's, of all.
        chances: of a speaker shape `(9, 9)`, rows of sum 1, NaN where nothing followed; band from 8
            speakers on.
        n_stretches: shape `(9,)`, of all.
        dwell_s: of a speaker shape `(9,)`: mean length of a stretch in seconds.
    """

    counts: NDArray[np.int64]
    chances: Band
    n_stretches: NDArray[np.int64]
    dwell_s: Band


def over_speakers(rows: pd.DataFrame) -> Changes:
    """Returns transitions and dwell times of a corpus, as means over its speakers.

    What one speaker says in one recording is a sequence; pauses and what others say in between do not
    end a stretch, and are no part of its length.

    Args:
        rows: a row for each segment, in order, with `recording`, `channel`, `speaker`, `emotion`,
            `start_s` and `end_s`.

    Raises:
        StudyError: there are no segments.
    """
    if rows.empty:
        raise StudyError("There is no segment; choose recordings with speech.")
    found, names = [], []
    for speaker, mine in rows.assign(person=speakers_of(rows)).groupby("person", sort=True):
        parts = [part for _, part in mine.groupby(_PLACE, sort=False)]
        lengths = [(part["end_s"] - part["start_s"]).tolist() for part in parts]
        found.append(transitions([part["emotion"].tolist() for part in parts], lengths))
        names.append(str(speaker))
    dwell = [
        [float(np.mean(one.dwell_s[e])) if one.dwell_s[e] else np.nan for e in map(str, EMOTIONS)]
        for one in found
    ]
    numbers = [[len(one.dwell_s[str(emotion)]) for emotion in EMOTIONS] for one in found]
    return Changes(
        counts=np.sum([one.counts for one in found], axis=0),
        chances=group_band(np.stack([one.chances for one in found]), names),
        n_stretches=np.sum(numbers, axis=0),
        dwell_s=group_band(np.array(dwell), names),
    )


def places(rows: pd.DataFrame, before: Emotion, after: Emotion) -> pd.DataFrame:
    """Returns where one emotion is followed by another.

    Args:
        rows: as of `over_speakers`; with further columns, such as `name`.
        before: of the last segment of the first stretch.
        after: of the first segment of the second.

    Returns:
        A row for each, that of the second segment, with `start_s` of the first.
    """
    people = speakers_of(rows)
    mine = rows[["emotion", "start_s"]].groupby(
        [rows["recording"], rows["channel"], people], sort=False
    )
    last = mine.shift()
    hits = (rows["emotion"] == str(after)) & (last["emotion"] == str(before))
    return rows[hits].assign(start_s=last["start_s"][hits]).reset_index(drop=True)
