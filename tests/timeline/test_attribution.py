"""The parts of a region, against sums over its frames written out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.emotions import Emotion
from core.errors import RegionError
from core.records import Span
from core.timeline import compare
from core.timeline.attribution import attribution
from core.timeline.track import FrameChoice, Timeline
from tests.synthetic import make_track

TRACK, _ = make_track(500)
TIMELINE = Timeline(TRACK)
STARTS = 0.02 * np.arange(500)


@settings(max_examples=60, deadline=None)
@given(
    start=st.floats(0, 8),
    length=st.floats(0.1, 9),
    n=st.integers(1, 40),
    frames=st.sampled_from(FrameChoice),
)
def test_parts_add_up_exactly_to_the_margin_of_the_region(start, length, n, frames):
    region = Span(start, min(start + length, 10.0))
    try:
        read = TIMELINE.read_out(region, frames)
    except RegionError:
        return
    found = attribution(TIMELINE, region, n, frames)
    expected = read.logits - read.logits.mean()
    np.testing.assert_allclose(found.margins, expected, atol=1e-12)
    np.testing.assert_allclose(found.parts.sum(axis=0), expected, atol=1e-10)
    assert found.n_frames.sum() == read.n_frames
    assert found.spans[0].start_s == region.start_s
    assert found.spans[-1].end_s == region.end_s


def test_a_part_is_the_sum_over_its_frames():
    found = attribution(TIMELINE, Span(1.0, 3.0), 4, FrameChoice.SPEECH)
    inside = (STARTS >= 1.0 - 1e-9) & (STARTS < 3.0 - 1e-9) & TRACK.speech
    for span, part in zip(found.spans, found.parts, strict=True):
        rows = inside & (span.start_s - 1e-9 <= STARTS) & (span.end_s - 1e-9 > STARTS)
        logits = TRACK.logits[rows].astype(float)
        expected = (logits - logits.mean(axis=1, keepdims=True)).sum(axis=0) / inside.sum()
        np.testing.assert_allclose(part, expected, atol=1e-9)
    np.testing.assert_array_equal(found.of(Emotion.SAD), found.parts[:, 6])


def test_classes_that_the_engine_lacks_have_no_part():
    mask = (True, False, True, True, True, False, True, True, True)
    timeline = Timeline(make_track(200, class_mask=mask)[0])
    found = attribution(timeline, Span(0.0, 4.0), 5, FrameChoice.ALL)
    kept = np.array(mask)
    logits = timeline.track.logits.astype(float).mean(axis=0)
    np.testing.assert_allclose(found.margins[kept], (logits - logits[kept].mean())[kept])
    assert not found.parts[:, ~kept].any()


def test_an_empty_region_is_explained():
    with pytest.raises(RegionError, match="empty or reversed"):
        attribution(TIMELINE, Span(2.0, 2.0))


def test_difference_takes_the_frame_nearest_in_time():
    second = Timeline(make_track(400, seed=5, offset_s=1.0)[0])
    curves = (TIMELINE.curve(0.5), second.curve(0.5))
    found = compare.difference(TIMELINE, second, curves)
    assert np.isnan(found[:50]).all()
    assert np.isnan(found[450:]).all()
    np.testing.assert_allclose(found[50:450], curves[1] - curves[0][50:450], atol=1e-12)
