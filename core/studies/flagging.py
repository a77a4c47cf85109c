"""Where a rule's conditions hold: runs of frames, found without a loop over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.emotions import EMOTIONS
from core.errors import RuleError
from core.records import Span, Turn
from core.studies.rules import (
    Condition,
    EmotionHolds,
    LevelOver,
    Match,
    PostProcessing,
    Rule,
    TurnsTo,
)
from core.timeline.calibration import Doubles
from core.timeline.track import FrameChoice, Timeline
from core.timeline.turning_points import TurningPoint

Mask = NDArray[np.bool_]
Runs = NDArray[np.int64]  # shape (n_runs, 2): first frame, and the one after the last
_SNAP = 1e-6


@dataclass(frozen=True)
class Heard:
    """A track and what a rule may ask of it.

    Attributes:
        turns: who speaks when; without any, `speaker` speaks all the time.
        level_db: shape `(n_frames,)`, or None where it was not measured.
        points: the turning points, or None where they were not looked for.
    """

    timeline: Timeline
    turns: Sequence[Turn] = ()
    speaker: str | None = None
    level_db: NDArray[Any] | None = None
    points: Sequence[TurningPoint] | None = None


def flags(rule: Rule, heard: Heard) -> tuple[Span, ...]:
    """Returns the stretches that a rule flags, in order, none touching another.

    Where all conditions must come together, each stretch is widened by half of `within_s` on either
    side; where all overlap then, the flag reaches from the first to the last of the stretches. Where one
    must follow another, see `in_order`.

    Raises:
        RuleError: the track lacks what the rule asks for.
    """
    timeline = heard.timeline
    found = [_runs(condition, rule.post, heard) for condition in rule.conditions]
    hop_s, offset_s = timeline.track.hop_s, timeline.track.offset_s
    if rule.match is Match.ANY:
        runs = joined(np.concatenate(found), 0)
    elif rule.match is Match.THEN:
        runs = in_order(found, rule.within_s / hop_s)
    else:
        runs = together(found, rule.within_s / hop_s)
    return tuple(
        Span(round(offset_s + first * hop_s, 6), round(offset_s + last * hop_s, 6))
        for first, last in runs.tolist()
    )


def speaker_of(turns: Sequence[Turn], speaker: str | None, span: Span) -> str | None:
    """Returns who speaks most in a stretch, or the speaker of all where no turns are known."""
    if not turns:
        return speaker
    spoken_s: dict[str, float] = {}
    for turn in turns:
        shared_s = min(turn.end_s, span.end_s) - max(turn.start_s, span.start_s)
        if shared_s > 0:
            spoken_s[turn.speaker] = spoken_s.get(turn.speaker, 0.0) + shared_s
    return max(spoken_s, key=lambda name: spoken_s[name], default=None)


def runs_of(mask: Mask) -> Runs:
    """Returns the runs in which a mask, shape `(n_frames,)`, is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


def holding(values: NDArray[Any], bound: float, allowed: Mask, hysteresis: float = 0.0) -> Runs:
    """Returns the runs of allowed frames in which values hold a bound.

    Args:
        values: shape `(n_frames,)`; NaN holds nothing.
        bound: the least value; a run must reach it at least once.
        allowed: shape `(n_frames,)`.
        hysteresis: how far below the bound a run goes on, before and after.
    """
    with np.errstate(invalid="ignore"):
        runs = runs_of(allowed & (values >= bound - hysteresis - _SNAP))
        high = np.concatenate([[0], np.cumsum(allowed & (values >= bound - _SNAP))])
    return runs[high[runs[:, 1]] > high[runs[:, 0]]]


def joined(runs: Runs, gap_frames: float) -> Runs:
    """Returns runs in order; those that overlap, touch, or lie so few frames apart become one."""
    ordered = runs[np.argsort(runs[:, 0], kind="stable")]
    if not len(ordered):
        return ordered
    reach = np.maximum.accumulate(ordered[:, 1])
    starts = np.flatnonzero(
        np.concatenate([[True], ordered[1:, 0] > reach[:-1] + gap_frames + _SNAP])
    )
    ends = np.concatenate([starts[1:] - 1, [len(ordered) - 1]])
    return np.stack([ordered[starts, 0], reach[ends]], axis=1)


def together(found: Sequence[Runs], within_frames: float) -> Runs:
    """Returns stretches in which each condition has a run, all within so many frames.

    Runs are widened by half of it on either side. Where a time lies in widened runs of all conditions,
    the stretch reaches from the start of the first to the end of the last of these runs.
    """
    if any(not len(runs) for runs in found):
        return np.zeros((0, 2), np.int64)
    half = within_frames / 2
    wide = [np.stack([runs[:, 0] - half, runs[:, 1] + half], axis=1) for runs in found]
    edges = np.unique(np.concatenate([w.ravel() for w in wide]))
    middles = (edges[1:] + edges[:-1]) / 2
    hulls = np.stack([np.full(len(middles), np.inf), np.full(len(middles), -np.inf)], axis=1)
    everywhere = np.ones(len(middles), dtype=bool)
    for runs, broad in zip(found, wide, strict=True):
        # widened runs of one condition may overlap: the first and the last that hold a time
        first = np.searchsorted(broad[:, 1], middles, side="right")
        last = np.searchsorted(broad[:, 0], middles, side="left") - 1
        inside = (first <= last) & (first < len(runs))
        everywhere &= inside
        hulls[inside, 0] = np.minimum(hulls[inside, 0], runs[first[inside], 0])
        hulls[inside, 1] = np.maximum(hulls[inside, 1], runs[last[inside], 1])
    return joined(hulls[everywhere].astype(np.int64), 0)


