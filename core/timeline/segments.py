"""Cutting the speech of a recording into segments, and summing a long stretch by them."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from core.emotions import EMOTIONS, N_EMOTIONS
from core.records import Floats, Segment, Span
from core.settings import Segmentation
from core.timeline.calibration import Doubles, scores_of
from core.timeline.track import Timeline

_SNAP = 1e-6


def cut(speech: Iterable[Span], settings: Segmentation) -> tuple[Span, ...]:
    """Returns the bounds of the segments.

    Args:
        speech: stretches of speech of one speaker, in order.
        settings: which pauses to bridge, and how long a segment may be.
    """
    joined: list[Span] = []
    spoken_s: list[float] = []
    for span in speech:
        if joined and span.start_s - joined[-1].end_s < settings.max_pause_s - _SNAP:
            joined[-1] = Span(joined[-1].start_s, span.end_s)
            spoken_s[-1] += span.duration_s
        else:
            joined.append(span)
            spoken_s.append(span.duration_s)
    return tuple(
        part
        for span, seconds in zip(joined, spoken_s, strict=True)
        if seconds >= settings.min_segment_s - _SNAP
        for part in _split(span, settings.max_segment_s)
    )


def _split(span: Span, max_s: float) -> Iterable[Span]:
    n_parts = max(1, math.ceil(span.duration_s / max_s - _SNAP))
    edges = np.linspace(span.start_s, span.end_s, n_parts + 1).round(6)
    return (Span(float(a), float(b)) for a, b in pairwise(edges))


class SegmentSums:
    """Sums frame embeddings by segment as the frames come, so that no frame has to be kept."""

    def __init__(self, bounds: Sequence[Span], hop_s: float, offset_s: float) -> None:
        starts = [math.ceil((b.start_s - offset_s) / hop_s - _SNAP) for b in bounds]
        ends = [math.ceil((b.end_s - offset_s) / hop_s - _SNAP) for b in bounds]
        self._frames = list(zip(starts, ends, strict=True))
        self._sums: list[Doubles | None] = [None] * len(bounds)
        self._counts = [0] * len(bounds)
        self._open = 0

    def add(self, first: int, embeddings: Floats, speech: np.ndarray) -> None:
        """Takes the next frames.

        Args:
            first: number of the first of them.
            embeddings: shape `(n_frames, n_dims)`.
            speech: shape `(n_frames,)`, true where the frame counts.
        """
        last = first + len(embeddings)
        while self._open < len(self._frames) and self._frames[self._open][1] <= first:
            self._open += 1
        for number in range(self._open, len(self._frames)):
            start, end = self._frames[number]
            if start >= last:
                break
            rows = slice(max(start, first) - first, min(end, last) - first)
            chosen = embeddings[rows][speech[rows]].astype(np.float64)
            before = self._sums[number]
            total = chosen.sum(axis=0)
            self._sums[number] = total if before is None else before + total
            self._counts[number] += len(chosen)

    def means(self) -> list[Floats | None]:
        """Returns the mean embedding of each segment, shape `(n_dims,)`, None without speech."""
        return [
            (total / count).astype(np.float32) if total is not None and count else None
            for total, count in zip(self._sums, self._counts, strict=True)
        ]


def segments_of(
    timeline: Timeline,
    bounds: Sequence[Span],
    embeddings: Sequence[Floats | None],
    speakers: Sequence[str | None] | None = None,
) -> tuple[Segment, ...]:
    """Returns the segments with their read-outs; one without a frame of speech is left out.

    Args:
        timeline: the track.
        bounds: from `cut`.
        embeddings: the mean embedding of each.
        speakers: who speaks in each, where that is known.
    """
    found: list[Segment] = []
    who = speakers or (None,) * len(bounds)
    for span, embedding, speaker in zip(bounds, embeddings, who, strict=True):
        if embedding is None:
            continue
        read = timeline.read_out(span)
        found.append(
            Segment(
                segment=len(found),
                start_s=span.start_s,
                end_s=span.end_s,
                n_frames=read.n_frames,
                logits=read.logits.astype(np.float32),
                embedding=embedding,
                emotion=read.emotion,
                confidence=read.confidence,
                speaker=speaker,
            )
        )
    return tuple(found)


def speech_shares(timeline: Timeline, segments: Sequence[Segment]) -> dict[str, float]:
    """Returns the share of speech time whose segment sounds like each emotion, summing to 1.

    This, not the utterance's label, sums up a long stretch: pooled logits miss a frequent emotion
    more than twice as often. Empty without segments.
    """
    seconds = np.zeros(N_EMOTIONS)
    for segment in segments:
        seconds[EMOTIONS.index(segment.emotion)] += segment.n_frames * timeline.track.hop_s
    if not seconds.sum():
        return {}
    return dict(zip(EMOTIONS, (seconds / seconds.sum()).tolist(), strict=True))


def mean_calibrated_scores(timeline: Timeline, segments: Sequence[Segment]) -> dict[str, float]:
    """Returns the mean of the segments' calibrated scores, weighted by their speech time.

    Segments that have no calibrated scores do not count; empty if none has.
    """
    widths_s = np.array([segment.n_frames * timeline.track.hop_s for segment in segments])
    temperatures = timeline.calibration.temperatures(widths_s)
    told = ~np.isnan(temperatures)
    if not told.any():
        return {}
    logits = np.stack([segment.logits for segment in segments])[told].astype(np.float64)
    scores = scores_of(logits / temperatures[told, np.newaxis], timeline.track.source.class_mask)
    mean = np.average(scores, axis=0, weights=widths_s[told])
    return dict(zip(EMOTIONS, mean.tolist(), strict=True))


def scores_of_segments(timeline: Timeline, segments: Sequence[Segment]) -> Doubles:
    """Returns the raw scores of segments, of which there is at least one, shape `(n, 9)`."""
    logits = np.stack([segment.logits for segment in segments])
    return scores_of(logits, timeline.track.source.class_mask)


def scores_of_segment(timeline: Timeline, segment: Segment) -> Doubles:
    """Returns the raw scores of a segment, shape `(9,)`."""
    return scores_of(segment.logits, timeline.track.source.class_mask)
