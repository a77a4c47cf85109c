"""Flags against brute force over frames."""

import json
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.emotions import EMOTIONS, Emotion
from core.errors import RuleError
from core.records import Span, Turn
from core.studies.flagging import (
    Heard,
    flags,
    holding,
    in_order,
    joined,
    runs_of,
    speaker_of,
    together,
)
from core.studies.rules import (
    POSTPROCESSING,
    EmotionHolds,
    LevelOver,
    Match,
    PostProcessing,
    Rule,
    TurnsTo,
    from_json,
    to_json,
)
from core.timeline.track import FrameChoice, Timeline
from core.timeline.turning_points import TurningPoint
from tests.synthetic import make_track

ANGRY, SAD = Emotion.ANGRY, Emotion.SAD
HOP = 0.02


def slow_runs(values, bound, allowed, hysteresis=0.0, gap=0, least=0):
    """Goes through the frames one by one."""
    runs, run = [], []
    for frame, (value, may) in enumerate(zip(values, allowed, strict=True)):
        if may and value >= bound - hysteresis:
            run.append(frame)
            continue
        runs, run = [*runs, run], []
    runs = [r for r in [*runs, run] if any(values[f] >= bound for f in r)]
    merged = []
    for r in runs:
        if merged and r[0] - merged[-1][1] <= gap:
            merged[-1][1] = r[-1] + 1
        else:
            merged.append([r[0], r[-1] + 1])
    return [r for r in merged if r[1] - r[0] >= least]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=60),
    st.integers(0, 10),
    st.integers(0, 4),
    st.integers(0, 5),
)
def test_runs_are_those_of_a_loop_over_frames(frames, bound, hysteresis, gap):
    values, allowed = (np.array(side) for side in zip(*frames, strict=True))
    found = joined(holding(values, bound, allowed, hysteresis), gap)
    assert found.tolist() == slow_runs(values, bound, allowed, hysteresis, gap)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 3), st.integers(0, 8))
def test_coming_together_is_that_of_a_loop_over_times(data, n, within):
    masks = [
        np.array(data.draw(st.lists(st.booleans(), min_size=25, max_size=25))) for _ in range(n)
    ]
    runs = [runs_of(mask) for mask in masks]
    stretches = []
    for time in np.arange(-20, 50, 0.25) + 0.125:  # between all edges
        mine = [[r for r in rs if r[0] - within / 2 < time < r[1] + within / 2] for rs in runs]
        if all(mine):
            every = [r for rs in mine for r in rs]
            stretches.append([min(r[0] for r in every), max(r[1] for r in every)])
    covered = np.zeros(26, int)
    for first, last in stretches:
        covered[first:last] = 1
    found = together(runs, within)
    flagged = np.zeros(26, int)
    for first, last in found:
        flagged[first:last] = 1
    np.testing.assert_array_equal(flagged, covered)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 4), st.integers(0, 6))
def test_following_one_another_is_that_of_a_loop_over_all_chains(data, n, within):
    masks = [
        np.array(data.draw(st.lists(st.booleans(), min_size=20, max_size=20))) for _ in range(n)
    ]
    runs = [runs_of(mask) for mask in masks]
    covered = np.zeros(21, int)
    for chain in product(*(one.tolist() for one in runs)):
        if all(a[0] < b[0] <= a[1] + within for a, b in pairwise(chain)):
            covered[chain[0][0] : max(run[1] for run in chain)] = 1
    flagged = np.zeros(21, int)
    for first, last in in_order(runs, within):
        flagged[first:last] = 1
    np.testing.assert_array_equal(flagged, covered)


def heard(seed=0, **more) -> Heard:
    return Heard(Timeline(make_track(1500, seed=seed)[0]), **more)


@pytest.mark.parametrize(
    "post", [*POSTPROCESSING.values(), PostProcessing(0.5, 0.1, 0.3, 0.0, 0.2)]
)
def test_rule_on_a_track_is_that_of_a_loop(post):
    one = heard()
    rule = Rule("r", (EmotionHolds(ANGRY, 0.2, 0.1),), post=post)
    curve = one.timeline.curve(max(post.smoothing_s, HOP), FrameChoice.SPEECH)
    allowed = np.ones(1500, bool)
    if post.min_confidence:
        temperature = one.timeline.calibration.temperature(post.smoothing_s)
        scaled = curve ** (1 / temperature)
        allowed = scaled.max(axis=1) / scaled.sum(axis=1) >= post.min_confidence
    least = max(0.1, post.min_duration_s) / HOP
    values = np.nan_to_num(curve[:, 0], nan=-9.0)
    expected = slow_runs(values, 0.2, allowed, post.hysteresis, post.merge_s / HOP, least - 1e-6)
    found = flags(rule, one)
    assert [(s.start_s, s.end_s) for s in found] == [
        (round(a * HOP, 6), round(b * HOP, 6)) for a, b in expected
    ]
    assert one.timeline.track.logits.tobytes() == make_track(1500)[0].logits.tobytes()


def test_any_is_the_union_and_all_the_meeting():
    level = np.full(1500, -60.0)
    level[300:400] = -10
    one = heard(level_db=level)
    loud, angry = LevelOver(-20, 1.0), EmotionHolds(ANGRY, 0.0, 0.0)
    assert flags(Rule("r", (loud,)), one) == (Span(6.0, 8.0),)
    any_of = flags(Rule("r", (loud, EmotionHolds(ANGRY, 0.999, 9.0)), Match.ANY), one)
    assert any_of == (Span(6.0, 8.0),)
    assert flags(Rule("r", (loud, EmotionHolds(ANGRY, 0.999, 9.0))), one) == ()
    met = flags(Rule("r", (loud, angry)), one)
    assert met
    assert all(span.end_s > 6 and span.start_s < 8 for span in met)
    assert flags(Rule("r", (LevelOver(-20, 2.5),)), one) == ()


