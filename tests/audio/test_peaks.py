"""The waveform's pyramid, against the samples themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audio.peaks import BIN, load_peaks, peaks_of
from core.records import Span
from tests.synthetic import RATE, noise

SAMPLES = np.concatenate([noise(40.0, seed=1), noise(40.3, seed=2, level=0.4)])


@pytest.fixture(scope="module")
def peaks():
    cuts = np.sort(np.random.default_rng(0).integers(0, len(SAMPLES), 50))
    return peaks_of(np.split(SAMPLES, cuts))


@settings(max_examples=80, deadline=None)
@given(start=st.floats(0, 80), length=st.floats(0.01, 81), n_bins=st.integers(1, 2000))
def test_no_peak_is_lost_and_none_is_made_up(peaks, start, length, n_bins):
    span = Span(start, min(start + length, 80.3))
    covered, pairs = peaks.between(span, n_bins)
    assert len(pairs) <= n_bins
    assert covered.start_s <= span.start_s + 1e-9
    assert covered.end_s >= span.end_s - 1e-9
    inside = SAMPLES[round(covered.start_s * RATE) : round(covered.end_s * RATE)]
    if len(inside):
        np.testing.assert_allclose(pairs[:, 0].min(), inside.min(), atol=4e-5)
        np.testing.assert_allclose(pairs[:, 1].max(), inside.max(), atol=4e-5)


def test_each_part_holds_its_own_extremes(peaks):
    covered, pairs = peaks.between(Span(1.0, 1.4), 1000)
    bin_s = BIN / RATE
    assert len(pairs) == pytest.approx((covered.end_s - covered.start_s) / bin_s, abs=1e-6)
    first = round(covered.start_s * RATE)
    expected = SAMPLES[first : first + len(pairs) * BIN].reshape(-1, BIN)
    np.testing.assert_allclose(pairs[:, 0], expected.min(axis=1), atol=4e-5)
    np.testing.assert_allclose(pairs[:, 1], expected.max(axis=1), atol=4e-5)


def test_a_file_gives_back_the_same(peaks, tmp_path):
    peaks.save(tmp_path / "peaks.npz")
    again = load_peaks(tmp_path / "peaks.npz")
    assert again.n_samples == peaks.n_samples == len(SAMPLES)
    assert len(again.levels) == len(peaks.levels) > 2
    for one, other in zip(again.levels, peaks.levels, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_past_the_end_and_nothing_of_nothing(peaks):
    assert len(peaks.between(Span(90.0, 91.0), 10)[1]) == 0
    assert len(peaks_of([]).between(Span(0.0, 1.0), 10)[1]) == 0
