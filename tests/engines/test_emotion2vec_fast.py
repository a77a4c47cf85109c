"""The faster way through emotion2vec: FunASR's own answers, or FunASR's own way."""

import logging

import numpy as np
import pytest

from core.engines.emotion2vec import Emotion2vecEngine
from core.engines.emotion2vec_fast import FastNetwork
from core.engines.funasr_loader import generate, quiet_process
from core.engines.measured import noted
from core.engines.parity import LEAST_COSINE, VERIFIED_S, Parity, compared
from core.engines.registry import Registry
from tests.emotion2vec import TOKENS, config, write_directory
from tests.synthetic import speech_like

torch = pytest.importorskip("torch")
pytest.importorskip("funasr")

OTHER_LAYERS = "[(24, 10, 5), (24, 7, 4), (16, 7, 4)] + [(32, 4, 4)]"


def build(folder, seed=0, heads=4, dims=64, top=None, **audio):
    """Writes a directory with some settings changed."""
    settings = config(dims, heads=heads)
    settings["model_conf"].update(top or {})
    settings["model_conf"]["modalities"]["audio"].update(audio)
    return write_directory(folder / "model", seed=seed, settings=settings)


def parity(directory, precision, lengths_s) -> tuple[Emotion2vecEngine, Parity]:
    """Returns an engine, and how far it is from FunASR's `generate` on the same weights."""
    exact = Emotion2vecEngine.load(directory)
    sounds = [speech_like(seconds, seed=round(seconds * 7)) for seconds in lengths_s]
    answers = [generate(exact._model, sound) for sound in sounds]
    engine = exact if precision == "fp32" else Emotion2vecEngine.load(directory, precision)
    ours = [engine.run(sound[np.newaxis])[0] for sound in sounds]
    return engine, compared(answers, ours, engine._scores)


@pytest.mark.parametrize(("seed", "lengths_s"), [(1, (0.025, 2.777, 30.0)), (2, (1.0, 9.99))])
def test_it_answers_what_funasr_answers(tmp_path, seed, lengths_s):
    engine, found = parity(build(tmp_path, seed), "fp32", lengths_s)
    assert engine._fast is not None
    assert max(found.scores, found.embeddings) <= 1e-4
    assert found.same_label


@pytest.mark.parametrize("seed", [1, 2])
def test_in_bfloat16_it_answers_nearly_the_same(tmp_path, seed):
    engine, found = parity(build(tmp_path, seed), "bf16", (0.5, 1.7))
    assert (engine.precision, engine.remark) == ("bf16", None)
    assert LEAST_COSINE <= found.cosine < 1 - 1e-9
    assert found.same_label
    assert 1e-5 < found.scores < 0.02
    assert engine._network.blocks[0].mlp.fc1.weight.dtype is torch.bfloat16


