"""Products with weights that stay as they are, which oneDNN lays out in memory once for this processor.

PyTorch's own `linear` takes them as they lie, in float32 by MKL. Which of the two is faster depends on
the processor: with AVX-512 on an AMD machine oneDNN was 1.25 times faster in float32 and 1.1 times in
bfloat16, with AVX2 alone slower. So one product is tried in both ways.
"""

import time
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LEAST_GAIN: Final = 1.03  # under this, a second copy of the weights is not worth it
ROWS: Final = 512  # that oneDNN is told to expect; others are right as well
_DIMS: Final = 1024


class Products:
    """Calls linear layers, by oneDNN where they were packed.

    Packing holds a second copy of the weights; the layers themselves stay as they are.
    """

    def __init__(self) -> None:
        self._packed: dict[int, Any] = {}

    def pack(self, layers: "Iterable[nn.Linear]") -> None:
        """Packs layers if that makes them faster on this machine; their weights must not change."""
        import torch

        layers = list(layers)
        kinds = {layer.weight.dtype for layer in layers}
        if any(layer.weight.is_cuda for layer in layers):
            return
        faster = {kind for kind in kinds if packed_gain(kind) >= LEAST_GAIN}
        with torch.inference_mode():
            self._packed = {
                id(layer): _packed(layer.weight) for layer in layers if layer.weight.dtype in faster
            }

    def __call__(self, layer: "nn.Linear", x: "Tensor", gelu: bool = False) -> "Tensor":
        """Returns the layer's answer for `(.., n_in)`, shape `(.., n_out)`, behind a GELU if asked."""
        import torch

        weight = self._packed.get(id(layer))
        if weight is not None:
            return _pointwise(x, weight, layer.bias, gelu)
        answer: Tensor = layer(x)
        return torch.ops.aten.gelu_(answer) if gelu else answer


@cache
def packed_gain(kind: "torch.dtype") -> float:
    """Returns how much faster a packed product is here in one thread; 0 where there is none.

    It takes well under 0.2 s.
    """
    import torch
    from torch.nn import functional

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            x = torch.linspace(-1, 1, ROWS * _DIMS).view(ROWS, _DIMS).to(kind)
            weight = torch.linspace(-1, 1, _DIMS * _DIMS).view(_DIMS, _DIMS).to(kind)
            bias = torch.zeros(_DIMS, dtype=kind)
            packed = _packed(weight)
            plain_s = _least_s(lambda: functional.linear(x, weight, bias))
            return plain_s / _least_s(lambda: _pointwise(x, packed, bias, gelu=False))
    except (AttributeError, RuntimeError):  # this PyTorch has no such operation, or no oneDNN
        return 0.0
    finally:
        torch.set_num_threads(threads)


def _least_s(work: Any) -> float:
    times = []
    for _ in range(4):
        start_s = time.thread_time()  # what else runs on the machine does not count
        work()
        times.append(time.thread_time() - start_s)
    return max(min(times[1:]), 1e-9)


def _packed(weight: "Tensor") -> Any:
    import torch

    return torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)


def _pointwise(x: "Tensor", packed: Any, bias: "Tensor | None", gelu: bool) -> "Tensor":
    import torch

    kind, how = ("gelu", "none") if gelu else ("none", "")  # the exact GELU, not the one by tanh
    answer: Tensor = torch.ops.mkldnn._linear_pointwise(x, packed, bias, kind, [], how)
    return answer
