"""Search by shape over a store: the planted stretch is found, and what makes no sense is explained."""

from dataclasses import replace

import numpy as np
import pytest

from core.emotions import EMOTIONS, Emotion
from core.errors import StudyError
from core.records import Run, Span
from core.store.store import Utterance
from core.studies import shape_search
from core.timeline.track import Timeline
from tests.studies.conftest import add_recording
from tests.synthetic import make_recording, make_segment, make_source, make_track

HAPPY = Emotion.HAPPY


@pytest.fixture
def planted(store):
    """Three recordings of 60 s at an even score, in one of which happy rises from 20 to 30 s."""
    for number in range(3):
        recording = f"{number + 1:x}" * 64
        source = make_source(recording=recording)
        track = replace(make_track(3000, seed=number)[0], source=source)
        logits = np.zeros((3000, 9), np.float32)
        logits += 0.02 * np.random.default_rng(number).standard_normal((3000, 1))
        if number == 1:
            logits[:, 3] += np.interp(np.arange(3000) * 0.02, [20, 30, 31, 35], [0, 5, 5, 0])
        speech = np.ones(3000, bool)
        speech[2000:] = number != 2  # the last 20 s of one are silent
        track = replace(track, logits=logits, speech=speech)
        run = Run(recording, source.track_key, "run", "{}", 0.02, (make_segment(0, 0.0, 40.0),))
        row = make_recording(recording=recording, name=f"{number}.wav", duration_s=60.0)
        with store.attempt() as attempt:
            said = Utterance(np.zeros(9, np.float32), EMOTIONS[6], None)
            store.write_track(attempt, replace(row, speaker=f"P{number}"), track, said)
            store.write_run(attempt, track, run)
    return store


def test_drawn_rise_is_found_where_it_was_planted(planted):
    points = shape_search.between("rise", 0.11, 0.95)
    query = shape_search.drawn(points, 10.0, HAPPY)
    assert query.course.shape == (20, 1)
    np.testing.assert_allclose(query.course[[0, -1], 0], [0.11, 0.95])
    rows, found = shape_search.find(planted, "fake", query, 5)
    assert len(rows) == len(found) == 5
    best = rows.iloc[0]
    assert (best["name"], best["speaker"]) == ("1.wav", "P1")
    assert abs(best["start_s"] - 20) <= 2
    assert best["distance"] < rows["distance"].iloc[1] / 2
    assert rows["distance"].is_monotonic_increasing
    course = Timeline(planted.track("2" * 64, None, "0123456789abcdef")).curve(2.0)[:, 3]
    middles = ((best["start_s"] + 0.25 + 0.5 * np.arange(20)) / 0.02).round().astype(int)
    np.testing.assert_allclose(found[0][:, 0], course[middles])


def test_like_this_one_leaves_the_stretch_itself_out(planted):
    query = shape_search.like(planted, "fake", "2222", Span(20.0, 32.0), emotions=[HAPPY])
    assert query.course.shape == (24, 1)
    assert query.length_s == 12.0
    rows, _ = shape_search.find(planted, "fake", query, 30)
    mine = rows[rows["name"] == "1.wav"]
    assert ((mine["start_s"] >= 32.0) | (mine["end_s"] <= 20.0)).all()
    silent = rows[rows["name"] == "2.wav"]
    assert (silent["start_s"] <= 34.0).all()  # speech by half at least
    every = shape_search.like(planted, "fake", "2" * 64, Span(20.0, 32.0))
    assert every.course.shape == (24, 9)
    np.testing.assert_allclose(every.course[:, 3], query.course[:, 0])


def test_what_cannot_be_looked_for_is_explained(planted):
    for asked, said in (
        (lambda: shape_search.drawn([0.1], 10.0, HAPPY), "2 to 100 points"),
        (lambda: shape_search.drawn([0.1, 1.2], 10.0, HAPPY), "a score from 0 to 1"),
        (lambda: shape_search.drawn([0.1, 0.2], 1.0, HAPPY), "courses of 2 to 600 s"),
        (lambda: shape_search.points_of("0.1, high"), "are no scores"),
        (lambda: shape_search.between("wave", 0, 1), "choose one of rise"),
        (lambda: like(planted, "", 0, 9), "names 3 recordings"),
        (lambda: like(planted, "ab", 0, 9), "names 0 recordings"),
        (lambda: like(planted, "3333", 45, 55), "too little speech"),
        (lambda: like(planted, "3333", 0, 9, 4), "no channel 4"),
    ):
        with pytest.raises(StudyError, match=said):
            asked()
    assert shape_search.points_of("0.1, 0.2 0.3") == [0.1, 0.2, 0.3]


def like(store, recording, start_s, end_s, channel=-1):
    return shape_search.like(store, "fake", recording, Span(start_s, end_s), channel)


def test_recordings_shorter_than_the_shape_hold_none(store):
    add_recording(store, 1, "P", "s")
    rows, found = shape_search.find(store, "fake", shape_search.drawn([0, 1], 60.0, HAPPY))
    assert rows.empty
    assert found == []
    assert list(rows.columns) == [*shape_search.COLUMNS, "distance"]
