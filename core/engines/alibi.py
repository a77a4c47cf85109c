"""Attention whose scores fall with distance (ALiBi), computed only as far as it can reach.

A score is at most `m`, the product of the longest query and the longest key of its head, so a key
`d` frames away weighs at most `exp(2 m - slope d)` of the frame's own. Where that is below `exp(-20)`
for all beyond some distance, those are left out: all of them together change less than 1e-5 of an
answer. How far that is depends on the weights and the sound; the steep heads gain, the flat ones none.

Source: Press et al., 2022, https://arxiv.org/abs/2108.12409.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MARGIN: Final = 20.0
REACHES: Final = (64, 128, 256, 448)  # frames; heads of the same reach are computed together
BLOCK: Final = 256  # queries that share their keys
LEAST: Final = 700  # frames under which all keys are taken


@dataclass(frozen=True)
class Bias:
    """What is added to the scores, and what it follows from.

    Attributes:
        table: shape `(1, n_heads, n, n)`; the first `n_extra` rows and columns are 0.
        slopes: by which it falls with each frame, one a head.
        n_extra: tokens before the frames that are near to all.
    """

    table: "Tensor"
    slopes: tuple[float, ...]
    n_extra: int


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


def make_bias(slopes: "Tensor", n_frames: int, n_extra: int, dtype: "torch.dtype") -> Bias:
    """Returns the bias of heads with the given slopes, shape `(n_heads,)`."""
    import torch

    times = torch.arange(n_frames, device=slopes.device, dtype=torch.float32)
    distances = (times[:, None] - times[None, :]).abs()
    n = n_frames + n_extra
    table = torch.zeros((1, len(slopes), n, n), dtype=dtype, device=slopes.device)
    for head in range(len(slopes)):  # one at a time, so that no second table is needed
        table[0, head, n_extra:, n_extra:] = distances * -slopes[head]
    return Bias(table, tuple(slopes.tolist()), n_extra)


def attend(query: "Tensor", key: "Tensor", value: "Tensor", bias: Bias | None) -> "Tensor":
    """Returns `softmax(query key^T / sqrt(n_dims) + bias) value`.

    Args:
        query: shape `(n, n_heads, n_tokens, n_dims)`, as are `key`, `value` and the answer.
        key: what queries are compared with.
        value: what is averaged.
        bias: of the scores, or None.
    """
    import torch
    from torch.nn import functional

    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    table = None if bias is None else bias.table
    if bias is None or query.is_cuda or query.shape[2] < LEAST:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=table)
    answer = torch.empty_like(query)
    first = 0
    for reach, heads in groupby(_reaches(query, key, bias)):
        some = slice(first, first + len(list(heads)))
        first = some.stop
        parts = query[:, some], key[:, some], value[:, some], bias.table[:, some]
        if reach is None:
            answer[:, some] = functional.scaled_dot_product_attention(*parts)
        else:
            _attend_near(*parts, bias.n_extra, reach, answer[:, some])
    return answer


def _reaches(query: "Tensor", key: "Tensor", bias: Bias) -> list[int | None]:
    """Returns for each head how many frames away its keys count, None for all."""
    longest = [x.float().norm(dim=-1).amax(dim=(0, 2)) for x in (query, key)]
    most = (longest[0] * longest[1] * query.shape[-1] ** -0.5).tolist()
    found: list[int | None] = []
    for score, slope in zip(most, bias.slopes, strict=True):
        reach = (2 * score + MARGIN) / slope if slope > 0 else float("inf")
        found.append(next((known for known in REACHES if known >= reach), None))
    return found


def _attend_near(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    table: "Tensor",
    n_extra: int,
    reach: int,
    answer: "Tensor",
) -> None:
    """Fills in the answer of heads that reach no further than `reach` frames."""
    import torch
    from torch.nn import functional

    n = query.shape[2]
    if n_extra:
        far = functional.scaled_dot_product_attention(
            query[:, :, :n_extra], key, value, attn_mask=table[:, :, :n_extra]
        )
        answer[:, :, :n_extra] = far
    for start in range(n_extra, n, BLOCK):
        stop = min(start + BLOCK, n)
        low, high = max(n_extra, start - reach), min(n, stop + reach)

        def near(x: "Tensor", dim: int, low: int = low, high: int = high) -> "Tensor":
            """Takes the extra tokens and those within reach."""
            inside = x.narrow(dim, low, high - low)
            if low == n_extra:
                return x.narrow(dim, 0, high)
            return torch.cat([x.narrow(dim, 0, n_extra), inside], dim) if n_extra else inside

        answer[:, :, start:stop] = functional.scaled_dot_product_attention(
            query[:, :, start:stop],
            near(key, 2),
            near(value, 2),
            attn_mask=near(table[:, :, start:stop], 3),
        )
