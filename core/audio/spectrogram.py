"""The spectrogram of a stretch, just as many columns as a screen shows of it."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.audio.decode import SAMPLE_RATE
from core.records import Span

WINDOW: Final = 400  # samples: 25 ms
N_FFT: Final = 512
RANGE_DB: Final = 70.0
_MOST_A_COLUMN: Final = 8  # windows that a column averages where it spans more


def spectrogram(samples: NDArray[Any], span: Span, n_columns: int) -> NDArray[np.uint8]:
    """Returns power over time and frequency, shape `(257, n_columns)`, 0 to 8 kHz, lowest first.

    255 is the loudest of the stretch, 0 is 70 dB below it or less.

    Args:
        samples: shape `(n_samples,)`, the whole recording at 16 kHz; only the stretch is read.
        span: the stretch.
        n_columns: columns wanted.
    """
    if not len(samples):
        return np.zeros((N_FFT // 2 + 1, n_columns), np.uint8)
    width = span.duration_s * SAMPLE_RATE / n_columns
    each = int(np.clip(width / WINDOW, 1, _MOST_A_COLUMN))
    middles = span.start_s * SAMPLE_RATE + (np.arange(n_columns * each) + 0.5) * width / each
    starts = np.round(middles - WINDOW / 2).astype(int)
    rows = starts[:, np.newaxis] + np.arange(WINDOW)
    inside = (rows >= 0) & (rows < len(samples))
    frames = np.where(inside, samples[np.clip(rows, 0, len(samples) - 1)], 0).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), N_FFT)) ** 2
    mean = power.reshape(n_columns, each, -1).mean(axis=1).T
    if not mean.max() > 0:
        return np.zeros(mean.shape, np.uint8)
    level_db = 10 * np.log10(np.maximum(mean / mean.max(), 1e-12))
    shown: NDArray[np.uint8] = np.round(np.clip(1 + level_db / RANGE_DB, 0, 1) * 255).astype(
        np.uint8
    )
    return shown
