"""The network of `compact`: its convolutions, packed weights and layers on pairs of frames."""

import numpy as np
import pytest

from core.engines.compact import CompactEngine
from tests.engines.test_compact import MODEL, voice


def test_convolutions_are_those_of_torch() -> None:
    import torch
    from torch.nn.functional import gelu

    from core.engines.whisper_encoder import _convolved

    network = CompactEngine.load(MODEL)._network
    for n in (1, 2, 3, 100, 101):
        x = torch.randn(2, n, 80)
        with torch.inference_mode():
            found = gelu(_convolved(network.conv2, _convolved(network.conv1, x)))
            expected = gelu(network.conv2(network.conv1(x.mT))).mT
        assert found.shape == expected.shape
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
        assert found.is_contiguous()


def test_packed_weights_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.engines import products

    found = []
    for gain in (0.0, 2.0):
        monkeypatch.setattr(products, "packed_gain", lambda kind, gain=gain: gain)
        engine = CompactEngine.load(MODEL)
        assert bool(engine._network._product._packed) == (gain > 1)
        found.append(engine.run(np.stack([voice(3.0, seed) for seed in range(3)])))
    for plain, packed in zip(*found, strict=True):
        np.testing.assert_allclose(packed.logits, plain.logits, atol=1e-3)
        np.testing.assert_allclose(packed.embeddings, plain.embeddings, atol=1e-3)


@pytest.mark.parametrize("n_frames", [1, 2, 7, 50])
def test_upper_layers_hear_means_of_pairs(n_frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from core.engines.products import Products

    network = CompactEngine.load(MODEL)._network
    n_whole = network.shape.pairs_from
    x = torch.randn(2, n_frames, network.shape.n_dims)
    monkeypatch.setattr(network, "stem", lambda _: x)
    with torch.inference_mode():
        *_, lower, upper, _ = network.layers(x)
        below = x
        for block in network.blocks[:n_whole]:
            below = block(below, Products())
        pairs = [below[:, i : i + 2].mean(dim=1) for i in range(0, n_frames, 2)]
        above = network.blocks[n_whole](torch.stack(pairs, dim=1), Products())
    assert lower.shape == upper.shape == x.shape
    for i in range(n_frames):
        expected = above[:, i // 2]
        centred = expected - expected.mean(dim=-1, keepdim=True)
        normed = centred / centred.square().mean(dim=-1, keepdim=True).sqrt()
        torch.testing.assert_close(upper[:, i], normed, atol=1e-3, rtol=1e-3)
