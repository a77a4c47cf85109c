"""A built-in sound for trying an engine: a gliding voice-like tone, the same on every machine."""

import numpy as np

from core.engines.base import SAMPLE_RATE, Floats


def sample(seconds: float = 2.0) -> Floats:
    """Returns a gliding tone with overtones and a beat, shape `(n_samples,)`, in [-1, 1]."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * (140 * times + 20 * np.sin(2 * np.pi * 0.7 * times))
    voice = sum(np.sin(k * phase) / k for k in range(1, 9))
    beat = 0.55 + 0.45 * np.sin(2 * np.pi * 3.5 * times)
    sound: Floats = (0.15 * voice * beat).astype(np.float32)
    return sound
