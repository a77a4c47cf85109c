"""Courses over time: against plain loops, scipy, and their promises."""

import numpy as np
import pytest
from scipy.stats import norm

from core.emotions import EMOTIONS, Emotion
from core.errors import StudyError
from core.records import Span
from core.studies import shapes
from core.studies.trajectories import (
    absolute,
    by_speaker,
    compare,
    compare_paired,
    event_locked,
    group_band,
    mean_known,
    normalised,
)
from core.studies.transitions import transitions
from core.timeline.track import Timeline
from tests.synthetic import make_track


def test_courses_are_read_outs_of_regions():
    timeline = Timeline(make_track(1000)[0])  # 20 s
    found = absolute(timeline, 25.0, 1.0, 0.98)
    assert found.shape == (25, 9)
    assert np.isnan(found[20:]).all()
    # 49 frames round frame 250
    np.testing.assert_allclose(found[5], timeline.read_out(Span(4.52, 5.5)).scores)
    np.testing.assert_array_equal(
        normalised(timeline, 4, 0.5)[1], absolute(timeline, 8, 7.5, 0.5)[1]
    )
    locked = event_locked(timeline, [5.0, 12.0], 2.0, 3.0, 1.0, 0.98)
    expected = np.nanmean([found[3:9], found[10:16]], axis=0)
    np.testing.assert_allclose(locked, expected)
    with pytest.raises(StudyError, match="no event"):
        event_locked(timeline, [], 1, 1)


def courses(n_speakers, seed=0, shift=0.0, n_times=20):
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.normal(size=(n_speakers, 1, 1)), 3, axis=0)
    made = level + 0.3 * rng.normal(size=(3 * n_speakers, n_times, 2)) + shift
    return made, np.repeat([f"{seed}P{k:02}" for k in range(n_speakers)], 3)


def test_speakers_count_once_however_many_recordings_they_have():
    made, who = courses(3)
    more = np.concatenate([made, made[:1], made[:1]])
    each, names = by_speaker(more, [*who, who[0], who[0]])
    assert names == ("0P00", "0P01", "0P02")
    np.testing.assert_allclose(each[0], more[[0, 1, 2, 9, 10]].mean(axis=0))
    np.testing.assert_allclose(mean_known(each), each.mean(axis=0))


def test_band_is_that_of_the_mean_over_speakers():
    band = group_band(*courses(60), n_draws=4000)
    error = band.each.std(axis=0) / 60**0.5
    reach = norm.ppf(0.975) * error
    np.testing.assert_allclose(band.high - band.mean, reach, rtol=0.12)
    np.testing.assert_allclose(band.mean - band.low, reach, rtol=0.12)
    assert group_band(*courses(7)).low is None


def test_gaps_are_no_values():
    made, who = courses(9)
    made[:3, 4] = np.nan  # one speaker says nothing then
    made[:, 7] = np.nan
    band = group_band(made, who)
    np.testing.assert_allclose(band.mean[4], band.each[1:, 4].mean(axis=0))
    assert np.isnan(band.mean[7]).all()
    assert np.isfinite(band.low[4]).all()
    found = compare(band, group_band(*courses(8, seed=1)), n_permutations=99)
    assert np.isnan(found.p[[4, 7]]).all()
    assert np.isfinite(found.p[5]).all()


def test_difference_is_found_where_it_is_and_speakers_are_what_is_permuted():
    first, second = group_band(*courses(8)), group_band(*courses(8, seed=1, shift=3.0))
    found = compare(first, second, n_permutations=499)
    assert (found.p <= 0.01).all()
    assert (found.n_first, found.n_second) == (8, 8)
    with pytest.raises(StudyError, match="In both groups are 0P00"):
        compare(first, first)


def test_pairs_are_the_same_people():
    made, who = courses(6)
    first = group_band(made, who)
    second = group_band((made + 0.5)[3:], who[3:])
    found, left = compare_paired(first, second)
    assert left == ("0P00",)
    assert found.exact
    np.testing.assert_allclose(found.difference, -0.5)
    assert found.p.min() == pytest.approx(found.smallest_p) == pytest.approx(2 / 2**5)
    with pytest.raises(StudyError, match="0 speakers have recordings of both"):
        compare_paired(first, group_band(*courses(3, seed=5)))


def slow_dtw(a, b, window):
    """The recurrence, written down."""
    table = np.full((len(a) + 1, len(b) + 1), np.inf)
    table[0, 0] = 0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if abs(i - j) < window:
                cost = ((a[i - 1] - b[j - 1]) ** 2).sum()
                table[i, j] = cost + min(table[i - 1, j], table[i, j - 1], table[i - 1, j - 1])
    return table[-1, -1] ** 0.5


def test_distance_is_that_of_the_recurrence():
    rng = np.random.default_rng(0)
    query, course = rng.normal(size=(10, 2)), rng.normal(size=(10, 2))
    (match,) = shapes.search(query, [course], band=0.3)
    assert match.distance == pytest.approx(slow_dtw(query, course, 3) / 10**0.5)


def test_shape_is_found_where_it_was_hidden():
    rng = np.random.default_rng(1)
    rise = np.concatenate([np.zeros(10), np.linspace(0, 1, 20), np.ones(10)])
    made = [0.05 * rng.normal(size=200) for _ in range(5)]
    made[3][80:120] += rise
    made[3][50] = np.nan
    best, *others = shapes.search(rise, made, most=5)
    assert best.course == 3
    assert abs(best.first - 80) <= 3
    assert all(best.distance < other.distance / 2 for other in others)
    mine = [m for m in shapes.search(rise, made, most=50, per_course=3) if m.course == 3]
    assert len(mine) == 3
    assert all(a.last <= b.first or b.last <= a.first for a in mine for b in mine if a != b)


def test_shapes_that_cannot_be_sought_are_explained():
    with pytest.raises(StudyError, match="has 2 points"):
        shapes.search(np.zeros(2), [np.zeros(9)])
    with pytest.raises(StudyError, match="2 curves and a recording 1"):
        shapes.search(np.zeros((5, 2)), [np.zeros(9)])
    assert shapes.search(np.zeros(5), [np.full(9, np.nan), np.zeros(3)]) == []


def test_transitions_of_a_worked_example():
    sad, happy, angry = Emotion.SAD, Emotion.HAPPY, Emotion.ANGRY
    found = transitions([[sad, sad, happy, sad], [angry], []], [[1.0, 2.0, 4.0, 8.0], [0.5], []])
    s, h, a = (EMOTIONS.index(e) for e in (sad, happy, angry))
    assert found.counts[s, h] == found.counts[h, s] == 1
    assert found.counts.sum() == 2
    assert found.chances[s, h] == 1.0
    assert np.isnan(found.chances[a]).all()
    assert found.dwell_s["sad"] == (3.0, 8.0)
    assert (found.dwell_s["happy"], found.dwell_s["angry"]) == ((4.0,), (0.5,))
