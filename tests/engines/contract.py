"""What every engine must keep to: checks to be run over each of them.

A test module names its engines and calls `check_all`, or each check by itself.
"""

import logging
import re
import threading
from collections.abc import Callable

import numpy as np
import pytest

from core.emotions import N_EMOTIONS
from core.engines.base import Engine
from core.errors import EngineError
from tests.synthetic import noise, speech_like

LENGTHS = (400, 401, 639, 640, 719, 720, 721, 960, 1_600, 7_999, 8_000, 16_000, 16_319, 16_320)
PARITY = {"fp32": 1e-5, "bf16": 2e-2}  # relative: bfloat16 has 8 bits of precision


def sounds(n: int, n_samples: int = 16_000) -> np.ndarray:
    """Returns waveforms that differ, shape `(n, n_samples)`."""
    made = [speech_like(n_samples / 16_000 + 0.01, seed) for seed in range(n)]
    return np.stack([sound[:n_samples] for sound in made])


def close(engine: Engine, one: np.ndarray, two: np.ndarray) -> None:
    """Asserts that two answers agree as far as the engine's arithmetic goes."""
    scale = max(1.0, float(np.abs(two).max()))
    np.testing.assert_allclose(one, two, atol=PARITY[engine.precision] * scale)


def check_says_what_it_is(engine: Engine) -> None:
    assert re.fullmatch(re.escape(engine.name) + r"-[0-9a-f]{12}", engine.engine_id)
    assert engine.precision in PARITY
    assert len(engine.class_mask) == N_EMOTIONS
    assert all(type(answers) is bool for answers in engine.class_mask)
    assert any(engine.class_mask)
    assert engine.n_dims > 0
    assert 0 <= engine.offset_s < 0.02
    assert 0 < engine.windowing.overlap_s < engine.windowing.window_s <= 30.0
    for width_s, temperature in (engine.temperatures or {}).items():
        assert width_s > 0
        assert temperature > 0


def check_frames_have_their_shapes(engine: Engine) -> None:
    for n_waveforms in (1, 3):
        answers = engine.run(sounds(n_waveforms, 8_000))
        assert len(answers) == n_waveforms
        for frames in answers:
            n_frames = engine.n_frames(8_000)
            assert len(frames) == n_frames
            assert frames.logits.shape == (n_frames, N_EMOTIONS)
            assert frames.embeddings.shape == (n_frames, engine.n_dims)
            assert frames.logits.dtype == frames.embeddings.dtype == np.float32
            assert np.isfinite(frames.logits).all()
            assert np.isfinite(frames.embeddings).all()


def check_number_of_frames_is_told_before(engine: Engine) -> None:
    for n_samples in LENGTHS:
        (frames,) = engine.run(sounds(1, n_samples))
        assert len(frames) == engine.n_frames(n_samples), n_samples
    counts = [engine.n_frames(n) for n in range(0, 20_000, 7)]
    assert counts == sorted(counts)
    assert engine.n_frames(0) == 0
    for n in (640, 6_400, 160_000):  # what windows and cross-fades rely on
        assert engine.n_frames(n + 320) == engine.n_frames(n) + 1


def check_full_window_is_taken(engine: Engine) -> None:
    n_samples = round(engine.windowing.window_s * 16_000)
    (frames,) = engine.run(sounds(1, n_samples))
    assert len(frames) == engine.n_frames(n_samples)
    assert np.isfinite(frames.logits).all()


def check_what_is_too_short_is_explained(engine: Engine) -> None:
    short = max(n for n in range(1_000) if engine.n_frames(n) == 0)
    assert engine.n_frames(short + 1) == 1
    for n_samples in {0, 1, short}:
        with pytest.raises(EngineError):
            engine.run(np.zeros((1, n_samples), np.float32))
    assert len(engine.run(sounds(1, short + 1))[0]) == 1


def check_what_is_not_finite_is_refused(engine: Engine) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        waveforms = sounds(2, 8_000)
        waveforms[1, 4_000] = bad
        with pytest.raises(EngineError):
            engine.run(waveforms)


def check_silence_and_noise_give_numbers(engine: Engine) -> None:
    for sound in (np.zeros(16_000, np.float32), noise(1.0), np.ones(16_000, np.float32)):
        (frames,) = engine.run(sound[np.newaxis])
        assert np.isfinite(frames.logits).all()
        assert np.isfinite(frames.embeddings).all()


def check_answer_does_not_depend_on_the_batch(engine: Engine) -> None:
    waveforms = sounds(4)
    together = engine.run(waveforms)
    for waveform, frames in zip(waveforms, together, strict=True):
        (alone,) = engine.run(waveform[np.newaxis])
        close(engine, frames.logits, alone.logits)
        close(engine, frames.embeddings, alone.embeddings)


def check_answer_is_always_the_same(engine: Engine) -> None:
    waveforms = sounds(2)
    before = waveforms.copy()
    one, two = engine.run(waveforms), engine.run(waveforms)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.logits, b.logits)
        np.testing.assert_array_equal(a.embeddings, b.embeddings)
    np.testing.assert_array_equal(waveforms, before)


def check_different_sounds_are_told_apart(engine: Engine) -> None:
    one, two = engine.run(np.stack([speech_like(1.0), noise(1.0)]))
    assert np.abs(one.embeddings.mean(axis=0) - two.embeddings.mean(axis=0)).max() > 1e-3


def check_threads_may_share_it(engine: Engine) -> None:
    waveforms = sounds(8, 8_000)
    alone = [engine.run(waveform[np.newaxis])[0] for waveform in waveforms]
    gate, found = threading.Barrier(8), {}

    def work(number: int) -> None:
        gate.wait(timeout=30)
        for _ in range(3):
            found[number] = engine.run(waveforms[number][np.newaxis])[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted(found) == list(range(8))
    for number in range(8):
        close(engine, found[number].logits, alone[number].logits)
        close(engine, found[number].embeddings, alone[number].embeddings)


def check_no_trace_is_left(make: Callable[[], Engine]) -> None:
    """Loading and running changes nothing that belongs to the whole process."""
    import random

    torch = pytest.importorskip("torch")

    def state() -> dict[str, object]:
        root = logging.getLogger()
        return {
            "threads": torch.get_num_threads(),
            "grad": torch.is_grad_enabled(),
            "inference": torch.is_inference_mode_enabled(),
            "dtype": torch.get_default_dtype(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "seed": torch.initial_seed(),
            "torch random": torch.random.get_rng_state().tolist(),
            "numpy random": np.random.get_state()[1].tolist(),
            "random": random.getstate(),
            "level": root.level,
            "handlers": list(root.handlers),
            "torch level": logging.getLogger("torch").level,
        }

    before = state()
    make().run(sounds(1, 8_000))
    after = state()
    assert {key for key in before if before[key] != after[key]} == set()


CHECKS = [
    check_says_what_it_is,
    check_frames_have_their_shapes,
    check_number_of_frames_is_told_before,
    check_full_window_is_taken,
    check_what_is_too_short_is_explained,
    check_what_is_not_finite_is_refused,
    check_silence_and_noise_give_numbers,
    check_answer_does_not_depend_on_the_batch,
    check_answer_is_always_the_same,
    check_different_sounds_are_told_apart,
    check_threads_may_share_it,
]
