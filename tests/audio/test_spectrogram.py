"""The spectrogram, against tones of known pitch and NumPy's own transform."""

import numpy as np

from core.audio.spectrogram import RANGE_DB, spectrogram
from core.records import Span
from tests.synthetic import RATE, silence, tone


def test_a_tone_is_the_brightest_row_where_it_sounds():
    samples = np.concatenate([tone(1.0, 1000.0), tone(1.0, 3000.0)])
    shown = spectrogram((samples * 32767).astype(np.int16), Span(0.0, 2.0), 200)
    assert shown.shape == (257, 200)
    hz = np.linspace(0, RATE / 2, 257)
    np.testing.assert_allclose(hz[shown[:, 10:90].argmax(axis=0)], 1000, atol=20)
    np.testing.assert_allclose(hz[shown[:, 110:190].argmax(axis=0)], 3000, atol=20)


def test_a_column_is_the_power_of_its_window_in_db():
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(RATE).astype(np.float32)
    shown = spectrogram(samples, Span(0.0, 0.1), 10)
    expected = []
    for column in range(10):
        middle = round((column + 0.5) * 0.01 * RATE - 200)
        part = np.zeros(400, np.float32)
        inside = slice(max(0, middle), middle + 400)
        part[inside.start - middle :] = samples[inside]
        expected.append(np.abs(np.fft.rfft(part * np.hanning(400), 512)) ** 2)
    level = 10 * np.log10(np.array(expected).T / np.max(expected))
    np.testing.assert_allclose(shown / 255, np.clip(1 + level / RANGE_DB, 0, 1), atol=0.01)


def test_silence_is_black_and_a_wide_column_averages():
    assert not spectrogram(silence(1.0), Span(0.0, 1.0), 5).any()
    samples = np.concatenate([silence(5.0), tone(5.0, 1000.0)])
    wide = spectrogram(samples, Span(0.0, 10.0), 2)
    assert wide[32, 0] == 0
    assert wide[32, 1] == 255


def test_recording_without_samples_is_silent():
    assert not spectrogram(np.zeros(0, np.int16), Span(0, 1), 7).any()
