"""Attention whose scores fall with distance (ALiBi).

Source: Press et al., 2022, https://arxiv.org/abs/2108.12409.
"""

from itertools import product
from typing import TYPE_CHECKING, Final

from core.engines.side_by_side import SingleThreads

if TYPE_CHECKING:
    import torch
    from torch import Tensor

QUERIES: Final = 256  # of a head that are compared at once: their scores stay in the cache


def slopes_of(n_heads: int) -> list[float]:
    """Returns how fast each head's attention falls with distance.

    Source: Press et al., 2022: `2^(-8 i / n)`, and where n is no power of 2 the slopes of the next
    lower one, then every other one of the next higher.
    """
    lower = 1 << (n_heads.bit_length() - 1)
    found = [2.0 ** (-8.0 * i / lower) for i in range(1, lower + 1)]
    if lower < n_heads:
        found += slopes_of(2 * lower)[0::2][: n_heads - lower]
    return found


def make_bias(slopes: "Tensor", n_frames: int, n_extra: int, dtype: "torch.dtype") -> "Tensor":
    """Returns what is added to the scores, shape `(1, n_heads, n, n)`, n frames and extra tokens.

    Args:
        slopes: how fast each head's scores fall with each frame, shape `(n_heads,)`.
        n_frames: in the sound.
        n_extra: tokens before the frames that are near to all.
        dtype: of the answer.
    """
    import torch

    times = torch.arange(n_frames, device=slopes.device, dtype=torch.float32)
    distances = (times[:, None] - times[None, :]).abs()
    n = n_frames + n_extra
    table = torch.zeros((1, len(slopes), n, n), dtype=dtype, device=slopes.device)
    for head in range(len(slopes)):  # one at a time, so that no second table is needed
        table[0, head, n_extra:, n_extra:] = distances * -slopes[head]
    return table


def attend(
    query: "Tensor", key: "Tensor", value: "Tensor", bias: "Tensor | None", pool: SingleThreads
) -> "Tensor":
    """Returns `softmax(query key^T / sqrt(n_dims) + bias) value`.

    PyTorch's own attention is exact and keeps no table of scores. In bfloat16 on processors without
    AMX it multiplies slowly; there some queries of one head at a time are 1.6 times faster, their
    scores rounded to bfloat16.

    Args:
        query: shape `(n, n_heads, n_tokens, n_dims)`, as are `key`, `value` and the answer.
        key: what queries are compared with.
        value: what is averaged.
        bias: of `make_bias`, or None.
        pool: threads for the heads.
    """
    import torch
    from torch.nn import functional

    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    is_plain = query.dtype != torch.bfloat16 or query.is_cuda
    if is_plain or torch.cpu._is_amx_tile_supported():
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    answer = torch.empty_like(query)

    def attend_head(place: tuple[int, int]) -> None:
        n, head = place
        with torch.inference_mode():  # which a thread has to itself
            turned = (key[n, head] * key.shape[-1] ** -0.5).mT
            for first in range(0, query.shape[2], QUERIES):
                some = slice(first, first + QUERIES)
                if bias is None:
                    scores = query[n, head, some] @ turned
                else:
                    scores = torch.addmm(bias[0, head, some], query[n, head, some], turned)
                torch.mm(scores.softmax(-1), value[n, head], out=answer[n, head, some])

    pool.map(attend_head, product(range(len(query)), range(query.shape[1])))
    return answer
