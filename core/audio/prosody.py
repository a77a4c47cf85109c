"""Melody, loudness and tempo of speech: the lanes that phoneticians read beside any other.

Source: fundamental frequency by SwiftF0 (Nieradzik, 2025, https://arxiv.org/abs/2508.18440); syllable
nuclei as peaks of intensity in voiced sound, after de Jong & Wempe, 2009,
https://doi.org/10.3758/BRM.41.2.385.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.audio.decode import SAMPLE_RATE
from core.records import Floats, Span

HOP_S: Final = 0.016
F0_RANGE_HZ: Final = (60.0, 500.0)
RATE_WIDTH_S: Final = 2.0
_PIECE: Final = 20 * SAMPLE_RATE
_VOICED: Final = 0.5
_FLOOR_DB: Final = -100.0
_SMOOTH: Final = 4  # frames of loudness in one value of intensity: 64 ms
_DIP_DB: Final = 2.0  # before the next nucleus
_BELOW_LOUDEST_DB: Final = 25.0


@dataclass(frozen=True)
class Prosody:
    """Prosody of a recording, a value every 16 ms; value i stands for the time 0.016 i.

    Attributes:
        f0_hz: shape `(n,)`, fundamental frequency; NaN where the sound is not voiced.
        level_db: shape `(n,)`, root mean square over 64 ms in dB relative to full scale.
        nuclei_s: shape `(n_nuclei,)`, times of syllable nuclei in seconds.
    """

    f0_hz: Floats
    level_db: Floats
    nuclei_s: Floats

    def rate(self, times_s: NDArray[np.floating[Any]]) -> Floats:
        """Returns syllables a second in 2 s round each time, shape as given."""
        half = RATE_WIDTH_S / 2
        end_s = len(self.level_db) * HOP_S
        first, last = np.maximum(times_s - half, 0), np.minimum(times_s + half, end_s)
        count = np.searchsorted(self.nuclei_s, last) - np.searchsorted(self.nuclei_s, first)
        rate: Floats = (count / np.maximum(last - first, HOP_S)).astype(np.float32)
        return rate

    def frames(self, span: Span) -> slice:
        """Returns which values lie in a span."""
        first, last = np.ceil(np.array([span.start_s, span.end_s]) / HOP_S - 1e-6).astype(int)
        return slice(max(0, int(first)), max(0, int(last)))

    def save(self, path: Path) -> None:
        """Writes the lanes to a file."""
        with path.open("wb") as file:
            np.savez(file, f0_hz=self.f0_hz, level_db=self.level_db, nuclei_s=self.nuclei_s)


@dataclass(frozen=True)
class RegionProsody:
    """Prosody of one region.

    Attributes:
        level_db: root mean square level in dB relative to full scale.
        f0_hz: median where voiced, or None where nothing is.
        f0_range_hz: 5th and 95th percentile, or None.
        rate: syllables a second of the region.
    """

    level_db: float
    f0_hz: float | None
    f0_range_hz: tuple[float, float] | None
    rate: float


def region_prosody(prosody: Prosody, span: Span) -> RegionProsody | None:
    """Returns the prosody of a region, or None if it holds no value."""
    rows = prosody.frames(span)
    level, f0 = prosody.level_db[rows], prosody.f0_hz[rows]
    if not len(level):
        return None
    power = np.mean(10 ** (level.astype(np.float64) / 10))
    voiced = f0[~np.isnan(f0)]
    low, middle, high = np.percentile(voiced, [5, 50, 95]) if len(voiced) else (None,) * 3
    inside = np.searchsorted(prosody.nuclei_s, [span.start_s, span.end_s])
    return RegionProsody(
        level_db=float(10 * np.log10(power)),
        f0_hz=None if middle is None else float(middle),
        f0_range_hz=None if low is None or high is None else (float(low), float(high)),
        rate=float((inside[1] - inside[0]) / span.duration_s),
    )


def load_prosody(path: Path) -> Prosody:
    """Returns the lanes that `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return Prosody(file["f0_hz"], file["level_db"], file["nuclei_s"])


def prosody_of(
    chunks: Iterable[Floats], progress: Callable[[float], None] | None = None
) -> Prosody:
    """Returns the prosody of mono samples at 16 kHz, given in chunks of shape `(n_samples,)`.

    Args:
        chunks: the samples; no more than 20 s of them are held at once.
        progress: called with the seconds done.
    """
    stream = _detector().stream(*F0_RANGE_HZ)
    found, held, n_held, done = [], [], 0, 0
    for chunk in chunks:
        held.append(chunk)
        n_held += len(chunk)
        if n_held >= _PIECE:
            found.append(stream.push(np.concatenate(held), SAMPLE_RATE))
            done += n_held
            held, n_held = [], 0
            if progress:
                progress(done / SAMPLE_RATE)
    if held:
        found.append(stream.push(np.concatenate(held), SAMPLE_RATE))
        found.append(stream.flush())
    elif found:
        found.append(stream.flush())
    none = np.zeros(0)
    f0 = np.concatenate([none, *(np.where(_sure(r), r.pitch_hz, np.nan) for r in found)])
    loudness = np.concatenate([none, *(r.loudness_db for r in found)])
    level = _smoothed(loudness)
    nuclei = nuclei_of(level, ~np.isnan(f0))
    return Prosody(f0.astype(np.float32), level.astype(np.float32), nuclei.astype(np.float32))


def nuclei_of(level_db: NDArray[Any], voiced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns the times of syllable nuclei in seconds.

    Args:
        level_db: shape `(n,)`, intensity every 16 ms.
        voiced: shape `(n,)`.
    """
    from scipy.signal import find_peaks

    if not voiced.any():
        return np.zeros(0)
    least = float(np.quantile(level_db, 0.99)) - _BELOW_LOUDEST_DB
    peaks, _ = find_peaks(level_db, height=least, prominence=_DIP_DB)
    times: NDArray[np.float64] = peaks[voiced[peaks]] * HOP_S
    return times


def _sure(result: Any) -> NDArray[np.bool_]:
    sure: NDArray[np.bool_] = np.asarray(result.confidence) >= _VOICED
    return sure


def _smoothed(loudness_db: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the level over 64 ms of levels over 32 ms, by their power; shape as given."""
    if not len(loudness_db):
        return np.zeros(0)
    power = 10 ** (np.asarray(loudness_db, np.float64) / 10)
    kernel = np.ones(_SMOOTH - 1)
    around = np.convolve(power, kernel, "same") / np.convolve(np.ones(len(power)), kernel, "same")
    level: NDArray[np.float64] = 10 * np.log10(np.maximum(around, 10 ** (_FLOOR_DB / 10)))
    return level


@cache
def _detector() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)  # beside the pages, so one core and no busy waiting
