"""Packed products: against numpy and SciPy, and only where they are faster."""

import numpy as np
import pytest
from scipy.special import erf

from core.engines import products
from core.engines.products import Products, packed_gain

torch = pytest.importorskip("torch")


def layer_and_rows(n_rows, has_bias=True, kind=torch.float32):
    generator = torch.Generator().manual_seed(n_rows)
    layer = torch.nn.Linear(48, 80, bias=has_bias)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return layer.to(kind), torch.randn((2, n_rows, 48), generator=generator).to(kind)


def by_hand(layer, x, gelu):
    weight, x = layer.weight.detach().double().numpy(), x.double().numpy()
    answer = x @ weight.T
    if layer.bias is not None:
        answer = answer + layer.bias.detach().double().numpy()
    return answer * 0.5 * (1 + erf(answer / 2**0.5)) if gelu else answer


@pytest.mark.parametrize("gain", [0.5, 2.0])
@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("n_rows", [1, 600])
def test_answer_is_the_layers_packed_or_not(n_rows, has_bias, gelu, gain, monkeypatch):
    if packed_gain(torch.float32) == 0:
        pytest.skip("this PyTorch packs no products")
    monkeypatch.setattr(products, "packed_gain", lambda kind: gain)
    layer, x = layer_and_rows(n_rows, has_bias)
    ours = Products()
    ours.pack([layer])
    assert bool(ours._packed) == (gain > 1)
    with torch.inference_mode():
        answer = ours(layer, x, gelu=gelu)
    np.testing.assert_allclose(answer, by_hand(layer, x, gelu), atol=2e-5)


def test_a_pytorch_without_the_operation_packs_nothing(monkeypatch):
    def missing(weight):
        raise AttributeError("no such operation")

    monkeypatch.setattr(products, "_packed", missing)
    assert packed_gain.__wrapped__(torch.float32) == 0
    monkeypatch.setattr(products, "packed_gain", packed_gain.__wrapped__)
    layer, x = layer_and_rows(5)
    ours = Products()
    ours.pack([layer])
    with torch.inference_mode():
        np.testing.assert_allclose(ours(layer, x), by_hand(layer, x, False), atol=2e-5)


def test_measuring_leaves_the_threads_as_they_were():
    before = torch.get_num_threads()
    packed_gain.__wrapped__(torch.float32)
    assert torch.get_num_threads() == before
