"""What this machine can do at most: matrix products and copies, measured in the same run."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

Clock = Callable[[], float]


def matrix_peak(precision: str, clock: Clock = time.perf_counter) -> float:
    """Returns the floating-point operations per second of the best square matrix product.

    Args:
        precision: `fp32` or `bf16`.
        clock: tells the time in seconds.
    """
    import torch

    best = 0.0
    with torch.inference_mode():
        for size in (256, 512, 1024, 2048):
            made = torch.randn(size, size).to(
                torch.bfloat16 if precision == "bf16" else torch.float32
            )
            seconds = best_s(lambda made=made: made @ made, 5, clock)
            best = max(best, 2 * size**3 / seconds)
            if seconds > 0.2:
                break
    return best


def copy_bandwidth(clock: Clock = time.perf_counter) -> float:
    """Returns the bytes per second of copying 256 MB, read and written."""
    source = np.ones(32 << 20)
    target = np.empty_like(source)
    return 2 * source.nbytes / best_s(lambda: np.copyto(target, source), 5, clock)


def best_s(work: Callable[[], Any], repeat: int, clock: Clock = time.perf_counter) -> float:
    """Returns the least seconds that something takes, after a first time that does not count."""
    work()
    times = []
    for _ in range(repeat):
        start_s = clock()
        work()
        times.append(clock() - start_s)
    return min(times)


def flops_of(work: Callable[[], Any]) -> int:
    """Returns the floating-point operations of the matrix products in something."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def attended(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        n, n_heads, n_queries, n_dims = query
        return int(2 * n * n_heads * n_queries * key[2] * (n_dims + value[3]))

    sdpa = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    with FlopCounterMode(display=False, custom_mapping={sdpa: attended}) as counter:
        work()
    return int(counter.get_total_flops())
