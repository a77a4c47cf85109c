"""The course of emotions over recordings, on one time axis: absolute, normalised or round an event.

What is compared are speakers: each speaker's recordings are averaged first. A difference over time is
held against whole speakers put into the groups anew, over all times and emotions at once; it says that
the courses differ, and nothing of when the difference sets in.

Source: on onsets, Sassenhagen & Draschkow, 2019, https://doi.org/10.1111/psyp.13335.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.emotions import N_EMOTIONS
from core.errors import StudyError
from core.statistics.permutation import N_PERMUTATIONS, GroupTest, paired, two_groups
from core.statistics.resampling import MIN_SPEAKERS, N_DRAWS, codes, interval
from core.timeline.calibration import Doubles
from core.timeline.track import FrameChoice, Timeline


@dataclass(frozen=True)
class Band:
    """The mean course of a group of speakers.

    Attributes:
        mean: shape `(n_times, n_emotions)`, NaN where no speaker has a value.
        low: the same shape; None under 8 speakers. Pointwise, from speakers drawn with replacement.
        high: the same shape, or None.
        each: shape `(n_speakers, n_times, n_emotions)`: the speakers themselves.
        speakers: their names, in that order.
    """

    mean: Doubles
    low: Doubles | None
    high: Doubles | None
    each: Doubles
    speakers: tuple[str, ...]


def absolute(
    timeline: Timeline, end_s: float, step_s: float = 1.0, width_s: float = 2.0
) -> Doubles:
    """Returns scores at 0, `step_s`, … before `end_s`, shape `(n_times, 9)`; NaN without speech.

    Args:
        timeline: the track.
        end_s: where the axis ends; times after the recording are NaN.
        step_s: from one time to the next.
        width_s: of the region round each time.
    """
    return at_times(timeline, np.arange(0, end_s - 1e-9, step_s), width_s)


def normalised(timeline: Timeline, n_points: int = 100, width_s: float = 2.0) -> Doubles:
    """Returns scores at the middles of equal parts of the recording, shape `(n_points, 9)`."""
    middles = (np.arange(n_points) + 0.5) / n_points * timeline.track.duration_s
    return at_times(timeline, middles, width_s)


def event_locked(
    timeline: Timeline,
    events_s: Sequence[float],
    before_s: float,
    after_s: float,
    step_s: float = 0.5,
    width_s: float = 2.0,
) -> Doubles:
    """Returns the mean course round events, shape `(n_times, 9)`; NaN where no event has speech.

    Args:
        timeline: the track.
        events_s: times of the events.
        before_s: how far the axis reaches before an event.
        after_s: how far it reaches after it.
        step_s: from one time to the next.
        width_s: of the region round each time.

    Raises:
        StudyError: there is no event.
    """
    if not len(events_s):
        raise StudyError("There is no event to lock on; choose recordings that have one.")
    offsets = np.arange(-before_s, after_s + 1e-9, step_s)
    return mean_known([at_times(timeline, offsets + event, width_s) for event in events_s])


def at_times(timeline: Timeline, times_s: Doubles, width_s: float) -> Doubles:
    """Returns the scores of the region round each time, shape `(n_times, 9)`; NaN where none is."""
    curve = timeline.curve(width_s, FrameChoice.SPEECH)
    track = timeline.track
    frames = np.round((np.asarray(times_s) - track.offset_s) / track.hop_s).astype(np.int64)
    found = np.full((len(frames), N_EMOTIONS), np.nan)
    inside = (frames >= 0) & (frames < timeline.n_frames)
    found[inside] = curve[frames[inside]]
    return found


def mean_known(courses: Sequence[Doubles] | Doubles) -> Doubles:
    """Returns the mean over the first axis of what is known; NaN where nothing is."""
    stacked = np.asarray(courses)
    known = ~np.isnan(stacked)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    counts = known.sum(axis=0)
    found: Doubles = np.full(total.shape, np.nan)
    np.divide(total, counts, out=found, where=counts > 0)
    return found


def by_speaker(
    courses: Doubles, speakers: Sequence[str] | NDArray[Any]
) -> tuple[Doubles, tuple[str, ...]]:
    """Returns the mean course of each speaker, and their names.

    Args:
        courses: shape `(n_recordings, n_times, n_emotions)`.
        speakers: shape `(n_recordings,)`.
    """
    numbers, n_speakers = codes(speakers)
    names = tuple(np.unique(np.asarray(speakers, dtype=str)).tolist())
    return np.stack([mean_known(courses[numbers == n]) for n in range(n_speakers)]), names


def group_band(
    courses: Doubles,
    speakers: Sequence[str] | NDArray[Any],
    level: float = 0.95,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> Band:
    """Returns the mean course over speakers with a band; under 8 speakers there is none.

    Args:
        courses: shape `(n_recordings, n_times, n_emotions)`.
        speakers: shape `(n_recordings,)`.
        level: of the band, at each time by itself.
        n_draws: of speakers, with replacement.
        seed: of the draws.
    """
    each, names = by_speaker(courses, speakers)
    low = high = None
    if len(names) >= MIN_SPEAKERS:
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_draws)
        known = (~np.isnan(each)).reshape(len(names), -1)
        values = np.where(known, each.reshape(len(names), -1), 0.0)
        weight = counts @ known
        drawn = np.divide(
            counts @ values, weight, out=np.full(weight.shape, np.nan), where=weight > 0
        )
        # a draw that holds no speaker with a value at a time stands for the mean there
        drawn = np.where(np.isnan(drawn), mean_known(each).reshape(1, -1), drawn)
        low, high = (edge.reshape(each.shape[1:]) for edge in interval(drawn, level))
    return Band(mean_known(each), low, high, each, names)


def compare(
    first: Band, second: Band, n_permutations: int = N_PERMUTATIONS, seed: int = 0
) -> GroupTest:
    """Returns how the courses of two groups of different speakers differ.

    Times and emotions at which any speaker has no value are left out (NaN).

    Raises:
        StudyError: a speaker is in both groups, or a group has fewer than two.
    """
    both = sorted(set(first.speakers) & set(second.speakers))
    if both:
        raise StudyError(
            f"In both groups are {', '.join(both[:5])}, so speakers can neither be put into the groups "
            "anew, nor are there two who can be compared with themselves; choose other groups."
        )
    return two_groups(first.each, second.each, n_permutations, seed)


def compare_paired(
    first: Band, second: Band, n_permutations: int = N_PERMUTATIONS, seed: int = 0
) -> tuple[GroupTest, tuple[str, ...]]:
    """Returns how the same speakers differ between two conditions, and who was left out.

    Raises:
        StudyError: fewer than two speakers have both.
    """
    both = sorted(set(first.speakers) & set(second.speakers))
    if len(both) < 2:
        raise StudyError(
            f"{len(both)} speakers have recordings of both kinds; a paired comparison needs at least "
            "two."
        )
    a = first.each[[first.speakers.index(name) for name in both]]
    b = second.each[[second.speakers.index(name) for name in both]]
    left = sorted((set(first.speakers) | set(second.speakers)) - set(both))
    return paired(a, b, n_permutations, seed), tuple(left)
