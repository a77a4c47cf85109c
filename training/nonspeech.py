"""Generated sounds that hold no speech: what the emotion `unknown` is taught with."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.emotions import Emotion
from core.engines.base import SAMPLE_RATE
from training.data import Clip

CORPUS = "generated"
N_SOURCES = 20
N_NONSPEECH = 480  # of them a model learns from

Signal = NDArray[np.float64]
Maker = Callable[[np.random.Generator, int], Signal]


def nonspeech_clips(n_clips: int, seed: int) -> list[Clip]:
    """Returns generated clips of 1 to 5 s, kinds in turn; `speaker` groups them for the folds."""
    clips = []
    for i in range(n_clips):
        rng = np.random.default_rng([seed, i])
        n_samples = int(rng.uniform(1.0, 5.0) * SAMPLE_RATE)
        kind = KINDS[i % len(KINDS)]
        signal = MAKERS[kind](rng, n_samples)
        level = 10.0 ** rng.uniform(-2.5, -0.1)
        signal = signal / max(float(np.abs(signal).max()), 1e-9) * level
        # A recording is never only its tone: a noise floor lies 30 to 80 dB under it.
        floor = rng.standard_normal(n_samples) * level * 10.0 ** rng.uniform(-4.0, -1.5)
        clips.append(
            Clip(
                file=f"{kind}_{i:04d}",
                corpus=CORPUS,
                speaker=f"{CORPUS}_{(i // len(KINDS)) % N_SOURCES:02d}",
                emotion=Emotion.UNKNOWN,
                language="none",
                license="none",
                waveform=np.clip(signal + floor, -1.0, 1.0).astype(np.float32),
                sha256="",
            )
        )
    return clips


def _time(n_samples: int) -> Signal:
    return np.arange(n_samples) / SAMPLE_RATE


def _coloured(exponent: float) -> Maker:
    """Noise whose power falls with frequency as `f ** -exponent`."""

    def make(rng: np.random.Generator, n_samples: int) -> Signal:
        spectrum = np.fft.rfft(rng.standard_normal(n_samples))
        frequency = np.maximum(np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE), 20.0)
        return np.fft.irfft(spectrum * frequency ** (-exponent / 2), n_samples)

    return make


def _silence(rng: np.random.Generator, n_samples: int) -> Signal:
    # Half of them digital zeros once the noise floor is taken away: the dither of 16 bits.
    return np.round(rng.standard_normal(n_samples) * rng.choice([0.3, 2.0])) / 32768.0


def _hum(rng: np.random.Generator, n_samples: int) -> Signal:
    mains = rng.choice([50.0, 60.0])
    parts = [
        np.sin(2 * np.pi * mains * k * _time(n_samples) + rng.uniform(0, 6)) / k**1.2
        for k in range(1, 20)
    ]
    return np.sum(parts, axis=0) + 0.05 * _coloured(1.0)(rng, n_samples)


def _tone(rng: np.random.Generator, n_samples: int) -> Signal:
    start, end = 2.0 ** rng.uniform(5.5, 12.5, 2)
    is_steady = rng.random() < 0.7
    if is_steady and rng.random() < 0.5:  # at these each spectrum is exactly like one before it
        start = max(1.0, np.round(start / 20.0)) * 20.0
    glide = np.linspace(start, start if is_steady else end, n_samples)
    return np.sin(2 * np.pi * np.cumsum(glide) / SAMPLE_RATE)


def _chords(rng: np.random.Generator, n_samples: int) -> Signal:
    signal = np.zeros(n_samples)
    step = int(rng.uniform(0.15, 0.9) * SAMPLE_RATE)
    for start in range(0, n_samples, step):
        t = _time(min(3 * step, n_samples - start))
        root = 110.0 * 2.0 ** (rng.integers(0, 25) / 12)
        for interval in rng.choice([0, 3, 4, 7, 10, 12], rng.integers(1, 5), replace=False):
            pitch = root * 2.0 ** (interval / 12)
            for k in range(1, 6):
                signal[start : start + len(t)] += (
                    np.sin(2 * np.pi * pitch * k * t)
                    * np.exp(-t * rng.uniform(1, 6))
                    / k ** rng.uniform(1.0, 2.5)
                )
    return signal


def _clicks(rng: np.random.Generator, n_samples: int) -> Signal:
    signal = np.zeros(n_samples)
    n_clicks = rng.integers(1, 4 + n_samples // 2000)
    for start in rng.integers(0, n_samples, n_clicks):
        length = min(int(rng.integers(2, 800)), n_samples - start)
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 4 + 1))
        signal[start : start + length] += burst * rng.uniform(0.2, 1.0)
    return signal


def _gusts(rng: np.random.Generator, n_samples: int) -> Signal:
    knots = np.abs(rng.standard_normal(max(3, n_samples // 4000)))
    swell = np.interp(np.linspace(0, len(knots) - 1, n_samples), np.arange(len(knots)), knots)
    return _coloured(rng.uniform(0.0, 2.0))(rng, n_samples) * swell


MAKERS: dict[str, Maker] = {
    "silence": _silence,
    "white": _coloured(0.0),
    "pink": _coloured(1.0),
    "brown": _coloured(2.0),
    "hum": _hum,
    "tone": _tone,
    "chords": _chords,
    "clicks": _clicks,
    "gusts": _gusts,
}
# A few pure tones leave holes between them: with 44 of 400 sounds one of 440 Hz passed for neutral
# speech.
KINDS = (*MAKERS, "tone", "tone", "tone")
