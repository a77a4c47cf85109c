"""Courses of groups over a store: against plain loops, and what shuffled speakers show."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from core.emotions import Emotion
from core.errors import StudyError
from core.labels import history
from core.labels.records import Draft
from core.store.corpus import corpus
from core.store.store import Store
from core.studies import courses, events, flag_store
from core.studies.courses import Axis, Grouping
from core.studies.events import Event, EventKind
from core.studies.rules import EmotionHolds, PostProcessing, Rule
from core.studies.timelines import spoken
from core.studies.trajectories import compare, group_band
from core.timeline.track import Timeline
from core.timeline.turning_points import turning_points
from tests.studies.conftest import add_recording

KEY = "0123456789abcdef"


def timeline(store, number):
    return Timeline(store.track(f"{number:x}" * 64, None, KEY))


def read_out(of: Timeline, time_s: float) -> np.ndarray:
    """The speech of the 99 or 100 frames round a time; NaN outside and without speech."""
    frame = round(time_s / 0.02)
    if not 0 <= frame < of.n_frames:
        return np.full(9, np.nan)
    frames = np.arange(max(0, frame - 49), min(of.n_frames, frame + 50))
    frames = frames[of.track.speech[frames]]
    if not len(frames):
        return np.full(9, np.nan)
    logits = of.track.logits[frames].astype(float).mean(axis=0)
    grown = np.exp(logits - logits.max())
    return grown / grown.sum()


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_event_locked_courses_are_those_of_a_loop_over_events(store):
    for number in range(4):
        add_recording(store, number, f"P{number % 2}", f"s{number // 2}")
    times = {0: [6.0, 11.0], 1: [9.0], 2: [7.5], 3: [12.0, 13.0, 14.0]}
    for number, mine in times.items():
        for time_s in mine:
            place = {"recording": f"{number}" * 64, "start_s": time_s, "end_s": time_s + 1}
            history.add(store, Draft(term="laugh", annotator="Ann", **place))
    axis = Axis(event=Event(EventKind.LABEL, "laugh"), before_s=3.0, after_s=2.0)
    found = courses.compare(store, "fake", Grouping.SESSION, ["s0", "s1"], axis)
    np.testing.assert_allclose(found.times, np.arange(-3, 2.01, 0.5))
    assert found.n_events == {"s0": 3, "s1": 4}
    assert found.paired
    for number, mine in times.items():
        expected = [
            np.nanmean([read_out(timeline(store, number), t + d) for t in mine], axis=0)
            for d in found.times
        ]
        band = found.bands[f"s{number // 2}"]
        np.testing.assert_allclose(band.each[number % 2], expected, atol=1e-6)
    missing = Axis(event=Event(EventKind.LABEL, "cough"))
    with pytest.raises(StudyError, match="No recording of 's0' has speech round 'label:cough'"):
        courses.compare(store, "fake", Grouping.SESSION, ["s0", "s1"], missing)


def test_events_are_turning_points_and_flags(study, tmp_path):
    points = {
        n: [p.time_s for p in turning_points(timeline(study, n)) if p.after == "happy"]
        for n in range(8)
    }
    found = events.places(study, events.from_text("turn:happy"), "fake")
    assert {place: times.tolist() for place, times in found.items()} == {
        (f"{n:x}" * 64, -1): mine for n, mine in points.items() if mine
    }
    store = Store(tmp_path / "s")
    add_recording(store, 1, "P", "s")
    rule = Rule("Sad", (EmotionHolds(Emotion.SAD, 0.3, 0.1),), post=PostProcessing(0.3))
    flag_store.save_rule(store, rule)
    found = events.places(store, events.from_text("flag:Sad"), "fake")
    (times,) = found.values()
    assert len(times)
    assert times.tolist() == flag_store.find(store, rule, "fake")["start_s"].tolist()


def test_courses_in_seconds_and_from_start_to_end(study):
    found = courses.compare(study, "fake", Grouping.SESSION, ["s0", "s1"], Axis(end_s=6.0))
    expected = [read_out(timeline(study, 2), t) for t in range(6)]
    np.testing.assert_allclose(found.bands["s0"].each[2], expected, atol=1e-6)
    whole = courses.compare(study, "fake", Grouping.TAG, ["early", "late"])
    assert (whole.paired, whole.left_out, len(whole.times)) == (True, (), courses.N_POINTS)
    one = courses.compare(study, "fake", Grouping.TAG, ["all"])
    assert (one.test, one.bands["all"].speakers) == (None, ("P0", "P1", "P2", "P3"))
    with pytest.raises(StudyError, match="are 'all', 'early', 'late'; choose"):
        courses.compare(study, "fake", Grouping.TAG, ["early", "gone"])
    with pytest.raises(StudyError, match="choose different ones"):
        courses.compare(study, "fake", Grouping.TAG, ["early", "early"])
    with pytest.raises(StudyError, match="The time axis is 0 s long"):
        courses.compare(study, "fake", Grouping.TAG, ["early", "late"], Axis(end_s=0.0))


def test_where_two_speak_each_has_a_course_of_their_own(store):
    recording = add_recording(store, 1, "P", "s")
    track = store.track(recording, None, KEY)
    found = corpus(store, "fake")
    found.segments["speaker"] = ["Ann", "Ann", "Bob", "Bob", ""]
    ann, bob, nobody = sorted(spoken(store, found), key=lambda one: one.speaker)
    assert (ann.speaker, bob.speaker, nobody.speaker) == ("Ann", "Bob", f"recording {recording}")
    mine = np.zeros(1000, bool)
    mine[0:150] = mine[200:350] = True  # the segments at 0 and at 4 s
    np.testing.assert_array_equal(ann.timeline.track.speech, track.speech & mine)
    assert not (ann.timeline.track.speech & bob.timeline.track.speech).any()


@pytest.mark.parametrize("text", ["sad", "turn:", "turn:bored", "eval:x"])
def test_what_is_no_event_is_explained(text):
    with pytest.raises(StudyError, match=r"is no event|none of the emotions"):
        events.from_text(text)
    assert events.from_text("label: my word").text == "label:my word"


def test_comparison_of_shuffled_speakers_is_positive_in_5_percent():
    """No effect: 14 speakers, each with a level of their own and 4 recordings, put into two groups.

    Of 200 studies 10 are expected to show p of at most 0.05; 20 or more would come up once in 500
    times. Over recordings, as if they were independent, it is several times as many.
    """
    rng = np.random.default_rng(3)
    n_false = n_naive = 0
    for study in range(200):
        level = rng.normal(size=(14, 1, 1))
        made = np.repeat(level, 4, axis=0) + 0.5 * rng.normal(size=(56, 6, 2))
        names = np.repeat([f"P{k:02}" for k in rng.permutation(14)], 4)
        first = np.isin(names, [f"P{k:02}" for k in range(7)])
        bands = [group_band(made[of], names[of], n_draws=1) for of in (first, ~first)]
        found = compare(*bands, n_permutations=99, seed=study)
        n_false += bool((found.p <= 0.05).any())
        n_naive += bool((ttest_ind(made[first, 0, 0], made[~first, 0, 0]).pvalue) <= 0.05)
    assert 2 <= n_false < 20
    assert n_naive > 40
