"""Two tracks of one recording on one time axis: engines, channels or settings side by side."""

import numpy as np

from core.timeline.calibration import Doubles
from core.timeline.track import Timeline


def difference(first: Timeline, second: Timeline, curves: tuple[Doubles, Doubles]) -> Doubles:
    """Returns the second track's scores minus the first's, shape `(n_frames, 9)` of the first.

    Args:
        first: gives the times.
        second: its frame nearest in time is taken, no more than a frame away.
        curves: scores of both, shapes `(n_frames, 9)`; NaN stays NaN.
    """
    exact = (first.times() - second.track.offset_s) / second.track.hop_s
    rows = np.round(exact).astype(int)
    there = (rows >= 0) & (rows < second.n_frames)
    found = np.full(curves[0].shape, np.nan)
    found[there] = curves[1][rows[there]] - curves[0][there]
    return found
