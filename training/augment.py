"""Changed copies of clips: other speed, room, noise, channel; what stays is how it is said."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from core.engines.base import SAMPLE_RATE, Floats
from training.data import Clip

Signal = NDArray[np.float64]

# Share of the copies that each change is made to, and its range.
P_ROOM, P_NOISE, P_TELEPHONE = 0.3, 0.4, 0.2
SPEED = (0.9, 1.1)
SNR_DB = (8.0, 30.0)
DECAY_S = (0.15, 0.6)
TILT_DB = 6.0


def augmented(clips: Sequence[Clip], seed: int) -> list[Clip]:
    """Returns the clips with changed waveforms, drawn from the seed and the clip's place."""
    return [
        dataclasses.replace(clip, waveform=change(clip.waveform, np.random.default_rng([seed, i])))
        for i, clip in enumerate(clips)
    ]


def change(waveform: Floats, rng: np.random.Generator) -> Floats:
    """Returns a changed copy, `(n_samples,)` at 16 kHz, of the same peak and up to 11% longer."""
    peak = float(np.abs(waveform).max())
    # Resampling moves pitch, formants and tempo together, as another vocal tract would.
    signal = np.asarray(soxr.resample(waveform, SAMPLE_RATE * rng.uniform(*SPEED), SAMPLE_RATE))
    signal = signal.astype(np.float64)
    if rng.random() < P_ROOM:
        signal = _room(signal, rng)
    signal = _filtered(signal, _tilt(rng, len(signal)))
    if rng.random() < P_NOISE:
        signal = _noisy(signal, rng)
    if rng.random() < P_TELEPHONE:
        signal = telephone(signal)
    return (signal / max(float(np.abs(signal).max()), 1e-9) * peak).astype(np.float32)


def _frequencies(n_samples: int) -> Signal:
    return np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)


def _filtered(signal: Signal, gain: Signal) -> Signal:
    return np.fft.irfft(np.fft.rfft(signal) * gain, len(signal))


def _tilt(rng: np.random.Generator, n_samples: int) -> Signal:
    """A smooth gain over frequency, up to 6 dB either way: another microphone."""
    knots = rng.uniform(-TILT_DB, TILT_DB, 6)
    octaves = np.log2(np.maximum(_frequencies(n_samples), 60.0) / 60.0)
    return 10.0 ** (np.interp(octaves, np.linspace(0.0, 7.1, 6), knots) / 20.0)


def _room(signal: Signal, rng: np.random.Generator) -> Signal:
    """Adds a decaying noise tail, the plainest model of late reverberation."""
    decay_s = rng.uniform(*DECAY_S)
    t = np.arange(int(decay_s * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(t)) * 10.0 ** (-3.0 * t / decay_s)
    tail *= 10.0 ** (-rng.uniform(0.0, 12.0) / 20.0) / np.linalg.norm(tail)
    tail[0] += 1.0
    n = 1 << (len(signal) + len(tail)).bit_length()
    return np.fft.irfft(np.fft.rfft(signal, n) * np.fft.rfft(tail, n), n)[: len(signal)]


def _noisy(signal: Signal, rng: np.random.Generator) -> Signal:
    slope = np.maximum(_frequencies(len(signal)), 50.0) ** (-rng.uniform(0.0, 2.0) / 2)
    noise = _filtered(rng.standard_normal(len(signal)), slope)
    level = np.sqrt(np.mean(signal**2) / np.mean(noise**2))
    return signal + noise * level * 10.0 ** (-rng.uniform(*SNR_DB) / 20.0)


def telephone(signal: Signal) -> Signal:
    """300 to 3400 Hz and 8 bits of mu-law (ITU-T G.711's curve, not its segments)."""
    f = _frequencies(len(signal))
    band = 1.0 / np.sqrt((1.0 + (300.0 / np.maximum(f, 1.0)) ** 8) * (1.0 + (f / 3400.0) ** 16))
    narrow = _filtered(signal, band)
    narrow /= max(float(np.abs(narrow).max()), 1e-9)
    coded = np.sign(narrow) * np.log1p(255.0 * np.abs(narrow)) / np.log(256.0)
    coded = np.round(coded * 127.0) / 127.0
    return np.sign(coded) * (256.0 ** np.abs(coded) - 1.0) / 255.0
