"""How good a rule is, from verdicts on flagged and on random unflagged moments."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.records import Span
from core.statistics.proportions import Estimate, wilson
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
        precision: share of flags that are right, with its Wilson interval; None without verdicts.
        missed: share of unflagged windows that should have been flagged; None without verdicts.
        recall: share of what is looked for that the rule flags; None while it cannot be told.
        n_reviewed: verdicts that count.
        n_skipped: moments skipped.
        n_flagged: flags in the corpus.
        n_unflagged: unflagged windows in the corpus.
    """

    precision: Estimate | None
    missed: Estimate | None
    recall: Estimate | None
    n_reviewed: int
    n_skipped: int
    n_flagged: int
    n_unflagged: int


def measured(
    said: Iterable[tuple[bool, Verdict | None]],
    n_flagged: int,
    n_unflagged: int,
    level: float = 0.95,
) -> Quality:
    """Returns precision and recall.

    Recall counts each verdict on an unflagged window for as many as it stands for: the windows of the
    corpus by those reviewed. Its ends join the ends of both Wilson intervals, each at a level so much
    higher that together they hold as often as asked (Bonferroni); they are rather too wide.

    Args:
        said: for each moment whether it was flagged, and the verdict on it.
        n_flagged: flags in the corpus.
        n_unflagged: unflagged windows in the corpus, each about as long as a flag.
        level: of the intervals.
    """
    counts = {(f, v): 0 for f in (True, False) for v in Verdict}
    for flagged, verdict in said:
        if verdict is not None:
            counts[flagged, verdict] += 1
    right, wrong = counts[True, Verdict.RIGHT], counts[True, Verdict.WRONG]
    missed, silent = counts[False, Verdict.WRONG], counts[False, Verdict.RIGHT]
    higher = 1 - (1 - level) / 2
    return Quality(
        precision=wilson(right, right + wrong, level),
        missed=wilson(missed, missed + silent, level),
        recall=_recall(
            wilson(right, right + wrong, higher),
            wilson(missed, missed + silent, higher),
            n_flagged,
            n_unflagged,
        ),
        n_reviewed=right + wrong + missed + silent,
        n_skipped=counts[True, Verdict.SKIP] + counts[False, Verdict.SKIP],
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

    def share(right: float | None, lost: float | None) -> float:
        found, gone = n_flagged * (right or 0.0), n_unflagged * (lost or 0.0)
        return found / (found + gone) if found + gone else 0.0

    if not n_flagged * precision.value + n_unflagged * missed.value:
        return None
    return Estimate(
        value=share(precision.value, missed.value),
        low=share(precision.low, missed.high),
        high=share(precision.high, missed.low),
        n=precision.n + missed.n,
    )
