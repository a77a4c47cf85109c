"""A tiny encoder with random weights and tiny acted data, so that training takes seconds."""

import csv
import struct
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.emotions import EMOTIONS

N_DIMS, N_MELS, N_FFN, N_LAYERS = 64, 80, 96, 2
SPEECH_EMOTIONS = [e for e in EMOTIONS if e != "unknown"][:4]


def tiny_variables(seed: int = 0) -> dict[str, NDArray[np.float16]]:
    """Returns an encoder's variables under CTranslate2's names."""
    rng = np.random.default_rng(seed)
    shapes = {
        "conv1/weight": (N_DIMS, N_MELS, 3),
        "conv1/bias": (N_DIMS,),
        "conv2/weight": (N_DIMS, N_DIMS, 3),
        "conv2/bias": (N_DIMS,),
        "position_encodings/encodings": (500, N_DIMS),
    }
    for layer in range(N_LAYERS):
        for part, (rows, columns) in {
            "self_attention/linear_0": (3 * N_DIMS, N_DIMS),
            "self_attention/linear_1": (N_DIMS, N_DIMS),
            "ffn/linear_0": (N_FFN, N_DIMS),
            "ffn/linear_1": (N_DIMS, N_FFN),
        }.items():
            shapes[f"layer_{layer}/{part}/weight"] = (rows, columns)
            shapes[f"layer_{layer}/{part}/bias"] = (rows,)
        for part in ("self_attention", "ffn"):
            shapes[f"layer_{layer}/{part}/layer_norm/gamma"] = (N_DIMS,)
            shapes[f"layer_{layer}/{part}/layer_norm/beta"] = (N_DIMS,)
    return {
        f"encoder/{name}": ((rng.standard_normal(shape) * 0.08) + name.endswith("gamma")).astype(
            np.float16
        )
        for name, shape in shapes.items()
    }


def binary(variables: dict[str, NDArray[np.float16]]) -> bytes:
    """Returns the variables as a CTranslate2 model."""

    def text(name: str) -> bytes:
        data = name.encode() + b"\0"
        return struct.pack("<H", len(data)) + data

    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(variables))]
    for name, value in variables.items():
        parts += [text(name), struct.pack("<B", value.ndim)]
        parts += [struct.pack("<I", n) for n in value.shape]
        parts += [struct.pack("<BI", 4, value.nbytes), value.tobytes()]
    return b"".join(parts)


def write_recordings(folder: Path, n_speakers: int = 6, n_takes: int = 2) -> None:
    """Writes a manifest and clips whose emotion lies in the pitch and the rhythm."""
    rows = []
    for speaker in range(n_speakers):
        for k, emotion in enumerate(SPEECH_EMOTIONS):
            for take in range(n_takes):
                rng = np.random.default_rng([speaker, k, take])
                t = np.arange(int(16_000 * rng.uniform(1.0, 1.6))) / 16_000
                pitch = (120 + 110 * k) * 2 ** rng.uniform(-0.1, 0.1)
                tone = sum(np.sin(2 * np.pi * pitch * h * t) / h for h in range(1, 8))
                beat = np.clip(np.sin(2 * np.pi * (2 + 2 * k) * t), 0, None)
                file = f"s{speaker}_{emotion}_{take}.flac"
                sound = 0.1 * tone * beat + 0.002 * rng.standard_normal(len(t))
                soundfile.write(folder / file, sound, 16_000)
                rows.append(
                    {
                        "file": file,
                        "corpus": f"corpus{speaker % 2}",
                        "speaker": f"speaker{speaker}",
                        "emotion": str(emotion),
                        "language": "none",
                        "license": "CC0-1.0",
                    }
                )
    with (folder / "manifest.csv").open("w", newline="") as file_:
        writer = csv.DictWriter(file_, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