def in_order(found: Sequence[Runs], within_frames: float) -> Runs:
    """Returns stretches in which a run of each condition follows one of the condition before it.

    A run follows another if it begins later, and at most so many frames after the other's end. A stretch
    reaches from the start of the first to the end of the last run.

    Args:
        found: of each condition its runs in order, none touching another.
        within_frames: how long after the end of one the next may begin.
    """
    before = reach = found[0]
    for runs in found[1:]:
        first = np.searchsorted(before[:, 1], runs[:, 0] - within_frames - _SNAP)
        last = np.searchsorted(before[:, 0], runs[:, 0])
        follows = first < last
        before = runs[follows]
        # all chains that end in a run share it, so together they reach from their first start on
        reach = np.array(
            [
                [reach[a:b, 0].min(), max(end, reach[a:b, 1].max())]
                for a, b, end in zip(first[follows], last[follows], before[:, 1], strict=True)
            ],
            dtype=np.int64,
        ).reshape(-1, 2)
    return joined(reach, 0)


def _runs(condition: Condition, post: PostProcessing, heard: Heard) -> Runs:
    hop_s = heard.timeline.track.hop_s
    allowed = _speaking(condition.speaker, heard)
    if isinstance(condition, TurnsTo):
        return _turns_to(condition, heard, allowed)
    if isinstance(condition, EmotionHolds):
        scores, sure = _curve(heard.timeline, post)
        values = scores[:, EMOTIONS.index(condition.emotion)]
        runs = holding(values, condition.at_least, allowed & sure, post.hysteresis)
    else:
        runs = holding(_level(condition, heard), condition.over_db, allowed)
    runs = joined(runs, post.merge_s / hop_s)
    least_s = max(condition.for_s, post.min_duration_s)
    return runs[(runs[:, 1] - runs[:, 0]) * hop_s >= least_s - _SNAP]


def _curve(timeline: Timeline, post: PostProcessing) -> tuple[Doubles, Mask]:
    """Returns scores, shape `(n_frames, 9)`, and where they are sure enough."""
    width_s = max(post.smoothing_s, timeline.track.hop_s)
    scores = timeline.curve(width_s, FrameChoice.SPEECH)
    if not post.min_confidence:
        return scores, np.ones(len(scores), dtype=bool)
    temperature = timeline.calibration.temperature(width_s)
    if temperature is None:
        raise RuleError(
            f"There is no confidence for scores over {width_s:g} s of this engine; smooth over 0.5 to "
            "10 s, or abstain nowhere."
        )
    with np.errstate(divide="ignore"):
        scaled = np.log(scores) / temperature
    grown = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    with np.errstate(invalid="ignore"):
        sure = grown.max(axis=1) / grown.sum(axis=1) >= post.min_confidence
    return scores, sure


def _level(condition: LevelOver, heard: Heard) -> NDArray[Any]:
    if heard.level_db is None or len(heard.level_db) != heard.timeline.n_frames:
        raise RuleError(
            f"A level over {condition.over_db:g} dB is asked for, but the recording's level was not "
            "measured; its audio must be where it was analysed."
        )
    return heard.level_db


def _turns_to(condition: TurnsTo, heard: Heard, allowed: Mask) -> Runs:
    """Returns stretches from the first to the last of so many points that lie close enough."""
    track = heard.timeline.track
    times = np.array([p.time_s for p in heard.points or () if p.after == condition.emotion])
    frames = np.minimum(np.round((times - track.offset_s) / track.hop_s), len(allowed) - 1)
    frames = frames.astype(np.int64)
    frames = frames[allowed[frames]] if len(frames) else frames
    if len(frames) < condition.count:
        return np.zeros((0, 2), np.int64)
    first = frames[: len(frames) - condition.count + 1]
    last = frames[condition.count - 1 :]
    near = (last - first) * track.hop_s <= condition.within_s + _SNAP
    return joined(np.stack([first[near], last[near] + 1], axis=1), 0)


def _speaking(speaker: str | None, heard: Heard) -> Mask:
    """Returns in which frames a speaker speaks, shape `(n_frames,)`."""
    timeline = heard.timeline
    if speaker is None:
        return np.ones(timeline.n_frames, dtype=bool)
    if not heard.turns:
        return np.full(timeline.n_frames, heard.speaker == speaker)
    found = np.zeros(timeline.n_frames, dtype=bool)
    for turn in heard.turns:
        if turn.speaker == speaker:
            found[timeline.frame_at(turn.start_s) : timeline.frame_at(turn.end_s)] = True
    return found
