"""What is done to the sound before speech detection and engine hear it, where it is asked for.

Times never change: noise reduction keeps every sample's place, and what trimming leaves out is
known by the stretch that is heard.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from core.audio.decode import SAMPLE_RATE, open_audio
from core.records import Floats, Span
from core.settings import Conditioning

WINDOW_S: Final = 30
CONTEXT_S: Final = 5  # on both sides; the noise is followed with a time constant of 2 s
TRIM_PAD_S: Final = 0.1
GRID_S: Final = 0.02


def conditioned(chunks: Iterator[Floats], settings: Conditioning) -> Iterator[Floats]:
    """Yields what the engine hears of mono samples at 16 kHz, as many as came."""
    return _denoised(chunks) if settings.noise_reduction else chunks


def _denoised(chunks: Iterator[Floats]) -> Iterator[Floats]:
    """Lowers background noise, window by window with context on both sides.

    Source: Sainburg, Thielk, Gentner 2020 (spectral gating), by the package noisereduce.
    """
    window, context = WINDOW_S * SAMPLE_RATE, CONTEXT_S * SAMPLE_RATE
    held = np.zeros(0, np.float32)
    n_before = 0  # of the held samples, those that were given out already
    for chunk in chunks:
        held = np.concatenate([held, chunk])
        while len(held) >= n_before + window + context:
            cleaned = _gated(held[: n_before + window + context])
            yield cleaned[n_before : n_before + window]
            kept_from = max(0, n_before + window - context)
            n_before = n_before + window - kept_from
            held = held[kept_from:]
    if len(held) > n_before:
        yield _gated(held)[n_before:]


def _gated(samples: Floats) -> Floats:
    from noisereduce import reduce_noise

    if not samples.any():
        return samples
    n_samples = len(samples)
    padded = np.pad(samples, (0, max(0, SAMPLE_RATE // 8 - n_samples)))
    with np.errstate(divide="ignore", invalid="ignore"):  # where a stretch is digital silence
        cleaned = reduce_noise(y=padded, sr=SAMPLE_RATE, stationary=False, n_jobs=1)
    result: Floats = np.nan_to_num(cleaned[:n_samples]).astype(np.float32)
    return result


def heard_span(speech: Sequence[Span], n_samples: int, settings: Conditioning) -> Span:
    """Returns the stretch that the engine hears: all, or from the first speech to the last.

    It begins on the grid of frames, so that trimming moves none of them.
    """
    duration_s = n_samples / SAMPLE_RATE
    if not settings.trim_silence or not speech:
        return Span(0.0, duration_s)
    first = max(0, int((speech[0].start_s - TRIM_PAD_S) / GRID_S + 1e-6))
    return Span(round(first * GRID_S, 6), round(min(duration_s, speech[-1].end_s + TRIM_PAD_S), 6))


def cut_out(chunks: Iterator[Floats], heard: Span) -> Iterator[Floats]:
    """Yields the samples of one stretch."""
    first, last = round(heard.start_s * SAMPLE_RATE), round(heard.end_s * SAMPLE_RATE)
    at = 0
    for chunk in chunks:
        part = chunk[max(0, first - at) : max(0, last - at)]
        at += len(chunk)
        if len(part):
            yield part


@contextmanager
def open_heard(
    path: Path, settings: Conditioning, heard: Span | None = None, name: str | None = None
) -> Iterator[Iterator[Floats]]:
    """Opens a file and yields the samples that an engine hears of it.

    Args:
        path: the audio file.
        settings: channel and options.
        heard: the stretch, or None for all.
        name: what errors call the file.

    Raises:
        AudioError: the file cannot be read as audio.
    """
    with open_audio(path, settings.channel, name) as audio:
        samples = conditioned(audio.samples(), settings)
        yield samples if heard is None else cut_out(samples, heard)
