"""Levels of the channels as they are in the file: peak, clipping, and what their mix loses."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from core.records import Floats

SILENCE_DB: Final = -120.0
CLIPPED: Final = 0.99  # of full scale
CLIPPED_RUN: Final = 3  # samples in a row
CANCELLED: Final = 0.1  # of the power that channels without relation would leave in the mix
_WEIGHTS = {"FC": math.sqrt(2.0), "LFE": 0.0, "LFE2": 0.0}
_SURROUND = ("BL", "BR", "SL", "SR", "BC")


def mix_weights(names: Sequence[str]) -> Floats:
    """Returns how much each channel counts in the mono mix, shape `(n_channels,)`, sum 1.

    Stereo and channels without names count evenly. In surround sound the centre, where speech is,
    counts 3 dB more, channels behind 3 dB less, the one for low effects not at all.

    Source: ITU-R BS.775-4, table 2.
    """
    named = len(names) > 2 and "FL" in names and len(set(names)) == len(names)
    raw = [_weight(name) if named else 1.0 for name in names]
    total = sum(raw)
    if not total:
        raw, total = [1.0] * len(names), float(len(names))
    return np.array(raw, np.float32) / np.float32(total)


def _weight(name: str) -> float:
    return math.sqrt(0.5) if name in _SURROUND else _WEIGHTS.get(name, 1.0)


class LevelMeter:
    """Measures channels at the file's own rate, before anything is mixed or resampled.

    Args:
        channel: the one that is analysed, or None for the mix.
    """

    def __init__(self, channel: int | None = None) -> None:
        self._channel = channel
        self._power = np.zeros(0)
        self._n_samples = 0
        self._n_heard = 0
        self._n_clipped = 0
        self._peak = 0.0
        self._block = np.zeros(3)  # samples, power of the mix, power expected of it
        self._energy = self._cancelled = 0.0

    def feed(self, samples: Floats, mono: Floats, weights: Floats, rate: int) -> None:
        """Takes a piece: all channels, shape `(n_channels, n_samples)`, and their mix."""
        heard = samples if self._channel is None else samples[self._channel][np.newaxis]
        size = np.abs(heard)
        self._peak = max(self._peak, float(size.max(initial=0.0)))
        self._n_heard += size.size
        self._n_clipped += _clipped(size)
        power = np.einsum("ij,ij->i", samples, samples, dtype=np.float64)
        if len(power) > len(self._power):
            self._power = np.pad(self._power, (0, len(power) - len(self._power)))
        self._power[: len(power)] += power
        self._n_samples += samples.shape[1]
        self._block += (
            samples.shape[1],
            np.dot(mono.astype(np.float64), mono),
            float(weights.astype(np.float64) ** 2 @ power),
        )
        if self._block[0] >= rate:
            self._close_block()

    def _close_block(self) -> None:
        _, mixed, expected = self._block
        self._energy += expected
        self._cancelled += expected if mixed < CANCELLED * expected else 0.0
        self._block[:] = 0

    @property
    def cancelled_share(self) -> float:
        """Share of the energy that lies in seconds where the channels cancel each other out."""
        if self._block[0]:
            self._close_block()
        return self._cancelled / self._energy if self._energy else 0.0

    def warnings(self) -> tuple[str, ...]:
        """Returns a sentence where the mix of the channels loses what they hold."""
        if self._channel is not None or self.cancelled_share < 0.2:
            return ()
        loudest = int(np.argmax(self._power))
        return (
            "The channels cancel each other out when they are mixed (one is the other turned over), "
            f"so little or nothing of the sound is left; analyse one of them: --channel {loudest}, "
            "or Channel under Settings on the page Analyse.",
        )

    def result(self) -> dict[str, Any]:
        """Returns the fields of `core.records.Quality` that are known here."""
        n = max(1, self._n_samples)
        return {
            "peak_db": decibels(self._peak**2),
            "clipped_share": self._n_clipped / max(1, self._n_heard),
            "channel_levels_db": [decibels(float(power) / n) for power in self._power],
            "cancelled_share": self.cancelled_share,
        }


def decibels(power: float) -> float:
    """Returns a power in dB relative to full scale, at least `SILENCE_DB`."""
    return max(SILENCE_DB, 10 * math.log10(power)) if power > 0 else SILENCE_DB


def _clipped(size: Floats) -> int:
    """Counts samples in runs of at least three at full scale; a lone peak is no clipping."""
    full = size >= CLIPPED
    if not full.any():
        return 0
    inside = full[:, :-2] & full[:, 1:-1] & full[:, 2:]
    marked = np.zeros_like(full)
    for shift in range(CLIPPED_RUN):
        marked[:, shift : shift + inside.shape[1]] |= inside
    return int(marked.sum())
