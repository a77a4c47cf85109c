"""What the engine says of a region when a stretch of it is taken out: the model runs again.

The attribution by parts says where the logits lie; this says what changes without them, context and
all. Both are about the engine, and neither is about the speaker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.engines.base import HOP_S, SAMPLE_RATE, Engine, Floats
from core.engines.windows import run_windowed
from core.errors import RegionError
from core.records import Span
from core.timeline.attribution import margins_of
from core.timeline.calibration import Doubles
from core.timeline.track import Timeline

MOST_S = 60.0
CONTEXT_S = 2.0
LEAST_S = 0.1


@dataclass(frozen=True)
class Occlusion:
    """What taking out each of some stretches does to a region's margins.

    Attributes:
        spans: the stretches.
        effects: shape `(n_stretches, 9)`: margin with the stretch minus margin without it. NaN where
            nothing that is read out is left.
        margins: shape `(9,)`, of the region with all of them, as this run heard it.
    """

    spans: tuple[Span, ...]
    effects: Doubles
    margins: Doubles


def heard_round(region: Span, duration_s: float) -> Span:
    """Returns what is run again: the region and 2 s of context on both sides, on whole frames.

    Raises:
        RegionError: the region is too long for it.
    """
    if region.duration_s > MOST_S:
        raise RegionError(
            f"The region is {region.duration_s:.1f} s long; the check without a stretch takes at "
            f"most {MOST_S:.0f} s, so choose a shorter one."
        )
    first = max(0, int((region.start_s - CONTEXT_S) / HOP_S))
    return Span(first * HOP_S, min(duration_s, region.end_s + CONTEXT_S))


def occlusion(
    engine: Engine,
    samples: Floats,
    start_s: float,
    timeline: Timeline,
    region: Span,
    spans: Sequence[Span],
    progress: Callable[[float], None] | None = None,
) -> Occlusion:
    """Returns what each stretch does to the read-out of a region.

    Args:
        engine: the one that made the track.
        samples: shape `(n_samples,)`, 16 kHz, the region with its context, as the engine hears it.
        start_s: time of the first sample.
        timeline: the track; where it has speech in the region, only speech is read out.
        region: the stretch of time that is read out.
        spans: stretches of it, each taken out by itself.
        progress: called with the share of work done, 0 to 1; may raise to stop.

    Raises:
        EngineError: too little is left without a stretch.
    """
    speech_only = timeline.has_speech(region)
    whole = _margins(engine, samples, start_s, timeline, region, speech_only, None)
    assert whole is not None
    effects = np.full((len(spans), len(whole)), np.nan)
    for number, span in enumerate(spans):
        if progress:
            progress((number + 1) / (len(spans) + 1))
        left = _margins(engine, samples, start_s, timeline, region, speech_only, span)
        if left is not None:
            effects[number] = whole - left
    return Occlusion(tuple(spans), effects, whole)


def _margins(
    engine: Engine,
    samples: Floats,
    start_s: float,
    timeline: Timeline,
    region: Span,
    speech_only: bool,
    without: Span | None,
) -> Doubles | None:
    """Returns the region's margins, shape `(9,)`, or None where no frame of it is left."""
    n_cut = 0
    first = len(samples)
    if without is not None:
        first = round((without.start_s - start_s) * SAMPLE_RATE)
        n_cut = round((without.end_s - start_s) * SAMPLE_RATE) - first
        samples = np.concatenate([samples[:first], samples[first + n_cut :]])
    if engine.n_frames(len(samples)) == 0:
        return None
    logits = np.concatenate([f.logits for f in run_windowed(engine, [samples]) if len(f)])
    heard_s = engine.offset_s + HOP_S * np.arange(len(logits))
    times = start_s + heard_s + np.where(heard_s * SAMPLE_RATE < first, 0, n_cut / SAMPLE_RATE)
    chosen = (times >= region.start_s - 1e-6) & (times < region.end_s - 1e-6)
    if speech_only:
        rows = np.round((times - timeline.track.offset_s) / timeline.track.hop_s).astype(int)
        inside = (rows >= 0) & (rows < timeline.n_frames)
        chosen &= inside & timeline.track.speech[np.clip(rows, 0, timeline.n_frames - 1)]
    if not chosen.any():
        return None
    return margins_of(logits[chosen].mean(axis=0, dtype=np.float64), np.asarray(engine.class_mask))
