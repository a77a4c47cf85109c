"""Where engines compute: the first CUDA device if there is one, else the processor."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_EXACT = threading.RLock()


def device() -> "torch.device":
    """Returns the first CUDA device if there is one, else the processor."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def device_name() -> str:
    """Returns the name of the CUDA device, or `cpu`."""
    import torch

    return torch.cuda.get_device_name() if device().type == "cuda" else "cpu"


def fitting(window_bytes: int, most: int) -> int:
    """Returns how many windows fit into half of the memory that a CUDA device has free, at least 1.

    Args:
        window_bytes: that one window takes while it is run.
        most: of the answer.
    """
    import torch

    free_bytes, _ = torch.cuda.mem_get_info()
    return max(1, min(most, free_bytes // 2 // window_bytes))


@contextmanager
def exact_products() -> Iterator[None]:
    """Keeps float32 what it says: no TF32, in which CUDA's convolutions compute by default.

    TF32 has 10 bits where float32 has 23, so answers would differ by more than 1e-4. The setting is
    the whole process's: it is put back at the end, and one thread at a time is in here.
    """
    if device().type == "cpu":
        yield
        return
    from torch import backends

    cudnn: Any = backends.cudnn  # its parts are set at run time
    places = (cudnn.conv, backends.cuda.matmul)
    with _EXACT:
        before = [place.fp32_precision for place in places]
        try:
            for place in places:
                place.fp32_precision = "ieee"
            yield
        finally:
            for place, setting in zip(places, before, strict=True):
                place.fp32_precision = setting
