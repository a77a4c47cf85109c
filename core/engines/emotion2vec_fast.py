"""A faster way through FunASR's own emotion2vec network: its layers and weights, another schedule.

What differs from FunASR's `forward`, and why:

- Convolutions are matrix products over views of channels-last data, so that the layer norm after
  each needs no transposes; they run over pieces of half a second, whose values stay in the cache, side
  by side in one thread each.
- Attention is `scaled_dot_product_attention`, which keeps no table of scores. The table of
  distances (`alibi.py`) lives for one batch, FunASR's for ever.
- The products of the blocks are those of `Products`, faster on some processors.
- Waveforms of the same length go through the blocks together.
- On a CUDA device nothing is cut into pieces: there a few large operations are best.
- In bfloat16 all but the first convolution, whose input is the sound itself, and the head.

Source: funasr/models/emotion2vec (MIT).
"""

from typing import TYPE_CHECKING, Any, Final

from core.engines.alibi import attend, make_bias, slopes_of
from core.engines.base import HOP_SAMPLES
from core.engines.emotion2vec_spec import MIN_SAMPLES
from core.engines.products import Products
from core.engines.side_by_side import SingleThreads

if TYPE_CHECKING:
    from torch import Tensor

PIECE: Final = 24  # frames convolved at once: 3 MB behind the first layer, for each thread
ROWS: Final = 512  # frames widened at once: 8 MB
BATCH_FRAMES: Final = 1600  # frames that go through the blocks together; one window is 1,499
WINDOW_BYTES: Final = (
    800 << 20
)  # on a CUDA device: a window's convolutions in float32, and its batch
CUDA_WINDOWS: Final = 8  # that go through the blocks together there, at most


class UnknownStructureError(Exception):
    """The network is not built as this module knows it; its reason is for people."""


