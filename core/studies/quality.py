"""How good a rule is, from verdicts on flagged and on random unflagged moments."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.records import Span
from core.statistics.proportions import Estimate, share_over_speakers
from core.timeline.track import Timeline


class Verdict(StrEnum):
    """What a person says of a moment: the rule was right, wrong, or it cannot be told."""

    RIGHT = "right"
    WRONG = "wrong"
    SKIP = "skip"


@dataclass(frozen=True)
class Quality:
    """Measured precision and recall.

    Attributes:
        precision: share of flags that are right, with its interval over speakers; None without verdicts.
        missed: share of unflagged windows that should have been flagged; None without verdicts.
        recall: share of what is looked for that the rule flags; None while it cannot be told.
        n_reviewed: verdicts that count.
        n_speakers: of these.
        n_skipped: moments skipped.
        n_flagged: flags in the corpus.
        n_unflagged: unflagged windows in the corpus.
    """

    precision: Estimate | None
    missed: Estimate | None
    recall: Estimate | None
    n_reviewed: int
    n_speakers: int
    n_skipped: int
    n_flagged: int
    n_unflagged: int


def measured(
    said: Iterable[tuple[bool, Verdict | None, str]],
    n_flagged: int,
    n_unflagged: int,
    level: float = 0.95,
) -> Quality:
    """Returns precision and recall.

    Recall counts each verdict on an unflagged window for as many as it stands for: the windows of the
    corpus by those reviewed. Its ends join the ends of both intervals, each at a level so much higher
    that together they hold as often as asked (Bonferroni); they are rather too wide.

    Args:
        said: for each moment whether it was flagged, the verdict on it, and who speaks in it.
        n_flagged: flags in the corpus.
        n_unflagged: unflagged windows in the corpus, each about as long as a flag.
        level: of the intervals.
    """
    every = list(said)
    counted = [one for one in every if one[1] in (Verdict.RIGHT, Verdict.WRONG)]

    def share(flagged: bool, verdict: Verdict, level: float) -> Estimate | None:
        mine = [one for one in counted if one[0] is flagged]
        hits = [told is verdict for _, told, _ in mine]
        return share_over_speakers(hits, [speaker for *_, speaker in mine], level)

    higher = 1 - (1 - level) / 2
    return Quality(
        precision=share(True, Verdict.RIGHT, level),
        missed=share(False, Verdict.WRONG, level),
        recall=_recall(
            share(True, Verdict.RIGHT, higher),
            share(False, Verdict.WRONG, higher),
            n_flagged,
            n_unflagged,
        ),
        n_reviewed=len(counted),
        n_speakers=len({speaker for *_, speaker in counted}),
        n_skipped=sum(told is Verdict.SKIP for _, told, _ in every),
        n_flagged=n_flagged,
        n_unflagged=n_unflagged,
    )


def windows(timeline: Timeline, flagged: NDArray[np.float64], width_s: float) -> list[Span]:
    """Returns windows side by side that are speech by half and touch no flag.

    Args:
        timeline: the track.
        flagged: shape `(n_flags, 2)`, start and end in seconds.
        width_s: of a window.
    """
    track = timeline.track
    n_windows = int((timeline.n_frames * track.hop_s + 1e-6) // width_s)
    starts = track.offset_s + np.arange(n_windows) * width_s
    spans = [Span(round(float(s), 6), round(float(s) + width_s, 6)) for s in starts]
    free = [
        span
        for span in spans
        if not ((flagged[:, 0] < span.end_s) & (flagged[:, 1] > span.start_s)).any()
    ]
    return [span for span in free if _spoken(timeline, span) >= 0.5]


def _spoken(timeline: Timeline, span: Span) -> float:
    frames = timeline.track.speech[timeline.frame_at(span.start_s) : timeline.frame_at(span.end_s)]
    return float(frames.mean()) if len(frames) else 0.0


def _recall(
    precision: Estimate | None, missed: Estimate | None, n_flagged: int, n_unflagged: int
) -> Estimate | None:
    if n_unflagged == 0:
        missed = Estimate(0.0, 0.0, 0.0, 0)
    if precision is None or missed is None:
        return None

    def share(right: float, lost: float) -> float:
        found, gone = n_flagged * right, n_unflagged * lost
        return found / (found + gone) if found + gone else 0.0

    if not n_flagged * precision.value + n_unflagged * missed.value:
        return None
    low = high = None
    if None not in (precision.low, precision.high, missed.low, missed.high):
        low = share(precision.low or 0.0, missed.high or 0.0)
        high = share(precision.high or 0.0, missed.low or 0.0)
    value = share(precision.value, missed.value)
    return Estimate(value, low, high, precision.n + missed.n)
