"""Reference labels over time beside what an engine, or another person, tells over the same time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.learn.emotion_error import EmotionError, Event, emotion_error, together
from core.records import Span
from core.statistics.proportions import Estimate
from core.statistics.resampling import speaker_bootstrap

NEUTRAL = "neutral"


@dataclass(frozen=True)
class Timed:
    """One recording over time.

    Attributes:
        recording: its SHA-256, or the name of its file.
        group: whose it is: its speaker, or the recording where nobody is named.
        duration_s: of the recording.
        reference: what is there, by labels; neutral is an event here.
        left_out: stretches whose label stands for none of the nine emotions; they never count.
        told: what the engine says of its segments, or another person of theirs.
        speech: where the engine found speech, by its segments.
    """

    recording: str
    group: str
    duration_s: float
    reference: tuple[Event, ...]
    left_out: tuple[Span, ...]
    told: tuple[Event, ...]
    speech: tuple[Span, ...]


@dataclass(frozen=True)
class Counting:
    """What counts as what; by default only labelled speech, and neutral is no event.

    Attributes:
        neutral: whether neutral is an emotion like the others.
        unlabelled: whether time without a label counts, as time without an emotion.
        pauses: whether time in which the engine found no speech counts; labels over pauses are missed
            there.
    """

    neutral: bool = False
    unlabelled: bool = False
    pauses: bool = False


@dataclass(frozen=True)
class ErrorOverTime:
    """The error over some recordings.

    Attributes:
        error: over all of them, weighted by time.
        rate: with an interval over groups from 8 on; None where there is no reference event.
        n_recordings: how many there are.
    """

    error: EmotionError
    rate: Estimate | None
    n_recordings: int


def error_over_time(
    recordings: Sequence[Timed], counting: Counting = Counting(), seed: int = 0
) -> ErrorOverTime:
    """Returns the emotion diarization error over recordings.

    Args:
        recordings: at least one.
        counting: what counts as what.
        seed: of the draws for the interval.
    """
    errors = [_error(recording, counting) for recording in recordings]
    total = together(errors)
    if total.rate is None:
        return ErrorOverTime(total, None, len(recordings))
    wrong = np.array([e.miss + e.false_alarm + e.confusion for e in errors])
    there = np.array([e.reference_s for e in errors])

    def rate(rows: np.ndarray) -> float:
        seconds = float(there[rows].sum())
        return float(wrong[rows].sum() / seconds) if seconds else float("nan")

    groups = [recording.group for recording in recordings]
    return ErrorOverTime(total, speaker_bootstrap(rate, groups, seed=seed), len(recordings))


def _error(recording: Timed, counting: Counting) -> EmotionError:
    within: list[tuple[Span, ...]] = []
    if not counting.unlabelled:
        within.append(tuple(Span(e.start_s, e.end_s) for e in recording.reference))
    if not counting.pauses:
        within.append(recording.speech)
    return emotion_error(
        recording.reference,
        recording.told,
        () if counting.neutral else (NEUTRAL,),
        within=within,
        without=recording.left_out,
    )
