"""Taking a stretch out, against an engine whose answer for the rest can be written out by hand."""

import numpy as np
import pytest

from core.errors import RegionError
from core.occlusion import heard_round, occlusion
from core.records import Span
from core.timeline.track import Timeline
from tests.fakes import FakeEngine
from tests.synthetic import RATE, make_track, noise


@pytest.fixture(scope="module")
def heard():
    """Six seconds whose loudness rises, and the track of the fake engine over them."""
    samples = noise(6.0) * np.linspace(0, 2, 6 * RATE).astype("f4")
    frames = FakeEngine().run(samples[np.newaxis, : 4 * RATE])[0]
    track, _ = make_track(300, speech=np.arange(300) % 10 < 8)
    return samples, Timeline(track), frames


def _expected(samples, timeline, region, without):
    """The fake engine hears each frame by itself, so what is left is just the other frames."""
    starts = 0.02 * np.arange(300)
    rows = (starts >= region.start_s - 1e-6) & (starts < region.end_s - 1e-6)
    rows &= timeline.track.speech
    if without:
        rows &= (starts < without.start_s - 1e-6) | (starts >= without.end_s - 1e-6)
    level = np.sqrt((samples.reshape(300, 320) ** 2).mean(axis=1))
    logits = np.zeros((300, 9))
    logits[:, 0], logits[:, 6] = level * 20, 1.0
    logits[:, 8] = np.where(level < 1e-4, 3.0, 0.0)
    mean = logits[rows].mean(axis=0)
    return mean - mean.mean()


def test_effects_are_those_of_the_frames_that_are_left(heard):
    samples, timeline, _ = heard
    region = Span(1.0, 5.0)
    spans = [Span(1.0, 1.4), Span(4.6, 5.0)]
    told = []
    found = occlusion(FakeEngine(), samples, 0.0, timeline, region, spans, told.append)
    whole = _expected(samples, timeline, region, None)
    np.testing.assert_allclose(found.margins, whole, atol=1e-4)
    for span, effect in zip(spans, found.effects, strict=True):
        without = _expected(samples, timeline, region, span)
        np.testing.assert_allclose(effect, whole - without, atol=1e-4)
    assert found.effects[0, 0] < 0 < found.effects[1, 0]  # the quiet one held anger back
    assert told == [pytest.approx(1 / 3), pytest.approx(2 / 3)]


def test_nothing_is_said_where_nothing_is_left(heard):
    samples, timeline, _ = heard
    region = Span(2.0, 2.5)
    found = occlusion(FakeEngine(), samples, 0.0, timeline, region, [region])
    assert np.isnan(found.effects).all()


def test_a_part_of_the_recording_is_enough(heard):
    samples, timeline, _ = heard
    region, span = Span(3.0, 4.0), [Span(3.2, 3.4)]
    around = heard_round(region, 6.0)
    assert (around.start_s, around.end_s) == (1.0, 6.0)
    part = samples[round(around.start_s * RATE) : round(around.end_s * RATE)]
    found = occlusion(FakeEngine(), part, around.start_s, timeline, region, span)
    whole = occlusion(FakeEngine(), samples, 0.0, timeline, region, span)
    np.testing.assert_allclose(found.effects, whole.effects, atol=1e-5)


def test_a_region_too_long_is_explained():
    with pytest.raises(RegionError, match="choose a shorter one"):
        heard_round(Span(0.0, 61.0), 100.0)