@pytest.mark.parametrize(
    "changes",
    [
        {"feature_encoder_spec": OTHER_LAYERS},
        {"top": {"layer_norm_first": True}},
        {"heads": 6, "dims": 96, "num_alibi_heads": 6},
        {"num_extra_tokens": 0, "conv_pos_pre_ln": True},
        {"use_alibi_encoder": False},
        {"prenet_depth": 0, "learned_alibi_scale_per_head": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_it_knows_what_the_settings_may_change(tmp_path, changes):
    engine, found = parity(build(tmp_path, **changes), "fp32", (1.3,))
    assert engine._fast is not None, engine.remark
    assert max(found.scores, found.embeddings) <= 1e-4


@pytest.mark.parametrize(
    "changes",
    [
        {"extractor_mode": "default"},
        {"learned_alibi_scale_per_layer": True},
        {"num_alibi_heads": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_it_does_not_know_runs_as_funasr_runs_it_and_says_so(tmp_path, changes, caplog):
    caplog.set_level(logging.WARNING)
    engine = Emotion2vecEngine.load(build(tmp_path, **changes), "bf16")
    assert engine._fast is None
    assert engine.precision == "fp32"
    assert "runs" in engine.remark
    assert engine.remark in caplog.text
    assert engine.agrees_with_funasr(speech_like(1.0))
    known = noted(engine.sha256)  # so that it is told before the engine is loaded
    assert (known["precision"], known["remark_fp32"]) == ("fp32", engine.remark)
    assert Emotion2vecEngine.load(tmp_path / "model", "auto").remark == engine.remark


def test_one_that_differs_is_left_and_the_finding_kept(tmp_path, monkeypatch):
    directory = build(tmp_path, seed=11)
    features = FastNetwork.features
    monkeypatch.setattr(FastNetwork, "features", lambda self, x: features(self, x) + 0.01)
    engine = Emotion2vecEngine.load(directory)
    assert "as FunASR runs it" in engine.remark
    assert engine.agrees_with_funasr(speech_like(1.0))
    assert noted(engine.sha256)["parity_fp32"]["holds"] is False
    monkeypatch.undo()
    again = Emotion2vecEngine.load(directory)  # what was found counts until it is verified anew
    assert again._fast is None
    assert noted(engine.sha256)["remark_fp32"] == engine.remark == again.remark
    registry = Registry()
    assert registry.own(str(directory)) is None
    assert registry.verify(str(directory)).ok
    assert noted(engine.sha256)["parity_fp32"]["holds"] is True
    assert Emotion2vecEngine.load(directory)._fast is not None
    info = registry.own(str(directory))
    assert (info.engine_id, info.agrees, info.remark) == (engine.engine_id, True, None)


def test_bfloat16_that_differs_too_much_becomes_float32(tmp_path, monkeypatch):
    directory = build(tmp_path, seed=12)
    features = FastNetwork.features

    def rough(self, x):
        found = features(self, x)
        is_rough = self._network.blocks[0].mlp.fc1.weight.dtype is torch.bfloat16
        return found + torch.linspace(0, 1, found.shape[2]) if is_rough else found

    monkeypatch.setattr(FastNetwork, "features", rough)
    monkeypatch.setattr("core.engines.precision.bf16_gain", lambda: 5.0)
    for _ in range(2):  # found out, then known
        engine = Emotion2vecEngine.load(directory, "auto")
        assert engine.precision == "fp32"
        assert "in bf16" in engine.remark
        assert engine._fast is not None
    assert engine.agrees_with_funasr(speech_like(1.0))
    assert Emotion2vecEngine.load(directory, "fp32").remark is None  # as asked for
    known = noted(engine.sha256)
    assert (known["precision"], known["parity_bf16"]["holds"]) == ("fp32", False)
    assert known["remark_bf16"] == engine.remark


def test_verifying_compares_whole_windows_in_what_auto_takes(tmp_path, monkeypatch):
    directory = build(tmp_path, seed=14, feature_encoder_spec=OTHER_LAYERS)
    monkeypatch.setattr("core.engines.precision.bf16_gain", lambda: 5.0)
    asked, answer = [], generate
    monkeypatch.setattr(
        "core.engines.funasr_loader.generate",
        lambda model, sound: asked.append(len(sound) / 16_000) or answer(model, sound),
    )
    registry = Registry()
    assert registry.verify(str(directory)).ok
    assert asked[: 2 * len(VERIFIED_S)] == [*VERIFIED_S, *VERIFIED_S]  # float32, then bfloat16
    assert max(asked) == 30.0
    info = registry.own(str(directory))
    assert (info.precision, info.agrees, info.remark) == ("bf16", True, None)
    assert noted(Emotion2vecEngine.load(directory).sha256)["parity_bf16"]["holds"] is True


def test_comparison_is_made_once(tmp_path, monkeypatch):
    directory = build(tmp_path, seed=13)
    first = Emotion2vecEngine.load(directory)
    assert noted(first.sha256)["parity_fp32"]["holds"] is True

    def refuse(*_):
        raise AssertionError("it is known already")

    monkeypatch.setattr("core.engines.funasr_loader.generate", refuse)
    assert Emotion2vecEngine.load(directory)._fast is not None


def test_equally_long_waveforms_go_together_and_answer_as_alone(tmp_path):
    engine = Emotion2vecEngine.load(build(tmp_path))
    sounds = np.stack([speech_like(0.6, seed)[:8_000] for seed in range(6)])
    for sound, frames in zip(sounds, engine.run(sounds), strict=True):
        np.testing.assert_allclose(frames.logits, engine.run(sound[None])[0].logits, atol=2e-5)


def test_weights_stay_funasrs_own(tmp_path):
    directory = build(tmp_path)
    with quiet_process():
        from funasr import AutoModel

        model = AutoModel(model=str(directory), disable_update=True, disable_pbar=True)
    network = model.model
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fast = FastNetwork(network)
    with torch.inference_mode():
        fast.features(torch.from_numpy(speech_like(1.0)[None]))
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key
    kernels = network.modality_encoders["AUDIO"].local_encoder.conv_layers[1][0].weight
    matrix = kernels.permute(0, 2, 1).reshape(len(kernels), -1)
    assert matrix.data_ptr() == kernels.data_ptr()  # a view, no second copy
    assert network.alibi_biases == {}  # and no table is left


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_runs_on_a_cuda_device(tmp_path, precision):
    engine, found = parity(build(tmp_path), precision, (1.0, 5.0, 30.0))
    assert next(engine._network.parameters()).is_cuda
    assert found.holds(precision)
    assert engine.together >= 1
    sounds = np.stack([speech_like(5.0, seed) for seed in range(3)])
    for sound, frames in zip(sounds, engine.run(sounds), strict=True):
        alone = engine.run(sound[None])[0].logits
        scale = float(np.abs(alone).max())
        np.testing.assert_allclose(
            frames.logits, alone, atol=scale * (1e-4 if precision == "fp32" else 2e-2)
        )


def test_labels_in_use_are_those_compared(tmp_path):
    engine = Emotion2vecEngine.load(build(tmp_path))
    (frames,) = engine.run(speech_like(1.0)[None])
    assert engine._scores(frames).shape == (len(TOKENS),)
    assert engine._scores(frames).sum() == pytest.approx(1.0)