class FastNetwork:
    """Frame features of an emotion2vec network, by its own layers.

    Weights of the convolutions are laid out anew in memory, in place, so that FunASR's own `forward`
    still works on the same network and gives the same answers. Until `pack` it holds no others.

    Args:
        network: FunASR's `Emotion2vec` with its weights, in evaluation mode.

    Raises:
        UnknownStructureError: a part is not of the kind expected.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        self._encoder = _encoder(network)
        layers = self._encoder.local_encoder.conv_layers
        self._convolutions = [_Convolution(*_parts(layer)) for layer in layers]
        _, self._norm, self._projection = _children(
            self._encoder.project_features, "TransposeLast", "LayerNorm", "Linear"
        )
        self._check_blocks()
        self._on_cuda = bool(self._projection.weight.is_cuda)
        self._pool = SingleThreads(1 if self._on_cuda else None)
        self._products = Products()

    def pack(self) -> None:
        """Packs the blocks' weights where that is faster; call it once they change no more."""
        self._products.pack(
            layer
            for block in [*self._encoder.context_encoder.blocks, *self._network.blocks]
            for layer in (block.attn.qkv, block.attn.proj, block.mlp.fc1, block.mlp.fc2)
        )

    def features(self, waveforms: "Tensor") -> "Tensor":
        """Returns the frame features, float32, shape `(n_waveforms, n_frames, n_dims)`.

        Args:
            waveforms: shape `(n_waveforms, n_samples)`, normalised where the model wants it.
        """
        import torch

        n_frames = (waveforms.shape[1] - MIN_SAMPLES) // HOP_SAMPLES + 1
        bias = self._bias(n_frames, waveforms)
        most = BATCH_FRAMES * (CUDA_WINDOWS if self._on_cuda else 1)
        n_together = max(1, most // n_frames)
        answers = [
            self._batch(waveforms[first : first + n_together], bias)
            for first in range(0, len(waveforms), n_together)
        ]
        return torch.cat(answers)

    def _batch(self, waveforms: "Tensor", bias: "Tensor | None") -> "Tensor":
        import torch

        encoder = self._encoder
        x = torch.stack([self._convolved(waveform) for waveform in waveforms])
        if encoder.relative_positional_encoder is not None:
            x = x + encoder.relative_positional_encoder(x)
        n_extra = 0
        if encoder.extra_tokens is not None:
            n_extra = encoder.extra_tokens.shape[1]
            x = torch.cat([encoder.extra_tokens.expand(len(x), -1, -1), x], dim=1)
        context = encoder.context_encoder
        if context.norm is not None and not context.layer_norm_first:
            x = context.norm(x)
        for block in context.blocks:
            x = self._through(block, x, bias)
        if context.norm is not None and context.layer_norm_first:
            x = context.norm(x)
        for block in self._network.blocks:
            x = self._through(block, x, bias)
        if self._network.norm is not None:
            x = self._network.norm(x)
        return x[:, n_extra:].float()

    def _convolved(self, waveform: "Tensor") -> "Tensor":
        """Returns the convolutions' answer for one waveform, shape `(n_frames, n_dims)`."""
        import torch

        n_frames = (len(waveform) - MIN_SAMPLES) // HOP_SAMPLES + 1
        n_piece = n_frames if self._on_cuda else PIECE

        def convolved(start: int) -> "Tensor":
            n = min(n_piece, n_frames - start)
            first = start * HOP_SAMPLES
            with torch.inference_mode():  # which a thread has to itself
                x = waveform[first : first + (n - 1) * HOP_SAMPLES + MIN_SAMPLES].unsqueeze(1)
                for convolution in self._convolutions:
                    x = convolution(x)
                answer: Tensor = self._projection(self._norm(x))
            return answer

        return torch.cat(self._pool.map(convolved, range(0, n_frames, n_piece)))

    def _bias(self, n_frames: int, like: "Tensor") -> "Tensor | None":
        import torch

        encoder = self._encoder
        if encoder.get_alibi_bias is None:
            return None
        known = slopes_of(encoder.modality_cfg.num_alibi_heads)
        slopes = torch.tensor(known, device=like.device)
        slopes = slopes * encoder.alibi_scale.float().clamp_min(0).flatten()
        n_extra = 0 if encoder.extra_tokens is None else encoder.extra_tokens.shape[1]
        return make_bias(slopes, n_frames, n_extra, self._projection.weight.dtype)

    def _through(self, block: Any, x: "Tensor", bias: "Tensor | None") -> "Tensor":
        """Returns a block's answer, in the order of FunASR's `AltBlock.forward`."""
        if block.layer_norm_first:
            x = x + self._attended(block.attn, block.norm1(x), bias)
            x = self._widened(block.mlp, block.norm2(x))
            return x + x
        x = block.norm1(x + self._attended(block.attn, x, bias))
        answer: Tensor = block.norm2(x + self._widened(block.mlp, x))
        return answer

    def _attended(self, attention: Any, x: "Tensor", bias: "Tensor | None") -> "Tensor":
        n, n_frames, n_dims = x.shape
        qkv = self._products(attention.qkv, x).view(n, n_frames, 3, attention.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        seen = attend(query, key, value, bias, self._pool)
        return self._products(attention.proj, seen.transpose(1, 2).reshape(n, n_frames, n_dims))

    def _widened(self, mlp: Any, x: "Tensor") -> "Tensor":
        """Returns the feed-forward part, some rows at a time, as wide rows leave the cache."""
        import torch

        rows = x.reshape(-1, x.shape[-1])
        n_rows = len(rows) if x.is_cuda else ROWS
        done = [
            self._products(
                mlp.fc2, self._products(mlp.fc1, rows[first : first + n_rows], gelu=True)
            )
            for first in range(0, len(rows), n_rows)
        ]
        return torch.cat(done).view(x.shape)

    def _check_blocks(self) -> None:
        encoder, network = self._encoder, self._network
        for block in [*encoder.context_encoder.blocks, *network.blocks]:
            if type(block).__name__ != "AltBlock" or type(block.attn).__name__ != "AltAttention":
                raise UnknownStructureError(f"a block is {type(block).__name__}")
            head_dims = block.attn.qkv.in_features // block.attn.num_heads
            if block.attn.cosine_attention or block.attn.scale != head_dims**-0.5:
                raise UnknownStructureError("its attention is scaled otherwise")
            if (
                type(block.mlp.act).__name__ != "GELU"
                or type(block.mlp.norm).__name__ != "Identity"
            ):
                raise UnknownStructureError("a block widens otherwise")
            n_heads = encoder.modality_cfg.num_alibi_heads
            if encoder.get_alibi_bias is not None and n_heads != block.attn.num_heads:
                raise UnknownStructureError("only some of the heads know distances")


class _Convolution:
    """One layer of the feature extractor on `(n, channels)`: convolution, layer norm, GELU."""

    def __init__(self, convolution: Any, norm: Any) -> None:
        kernels = convolution.weight
        # The same values under the same name, in memory by kernel and then by channel: a kernel is
        # then a row of a matrix, and no second copy of it is held.
        kernels.data = kernels.data.permute(0, 2, 1).contiguous().permute(0, 2, 1)
        self._convolution = convolution
        self._norm = norm
        (self._width,), (self._stride,) = convolution.kernel_size, convolution.stride

    def __call__(self, x: "Tensor") -> "Tensor":
        """Returns shape `(n_out, channels)` for `(n, channels)`, contiguous."""
        import torch
        from torch.nn import functional

        kernels = self._convolution.weight
        n_out = (len(x) - self._width) // self._stride + 1
        channels = x.shape[1]
        view = x.to(kernels.dtype).as_strided(
            (n_out, self._width * channels), (self._stride * channels, 1), x.storage_offset()
        )
        matrix = kernels.permute(0, 2, 1).reshape(len(kernels), -1)
        x = functional.linear(view, matrix, self._convolution.bias)
        norm = self._norm
        weight = None if norm.weight is None else norm.weight.to(x.dtype)
        bias = None if norm.bias is None else norm.bias.to(x.dtype)
        x = functional.layer_norm(x, norm.normalized_shape, weight, bias, norm.eps)
        answer: Tensor = torch.ops.aten.gelu_(x)
        return answer


def to_bfloat16(network: Any) -> None:
    """Turns a network to bfloat16, in place; its first convolution and its head stay float32."""
    import torch

    network.to(torch.bfloat16)
    encoder = network.modality_encoders["AUDIO"]
    for exact in (network.proj, encoder.local_encoder.conv_layers[0]):
        exact.float()


def _encoder(network: Any) -> Any:
    try:
        encoder = network.modality_encoders["AUDIO"]
        known = (
            type(encoder).__name__ == "AudioEncoder" and encoder.fixed_positional_encoder is None
        )
        # A scale of its own for each layer, or a learned table, is not what this module builds.
        known &= encoder.get_alibi_bias is None or (
            encoder.alibi_scale.shape[0] == 1 and not hasattr(encoder, "alibi_bias")
        )
        known &= network.proj is not None and encoder.context_encoder is not None
    except (AttributeError, KeyError) as error:
        raise UnknownStructureError(f"it lacks {error}") from error
    if not known:
        raise UnknownStructureError("its encoder is built otherwise")
    return encoder


def _parts(layer: Any) -> tuple[Any, Any]:
    """Returns the convolution and the layer norm of one layer of the feature extractor."""
    convolution, _, normed, _ = _children(layer, "Conv1d", "Dropout", "Sequential", "GELU")
    _, norm, _ = _children(normed, "TransposeLast", "Fp32LayerNorm", "TransposeLast")
    if convolution.groups != 1 or convolution.padding != (0,) or convolution.dilation != (1,):
        raise UnknownStructureError("a convolution is grouped or padded")
    return convolution, norm


def _children(module: Any, *kinds: str) -> tuple[Any, ...]:
    found = tuple(module)
    if tuple(type(child).__name__ for child in found) != kinds:
        names = ", ".join(type(child).__name__ for child in found)
        raise UnknownStructureError(f"a layer is {names}")
    return found
