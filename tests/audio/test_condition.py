"""Noise reduction and trimming: what changes, and that no time does."""

import numpy as np
import pytest

from core.audio.condition import CONTEXT_S, WINDOW_S, conditioned, cut_out, heard_span
from core.records import Span
from core.settings import Conditioning
from tests.synthetic import noise, silence, speech_like

REDUCED = Conditioning(noise_reduction=True)
TRIMMED = Conditioning(trim_silence=True)


def reduced(samples: np.ndarray, chunk: int = 16_000) -> np.ndarray:
    parts = [samples[i : i + chunk] for i in range(0, len(samples), chunk)]
    return np.concatenate(list(conditioned(iter(parts), REDUCED)))


def test_nothing_is_done_unless_it_is_asked_for():
    chunks = iter([noise(1.0)])
    assert conditioned(chunks, Conditioning()) is chunks


@pytest.mark.parametrize("n", [1, 100, 16_000, 30 * 16_000, 35 * 16_000 + 1, 70 * 16_000 + 17])
def test_as_many_samples_come_out_as_went_in(n):
    found = reduced(noise(n / 16_000))
    assert (found.shape, found.dtype) == ((n,), np.float32)


def test_noise_falls_and_speech_stays_in_its_place():
    voice, hiss = speech_like(8.0), noise(8.0, level=0.02)
    voice[: 3 * 16_000] = 0
    found = reduced(voice + hiss)
    pause = slice(16_000, 2 * 16_000)
    assert np.std(found[pause]) < 0.5 * np.std(hiss[pause])
    lags = range(-40, 41)
    match = [np.dot(np.roll(found, lag), voice) for lag in lags]
    assert lags[int(np.argmax(match))] == 0
    assert np.corrcoef(found, voice)[0, 1] > 0.9


def test_windows_leave_no_seam():
    """Against the library over the whole at once: context on both sides makes up for the cuts."""
    from noisereduce import reduce_noise

    samples = speech_like(80.0) + noise(80.0, level=0.02)
    whole = reduce_noise(y=samples, sr=16_000, stationary=False)
    found = reduced(samples, 12_345)
    inside = slice(16_000, -16_000)
    assert np.corrcoef(found[inside], whole[inside])[0, 1] > 0.999
    seam = WINDOW_S * 16_000
    np.testing.assert_allclose(
        found[seam - 800 : seam + 800], whole[seam - 800 : seam + 800], atol=0.01
    )
    assert CONTEXT_S >= 2 * 2.0  # twice the time constant of the library


def test_silence_stays_silent_and_finite():
    samples = np.concatenate([silence(1.0), noise(1.0), silence(1.0)])
    assert np.isfinite(reduced(samples)).all()
    assert not reduced(silence(2.0)).any()


def test_trimming_keeps_a_little_and_begins_on_the_grid():
    found = heard_span((Span(1.234, 2.0), Span(5.0, 6.789)), 160_000, TRIMMED)
    assert (found.start_s, found.end_s) == pytest.approx((1.12, 6.889))
    assert heard_span((Span(0.05, 9.99),), 160_000, TRIMMED) == Span(0.0, 10.0)
    assert heard_span((), 160_000, TRIMMED) == Span(0.0, 10.0)
    assert heard_span((Span(1, 2),), 160_000, Conditioning()) == Span(0.0, 10.0)


@pytest.mark.parametrize("chunk", [1, 7, 100, 1_000])
def test_stretch_is_cut_out_exactly(chunk):
    samples = np.arange(1_000, dtype=np.float32)
    parts = iter([samples[i : i + chunk] for i in range(0, 1_000, chunk)])
    found = np.concatenate(list(cut_out(parts, Span(100 / 16_000, 457 / 16_000))))
    np.testing.assert_array_equal(found, samples[100:457])
