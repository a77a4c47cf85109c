"""The model's directory: weights, config, calibration, list of training files, checksums."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from core.engines.base import Windowing
from core.engines.compact_files import CALIBRATION, CONFIG, FORMAT_VERSION, STEPS, SUMS, WEIGHTS
from core.engines.whisper_encoder import WhisperEncoder
from training.data import Clip
from training.fit import ReadOut
from training.pretrained import in_steps

TRAINING_FILES = "training_files.sha256"
SINGLE = ("head.", "mel.", "projection.bias")


def with_read_out(encoder: WhisperEncoder, found: ReadOut) -> WhisperEncoder:
    """Returns the encoder with projection and head, without positions beyond those it has."""
    state = encoder.state_dict()
    state["projection.weight"] = torch.from_numpy(found.projection)
    state["projection.bias"] = torch.from_numpy(found.shift)
    state["head.weight"] = torch.from_numpy(found.weight)
    state["head.bias"] = torch.from_numpy(found.bias)
    whole = WhisperEncoder(dataclasses.replace(encoder.shape, n_classes=len(found.bias)))
    whole.load_state_dict(state, assign=True)
    return whole.eval()


def write_bundle(
    folder: Path,
    network: WhisperEncoder,
    classes: Sequence[str],
    windowing: Windowing,
    calibration: dict[str, Any],
    clips: Sequence[Clip],
) -> None:
    """Writes every file but the card.

    The blocks' matrices are whole numbers of eight bits, a step for each row; head, filters and
    shifts are single, all else is half precision.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, tensor in network.state_dict().items():
        if name.startswith("blocks.") and tensor.ndim > 1:
            tensors[name], tensors[name + STEPS] = in_steps(tensor)
        else:
            tensors[name] = tensor.float() if name.startswith(SINGLE) else tensor.half()
    save_file({k: t.contiguous() for k, t in tensors.items()}, folder / WEIGHTS)
    # safetensors writes for the owner alone; a repository is read by everyone.
    (folder / WEIGHTS).chmod(0o644)
    _write(folder / CONFIG, _config(network, classes, windowing))
    _write(folder / CALIBRATION, calibration)
    hashes = sorted((clip.sha256, clip.file) for clip in clips if clip.sha256)
    listed = "".join(f"{sha256}  {file}\n" for sha256, file in hashes)
    (folder / TRAINING_FILES).write_text(listed, encoding="utf-8")
    sums = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in (WEIGHTS, CONFIG, CALIBRATION, TRAINING_FILES)
    )
    (folder / SUMS).write_text(sums, encoding="ascii")


def _config(
    network: WhisperEncoder, classes: Sequence[str], windowing: Windowing
) -> dict[str, Any]:
    shape = network.shape
    return {
        "format_version": FORMAT_VERSION,
        "n_dims": shape.n_dims,
        "n_embedded": shape.n_embedded,
        "encoder": {
            "n_heads": shape.n_heads,
            "n_ffn": shape.n_ffn,
            "n_positions": shape.n_positions,
            "reads": list(shape.reads),
            "pairs_from": shape.pairs_from,
        },
        "mel": {
            "sample_rate": 16_000,
            "n_mels": shape.n_mels,
            "n_fft": shape.n_fft,
            "hop_samples": shape.hop_samples,
            "top": shape.top,
            "depth": shape.depth,
        },
        "classes": list(classes),
        "windowing": dataclasses.asdict(windowing),
        "min_samples": 400,
    }


def _write(path: Path, table: dict[str, Any]) -> None:
    path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
