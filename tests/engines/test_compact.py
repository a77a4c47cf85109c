"""The embedded engine on the weights that the project ships."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from core.emotions import EMOTIONS, Emotion
from core.engines.base import SAMPLE_RATE, Engine, Floats
from core.engines.compact import CompactEngine
from core.errors import EngineError

MODEL = Path(__file__).parents[2] / "data/models/compact"


@pytest.fixture(scope="module")
def engine() -> CompactEngine:
    return CompactEngine.load(MODEL)


def voice(seconds: float, seed: int = 0) -> Floats:
    """A voice-like sound: gliding harmonics with syllables and a little noise, `(n_samples,)`."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 2 * np.pi * np.cumsum(150 + 40 * np.sin(2 * np.pi * 0.7 * t + seed)) / SAMPLE_RATE
    tone = sum(np.sin(k * pitch) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * t), 0, None)
    return (0.2 * tone * syllables + 0.001 * rng.standard_normal(len(t))).astype(np.float32)


def scores(engine: Engine, waveform: Floats) -> Floats:
    mean = engine.run(waveform[None])[0].logits.mean(axis=0)
    exponent = np.exp(mean - mean.max())
    return np.asarray(exponent / exponent.sum())


@pytest.fixture
def measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets what was measured about the shipped weights."""
    monkeypatch.setenv("TONESCOPE_CACHE", str(tmp_path / "measured"))


def test_shapes_and_names_follow_the_contract(engine: CompactEngine) -> None:
    contract: Engine = engine
    frames = contract.run(np.stack([voice(2.0), voice(2.0, 1)]))
    assert [f.logits.shape for f in frames] == [(100, 9), (100, 9)]
    assert frames[0].embeddings.shape == (100, contract.n_dims)
    assert contract.n_dims == 384
    assert contract.class_mask == (True,) * 9
    assert contract.engine_id.startswith("compact-")
    assert set(contract.temperatures or {}) >= {0.5, 1.0, 2.0, 5.0, 10.0}


@pytest.mark.parametrize("n_samples", [400, 479, 480, 639, 640, 641, 16_000, 159_999])
def test_number_of_frames_is_exact(engine: CompactEngine, n_samples: int) -> None:
    assert len(engine.run(voice(10.0)[None, :n_samples])[0]) == engine.n_frames(n_samples)


def test_one_window_fits(engine: CompactEngine) -> None:
    seconds = engine.windowing.window_s
    assert len(engine.run(voice(seconds)[None])[0]) == round(seconds / 0.02)


def test_too_short_too_long_and_misshaped_waveforms_are_explained(engine: CompactEngine) -> None:
    assert engine.n_frames(399) == 0
    for waveforms in (np.zeros((1, 399)), np.zeros((1, 31 * SAMPLE_RATE)), np.zeros(16_000)):
        with pytest.raises(EngineError, match=r"expected|least|at most"):
            engine.run(waveforms.astype(np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(engine: CompactEngine, bad: float) -> None:
    waveform = voice(1.0)
    waveform[77] = bad
    with pytest.raises(EngineError, match="finite"):
        engine.run(waveform[None])


def test_a_batch_answers_what_each_waveform_answers_alone(engine: CompactEngine) -> None:
    waveforms = np.stack([voice(3.0, seed) for seed in range(5)])
    together = engine.run(waveforms)
    for waveform, frames in zip(waveforms, together, strict=True):
        alone = engine.run(waveform[None])[0]
        np.testing.assert_allclose(frames.logits, alone.logits, atol=1e-5)
        np.testing.assert_allclose(frames.embeddings, alone.embeddings, atol=1e-5)


@pytest.mark.parametrize("gain", [0.05, 0.2, 0.7])
def test_level_does_not_decide(engine: CompactEngine, gain: float) -> None:
    waveform = voice(3.0)
    np.testing.assert_allclose(
        scores(engine, waveform * np.float32(gain)), scores(engine, waveform), atol=0.02
    )


def test_logits_are_linear_in_the_embeddings(engine: CompactEngine) -> None:
    tensors = load_file(MODEL / "model.safetensors")
    frames = engine.run(voice(2.0)[None])[0]
    expected = frames.embeddings @ tensors["head.weight"].T + tensors["head.bias"]
    np.testing.assert_allclose(frames.logits, expected, atol=1e-4)


def test_different_sounds_get_different_frames(engine: CompactEngine) -> None:
    one, other = engine.run(np.stack([voice(2.0), voice(2.0, 3)]))
    assert np.abs(one.logits - other.logits).max() > 0.5


def test_bf16_stays_close_to_fp32(engine: CompactEngine) -> None:
    rough = CompactEngine.load(MODEL, precision="bf16")
    assert rough.precision == "bf16"
    assert rough.engine_id == engine.engine_id
    for seed in range(3):
        waveform = voice(3.0, seed)
        a = engine.run(waveform[None])[0].embeddings.mean(axis=0)
        b = rough.run(waveform[None])[0].embeddings.mean(axis=0)
        assert 0.9995 < a @ b / np.linalg.norm(a) / np.linalg.norm(b) < 1 - 1e-7
        np.testing.assert_allclose(scores(rough, waveform), scores(engine, waveform), atol=0.02)


def test_bf16_that_differs_too_much_becomes_fp32_and_says_so(
    measured_anew: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.engines.registry import describe
    from core.engines.whisper_encoder import WhisperEncoder

    exact = CompactEngine.load(MODEL)

    def rough(network: WhisperEncoder) -> None:
        network.projection.weight *= 1.2

    monkeypatch.setattr(WhisperEncoder, "to_bfloat16", rough)
    monkeypatch.setattr("core.engines.precision.bf16_gain", lambda: 5.0)
    for _ in range(2):  # found out, then known
        engine = CompactEngine.load(MODEL, "auto")
        assert engine.precision == "fp32"
        assert "in bf16" in (engine.remark or "")
        np.testing.assert_array_equal(scores(engine, voice(1.0)), scores(exact, voice(1.0)))
    assert CompactEngine.load(MODEL).remark is None
    info = describe("compact", MODEL)
    assert (info.precision, info.agrees, info.remark) == ("fp32", None, engine.remark)


def test_bf16_is_compared_once(measured_anew: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CompactEngine.load(MODEL, "bf16").remark is None

    def refuse(*_: object) -> None:
        raise AssertionError("it is known already")

    monkeypatch.setattr("core.engines.compact.sounds", refuse)
    assert CompactEngine.load(MODEL, "bf16").precision == "bf16"


def test_it_runs_on_a_cuda_device() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device is here")
    from core.engines.whisper_encoder import WhisperEncoder

    found = CompactEngine.load(MODEL)
    waveforms = np.stack([voice(10.0, seed) for seed in range(found.together + 1)])
    together = found.run(waveforms)
    network: WhisperEncoder = found._network.cpu()
    for waveform, frames in zip(waveforms, together, strict=True):
        with torch.inference_mode():
            logits = network(torch.from_numpy(waveform)[None])[0][0].numpy()
        np.testing.assert_allclose(frames.logits[:, found._columns], logits, atol=1e-3)


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_silence_and_noise_are_unknown(engine: CompactEngine, level: float) -> None:
    noise = level * np.random.default_rng(123).standard_normal(3 * SAMPLE_RATE)
    best = EMOTIONS[int(scores(engine, noise.astype(np.float32)).argmax())]
    assert best == Emotion.UNKNOWN


# At whole tens of Hz every spectrum is exactly like an earlier one, which no speech is.
@pytest.mark.parametrize("pitch_hz", [83, 110, 220, 400, 440, 480, 523.25, 880, 1000, 1760, 3000])
def test_tones_are_unknown(engine: CompactEngine, pitch_hz: float) -> None:
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.5 * np.sin(2 * np.pi * pitch_hz * t)).astype(np.float32)
    assert EMOTIONS[int(scores(engine, tone).argmax())] == Emotion.UNKNOWN


def test_global_state_is_left_alone() -> None:
    import torch

    torch.manual_seed(5)
    before = (torch.get_num_threads(), torch.get_rng_state().clone(), torch.get_default_dtype())
    CompactEngine.load(MODEL, precision="bf16").run(voice(1.0)[None])
    after = (torch.get_num_threads(), torch.get_rng_state(), torch.get_default_dtype())
    assert before[0] == after[0]
    assert torch.equal(before[1], after[1])
    assert before[2] == after[2]
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_threads_share_an_engine(engine: CompactEngine) -> None:
    waveforms = [voice(1.0 + seed / 4, seed)[None] for seed in range(6)]
    expected = [engine.run(w)[0].logits for w in waveforms]
    found: dict[int, Floats] = {}

    def work(i: int) -> None:
        found[i] = engine.run(waveforms[i])[0].logits

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, logits in enumerate(expected):
        np.testing.assert_allclose(found[i], logits, atol=1e-5)


def test_import_loads_no_torch() -> None:
    code = "import sys, core.engines.compact; sys.exit('torch' in sys.modules)"
    root = MODEL.parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_loading_is_quick() -> None:
    taken_s = []
    for _ in range(3):
        start = time.perf_counter()
        CompactEngine.load(MODEL)
        taken_s.append(time.perf_counter() - start)
    assert min(taken_s) < 1.0


def test_unknown_precision_is_explained() -> None:
    with pytest.raises(EngineError, match="fp32, bf16"):
        CompactEngine.load(MODEL, precision="int8")
