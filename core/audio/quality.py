"""What can be said of a recording's quality, and what to do about it."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.audio.decode import SAMPLE_RATE
from core.audio.levels import decibels
from core.records import Floats, Quality, Span

STEP: Final = 320  # samples; levels are taken over 20 ms
_WINDOW: Final = 1024
_SPAN_DB: Final = 65.0  # what lies further below the strongest part of the spectrum is not there
_EDGE_S: Final = 0.1  # beside speech: neither surely speech nor surely a pause
_LEAST_S: Final = 0.3  # of speech and of pauses, for a ratio of the two
_NOISE_FLOOR: Final = 1e-10  # rounding to 16 bits leaves about as much
_TONAL_BINS: Final = slice(5, 321)  # 78 to 5,000 Hz
_AROUND: Final = 31  # bins, about 480 Hz
_TONAL_FLATNESS: Final = 0.2  # of noise it is about 0.5, whatever its colour
_AUDIBLE_DB: Final = -60.0
TONAL_SHARE: Final = 0.5
CLIPPED_SHARE: Final = 0.001
ABOVE_FULL_DB: Final = 6.0
LOW_SNR_DB: Final = 10.0
LOW_LEVEL_DB: Final = -45.0
TELEPHONE_HZ: Final = (1_500.0, 4_200.0)
OFFSET: Final = 0.02


class QualityMeter:
    """Measures mono samples at 16 kHz, as they come, in little memory: 14 kB a minute."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._powers: list[Floats] = []
        self._tonal: list[NDArray[np.bool_]] = []
        self._spectrum = np.zeros(_WINDOW // 2 + 1)
        self._taper = np.hanning(_WINDOW)
        self._sum = self._energy = 0.0
        self._n_samples = 0

    def watch(self, chunks: Iterator[Floats]) -> Iterator[Floats]:
        """Yields chunks as they are, and measures them."""
        for chunk in chunks:
            self.feed(chunk)
            yield chunk

    def feed(self, samples: Floats) -> None:
        """Takes more samples, shape `(n_samples,)`."""
        self._n_samples += len(samples)
        self._sum += float(samples.sum(dtype=np.float64))
        self._energy += float(np.dot(samples, samples))
        samples = np.concatenate([self._rest, samples])
        whole = math.lcm(STEP, _WINDOW)  # so that no sample is left out of either
        n = len(samples) // whole * whole
        self._rest = samples[n:]
        if n:
            self._take(samples[:n])

    def _take(self, samples: Floats) -> None:
        steps = samples[: len(samples) // STEP * STEP].reshape(-1, STEP)
        self._powers.append(np.einsum("ij,ij->i", steps, steps) / STEP)
        n_windows = len(samples) // _WINDOW
        windows = samples[: n_windows * _WINDOW].reshape(-1, _WINDOW)
        if n_windows:
            centred = windows - windows.mean(axis=1, keepdims=True)
            spectra = np.abs(np.fft.rfft(centred * self._taper, axis=1)) ** 2
            self._spectrum += spectra.sum(axis=0)
            audible = (centred**2).mean(axis=1) > 10 ** (_AUDIBLE_DB / 10)
            self._tonal.append(audible & (_local_flatness(spectra) < _TONAL_FLATNESS))

    def finish(
        self, speech: Sequence[Span], heard: Span, levels: dict[str, Any], gap_s: float
    ) -> Quality:
        """Returns what was found.

        Args:
            speech: stretches of speech, in order.
            heard: the stretch that the engine hears.
            levels: what `core.audio.levels.LevelMeter` found in the file's own channels.
            gap_s: silence that stands for missing sound, in seconds.
        """
        self._take(np.pad(self._rest, (0, -len(self._rest) % STEP)))
        self._rest = self._rest[:0]
        duration_s = self._n_samples / SAMPLE_RATE
        speech_s = sum(span.duration_s for span in speech)
        powers = np.concatenate([*self._powers, np.zeros(0, np.float32)])
        return Quality(
            duration_s=duration_s,
            level_db=decibels(self._energy / self._n_samples),
            peak_db=levels["peak_db"],
            clipped_share=levels["clipped_share"],
            dc_offset=self._sum / self._n_samples,
            snr_db=_snr_db(powers, speech),
            bandwidth_hz=self._bandwidth_hz(),
            speech_share=speech_s / duration_s,
            tonal_share=_tonal_share(self._tonal, speech),
            channel_levels_db=tuple(levels["channel_levels_db"]),
            cancelled_share=levels["cancelled_share"],
            gap_s=gap_s,
            heard_start_s=heard.start_s,
            heard_end_s=heard.end_s,
        )

    def _bandwidth_hz(self) -> float | None:
        """Returns the highest frequency that the long-term spectrum reaches, or None in silence.

        Smoothed over 80 Hz; up to 8 kHz, as engines hear no more.
        """
        smooth = np.convolve(self._spectrum, np.ones(5) / 5, mode="same")
        if smooth.max() <= 0:
            return None
        there = np.flatnonzero(smooth > smooth.max() * 10 ** (-_SPAN_DB / 10))
        return float(there[-1] * SAMPLE_RATE / _WINDOW)


def _local_flatness(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns how flat spectra are beside their own course, near 0 for tones, 0.5 for noise.

    The geometric mean of the power over its mean in the bins around, so that the colour of a noise
    does not count.

    Args:
        spectra: power, shape `(n_windows, n_bins)`.

    Source: spectral flatness, Johnston, 1988, https://doi.org/10.1109/49.608.
    """
    sums = np.cumsum(np.pad(spectra, ((0, 0), (_AROUND // 2 + 1, _AROUND // 2))), axis=1)
    around = (sums[:, _AROUND:] - sums[:, :-_AROUND]) / _AROUND
    floor = 1e-12
    ratio = np.log((spectra[:, _TONAL_BINS] + floor) / (around[:, _TONAL_BINS] + floor))
    return np.asarray(np.exp(ratio.mean(axis=1)))


def _tonal_share(tonal: Sequence[NDArray[np.bool_]], speech: Sequence[Span]) -> float | None:
    """Returns the share of the time outside speech that is tonal, or None without such time."""
    flags = np.concatenate([*tonal, np.zeros(0, bool)])
    times_s = (np.arange(len(flags)) + 0.5) * _WINDOW / SAMPLE_RATE
    outside = np.ones(len(flags), bool)
    for span in speech:
        first, last = np.searchsorted(times_s, (span.start_s - _EDGE_S, span.end_s + _EDGE_S))
        outside[first:last] = False
    if outside.sum() < _LEAST_S * SAMPLE_RATE / _WINDOW:
        return None
    return float(flags[outside].mean())


def _snr_db(powers: Floats, speech: Sequence[Span]) -> float | None:
    """Returns the level of speech over that of the pauses, in dB, or None without pauses.

    The power of a pause is taken for that of the noise under the speech as well: an estimate, which
    falls too low where someone else talks in the background.
    """
    times_s = (np.arange(len(powers)) + 0.5) * STEP / SAMPLE_RATE
    inside, near = np.zeros(len(powers), bool), np.zeros(len(powers), bool)
    for span in speech:
        first, last = np.searchsorted(times_s, (span.start_s, span.end_s))
        inside[first:last] = True
        first, last = np.searchsorted(times_s, (span.start_s - _EDGE_S, span.end_s + _EDGE_S))
        near[first:last] = True
    least = _LEAST_S * SAMPLE_RATE / STEP
    if inside.sum() < least or (~near).sum() < least:
        return None
    noise = max(float(powers[~near].mean()), _NOISE_FLOOR)
    voice = max(float(powers[inside].mean()) - noise, noise * 1e-2)
    return 10 * math.log10(voice / noise)


def remarks(quality: Quality) -> tuple[str, ...]:
    """Returns a sentence for whatever makes results less sure, each with what to do about it."""
    found = []
    if quality.clipped_share > CLIPPED_SHARE:
        found.append(
            f"{quality.clipped_share:.1%} of the samples are clipped, which can sound angry; "
            "record at a lower level, or look for a version that is not clipped."
        )
    if quality.peak_db > ABOVE_FULL_DB:
        found.append(
            f"The samples reach {quality.peak_db:.0f} dB above full scale, as in a file of floats in "
            "the scale of integers; export it again as WAV of 16 bits."
        )
    if quality.level_db < LOW_LEVEL_DB:
        found.append(
            f"The recording is very quiet ({quality.level_db:.0f} dB), so speech may be missed; "
            "raise its level in an audio editor, and record closer to the microphone."
        )
    if quality.snr_db is not None and quality.snr_db < LOW_SNR_DB:
        found.append(
            f"Speech stands out from the background by only about {max(0.0, quality.snr_db):.0f} dB; "
            "compare with noise reduction (Settings, or --noise-reduction), and trust neither alone."
        )
    if quality.tonal_share is not None and quality.tonal_share > TONAL_SHARE:
        found.append(
            f"Tones fill {quality.tonal_share:.0%} of the time outside speech: music, or ringing. "
            "If there is music under the speech, scores follow it too; use a version without it."
        )
    low, high = TELEPHONE_HZ
    if quality.bandwidth_hz is not None and low <= quality.bandwidth_hz <= high:
        found.append(
            f"There is nothing above {quality.bandwidth_hz / 1000:.1f} kHz, as on a telephone; "
            "compare it only with recordings of its kind, and use a wider one if there is one."
        )
    if abs(quality.dc_offset) > OFFSET:
        found.append(
            f"The samples do not swing round zero (offset {quality.dc_offset:.2f}); remove the "
            "offset in an audio editor, and check the sound card."
        )
    return tuple(found)
