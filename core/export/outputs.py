"""The folder of one recording's results: `outputs_YYYYMMDD_HHMMSS/`."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError

SAMPLE_RATE = 16_000

Floats = NDArray[np.float32]


def write_outputs(
    folder: Path, result: dict[str, Any], chunks: Iterator[Floats], embedding: Floats
) -> Path:
    """Writes a new folder with `result.json`, `processed_audio.wav` and `embedding.npy`.

    Args:
        folder: where the new folder goes.
        result: the utterance object.
        chunks: what the engine heard: mono samples at 16 kHz, each of shape `(n_samples,)`.
        embedding: shape `(n_dims,)`.

    Returns:
        The new folder; an older one is never written to.

    Raises:
        StoreError: the folder cannot be written to.
    """
    try:
        target = _new_folder(folder)
        write_wav(target / "processed_audio.wav", chunks)
        np.save(target / "embedding.npy", embedding, allow_pickle=False)
        text = json.dumps(result, ensure_ascii=False, indent=2) + "\n"
        (target / "result.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be written to ({error.strerror}); "
            "check its permissions and free space, or choose another one."
        ) from error
    return target


def write_wav(path: Path, chunks: Iterator[Floats]) -> None:
    """Writes mono samples at 16 kHz as a WAV file of 16 bits."""
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
        for chunk in chunks:
            whole = np.clip(np.round(chunk * 32768), -32768, 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(whole[np.newaxis], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _new_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"outputs_{datetime.now():%Y%m%d_%H%M%S}"
    number = 1
    while True:
        target = folder / (stem if number == 1 else f"{stem}_{number}")
        try:
            target.mkdir()
        except FileExistsError:
            number += 1
            continue
        return target
