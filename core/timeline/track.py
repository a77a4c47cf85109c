"""Reading a track: any region, at any width, by one definition.

The read-out of a region is `softmax(mean of its raw logits)`, from prefix sums, so utterance,
segment, smoothed curve and selection can never disagree.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.emotions import N_EMOTIONS, Emotion
from core.errors import RegionError
from core.records import BLOCK_S, Floats, Span, Track
from core.timeline.calibration import Calibration, Doubles, emotion_of, scores_of

_SNAP = 1e-6
_AT_ONCE = 8_192  # frames of a curve; what is worked on then stays in the processor's cache


class FrameChoice(StrEnum):
    """Which frames of a region are read out."""

    ALL = "all"
    SPEECH = "speech"


@dataclass(frozen=True)
class ReadOut:
    """What an engine makes of one region.

    Attributes:
        logits: shape `(9,)`, mean of the raw logits.
        scores: shape `(9,)`, sum 1.
        confidence: calibrated; None under 0.5 s, over 10 s, or for an engine never calibrated.
        n_frames: frames that were averaged.
    """

    span: Span
    logits: Doubles
    scores: Doubles
    emotion: Emotion
    confidence: float | None
    n_frames: int


class Timeline:
    """A track with its prefix sums: every region of it in constant time."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self.n_frames = len(track.logits)
        self.calibration = Calibration(track.source.temperatures, track.source.class_mask)
        self._sums: dict[FrameChoice, Doubles] = {}
        self._summing = threading.Lock()  # several threads of a page ask for the same sums at once

    def _prefix(self, frames: FrameChoice) -> Doubles:
        """Returns prefix sums, shape `(10, n_frames + 1)`: nine logits and the count of frames."""
        with self._summing:
            if frames not in self._sums:
                self._sums[frames] = self._summed(frames is FrameChoice.SPEECH)
            return self._sums[frames]

    def _summed(self, speech: bool) -> Doubles:
        counts = self.track.speech if speech else np.ones(self.n_frames, np.bool_)
        found = np.zeros((N_EMOTIONS + 1, self.n_frames + 1))
        for sums, logits in zip(found, self.track.logits.T, strict=False):
            np.cumsum(logits * counts if speech else logits, dtype=np.float64, out=sums[1:])
        np.cumsum(counts, out=found[-1, 1:])
        return found

    def frame_at(self, time_s: float) -> int:
        """Returns the number of the first frame that starts at `time_s` or later, in range."""
        exact = (time_s - self.track.offset_s) / self.track.hop_s
        return int(np.clip(np.ceil(exact - _SNAP), 0, self.n_frames))

    def read_out(self, span: Span, frames: FrameChoice = FrameChoice.SPEECH) -> ReadOut:
        """Returns the read-out of a region.

        Raises:
            RegionError: the region is empty, lies outside, or holds no frame of the wanted kind.
        """
        if span.start_s >= self.track.duration_s:
            raise RegionError(
                f"The region starts at {span.start_s:.2f} s, but the recording ends at "
                f"{self.track.duration_s:.2f} s; choose a region within it."
            )
        if not 0 <= span.start_s < span.end_s:
            raise RegionError(
                f"The region {span.start_s:.2f} to {span.end_s:.2f} s is empty or reversed; "
                "its end must come after its start, and its start not before 0."
            )
        total, n_frames = self.total(span, frames)
        if n_frames == 0:
            kind = "speech" if frames is FrameChoice.SPEECH else "frame"
            raise RegionError(
                f"There is no {kind} between {span.start_s:.2f} and {span.end_s:.2f} s; "
                "choose a wider region, or read out all frames."
            )
        return self._read_out(span, total / n_frames, n_frames)

    def total(self, span: Span, frames: FrameChoice = FrameChoice.SPEECH) -> tuple[Doubles, int]:
        """Returns the sum of a region's raw logits, shape `(9,)`, and how many frames it has."""
        sums = self._prefix(frames)
        total = sums[:, self.frame_at(span.end_s)] - sums[:, self.frame_at(span.start_s)]
        return total[:-1], round(total[-1])

    def has_speech(self, span: Span) -> bool:
        """Returns whether a region holds a frame of speech."""
        frames = slice(self.frame_at(span.start_s), self.frame_at(span.end_s))
        return bool(self.track.speech[frames].any())

    def utterance(self) -> ReadOut:
        """Returns the read-out of the whole recording over all frames: the engine's own answer."""
        total = self.track.logits.sum(axis=0, dtype=np.float64)
        span = Span(0.0, self.track.duration_s)
        return self._read_out(span, total / self.n_frames, self.n_frames)

    def _read_out(self, span: Span, logits: Doubles, n_frames: int) -> ReadOut:
        scores = scores_of(logits, self.track.source.class_mask)
        confidence = self.calibration.confidence(logits, n_frames * self.track.hop_s)
        return ReadOut(span, logits, scores, emotion_of(scores), confidence, n_frames)

    def times(self) -> Doubles:
        """Returns the start of each frame in seconds, shape `(n_frames,)`."""
        return self.track.offset_s + self.track.hop_s * np.arange(self.n_frames, dtype=np.float64)

    def curve(
        self,
        width_s: float,
        frames: FrameChoice = FrameChoice.ALL,
        dtype: type[np.floating] = np.float64,
    ) -> Doubles:
        """Returns the scores round each frame, shape `(n_frames, 9)`.

        Args:
            width_s: the width of the region round each frame; 0.02 gives the frames as they are.
                At the ends of the recording the region is cut off there.
            frames: which frames of the region are read out; where it holds none, the scores are NaN.
            dtype: of the scores; float32 is good to six digits, enough to draw them.
        """
        half = max(0, round(width_s / self.track.hop_s) - 1) / 2
        reach = math.floor(half + _SNAP)  # whole frames on either side
        sums = self._prefix(frames)
        curve: NDArray[Any] = np.empty((N_EMOTIONS, self.n_frames), dtype).T
        for start in range(0, self.n_frames, _AT_ONCE):
            stop = min(start + _AT_ONCE, self.n_frames)
            total = _columns(sums, start + reach + 1, stop + reach + 1)
            total = (total - _columns(sums, start - reach, stop - reach)).T
            logits = total[:, :-1] / np.maximum(total[:, -1:], 1)
            curve[start:stop] = scores_of(logits, self.track.source.class_mask, dtype)
            curve[start:stop][total[:, -1] == 0] = np.nan
        return curve

    def embedding(self, span: Span | None = None) -> Floats:
        """Returns the mean embedding of a region, shape `(n_dims,)`, from blocks of 0.5 s.

        A block that the region covers in part counts by that part.
        """
        n_blocks = len(self.track.block_frames)
        if span is None:
            weight = np.ones(n_blocks)
        else:
            starts = self.track.offset_s + np.arange(n_blocks) * BLOCK_S
            ends = np.minimum(starts + BLOCK_S, max(self.track.duration_s, _SNAP))
            covered = np.minimum(ends, span.end_s) - np.maximum(starts, span.start_s)
            weight = np.clip(covered / np.maximum(ends - starts, _SNAP), 0, 1).astype(np.float64)
        n_frames = float(weight @ self.track.block_frames)
        if n_frames == 0:
            raise RegionError("The region holds no block of the track; choose one within it.")
        mean: Floats = ((weight @ self.track.block_sums) / n_frames).astype(np.float32)
        return mean

    def speech_spans(self) -> tuple[Span, ...]:
        """Returns the stretches of speech, from the mask of the frames."""
        return spans_of(self.track.speech, self.track.hop_s, self.track.offset_s)


def _columns(sums: Doubles, start: int, stop: int) -> Doubles:
    """Returns columns of prefix sums; beyond their ends, those at the ends."""
    last = sums.shape[1] - 1
    if start >= 0 and stop <= last + 1:
        return sums[:, start:stop]
    return sums[:, np.clip(np.arange(start, stop), 0, last)]


def spans_of(mask: NDArray[np.bool_], hop_s: float, offset_s: float) -> tuple[Span, ...]:
    """Returns the stretches in which a mask, shape `(n_frames,)`, is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    times = np.round(offset_s + hop_s * edges.reshape(-1, 2), 6).tolist()
    return tuple(Span(start_s, end_s) for start_s, end_s in times)


def mask_of(
    spans: Sequence[Span], n_frames: int, hop_s: float, offset_s: float
) -> NDArray[np.bool_]:
    """Returns which frames have their middle in stretches, in order, shape `(n_frames,)`."""
    middles = offset_s + hop_s * (np.arange(n_frames) + 0.5)
    edges = np.array([[span.start_s, span.end_s] for span in spans]).reshape(-1)
    inside: NDArray[np.bool_] = np.searchsorted(edges, middles, side="right") % 2 == 1
    return inside
