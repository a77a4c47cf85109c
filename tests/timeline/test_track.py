"""Reading a track, against sums and softmaxes written out by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from core.errors import RegionError
from core.records import Span
from core.timeline.track import FrameChoice, Timeline, spans_of
from tests.synthetic import make_track

FEW = settings(max_examples=60, deadline=None)
TRACK, EMBEDDINGS = make_track(500)
TIMELINE = Timeline(TRACK)
STARTS = 0.02 * np.arange(500)


def rows_between(start_s: float, end_s: float, speech_only: bool) -> np.ndarray:
    chosen = (start_s - 1e-6 <= STARTS) & (end_s - 1e-6 > STARTS)
    return chosen & TRACK.speech if speech_only else chosen


times = st.floats(0, 9.9).map(lambda t: round(t, 4))


@FEW
@given(start_s=times, width_s=st.floats(0.03, 10), frames=st.sampled_from(FrameChoice))
def test_read_out_is_the_softmax_of_the_mean_of_raw_logits(start_s, width_s, frames):
    span = Span(start_s, start_s + width_s)
    rows = rows_between(span.start_s, span.end_s, frames is FrameChoice.SPEECH)
    if not rows.any():
        with pytest.raises(RegionError, match="choose a wider region"):
            TIMELINE.read_out(span, frames)
        return
    mean = TRACK.logits[rows].astype(np.float64).mean(axis=0)
    read = TIMELINE.read_out(span, frames)
    assert read.n_frames == rows.sum()
    np.testing.assert_allclose(read.logits, mean, atol=1e-9)
    np.testing.assert_allclose(read.scores, softmax(mean), atol=1e-9)
    assert read.scores[list(softmax(mean)).index(max(softmax(mean)))] == read.scores.max()


def test_utterance_is_the_region_of_the_whole_recording_over_all_frames():
    whole = TIMELINE.read_out(Span(0, TRACK.duration_s), FrameChoice.ALL)
    said = TIMELINE.utterance()
    np.testing.assert_allclose(said.logits, whole.logits, rtol=1e-12)
    assert (said.emotion, said.n_frames, said.span) == (whole.emotion, 500, Span(0, 10.0))
    np.testing.assert_allclose(
        said.scores, softmax(TRACK.logits.mean(axis=0, dtype=np.float64)), atol=1e-12
    )


def test_utterance_differs_from_the_mean_of_scores():
    """The definition matters: averaging probabilities gives something else."""
    mean_of_scores = softmax(TRACK.logits.astype(np.float64), axis=1).mean(axis=0)
    assert np.abs(TIMELINE.utterance().scores - mean_of_scores).max() > 0.01


@FEW
@given(cuts=st.lists(st.floats(0.1, 9.9), min_size=1, max_size=6))
def test_neighbouring_regions_tile_the_recording(cuts):
    edges = [0.0, *sorted(cuts), 10.0]
    total, n_frames = np.zeros(9), 0
    for start_s, end_s in itertools.pairwise(edges):
        try:
            read = TIMELINE.read_out(Span(start_s, end_s), FrameChoice.ALL)
        except RegionError:
            continue
        total += read.logits * read.n_frames
        n_frames += read.n_frames
    assert n_frames == 500
    np.testing.assert_allclose(total / 500, TIMELINE.utterance().logits, atol=1e-9)


def test_classes_that_the_engine_lacks_are_masked_after_the_mean():
    mask = (True, False, True, True, False, True, True, True, True)
    track, _ = make_track(100, seed=3, class_mask=mask)
    said = Timeline(track).utterance()
    mean = track.logits.mean(axis=0, dtype=np.float64)
    expected = np.zeros(9)
    expected[list(mask)] = softmax(mean[list(mask)])
    np.testing.assert_allclose(said.scores, expected, atol=1e-9)
    assert said.scores[1] == said.scores[4] == 0
    assert np.isfinite(Timeline(track).curve(1.0)).all()
    np.testing.assert_allclose(said.logits, mean, atol=1e-9)  # raw ones stay raw


@pytest.mark.parametrize("n_steps", [1, 3, 25, 51, 101, 499, 2_001])
def test_curve_is_the_read_out_of_a_region_round_each_frame(n_steps):
    curve = TIMELINE.curve(n_steps * 0.02)
    half = (n_steps - 1) // 2
    for i in (0, 1, 7, 24, 250, 498, 499):
        rows = TRACK.logits[max(0, i - half) : i + half + 1].astype(np.float64)
        np.testing.assert_allclose(curve[i], softmax(rows.mean(axis=0)), atol=1e-9)
    assert curve.shape == (500, 9)
    np.testing.assert_allclose(curve.sum(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("n_steps", [2, 50, 100])
def test_curve_of_even_width_stays_centred_on_its_frame(n_steps):
    curve = TIMELINE.curve(n_steps * 0.02)
    middle = np.arange(500)
    for i in (0, 3, 200, 499):
        rows = TRACK.logits[np.abs(middle - i) <= (n_steps - 1) / 2].astype(np.float64)
        np.testing.assert_allclose(curve[i], softmax(rows.mean(axis=0)), atol=1e-9)


def test_curve_equals_the_region_read_out_where_it_fits():
    curve = TIMELINE.curve(0.5)
    read = TIMELINE.read_out(Span(4.0, 4.5), FrameChoice.ALL)
    np.testing.assert_allclose(curve[200 + 12], read.scores, atol=1e-12)


def test_curve_to_be_drawn_is_good_to_six_digits():
    track, _ = make_track(20_000, seed=4)
    track.logits[:] = track.logits * 8 + 20
    exact = Timeline(track).curve(0.5, FrameChoice.SPEECH)
    drawn = Timeline(track).curve(0.5, FrameChoice.SPEECH, np.float32)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn, exact, atol=2e-6)


def test_curve_of_no_width_gives_the_frames_as_they_are():
    for width_s in (0.0, 0.02):
        np.testing.assert_allclose(
            TIMELINE.curve(width_s), softmax(TRACK.logits.astype(np.float64), axis=1), atol=1e-9
        )


@FEW
@given(first=st.integers(0, 18), n=st.integers(1, 20))
def test_embedding_of_whole_blocks_is_the_mean_of_their_frames(first, n):
    span = Span(0.5 * first, min(10.0, 0.5 * (first + n)))
    rows = slice(25 * first, min(500, 25 * (first + n)))
    expected = EMBEDDINGS[rows].mean(axis=0)
    np.testing.assert_allclose(TIMELINE.embedding(span), expected, atol=1e-5)


@FEW
@given(start_s=times, width_s=st.floats(0.001, 10))
def test_embedding_counts_a_block_by_the_part_that_is_covered(start_s, width_s):
    total, weight = np.zeros(3), 0.0
    for b in range(20):
        covered = min(0.5 * b + 0.5, start_s + width_s) - max(0.5 * b, start_s)
        part = max(0.0, covered) / 0.5
        total += part * TRACK.block_sums[b]
        weight += part * TRACK.block_frames[b]
    found = TIMELINE.embedding(Span(start_s, start_s + width_s))
    np.testing.assert_allclose(found, total / weight, rtol=1e-3, atol=1e-4)


def test_embedding_of_everything_is_the_mean_of_all_frames():
    np.testing.assert_allclose(TIMELINE.embedding(), EMBEDDINGS.mean(axis=0), atol=1e-5)


def test_embedding_of_the_short_last_block_is_the_mean_of_its_frames():
    track, embeddings = make_track(130, seed=5)  # 2.6 s: the last block holds 5 frames
    found = Timeline(track).embedding(Span(2.5, 2.6))
    np.testing.assert_allclose(found, embeddings[125:].mean(axis=0), atol=1e-5)


def test_embedding_outside_the_track_is_explained():
    with pytest.raises(RegionError, match="no block"):
        TIMELINE.embedding(Span(10.0, 12.0))


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(10.0, 11.0), "ends at 10.00 s"),
        (Span(3.0, 3.0), "empty or reversed"),
        (Span(3.0, 2.0), "empty or reversed"),
        (Span(-1.0, 2.0), "empty or reversed"),
        (Span(float("nan"), 2.0), "empty or reversed"),
        (Span(1.0, float("nan")), "empty or reversed"),
        (Span(1.001, 1.011), "no frame"),
    ],
)
def test_impossible_region_is_explained(span, words):
    with pytest.raises(RegionError, match=words):
        TIMELINE.read_out(span, FrameChoice.ALL)


def test_region_without_speech_is_explained_and_can_be_read_over_all_frames():
    track, _ = make_track(100, speech=np.zeros(100, bool))
    timeline = Timeline(track)
    with pytest.raises(RegionError, match=r"no speech .* read out all frames"):
        timeline.read_out(Span(0, 1))
    assert timeline.read_out(Span(0, 1), FrameChoice.ALL).n_frames == 50


def test_region_may_reach_beyond_the_end():
    assert TIMELINE.read_out(Span(9.0, float("inf")), FrameChoice.ALL).n_frames == 50


@pytest.mark.parametrize(("width_s", "known"), [(0.48, False), (0.5, True), (10, True)])
def test_confidence_is_given_from_half_a_second_on(width_s, known):
    read = TIMELINE.read_out(Span(0, width_s), FrameChoice.ALL)
    assert (read.confidence is not None) == known


def test_confidence_counts_the_frames_read_not_the_width_of_the_region():
    speech = np.zeros(100, bool)
    speech[:10] = True
    timeline = Timeline(make_track(100, speech=speech)[0])
    assert timeline.read_out(Span(0, 2.0)).confidence is None
    assert timeline.read_out(Span(0, 2.0), FrameChoice.ALL).confidence is not None


def test_times_start_at_the_offset():
    track, _ = make_track(10, offset_s=0.0125)
    timeline = Timeline(track)
    np.testing.assert_allclose(timeline.times(), 0.0125 + 0.02 * np.arange(10))
    assert [timeline.frame_at(t) for t in (0.0, 0.0125, 0.013, 0.0325, 99.0)] == [0, 0, 1, 1, 10]


@FEW
@given(mask=st.lists(st.booleans(), min_size=0, max_size=200), offset_s=st.sampled_from([0, 0.01]))
def test_spans_of_a_mask_give_the_mask_back(mask, offset_s):
    mask = np.array(mask, bool)
    spans = spans_of(mask, 0.02, offset_s)
    middles = offset_s + 0.02 * (np.arange(len(mask)) + 0.5)
    again = np.zeros(len(mask), bool)
    for span in spans:
        again |= (middles > span.start_s) & (middles < span.end_s)
    np.testing.assert_array_equal(again, mask)
    gaps = [b.start_s - a.end_s for a, b in itertools.pairwise(spans)]
    assert all(gap > 0.015 for gap in gaps)


def test_long_track_reads_as_exactly_at_its_end_as_at_its_start():
    """Prefix sums must not lose digits over hours."""
    track, _ = make_track(360_000, seed=9, n_dims=1)
    track.logits[:] += 30
    read = Timeline(track).read_out(Span(7_199.0, 7_199.5), FrameChoice.ALL)
    mean = track.logits[359_950:359_975].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(read.scores, softmax(mean), atol=1e-7)
