"""Intervals of agreement, against scikit-learn and Krippendorff's alpha over each draw in full."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import cohen_kappa_score

from core.labels import intervals
from core.labels.coefficients import krippendorff_alpha

NAMES = ["sad", "angry", "happy"]


@pytest.fixture
def rated(monkeypatch):
    """200 units of 12 speakers in 20 recordings, rated by three people who agree in part."""
    monkeypatch.setattr(intervals, "DRAWS", 60)
    rng = np.random.default_rng(3)
    speakers = [f"P{n}" for n in rng.integers(0, 12, 200)]
    recordings = [f"r{n}" for n in rng.integers(0, 20, 200)]
    truth = rng.integers(0, 3, 200)
    ratings = []
    for _ in range(3):
        said = np.where(rng.random(200) < 0.7, truth, rng.integers(0, 3, 200))
        ratings.append([NAMES[n] for n in said])
    ratings[2][::7] = [None] * len(ratings[2][::7])
    return speakers, recordings, ratings


def rows_of(found, drawn):
    return np.concatenate([np.flatnonzero(found.of == group) for group in drawn])


def test_kappa_and_share_are_those_of_the_units_of_each_draw(rated):
    speakers, recordings, (first, second, _) = rated
    found = intervals.groups(speakers, recordings)
    assert (found.by, found.n) == ("speakers", 12)
    tables = intervals.pair_tables(list(zip(first, second, strict=True)), found)
    kappas, shares = [], []
    for drawn in intervals.draws(12):
        rows = rows_of(found, drawn)
        a, b = np.array(first)[rows], np.array(second)[rows]
        kappas.append(cohen_kappa_score(a, b))
        shares.append((a == b).mean())
    for figure, values in ((intervals.kappa, kappas), (intervals.share, shares)):
        told = intervals.interval(figure, tables, found)
        assert [told.low, told.high] == pytest.approx(np.quantile(values, [0.025, 0.975]))
        assert (told.by, told.n) == ("speakers", 12)


def test_over_time_each_stretch_counts_by_its_length(rated):
    speakers, recordings, (first, second, _) = rated
    lengths_s = np.random.default_rng(4).uniform(0.1, 5, 200)
    found = intervals.groups(speakers, recordings)
    tables = intervals.pair_tables(list(zip(first, second, strict=True)), found, lengths_s.tolist())
    values = []
    for drawn in intervals.draws(12):
        rows = rows_of(found, drawn)
        a, b = np.array(first)[rows], np.array(second)[rows]
        values.append(cohen_kappa_score(a, b, sample_weight=lengths_s[rows]))
    told = intervals.interval(intervals.kappa, tables, found)
    assert [told.low, told.high] == pytest.approx(np.quantile(values, [0.025, 0.975]))


def test_time_of_several_speakers_is_nobodys():
    two = {("sad", "sad"): 2.0, ("sad", "angry"): 1.0}
    found = intervals.times({"r1": {"P1"}, "r2": {"P1", None}}, {"r1": two, "r2": two, "r3": {}})
    assert found.recordings == ("r1", "r1", "r2", "r2")
    assert found.speakers == ("P1", "P1", None, None)
    assert found.terms == (*two, *two)
    assert found.lengths_s == (2.0, 1.0, 2.0, 1.0)
    assert intervals.times({}, {}).lengths_s == ()


def test_alpha_is_that_of_the_units_of_each_draw(rated):
    speakers, recordings, ratings = rated
    found = intervals.groups([None, *speakers[1:]], recordings)
    assert (found.by, found.n) == ("recordings", 20)
    tables = intervals.coincidences(ratings, found)
    values = [
        krippendorff_alpha([[row[n] for n in rows_of(found, drawn)] for row in ratings])
        for drawn in intervals.draws(20)
    ]
    told = intervals.interval(intervals.alpha, tables, found)
    assert [told.low, told.high] == pytest.approx(np.quantile(values, [0.025, 0.975]))


def test_share_over_speakers_of_one_segment_is_the_binomials():
    found = intervals.groups([f"P{n}" for n in range(50)], ["r"] * 50)
    terms = [("sad", "sad")] * 35 + [("sad", "angry")] * 15
    told = intervals.interval(intervals.share, intervals.pair_tables(terms, found), found)
    expected = binom.ppf([0.025, 0.975], 50, 0.7) / 50
    assert [told.low, told.high] == pytest.approx(expected, abs=0.021)


@pytest.mark.parametrize(
    ("n_speakers", "n_recordings", "by"),
    [(8, 1, "speakers"), (7, 8, "recordings"), (8, 8, "speakers"), (7, 7, None), (0, 1, None)],
)
def test_what_is_drawn_follows_from_how_many_there_are(n_speakers, n_recordings, by):
    speakers = [f"P{n % n_speakers}" if n_speakers else None for n in range(56)]
    found = intervals.groups(speakers, [f"r{n % n_recordings}" for n in range(56)])
    if by is None:
        assert "at least 8 speakers or recordings" in found
        assert f"{n_speakers} known speaker" in found
        assert f"{n_recordings} recording" in found
    else:
        assert found.by == by
    assert isinstance(intervals.groups([], []), str)


def test_figure_that_is_not_defined_has_no_interval():
    found = intervals.groups([f"P{n}" for n in range(8)], ["r"] * 8)
    tables = intervals.pair_tables([("sad", "sad")] * 8, found)
    assert intervals.interval(intervals.kappa, tables, found) is None
    assert intervals.interval(intervals.alpha, tables, found) is None
    assert intervals.interval(intervals.share, tables, found).low == 1.0
    seldom = intervals.pair_tables([("sad", "sad")] * 7 + [("sad", "angry")], found)
    assert intervals.interval(intervals.kappa, seldom, found) is None
