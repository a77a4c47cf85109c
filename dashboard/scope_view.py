"""What the recording page draws of a span: never more than its pixels can show, no peak lost."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.audio.peaks import Peaks
from core.audio.prosody import HOP_S, Prosody
from core.emotions import EMOTIONS
from core.records import Span
from core.timeline.track import Timeline
from dashboard.lanes import Lane, thinned

MOST_PIXELS: Final = 3_000
BAND_PIXELS: Final = 4  # one step of a band
Json = dict[str, Any]
Array = NDArray[Any]


def curves(timeline: Timeline, scores: Array, span: Span, n_pixels: int, *, every: bool) -> Json:
    """Returns the nine curves in a span, each as times and values; a gap is a null.

    Args:
        timeline: gives the times.
        scores: shape `(n_frames, 9)`, of the whole recording; NaN where there is nothing to read.
        span: what is shown; one frame more on each side keeps the lines whole.
        n_pixels: how many pixels it is wide.
        every: whether all curves share their times, as areas that add up must.
    """
    first = max(0, timeline.frame_at(span.start_s) - 1)
    last = min(timeline.n_frames, timeline.frame_at(span.end_s) + 1)
    times = timeline.times()[first:last] + timeline.track.hop_s / 2
    part = scores[first:last]
    n_bins = max(1, n_pixels // 6) if every else n_pixels
    known, gaps = _known(part[:, 0], n_bins)  # a frame has all nine scores or none
    rows = [_extremes(column, known, gaps, n_bins) for column in part.T]
    if every:
        rows = [np.unique(np.concatenate(rows))] * len(rows)
    return {
        str(emotion): _line(times, column, chosen, 4)
        for emotion, column, chosen in zip(EMOTIONS, part.T, rows, strict=True)
    }


def band(
    timeline: Timeline, low: Array, high: Array, span: Span, n_pixels: int
) -> dict[str, list[Any]]:
    """Returns the least and greatest scores in a span, in bins of some pixels that share their times.

    Args:
        timeline: gives the times.
        low: shape `(n_frames, 9)`, of the whole recording; NaN where there is nothing to read.
        high: the same.
        span: what is shown.
        n_pixels: how many pixels it is wide.
    """
    first = max(0, timeline.frame_at(span.start_s) - 1)
    last = max(first + 1, min(timeline.n_frames, timeline.frame_at(span.end_s) + 1))
    n_bins = min(last - first, max(1, n_pixels // BAND_PIXELS))
    starts = np.linspace(first, last, n_bins, endpoint=False).astype(np.intp)
    ends = np.append(starts[1:], last)
    middles = timeline.track.offset_s + timeline.track.hop_s * (starts + ends) / 2
    least = np.fmin.reduceat(low[first:last], starts - first)
    most = np.fmax.reduceat(high[first:last], starts - first)
    return {
        "x": np.round(middles, 3).tolist(),
        "low": [_with_gaps(np.round(column.astype(np.float64), 3)) for column in least.T],
        "high": [_with_gaps(np.round(column.astype(np.float64), 3)) for column in most.T],
    }


def extremes(values: Array, n_bins: int) -> NDArray[np.intp]:
    """Returns the rows of a curve to draw: the least and the greatest of each bin, and its gaps.

    Args:
        values: shape `(n,)`; NaN makes a gap, drawn where it is wider than a bin.
        n_bins: parts of equal numbers of known values; two rows are drawn of each.
    """
    return _extremes(values, *_known(values, n_bins), n_bins)


def _known(values: Array, n_bins: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns the rows of known values, and the rows at which a gap is to be drawn."""
    known = np.flatnonzero(~np.isnan(values))
    wide = np.flatnonzero(np.diff(known) > max(1, len(values) / n_bins))
    return known, known[wide] + 1


def _extremes(
    values: Array, known: NDArray[np.intp], gaps: NDArray[np.intp], n_bins: int
) -> NDArray[np.intp]:
    drawn = np.zeros(len(values), np.bool_)
    drawn[gaps] = True
    if len(known) > 2 * n_bins:
        from tsdownsample import MinMaxDownsampler

        lines = np.ascontiguousarray(values[known], np.float32)
        known = known[MinMaxDownsampler().downsample(lines, n_out=2 * n_bins)]
    drawn[known] = True
    return np.flatnonzero(drawn)


def waveform(peaks: Peaks, span: Span, n_pixels: int) -> Json:
    """Returns the least and greatest samples in a span, from -127 to 127."""
    covered, pairs = peaks.between(span, n_pixels)
    whole = np.clip(np.round(pairs * 127), -127, 127).astype(int)
    return {
        "start_s": round(covered.start_s, 4),
        "end_s": round(covered.end_s, 4),
        "least": whole[:, 0].tolist(),
        "greatest": whole[:, 1].tolist(),
    }


def prosody_lines(prosody: Prosody, span: Span, n_pixels: int) -> Json:
    """Returns pitch, intensity and syllable rate in a span, each as times and values."""
    rows = prosody.frames(span)
    times = np.arange(len(prosody.level_db))[rows] * HOP_S
    f0, level = prosody.f0_hz[rows], prosody.level_db[rows]
    at = np.linspace(span.start_s, span.end_s, max(2, n_pixels // 2))
    at = at[at <= len(prosody.level_db) * HOP_S]
    return {
        "f0": _line(times, f0, extremes(f0, n_pixels), 1),
        "level": _line(times, level, extremes(level, n_pixels), 1),
        "rate": _line(at, prosody.rate(at), np.arange(len(at)), 2),
    }


def shown_lanes(lanes: list[Lane], span: Span, n_pixels: int) -> list[Lane]:
    """Returns what of each lane is seen in a span; all stay, so that none moves another."""
    return [thinned(lane, span, n_pixels) for lane in lanes]


def _line(times: Array, values: Array, rows: Array, digits: int) -> Json:
    chosen = np.round(values[rows].astype(np.float64), digits)
    return {"x": np.round(times[rows], 3).tolist(), "y": _with_gaps(chosen)}


def _with_gaps(values: Array) -> list[float | None]:
    found: list[float | None] = values.tolist()
    for gap in np.flatnonzero(np.isnan(values)):
        found[gap] = None
    return found
