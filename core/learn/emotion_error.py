"""Emotion diarization error: how much of the time another emotion is told than the one that is there.

As the error rate of speaker diarization, with emotions in place of speakers and nothing to be matched.
Source: NIST, Rich Transcription evaluation, 2009; for emotions Wang et al., 2023,
https://arxiv.org/abs/2306.12991.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.emotions import EMOTIONS, N_EMOTIONS
from core.errors import StudyError
from core.records import Span


@dataclass(frozen=True)
class Event:
    """A stretch `[start_s, end_s)` of one emotion; events may overlap."""

    start_s: float
    end_s: float
    emotion: str


@dataclass(frozen=True)
class EmotionError:
    """Time that was told wrong, beside the time of the reference.

    The three may sum to more than the reference, as false alarms have no bound.

    Attributes:
        miss: emotions that are there and not told, in seconds.
        false_alarm: emotions told where fewer or none are, in seconds.
        confusion: emotions told in place of others, in seconds.
        reference_s: seconds of all reference events.
    """

    miss: float
    false_alarm: float
    confusion: float
    reference_s: float

    @property
    def rate(self) -> float | None:
        """All three over the reference time; None without any."""
        total = self.miss + self.false_alarm + self.confusion
        return total / self.reference_s if self.reference_s else None


def emotion_error(
    reference: Iterable[Event],
    told: Iterable[Event],
    ignored: Collection[str] = (),
    *,
    within: Iterable[Collection[Span]] = (),
    without: Collection[Span] = (),
) -> EmotionError:
    """Returns the error of what was told, exact between the bounds of all events.

    At each moment the emotions there are set against those told: what one side has more is missed or a
    false alarm, and of the rest what is not the same is confused.

    Args:
        reference: what is there.
        told: what the engine says.
        ignored: emotions that are no event, such as neutral.
        within: only time that lies in a stretch of each of these counts.
        without: stretches that do not count.

    Raises:
        StudyError: an event is empty or of none of the nine emotions.
    """
    sides = [_checked(reference, ignored), _checked(told, ignored)]
    masks = list(within)
    every: list[Collection[Span]] = [*masks, without]
    bounds = [(e.start_s, e.end_s) for side in sides for e in side]
    bounds += [(span.start_s, span.end_s) for spans in every for span in spans]
    edges = np.unique(bounds)
    if len(edges) < 2:
        return EmotionError(0.0, 0.0, 0.0, 0.0)
    there, said = (_present(side, edges) for side in sides)
    counted = ~_covered(without, edges)
    for mask in masks:
        counted &= _covered(mask, edges)
    lengths = np.diff(edges) * counted
    n_there, n_said, same = there.sum(axis=1), said.sum(axis=1), (there & said).sum(axis=1)
    return EmotionError(
        miss=float(lengths @ np.maximum(n_there - n_said, 0)),
        false_alarm=float(lengths @ np.maximum(n_said - n_there, 0)),
        confusion=float(lengths @ (np.minimum(n_there, n_said) - same)),
        reference_s=float(lengths @ n_there),
    )


def together(errors: Iterable[EmotionError]) -> EmotionError:
    """Returns the error over several recordings, weighted by time."""
    every = list(errors)
    return EmotionError(
        miss=sum(e.miss for e in every),
        false_alarm=sum(e.false_alarm for e in every),
        confusion=sum(e.confusion for e in every),
        reference_s=sum(e.reference_s for e in every),
    )


def _checked(events: Iterable[Event], ignored: Collection[str]) -> list[Event]:
    found = [event for event in events if event.emotion not in ignored]
    for event in found:
        if event.emotion not in tuple(EMOTIONS) or not 0 <= event.start_s < event.end_s:
            raise StudyError(
                f"{event.emotion!r:.40} from {event.start_s:g} to {event.end_s:g} s is no event; map it "
                "to one of the nine emotions, with an end after its start."
            )
    return found


def _present(events: Sequence[Event], edges: np.ndarray) -> np.ndarray:
    """Returns which emotions are there between the edges, shape `(n_edges - 1, 9)`."""
    change = np.zeros((len(edges), N_EMOTIONS), dtype=np.int64)
    for event in events:
        column = [str(emotion) for emotion in EMOTIONS].index(event.emotion)
        change[np.searchsorted(edges, event.start_s), column] += 1
        change[np.searchsorted(edges, event.end_s), column] -= 1
    found: np.ndarray = change.cumsum(axis=0)[:-1] > 0
    return found


def _covered(spans: Collection[Span], edges: np.ndarray) -> np.ndarray:
    """Returns which pieces between the edges lie in a stretch, shape `(n_edges - 1,)`."""
    change = np.zeros(len(edges), dtype=np.int64)
    for span in spans:
        change[np.searchsorted(edges, span.start_s)] += 1
        change[np.searchsorted(edges, span.end_s)] -= 1
    found: np.ndarray = change.cumsum()[:-1] > 0
    return found
