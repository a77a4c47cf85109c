"""A stretch of a recording as a WAV file of its own, sample by sample as it was decoded."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.audio.decoder import Decoder
from core.errors import AudioError
from core.records import Floats, Span

_WHOLE = ("pcm_s16le", "pcm_s16be")  # their samples fit 16 bits exactly; others are kept as floats


def write_clip(decoder: Decoder, target: Path, span: Span) -> Iterator[float]:
    """Writes the samples of a stretch at the file's own rate and channels; yields seconds passed.

    Sample n is in it where `round(start_s * rate) <= n < round(end_s * rate)`.

    Raises:
        AudioError: nothing lies in the stretch, its rate or channels change, or the disk is full.
    """
    import soundfile

    file: soundfile.SoundFile | None = None
    at, rate, n_channels = 0, 0, 0
    try:
        for part_rate, _, samples in decoder.channels():
            if not rate:
                rate, n_channels = part_rate, len(samples)
            if (part_rate, len(samples)) != (rate, n_channels):
                raise AudioError(
                    f"The sample rate or the channels of {decoder.name!r} change within it, so a "
                    "clip cannot be cut; convert it to WAV, and analyse that."
                )
            first, last = round(span.start_s * rate), round(span.end_s * rate)
            part = samples[:, max(0, first - at) : max(0, last - at)]
            at += samples.shape[1]
            if part.shape[1]:
                if file is None:
                    kind = "PCM_16" if decoder.info.codec in _WHOLE else "FLOAT"
                    file = soundfile.SoundFile(
                        str(target), "w", rate, n_channels, kind, format="WAV"
                    )
                file.write(_interleaved(part, kind))
            yield at / rate
            if at >= last:
                break
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(
            f"The clip of {decoder.name!r} could not be written; check the free space of the disk."
        ) from error
    finally:
        if file is not None:
            file.close()
    if file is None:
        raise AudioError(
            f"{decoder.name!r} holds no sound between {span.start_s:.2f} and {span.end_s:.2f} s; "
            "choose a region within it."
        )


def _interleaved(samples: Floats, kind: str) -> np.ndarray:
    if kind == "PCM_16":
        return np.clip(np.round(samples.T * 32768), -32768, 32767).astype(np.int16)
    return np.ascontiguousarray(samples.T)