def test_one_after_the_other_is_not_the_other_after_the_one():
    level = np.full(1500, -60.0)
    level[300:400] = -10  # 6 to 8 s
    points = [TurningPoint(9.0, ANGRY, SAD, False)]
    one = heard(level_db=level, points=points)
    loud, turns = LevelOver(-20, 1.0), TurnsTo(SAD, 1, 0.0)
    found = flags(Rule("r", (loud, turns), Match.THEN, 1.0), one)
    assert found == (Span(6.0, 9.02),)
    assert flags(Rule("r", (loud, turns), Match.THEN, 0.9), one) == ()
    assert flags(Rule("r", (turns, loud), Match.THEN, 10.0), one) == ()


def test_two_turning_points_to_sad_within_30_s():
    points = [
        TurningPoint(t, ANGRY, after, False)
        for t, after in ((2.0, SAD), (9.0, ANGRY), (12.0, SAD), (20.0, ANGRY), (29.0, SAD))
    ]
    one = heard(points=points)
    found = flags(Rule("r", (TurnsTo(SAD, 2, 11.0),)), one)
    assert found == (Span(2.0, 12.02),)
    assert flags(Rule("r", (TurnsTo(SAD, 3, 30.0),)), one) == (Span(2.0, 29.02),)
    assert flags(Rule("r", (TurnsTo(SAD, 4, 30.0),)), one) == ()


def test_only_the_named_speaker_counts():
    turns = [Turn("customer", 1.0, 3.0), Turn("agent", 2.0, 20.0)]
    level = np.zeros(1500)
    rule = Rule("r", (LevelOver(-5, 0.0, "customer"),))
    assert flags(rule, heard(turns=turns, level_db=level)) == (Span(1.0, 3.0),)
    assert flags(rule, heard(speaker="customer", level_db=level)) == (Span(0.0, 30.0),)
    assert flags(rule, heard(speaker="agent", level_db=level)) == ()


def test_flag_is_of_who_speaks_most_in_it():
    turns = [Turn("customer", 1.0, 3.0), Turn("agent", 2.0, 20.0), Turn("customer", 21.0, 24.0)]
    assert speaker_of(turns, "agent", Span(0.5, 3.0)) == "customer"
    assert speaker_of(turns, "customer", Span(1.0, 24.0)) == "agent"
    assert speaker_of(turns, "agent", Span(25.0, 26.0)) is None
    assert speaker_of((), "P1", Span(0.5, 3.0)) == "P1"


def test_what_a_track_lacks_is_explained():
    with pytest.raises(RuleError, match="level was not"):
        flags(Rule("r", (LevelOver(-20, 1.0),)), heard())
    sure = Rule("r", (EmotionHolds(SAD, 0.5, 1.0),), post=PostProcessing(min_confidence=0.5))
    with pytest.raises(RuleError, match="smooth over"):
        flags(sure, heard())


RULE = Rule(
    "Customer upset",
    (EmotionHolds(ANGRY, 0.6, 3.0, "customer"), LevelOver(-20.0, 1.0), TurnsTo(SAD, 2, 30.0)),
    Match.ANY,
    5.0,
    POSTPROCESSING["steady"],
)


def test_rule_comes_back_from_json():
    assert from_json(to_json(RULE)) == RULE
    assert to_json(from_json(to_json(RULE))) == to_json(RULE)
    condition = {"kind": "emotion", "emotion": "sad", "at_least": 1, "for_s": 2}
    assert from_json(json.dumps({"name": "x", "conditions": [condition]})).post == PostProcessing()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": 5}, "needs a name"),
        ({"match": "none"}, "'all' or 'any'"),
        ({"match": ["all"]}, "'all' or 'any'"),
        ({"format": 9}, "another format"),
        ({"conditions": []}, "1 to 10 conditions"),
        ({"conditions": [{"kind": "eval"}]}, "of the kind emotion, level"),
        ({"conditions": [{"kind": ["emotion"]}]}, "of the kind emotion, level"),
        ({"conditions": ["x"]}, "of the kind emotion, level"),
        ({"conditions": [{"kind": "level", "over_db": 99, "for_s": 1}]}, "over_db is 99"),
        ({"conditions": [{"kind": "level", "over_db": True, "for_s": 1}]}, "over_db is True"),
        ({"conditions": [{"kind": "level", "over_db": -9}]}, "for_s is None"),
        ({"conditions": [{"kind": "level", "over_db": -9, "for_s": 1, "x": 2}]}, "has no x"),
        ({"conditions": [{"kind": "emotion", "emotion": "bored"}]}, "none of the emotions"),
        ({"within_s": float("nan")}, "within_s is nan"),
        ({"postprocessing": {"merge": 1}}, "has no merge"),
        ({"postprocessing": []}, "is an object with"),
        ({"code": "import os"}, "has no code"),
    ],
)
def test_rule_that_makes_no_sense_is_refused(change, said):
    with pytest.raises(RuleError, match=said):
        from_json(json.dumps(json.loads(to_json(RULE)) | change))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 19_000, "x" * 30_000])
def test_text_that_is_no_rule_is_refused(text):
    with pytest.raises(RuleError):
        from_json(text)


def test_emotions_keep_their_order():
    assert EMOTIONS[0] is ANGRY
