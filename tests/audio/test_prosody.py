"""Pitch, level and tempo, against sounds whose pitch, level and tempo are known."""

import numpy as np
import pytest

from core.audio.prosody import HOP_S, load_prosody, nuclei_of, prosody_of, region_prosody
from core.records import Span
from tests.synthetic import RATE, silence, speech_like, tone


def _buzz(seconds: float, hz: float) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.1 * sum(np.sin(2 * np.pi * k * hz * times) / k for k in range(1, 20))).astype("f4")


@pytest.mark.parametrize("hz", [90.0, 150.0, 260.0, 400.0])
def test_pitch_of_a_steady_voice_is_found(hz):
    found = prosody_of([_buzz(2.0, hz)])
    said = region_prosody(found, Span(0.3, 1.7))
    assert said.f0_hz == pytest.approx(hz, rel=0.02)
    assert np.isnan(found.f0_hz[10:-10]).mean() < 0.05


def test_pitch_follows_a_voice_that_wanders():
    samples = speech_like(8.0, seed=3)
    rng = np.random.default_rng(3)
    found = prosody_of(np.array_split(samples, 37))
    times = np.arange(len(found.f0_hz)) * HOP_S
    true = 120 + 30 * np.sin(2 * np.pi * 0.7 * times + rng.uniform(0, 6))
    voiced = ~np.isnan(found.f0_hz)
    assert voiced.mean() > 0.4
    assert np.median(np.abs(found.f0_hz / true - 1)[voiced]) < 0.02


def test_syllables_are_counted():
    found = prosody_of([speech_like(10.0, seed=1)])  # two syllables a second
    assert len(found.nuclei_s) == pytest.approx(20, abs=2)
    assert region_prosody(found, Span(2.0, 8.0)).rate == pytest.approx(2.0, abs=0.4)
    np.testing.assert_allclose(found.rate(np.array([5.0])), 2.0, atol=0.6)


def test_level_is_that_of_the_samples():
    samples = np.concatenate([tone(2.0, 200.0, 0.3), tone(2.0, 200.0, 0.03)])
    found = prosody_of([samples])
    loud = 10 * np.log10(np.mean(samples[: 2 * RATE].astype(float) ** 2))
    assert region_prosody(found, Span(0.2, 1.8)).level_db == pytest.approx(loud, abs=0.2)
    assert region_prosody(found, Span(2.2, 3.8)).level_db == pytest.approx(loud - 20, abs=0.2)


def test_silence_has_neither_pitch_nor_syllables(tmp_path):
    found = prosody_of([silence(1.0)])
    said = region_prosody(found, Span(0.0, 1.0))
    assert said.f0_hz is None
    assert said.f0_range_hz is None
    assert said.rate == 0
    assert said.level_db <= -99
    assert region_prosody(found, Span(5.0, 6.0)) is None
    found.save(tmp_path / "voice.npz")
    np.testing.assert_array_equal(load_prosody(tmp_path / "voice.npz").level_db, found.level_db)
    assert len(prosody_of([]).level_db) == 0


def test_a_peak_that_is_not_voiced_is_no_syllable():
    level = np.full(100, -60.0)
    level[[20, 50, 80]] = -20.0
    voiced = np.zeros(100, bool)
    voiced[[20, 80]] = True
    np.testing.assert_allclose(nuclei_of(level, voiced), [20 * HOP_S, 80 * HOP_S])
