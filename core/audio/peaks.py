"""The waveform of a recording as the eye needs it: least and greatest sample of every stretch.

A pyramid of such pairs draws any span in constant time, and no peak is lost at any zoom.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.audio.decode import SAMPLE_RATE
from core.records import Floats, Span

BIN: Final = 64  # samples of a bin of the finest level: 4 ms
_FACTOR: Final = 8
_COARSEST: Final = 512  # bins; a level of fewer has none above it
_SCALE: Final = 32767

Pairs = NDArray[np.int16]


@dataclass(frozen=True)
class Peaks:
    """Least and greatest samples of a recording.

    Attributes:
        n_samples: of the recording at 16 kHz.
        levels: each of shape `(n_bins, 2)`; a bin of level k spans `64 * 8**k` samples.
    """

    n_samples: int
    levels: tuple[Pairs, ...]

    def between(self, span: Span, n_bins: int) -> tuple[Span, Floats]:
        """Returns the least and greatest samples in equal parts of a span.

        Args:
            span: the stretch to draw.
            n_bins: parts wanted, at least 1; there are fewer where the finest level has no more.

        Returns:
            The stretch that the parts span, which begins and ends with a bin, and their pairs, shape
            `(n_parts, 2)`, in [-1, 1]; empty past the end.
        """
        wanted = max(span.duration_s, 1e-6) * SAMPLE_RATE / max(1, n_bins)
        level = 0
        while level + 1 < len(self.levels) and BIN * _FACTOR ** (level + 1) <= wanted:
            level += 1
        pairs, bin_s = self.levels[level], BIN * _FACTOR**level / SAMPLE_RATE
        first = min(max(0, int(span.start_s / bin_s)), len(pairs))
        last = min(max(first, int(np.ceil(span.end_s / bin_s - 1e-9))), len(pairs))
        covered = Span(first * bin_s, min(last * bin_s, self.n_samples / SAMPLE_RATE))
        if first == last:
            return covered, np.zeros((0, 2), np.float32)
        n_parts = min(n_bins, last - first)
        starts = np.linspace(first, last, n_parts + 1)[:-1].astype(int)
        least = np.minimum.reduceat(pairs[:last, 0], starts)
        greatest = np.maximum.reduceat(pairs[:last, 1], starts)
        parts = np.stack([least, greatest], axis=1).astype(np.float32)
        return covered, parts / np.float32(_SCALE)

    def save(self, path: Path) -> None:
        """Writes the pyramid to a file."""
        arrays: dict[str, Any] = {f"level_{k}": pairs for k, pairs in enumerate(self.levels)}
        with path.open("wb") as file:
            np.savez(file, n_samples=np.int64(self.n_samples), **arrays)


def load_peaks(path: Path) -> Peaks:
    """Returns the pyramid that `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        levels = tuple(file[f"level_{k}"] for k in range(len(file.files) - 1))
        return Peaks(int(file["n_samples"]), levels)


def peaks_of(chunks: Iterable[Floats]) -> Peaks:
    """Returns the pyramid of mono samples at 16 kHz, given in chunks of shape `(n_samples,)`."""
    found: list[Pairs] = []
    held, n_samples = np.zeros(0, np.float32), 0
    for chunk in chunks:
        n_samples += len(chunk)
        held = np.concatenate([held, chunk])
        whole = len(held) // BIN * BIN
        if whole >= SAMPLE_RATE:
            found.append(_pairs(held[:whole]))
            held = held[whole:]
    if len(held):
        missing = -len(held) % BIN
        found.append(_pairs(np.concatenate([held, np.repeat(held[-1:], missing)])))
    levels = [np.concatenate(found) if found else np.zeros((0, 2), np.int16)]
    while len(levels[-1]) > _COARSEST:
        below = levels[-1]
        starts = np.arange(0, len(below), _FACTOR)
        least = np.minimum.reduceat(below[:, 0], starts)
        levels.append(np.stack([least, np.maximum.reduceat(below[:, 1], starts)], axis=1))
    return Peaks(n_samples, tuple(levels))


def _pairs(samples: Floats) -> Pairs:
    """Returns the pairs of whole bins; rounded outwards, so that no peak shrinks."""
    bins = np.clip(samples, -1, 1).reshape(-1, BIN) * _SCALE
    return np.stack([np.floor(bins.min(axis=1)), np.ceil(bins.max(axis=1))], 1).astype(np.int16)
