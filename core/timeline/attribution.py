"""Which stretches of a region carried each emotion.

The margin of an emotion is its mean logit minus the mean over all emotions that the engine has. As the
read-out is a mean over frames, a stretch's part in it is a sum over its frames, and the parts add up.
They say where the evidence lies, not what the engine would say without it: it saw the context.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.emotions import EMOTIONS, Emotion
from core.records import Span
from core.timeline.calibration import Doubles
from core.timeline.track import FrameChoice, Timeline


@dataclass(frozen=True)
class Attribution:
    """The parts that stretches of a region have in its margins.

    Attributes:
        spans: the stretches, one after the other.
        parts: shape `(n_stretches, 9)`; their sum over the stretches is `margins`.
        margins: shape `(9,)`, mean logit of the region minus the mean over the emotions.
        n_frames: shape `(n_stretches,)`, frames of each that were read out.
    """

    spans: tuple[Span, ...]
    parts: Doubles
    margins: Doubles
    n_frames: np.ndarray

    def of(self, emotion: Emotion) -> Doubles:
        """Returns the parts in one emotion, shape `(n_stretches,)`."""
        part: Doubles = self.parts[:, EMOTIONS.index(emotion)]
        return part


def attribution(
    timeline: Timeline,
    region: Span,
    n_stretches: int = 24,
    frames: FrameChoice = FrameChoice.SPEECH,
) -> Attribution:
    """Returns what equal stretches of a region add to its read-out.

    Args:
        timeline: the track.
        region: the stretch of time that is read out.
        n_stretches: how many there are, unless the region has fewer frames.
        frames: which frames are read out.

    Raises:
        RegionError: the region is empty, lies outside, or holds no frame of the wanted kind.
    """
    read = timeline.read_out(region, frames)
    last_s = min(region.end_s, timeline.track.duration_s)
    most = max(1, timeline.frame_at(last_s) - timeline.frame_at(region.start_s))
    edges = np.linspace(region.start_s, last_s, min(n_stretches, most) + 1)
    spans = tuple(Span(float(a), float(b)) for a, b in pairwise(edges))
    sums = [timeline.total(span, frames) for span in spans]
    totals = np.array([total for total, _ in sums])
    mask = np.asarray(timeline.track.source.class_mask)
    return Attribution(
        spans,
        margins_of(totals, mask) / read.n_frames,
        margins_of(read.logits, mask),
        np.array([count for _, count in sums]),
    )


def margins_of(logits: Doubles, mask: np.ndarray) -> Doubles:
    """Returns logits, shape `(..., 9)`, minus their mean over the emotions in the mask."""
    margins: Doubles = logits - logits[..., mask].mean(axis=-1, keepdims=True)
    return np.where(mask, margins, 0.0)
