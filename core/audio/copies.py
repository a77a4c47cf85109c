"""Copies that every browser plays, for formats that none does: Opus in WebM.

A copy has the times of the analysis: silence stands in it wherever the analysis put some.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import soxr

from core.audio.decoder import Decoder
from core.audio.levels import mix_weights
from core.errors import AudioError
from core.records import Floats
from core.settings import DecodingLimits

RATE: Final = 48_000
BIT_RATE: Final = 64_000  # of one channel: speech is transparent well below


def write_copy(decoder: Decoder, target: Path, limits: DecodingLimits) -> Iterator[float]:
    """Writes a copy; yields the seconds done about once a second of sound.

    Raises:
        AudioError: there is no sound to be copied, or the disk does not take it.
    """
    n_channels = 2 if decoder.info.n_channels == 2 else 1
    try:
        with av.open(str(target), "w", format="webm") as container:
            stream: Any = container.add_stream(
                "libopus", rate=RATE, layout="stereo" if n_channels == 2 else "mono"
            )
            stream.bit_rate = BIT_RATE * n_channels
            n_samples = n_told = 0
            for samples in _at_one_rate(decoder, n_channels):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(samples.T).reshape(1, -1),
                    format="flt",
                    layout=stream.layout.name,
                )
                frame.sample_rate, frame.pts = RATE, n_samples
                container.mux(stream.encode(frame))
                n_samples += samples.shape[1]
                if n_samples > limits.max_duration_s * RATE:
                    break
                if n_samples - n_told >= RATE:
                    n_told = n_samples
                    yield n_samples / RATE
            container.mux(stream.encode(None))
    except OSError as error:
        raise AudioError(
            f"No copy of {decoder.name!r} for the browser can be written ({error.strerror}); "
            "check the free space of the store's disk."
        ) from error
    if n_samples == 0:
        raise AudioError(f"{decoder.name!r} holds no sound that can be decoded, so none is played.")


def _at_one_rate(decoder: Decoder, n_channels: int) -> Iterator[Floats]:
    """Yields samples at 48 kHz, shape `(n_channels, n_samples)`, none of them empty."""
    rate, resampler = 0, None
    for part_rate, names, samples in decoder.channels():
        if len(samples) != n_channels:
            mono = mix_weights(names) @ samples
            samples = np.tile(mono, (n_channels, 1))
        if part_rate != rate:
            if resampler is not None:
                yield from _filled(resampler.resample_chunk(_nothing(n_channels), last=True))
            rate = part_rate
            resampler = soxr.ResampleStream(rate, RATE, n_channels, dtype="float32")
        assert resampler is not None
        yield from _filled(resampler.resample_chunk(np.ascontiguousarray(samples.T)))
    if resampler is not None:
        yield from _filled(resampler.resample_chunk(_nothing(n_channels), last=True))


def _nothing(n_channels: int) -> Floats:
    return np.zeros((0, n_channels), np.float32)


def _filled(interleaved: Any) -> Iterator[Floats]:
    """Yields samples of shape `(n_samples, n_channels)` turned over, unless there are none."""
    if len(interleaved):
        yield np.clip(interleaved.reshape(len(interleaved), -1).T, -1, 1).astype(np.float32)
