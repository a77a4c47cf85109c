"""Attention that falls with distance: against softmax written out, and FunASR's own table."""

import numpy as np
import pytest

from core.engines.alibi import attend, make_bias, slopes_of
from core.engines.funasr_loader import quiet_process
from core.engines.side_by_side import SingleThreads

torch = pytest.importorskip("torch")


def by_hand(query, key, value, bias):
    """Returns the answer in float64."""
    query, key, value = (x.double() for x in (query, key, value))
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return torch.softmax(scores + bias.double(), dim=-1) @ value


def made(n_frames, n_extra, level, n_heads=6):
    torch_random = torch.Generator().manual_seed(n_frames)
    shape = (3, 2, n_heads, n_frames + n_extra, 16)
    query, key, value = torch.randn(shape, generator=torch_random)
    bias = make_bias(torch.tensor(slopes_of(n_heads)), n_frames, n_extra, torch.float32)
    return query * level, key, value, bias


@pytest.mark.parametrize("n_frames", [3, 300])
@pytest.mark.parametrize("n_extra", [0, 10])
@pytest.mark.parametrize("level", [0.01, 6.0])
def test_answer_is_that_of_all_keys(n_frames, n_extra, level):
    given = made(n_frames, n_extra, level)
    np.testing.assert_allclose(attend(*given, SingleThreads(1)), by_hand(*given), atol=1e-5)


@pytest.mark.parametrize("has_amx", [False, True])
@pytest.mark.parametrize("n_frames", [3, 300])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_answer_in_bfloat16_is_as_near_as_it_can_be(n_frames, n_threads, has_amx, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    given = [x.bfloat16() for x in made(n_frames, n_extra=10, level=2.0)]
    answer = attend(*given, SingleThreads(n_threads)).double()
    wanted = by_hand(*given)
    assert answer.shape == wanted.shape
    assert torch.cosine_similarity(answer.flatten(), wanted.flatten(), dim=0) > 0.9999
    np.testing.assert_allclose(answer, wanted, atol=0.05)


def test_answer_in_bfloat16_without_distances():
    query, key, value, bias = (x.bfloat16() for x in made(40, n_extra=0, level=2.0))
    answer = attend(query, key, value, None, SingleThreads(1)).double()
    np.testing.assert_allclose(answer, by_hand(query, key, value, bias * 0), atol=0.05)


@pytest.mark.parametrize("n_heads", [1, 2, 6, 12, 16, 20])
def test_table_is_that_of_funasr(n_heads):
    pytest.importorskip("funasr")
    with quiet_process():
        from funasr.models.emotion2vec.base import get_alibi
    bias = make_bias(torch.tensor(slopes_of(n_heads)), 50, 3, torch.float32)
    np.testing.assert_allclose(bias[0, :, 3:, 3:], get_alibi(50, n_heads), rtol=1e-6)
    assert not bias[:, :, :3].any()
    assert not bias[:, :, :, :3].any()
