"""Cutting speech into segments and summing a recording by them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from core.emotions import EMOTIONS
from core.records import Span
from core.settings import Segmentation
from core.timeline.segments import (
    SegmentSums,
    cut,
    mean_calibrated_scores,
    scores_of_segment,
    segments_of,
    speech_shares,
)
from core.timeline.track import Timeline
from tests.synthetic import make_track

FEW = settings(max_examples=80, deadline=None)
gaps = st.lists(st.tuples(st.floats(0.05, 2.0), st.floats(0.1, 15.0)), max_size=8)


def speech_from(pairs: list[tuple[float, float]]) -> list[Span]:
    spans, at = [], 0.0
    for pause_s, length_s in pairs:
        start_s = round(at + pause_s, 2)
        at = round(start_s + length_s, 2)
        spans.append(Span(start_s, at))
    return spans


def test_short_pauses_are_bridged_and_long_ones_are_not():
    speech = [Span(0.0, 1.0), Span(1.29, 2.0), Span(2.3, 3.0)]
    found = cut(speech, Segmentation(max_pause_s=0.3))
    assert found == (Span(0.0, 2.0), Span(2.3, 3.0))


def test_long_speech_is_split_into_equal_parts():
    found = cut([Span(1.0, 14.0)], Segmentation(max_segment_s=6.0))
    lengths = [span.duration_s for span in found]
    assert len(found) == 3
    np.testing.assert_allclose(lengths, 13 / 3, atol=1e-5)
    assert (found[0].start_s, found[-1].end_s) == (1.0, 14.0)


def test_speech_of_just_the_greatest_length_stays_whole():
    assert cut([Span(0.02, 6.02)], Segmentation(max_segment_s=6.0)) == (Span(0.02, 6.02),)


def test_speech_below_the_least_length_is_left_out():
    speech = [Span(0.0, 0.24), Span(1.0, 1.25)]
    assert cut(speech, Segmentation(min_segment_s=0.25)) == (Span(1.0, 1.25),)


def test_nothing_comes_of_no_speech():
    assert cut([], Segmentation()) == ()


@FEW
@given(pairs=gaps, max_s=st.floats(0.5, 8.0), pause_s=st.floats(0, 1.5))
def test_segments_cover_all_speech_in_order_and_within_bounds(pairs, max_s, pause_s):
    speech = speech_from(pairs)
    settings_ = Segmentation(max_pause_s=pause_s, max_segment_s=max_s, min_segment_s=0.01)
    found = cut(speech, settings_)
    assert all(span.duration_s <= max_s + 1e-5 for span in found)
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(found))
    for span in speech:
        middle = (span.start_s + span.end_s) / 2
        assert sum(f.start_s <= middle < f.end_s for f in found) == 1
    bridged = [b.start_s - a.end_s for a, b in itertools.pairwise(found)]
    assert all(gap == 0 or gap >= pause_s - 1e-5 for gap in bridged)


@FEW
@given(
    pairs=gaps,
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5),
    offset_s=st.sampled_from([0.0, 0.0125]),
    seed=st.integers(0, 99),
)
def test_sums_equal_the_mean_of_each_segments_speech_however_frames_arrive(
    pairs, sizes, offset_s, seed
):
    rng = np.random.default_rng(seed)
    bounds = cut(speech_from(pairs), Segmentation(max_segment_s=3.0))
    n_frames = int((bounds[-1].end_s if bounds else 1.0) / 0.02) - rng.integers(0, 30)
    n_frames = max(1, n_frames)
    embeddings = rng.standard_normal((n_frames, 3)).astype(np.float32)
    speech = rng.random(n_frames) < 0.7
    sums = SegmentSums(bounds, 0.02, offset_s)
    at, turn = 0, 0
    while at < n_frames:
        size = sizes[turn % len(sizes)]
        sums.add(at, embeddings[at : at + size], speech[at : at + size])
        at, turn = at + size, turn + 1
    starts = offset_s + 0.02 * np.arange(n_frames)
    for span, mean in zip(bounds, sums.means(), strict=True):
        inside = (starts >= span.start_s - 1e-7) & (starts < span.end_s - 1e-7) & speech
        if inside.any():
            np.testing.assert_allclose(mean, embeddings[inside].mean(axis=0), atol=1e-5)
        else:
            assert mean is None


def fresh(seed: int = 0):
    rng = np.random.default_rng(seed)
    speech = np.repeat(rng.random(40) < 0.7, 25)
    track, embeddings = make_track(1_000, seed=seed, speech=speech)
    timeline = Timeline(track)
    bounds = cut(timeline.speech_spans(), Segmentation(max_segment_s=2.0))
    sums = SegmentSums(bounds, 0.02, 0.0)
    sums.add(0, embeddings, speech)
    return timeline, embeddings, segments_of(timeline, bounds, sums.means())


def test_segment_is_the_read_out_of_its_speech():
    timeline, embeddings, segments = fresh()
    track = timeline.track
    assert [s.segment for s in segments] == list(range(len(segments)))
    for segment in segments:
        starts = 0.02 * np.arange(1_000)
        rows = (starts >= segment.start_s - 1e-7) & (starts < segment.end_s - 1e-7)
        spoken = track.speech[rows]
        mean = track.logits[rows][spoken].astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(segment.logits, mean, atol=1e-5)
        np.testing.assert_allclose(
            segment.embedding, embeddings[rows][spoken].mean(axis=0), atol=1e-5
        )
        assert segment.n_frames == spoken.sum()
        assert segment.emotion == EMOTIONS[mean.argmax()]
        np.testing.assert_allclose(scores_of_segment(timeline, segment), softmax(mean), atol=1e-5)


def test_segment_without_speech_is_left_out_and_the_rest_stay_numbered():
    track, _ = make_track(100, speech=np.repeat([True, False], 50))
    timeline = Timeline(track)
    bounds = [Span(0, 0.5), Span(1.0, 2.0), Span(0.5, 1.0)]
    vector = np.ones(3, np.float32)
    found = segments_of(timeline, bounds, [vector, None, vector])
    assert [(s.segment, s.start_s) for s in found] == [(0, 0), (1, 0.5)]


def test_shares_of_speech_time_sum_to_one():
    timeline, _, segments = fresh(4)
    shares = speech_shares(timeline, segments)
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares) == list(EMOTIONS)
    total = sum(s.n_frames for s in segments)
    for emotion in EMOTIONS:
        mine = sum(s.n_frames for s in segments if s.emotion == emotion)
        assert shares[emotion] == pytest.approx(mine / total)


def test_mean_of_calibrated_scores_is_weighted_by_speech_time():
    timeline, _, segments = fresh(5)
    total, weight = np.zeros(9), 0.0
    for s in segments:
        temperature = timeline.calibration.temperature(s.n_frames * 0.02)
        if temperature is not None:
            total += softmax(s.logits.astype(np.float64) / temperature) * s.n_frames
            weight += s.n_frames
    found = mean_calibrated_scores(timeline, segments)
    np.testing.assert_allclose(list(found.values()), total / weight, atol=1e-9)
    assert sum(found.values()) == pytest.approx(1)


def test_nothing_is_summed_up_without_segments():
    timeline, _, segments = fresh()
    assert speech_shares(timeline, []) == {}
    assert mean_calibrated_scores(timeline, []) == {}
    never = Timeline(make_track(1_000, temperatures=None)[0])
    assert mean_calibrated_scores(never, segments) == {}
