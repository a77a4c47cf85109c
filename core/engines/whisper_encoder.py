"""Whisper's encoder as a torch network, read out by one linear head over its frames.

Differs from Whisper in four ways: the log-mel does not depend on level, nothing is padded to
30 s (the positional table is cut to the frames there are), the upper layers take frames in pairs,
which halves their work, and the output is a projection of several layer-normed layers.

Source: Radford et al., 2022, https://arxiv.org/abs/2212.04356, and the code beside it,
https://github.com/openai/whisper (`whisper/model.py`, `whisper/audio.py`; MIT).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.engines.products import Products


@dataclass(frozen=True)
class EncoderShape:
    """Every number that the network's shape and its log-mel follow from.

    Attributes:
        reads: layers that the embedding is projected from, ascending; 0 is the convolutional
            stem's output. Layers behind the last one read are neither stored nor run.
        n_embedded: dimensions of the embedding.
        pairs_from: layers above this one take frames in pairs, as the mean of the two.
        n_fft: samples in one spectrum; `hop_samples`: samples between two spectra.
        top: log10 value that the loudest cell of a window's log-mel is set to.
        depth: log10 powers below the loudest cell at which the log-mel ends.
    """

    n_mels: int
    n_dims: int
    n_heads: int
    n_ffn: int
    n_positions: int
    n_classes: int
    n_embedded: int
    reads: tuple[int, ...]
    pairs_from: int
    n_fft: int = 400
    hop_samples: int = 160
    top: float = 1.5
    depth: float = 8.0

    @property
    def n_layers(self) -> int:
        """Number of transformer layers."""
        return self.reads[-1]


class LogMel(nn.Module):
    """Log-mel spectrogram as Whisper takes it, with the window's loudest cell set to `top`."""

    filters: Tensor
    window: Tensor

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.shape = shape
        n_bins = shape.n_fft // 2 + 1
        self.register_buffer("filters", torch.empty(shape.n_mels, n_bins, device="meta"))
        self.register_buffer("window", torch.hann_window(shape.n_fft), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Returns shape `(n_waveforms, n_samples // hop_samples, n_mels)` for `(.., n_samples)`."""
        shape = self.shape
        spectra = torch.stft(
            waveforms, shape.n_fft, shape.hop_samples, window=self.window, return_complex=True
        )
        mel = spectra[..., :-1].abs().square().mT @ self.filters.T
        # 1e-10 is Whisper's own floor: what is fainter (-95 dBFS) is not amplified to full level.
        loudest = mel.amax(dim=(-2, -1), keepdim=True).clamp_min(1e-10)
        log_mel = (mel / loudest).clamp_min(10.0**-shape.depth).log10() + shape.top
        return (log_mel + 4.0) / 4.0


class Block(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, n_dims: int, n_heads: int, n_ffn: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_norm = nn.LayerNorm(n_dims, device="meta")
        self.qkv = nn.Linear(n_dims, 3 * n_dims, device="meta")
        self.out = nn.Linear(n_dims, n_dims, device="meta")
        self.ffn_norm = nn.LayerNorm(n_dims, device="meta")
        self.ffn_in = nn.Linear(n_dims, n_ffn, device="meta")
        self.ffn_out = nn.Linear(n_ffn, n_dims, device="meta")

    def forward(self, x: Tensor, product: Products) -> Tensor:
        """Returns the same shape as `x`: `(n_waveforms, n_frames, n_dims)`, and float32 as it is.

        Products are in the arithmetic of their weights, what they are added to stays float32.
        """
        n, n_frames, n_dims = x.shape
        kind = self.qkv.weight.dtype
        qkv = product(self.qkv, self.attention_norm(x).to(kind))
        qkv = qkv.view(n, n_frames, 3, self.n_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value)
        x = x + product(self.out, seen.transpose(1, 2).reshape(n, n_frames, n_dims))
        widened = product(self.ffn_in, self.ffn_norm(x).to(kind), gelu=True)
        return x + product(self.ffn_out, widened)


class WhisperEncoder(nn.Module):
    """The encoder with its read-out; `load_state_dict(assign=True)` gives it its values.

    It is built without any: random ones would cost time and move the caller's random state.
    """

    positions: Tensor

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.shape = shape
        n = shape.n_dims
        self.mel = LogMel(shape)
        self.conv1 = nn.Conv1d(shape.n_mels, n, 3, padding=1, device="meta")
        self.conv2 = nn.Conv1d(n, n, 3, stride=2, padding=1, device="meta")
        self.register_buffer("positions", torch.empty(shape.n_positions, n, device="meta"))
        self.blocks = nn.ModuleList(
            Block(n, shape.n_heads, shape.n_ffn) for _ in range(shape.n_layers)
        )
        self.projection = nn.Linear(n * len(shape.reads), shape.n_embedded, device="meta")
        self.head = nn.Linear(shape.n_embedded, shape.n_classes, device="meta")
        self._product = Products()

    def pack(self) -> None:
        """Packs the blocks' weights where that makes them faster; they must not change afterwards."""
        self._product.pack(self._multiplying())

    def to_bfloat16(self) -> None:
        """Turns the products of the blocks to bfloat16, nine tenths of the work.

        All else stays float32: sums over layers and the convolutions would be too rough otherwise.
        """
        for layer in self._multiplying():
            layer.bfloat16()
        self.pack()

    def _multiplying(self) -> list[nn.Linear]:
        return [layer for layer in self.blocks.modules() if isinstance(layer, nn.Linear)]

    def stem(self, waveforms: Tensor) -> Tensor:
        """Returns what the first block takes, shape `(n_waveforms, n_frames, n_dims)`."""
        x = self.mel(waveforms)
        for convolution in (self.conv1, self.conv2):
            x = functional.gelu(_convolved(convolution, x))
        placed: Tensor = x + self.positions[: x.shape[1]]
        return placed

    def layers(self, waveforms: Tensor) -> list[Tensor]:
        """Returns each layer's layer-normed output, the stem's first.

        Args:
            waveforms: shape `(n_waveforms, n_samples)`, mono, 16 kHz.

        Returns:
            `n_layers + 1` tensors of shape `(n_waveforms, n_frames, n_dims)`, float32.
        """
        x = self.stem(waveforms)
        n_frames = x.shape[1]
        found = [_normed(x)]
        for i, block in enumerate(self.blocks):
            if i == self.shape.pairs_from:  # a last frame that is left over stands alone
                x = functional.avg_pool1d(x.mT, 2, ceil_mode=True).mT.contiguous()
            x = block(x, self._product)
            normed = _normed(x)
            is_whole = i < self.shape.pairs_from
            found.append(normed if is_whole else normed.repeat_interleave(2, 1)[:, :n_frames])
        return found

    def forward(self, waveforms: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits `(n_waveforms, n_frames, n_classes)` and embeddings `(.., n_embedded)`."""
        layers = self.layers(waveforms)
        embeddings = self.projection(torch.cat([layers[i] for i in self.shape.reads], dim=-1))
        return self.head(embeddings), embeddings


def _normed(x: Tensor) -> Tensor:
    return functional.layer_norm(x.float(), x.shape[-1:])


def _convolved(convolution: nn.Conv1d, x: Tensor) -> Tensor:
    """Returns a convolution as one matrix product, without the copies of another layout.

    Args:
        convolution: padded by one at each side.
        x: shape `(n_waveforms, n, channels)`.

    Returns:
        Shape `(n_waveforms, n_out, n_kernels)`, contiguous.
    """
    kernels = convolution.weight
    (width,), (stride,) = convolution.kernel_size, convolution.stride
    padded = functional.pad(x, (0, 0, 1, 1))
    n_waveforms, n, channels = padded.shape
    view = padded.as_strided(
        (n_waveforms, (n - width) // stride + 1, width * channels),
        (n * channels, stride * channels, 1),
    )
    matrix = kernels.permute(0, 2, 1).reshape(len(kernels), -1)
    return functional.linear(view, matrix, convolution.bias)
