"""The arithmetic in which this machine multiplies matrices fastest, found by a short measurement.

Processors with units for bfloat16 (AMX) multiply several times faster in it than in float32; one
without may be tens of times slower. So the first product tried is a very small one. A CUDA device
takes longer to start a small product than to compute it: there a large one counts.
"""

import time
from functools import cache
from typing import Final

from core.engines.devices import device, exact_products
from core.engines.measured import note, noted

PRECISIONS: Final = ("auto", "fp32", "bf16")
LEAST_GAIN: Final = 1.2  # under this, what is exact is taken
_SIZES: Final = {  # of square matrices
    "cpu": (128, 512),  # 0.06 ms and 4 ms in float32 on one core of 0.07 TFLOP/s
    "cuda": (512, 4096),  # the larger one: 17 ms at 8 TFLOP/s, 2 ms at 67
}
_HOPELESS: Final = 0.2  # a small product has more to do than to multiply, but not that much more


def chosen_precision(sha256: str) -> str:
    """Returns what `auto` stands for with these weights on this machine; measured once, and noted.

    Args:
        sha256: of the weights.
    """
    known = noted(sha256).get("precision")
    if known in PRECISIONS[1:]:
        return str(known)
    gain = bf16_gain()
    chosen = "bf16" if gain >= LEAST_GAIN else "fp32"
    note(sha256, precision=chosen, bf16_gain=round(gain, 3))
    return chosen


@cache
def bf16_gain() -> float:
    """Returns how much faster products are in bfloat16 than in float32; takes well under 1 s.

    A size is tried only where the smaller one was not already far slower.
    """
    gain = 0.0
    for size in _SIZES[device().type]:
        gain = product_s(size, "float32") / product_s(size, "bfloat16")
        if gain < _HOPELESS:
            break
    return gain


def product_s(size: int, kind: str, repeat: int = 3) -> float:
    """Returns the least seconds of a product of two square matrices, after a first one.

    On a processor they are those that one thread computes: what else runs there does not count.
    """
    import torch

    place = device()
    clock = time.thread_time if place.type == "cpu" else time.perf_counter
    n_threads = torch.get_num_threads()
    times = []
    torch.set_num_threads(1)
    try:
        with torch.inference_mode(), exact_products():
            made = torch.linspace(-1, 1, size * size, device=place).view(size, size)
            made = made.to(getattr(torch, kind))
            for _ in range(repeat + 1):
                start_s = clock()
                _ = made @ made
                if place.type == "cuda":
                    torch.cuda.synchronize()
                times.append(clock() - start_s)
    finally:
        torch.set_num_threads(n_threads)
    return max(min(times[1:]), 1e-9)
