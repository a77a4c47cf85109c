"""Where the emotion of a recording changes for good, its peaks, and what smoothing does to it.

Turning points are change points of the mean: PELT (Killick, Fearnhead, Eckley, 2012,
https://arxiv.org/abs/1101.1438) by the package ruptures (Truong, Oudre, Vayatis, 2020) over regions
of half a second of speech. How much a change must explain (the penalty) is not guessed: it is the
one at which recordings of one speaker and one emotion showed so many false points per hour.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.emotions import EMOTIONS, Emotion
from core.errors import SettingsError
from core.records import Span, Turn
from core.timeline.calibration import Doubles, emotion_of, scores_of
from core.timeline.track import FrameChoice, Timeline

REGION_FRAMES: Final = 25  # of speech, half a second
LEAST_REGIONS: Final = 10  # a stretch of one emotion has at least 5 s of speech
NEAR_TURN_S: Final = 1.5

# False points per hour to penalty, by `python -m benchmarks.turning_points --calibrate` with `compact`:
# measured were 0.92, 2.84 and 9.88 per hour over 75 recordings of one speaker and emotion.
PENALTIES: Final[dict[float, float]] = {1.0: 48.0, 3.0: 36.0, 10.0: 24.0}
FALSE_PER_HOUR: Final = 3.0  # unless told otherwise


@dataclass(frozen=True)
class TurningPoint:
    """A time from which on a recording sounds different to the engine.

    Attributes:
        before: what the stretch up to it, from the point before, sounds like.
        after: what the stretch from it on, to the next point, sounds like.
        new_speaker: whether another person begins to speak there, which may be all there is to it.
    """

    time_s: float
    before: Emotion
    after: Emotion
    new_speaker: bool

    @property
    def sentence(self) -> str:
        """What turns there, in words."""
        turn = f"from {self.before} to {self.after}"
        return f"{turn}, where the speaker changes" if self.new_speaker else turn


@dataclass(frozen=True)
class Peak:
    """A moment at which one emotion's score stands out.

    Attributes:
        score: of the region round it.
        prominence: how far the score falls on both sides before it rises higher.
    """

    time_s: float
    emotion: Emotion
    score: float
    prominence: float

    @property
    def sentence(self) -> str:
        """What stands out there, in words."""
        return f"sounds {self.emotion} to the engine as hardly elsewhere, score {self.score:.2f}"


@dataclass(frozen=True)
class SmoothingBand:
    """How far the scores move with the width of smoothing; it says nothing of their accuracy.

    Attributes:
        widths_s: the widths that were tried.
        low: shape `(n_frames, 9)`, least score over the widths that have one, NaN where none has.
        high: shape `(n_frames, 9)`, greatest score.
        same_label: share of the frames of speech whose highest emotion is the same at all widths.
    """

    widths_s: tuple[float, ...]
    low: Doubles
    high: Doubles
    same_label: float


def turning_points(
    timeline: Timeline, false_per_hour: float = FALSE_PER_HOUR, turns: Sequence[Turn] = ()
) -> tuple[TurningPoint, ...]:
    """Returns the turning points of a track, in order of time.

    Args:
        timeline: the track.
        false_per_hour: how many points an hour of speech of one emotion may show: 1, 3 or 10.
        turns: who speaks when, so that changes of speaker are marked.

    Raises:
        SettingsError: nothing was measured for this sensitivity.
    """
    if false_per_hour not in PENALTIES:
        known = ", ".join(f"{rate:g}" for rate in PENALTIES)
        raise SettingsError(
            f"{false_per_hour:g} false points per hour were not measured; choose one of {known}."
        )
    regions, first = evidence(timeline)
    bounds = change_points(regions, PENALTIES[false_per_hour])
    return points_of(timeline, first, bounds, turns)


def evidence(timeline: Timeline) -> tuple[Doubles, np.ndarray]:
    """Returns the log scores of half seconds of speech, and the first frame of each.

    Pauses are left out. Logits are divided by the temperature of the width where there is one.

    Returns:
        Shapes `(n_regions, n_classes)` and `(n_regions,)`.
    """
    track = timeline.track
    speech = np.flatnonzero(track.speech)
    n_regions = len(speech) // REGION_FRAMES
    used = speech[: n_regions * REGION_FRAMES].reshape(-1, REGION_FRAMES)
    mask = np.asarray(track.source.class_mask)
    logits = track.logits[used].astype(np.float64).mean(axis=1)
    temperature = timeline.calibration.temperature(REGION_FRAMES * track.hop_s) or 1.0
    scores = scores_of(logits / temperature, mask.tolist())[:, mask]
    return np.log(np.maximum(scores, 1e-6)), used[:, 0]


def change_points(regions: Doubles, penalty: float) -> list[int]:
    """Returns the regions at which a new stretch begins.

    Args:
        regions: shape `(n_regions, n_classes)`.
        penalty: what a change must explain, in units of the flicker from one region to the next.
    """
    from ruptures import KernelCPD

    if len(regions) < 2 * LEAST_REGIONS:
        return []
    flicker = np.diff(regions, axis=0).var() / 2 if len(regions) > 2 else 0.0
    search = KernelCPD(kernel="linear", min_size=LEAST_REGIONS)
    found = search.fit(regions / np.sqrt(max(flicker, 1e-12))).predict(pen=penalty)
    return [int(at) for at in found[:-1]]


def points_of(
    timeline: Timeline, first: np.ndarray, bounds: Sequence[int], turns: Sequence[Turn]
) -> tuple[TurningPoint, ...]:
    """Returns the change points at which another emotion is the highest from then on.

    Args:
        timeline: the track.
        first: shape `(n_regions,)`, first frame of each region.
        bounds: regions at which a new stretch begins.
        turns: who speaks when.
    """
    if not bounds:
        return ()
    track = timeline.track
    times = [round(track.offset_s + float(first[at]) * track.hop_s, 6) for at in bounds]
    edges = [0.0, *times, track.duration_s]
    labels = [_label(timeline, Span(a, b)) for a, b in itertools.pairwise(edges)]
    kept = [0]
    for number in range(1, len(labels)):
        if labels[number] is not labels[kept[-1]]:
            kept.append(number)
    return tuple(
        TurningPoint(edges[after], labels[before], labels[after], _new_speaker(edges[after], turns))
        for before, after in itertools.pairwise(kept)
    )


def peaks(
    timeline: Timeline, width_s: float = 2.0, most: int = 3, least_prominence: float = 0.2
) -> tuple[Peak, ...]:
    """Returns the strongest moments of each emotion, the strongest first.

    Args:
        timeline: the track.
        width_s: of the smoothing; peaks lie at least so far apart.
        most: how many of an emotion at most.
        least_prominence: how far a score must stand out.
    """
    from scipy.signal import find_peaks

    curve = np.nan_to_num(timeline.curve(width_s, FrameChoice.SPEECH, np.float32))
    apart = max(1, round(width_s / timeline.track.hop_s))
    found: list[Peak] = []
    for column, emotion in enumerate(EMOTIONS):
        padded = np.concatenate([[0.0], curve[:, column], [0.0]])
        at, seen = find_peaks(padded, distance=apart, prominence=least_prominence)
        strongest = np.argsort(-padded[at], kind="stable")[:most]
        found += [
            Peak(
                round(timeline.track.offset_s + (float(at[i]) - 0.5) * timeline.track.hop_s, 6),
                emotion,
                float(padded[at[i]]),
                float(seen["prominences"][i]),
            )
            for i in strongest
        ]
    return tuple(sorted(found, key=lambda peak: -peak.score))


def smoothing_band(
    timeline: Timeline,
    widths_s: Sequence[float] = (0.5, 1.0, 2.0, 5.0),
    dtype: type[np.floating[Any]] = np.float64,
) -> SmoothingBand:
    """Returns how far the scores move when they are smoothed more or less.

    Args:
        timeline: the track.
        widths_s: of the smoothing.
        dtype: of the scores; float32 is enough to draw them.
    """
    speech = timeline.track.speech
    low = high = timeline.curve(widths_s[0], FrameChoice.SPEECH, dtype)
    first = low[speech].argmax(axis=1)
    same = np.ones(len(first), np.bool_)
    for width_s in widths_s[1:]:
        curve = timeline.curve(width_s, FrameChoice.SPEECH, dtype)
        low, high = np.fmin(low, curve), np.fmax(high, curve)
        same &= curve[speech].argmax(axis=1) == first
    return SmoothingBand(tuple(widths_s), low, high, float(same.mean()) if len(same) else 1.0)


def _label(timeline: Timeline, span: Span) -> Emotion:
    return emotion_of(timeline.read_out(span).scores)


def _new_speaker(time_s: float, turns: Sequence[Turn]) -> bool:
    """Whether another speaker than the last one begins within 1.5 s of a time."""
    ordered = sorted(turns, key=lambda turn: turn.start_s)
    return any(
        after.speaker != before.speaker and abs(after.start_s - time_s) <= NEAR_TURN_S
        for before, after in itertools.pairwise(ordered)
    )
