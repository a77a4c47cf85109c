"""What this machine can do at most: matrix products and copies, measured in the same run."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from core.engines.devices import device, exact_products
from core.engines.products import Products

Clock = Callable[[], float]


def matrix_peak(precision: str, clock: Clock = time.perf_counter) -> float:
    """Returns the floating-point operations per second of the best square matrix product.

    Args:
        precision: `fp32` or `bf16`.
        clock: tells the time in seconds.
    """
    import torch

    best, place = 0.0, device()
    sizes = (256, 512, 1024, 2048) if place.type == "cpu" else (2048, 4096, 8192)
    with torch.inference_mode(), exact_products():
        for size in sizes:
            made = torch.randn(size, size, device=place).to(
                torch.bfloat16 if precision == "bf16" else torch.float32
            )
            seconds = best_s(lambda made=made: made @ made, 5, clock)
            layer = torch.nn.Linear(size, size, bias=False, device="meta")
            layer.weight = torch.nn.Parameter(made, requires_grad=False)
            products = Products()
            products.pack([layer])  # where that is faster, it is what the machine can do at most
            work = partial(products, layer, made)
            seconds = min(seconds, best_s(work, 5, clock))
            best = max(best, 2 * size**3 / seconds)
            if seconds > 0.2:
                break
    return best


def copy_bandwidth(clock: Clock = time.perf_counter) -> float:
    """Returns the bytes per second of copying 256 MB where engines compute, read and written."""
    if device().type != "cpu":
        import torch

        there = torch.ones(32 << 20, dtype=torch.float64, device=device())
        answer = torch.empty_like(there)
        return 2 * there.nbytes / best_s(lambda: answer.copy_(there), 5, clock)
    source = np.ones(32 << 20)
    target = np.empty_like(source)
    return 2 * source.nbytes / best_s(lambda: np.copyto(target, source), 5, clock)


def best_s(work: Callable[[], Any], repeat: int, clock: Clock = time.perf_counter) -> float:
    """Returns the least seconds that something takes, after a first time that does not count."""
    work()
    _wait()
    times = []
    for _ in range(repeat):
        start_s = clock()
        work()
        _wait()
        times.append(clock() - start_s)
    return min(times)


def _wait() -> None:
    """Waits for a CUDA device, which is only told what to do."""
    if device().type == "cuda":
        import torch

        torch.cuda.synchronize()


def flops_of(work: Callable[[], Any]) -> int:
    """Returns the floating-point operations of the products in something, in the calling thread."""
    return sum(flops_by_operation(work).values())


def flops_by_operation(work: Callable[[], Any]) -> dict[str, int]:
    """Returns the floating-point operations of each kind of product, by its name (`aten.addmm`)."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def attended(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        n, n_heads, n_queries, n_dims = query
        return int(2 * n * n_heads * n_queries * key[2] * (n_dims + value[3]))

    def packed(rows: Any, weight: Any, *_: Any, **__: Any) -> int:
        return 2 * math.prod(rows) * int(weight[0])

    own = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attended,
        torch.ops.mkldnn._linear_pointwise: packed,
    }
    with FlopCounterMode(display=False, custom_mapping=own) as counter:
        work()
    counts = counter.get_flop_counts().get("Global", {})
    return {str(operation): int(flops) for operation, flops in counts.items()}
