"""The error over recordings: what counts, and how sure it is."""

import numpy as np
import pytest

from core.learn.emotion_error import Event
from core.learn.over_time import Counting, Timed, error_over_time
from core.learn.stored import between_people
from core.records import Span

SPEECH = (Span(0, 4), Span(6, 10))


def one(group="P0", reference=(), told=(), left=(), speech=SPEECH, name="r"):
    return Timed(name, group, 10.0, tuple(reference), tuple(left), tuple(told), tuple(speech))


# 0-4 speech told angry, 4-6 pause, 6-10 speech told sad; labels cover 2-9
TOLD = (Event(0, 4, "angry"), Event(6, 10, "sad"))
SAID = (Event(2, 5, "angry"), Event(5, 7, "neutral"), Event(7, 9, "happy"))


@pytest.mark.parametrize(
    ("counting", "miss", "alarm", "confusion", "reference"),
    [
        (Counting(), 0, 1, 2, 4),  # 6-7 neutral told sad; 7-9 happy told sad
        (Counting(neutral=True), 0, 0, 3, 5),
        (Counting(pauses=True), 1, 1, 2, 5),  # 4-5 angry in a pause
        (Counting(unlabelled=True), 0, 4, 2, 4),  # 0-2, 6-7 and 9-10
        (Counting(True, True, True), 2, 3, 3, 7),
    ],
)
def test_what_counts(counting, miss, alarm, confusion, reference):
    found = error_over_time([one(reference=SAID, told=TOLD)], counting)
    error = found.error
    got = (error.miss, error.false_alarm, error.confusion, error.reference_s)
    assert got == (miss, alarm, confusion, reference)
    assert found.rate.value == pytest.approx((miss + alarm + confusion) / reference)
    assert found.rate.low is None


def test_what_is_left_out_never_counts():
    found = error_over_time([one(reference=SAID, told=TOLD, left=[Span(6, 8)])])
    assert (found.error.false_alarm, found.error.confusion, found.error.reference_s) == (0, 1, 3)


def test_neutral_alone_has_no_rate():
    found = error_over_time([one(reference=[Event(0, 4, "neutral")], told=TOLD)])
    assert found.rate is None
    assert found.n_recordings == 1


def test_interval_draws_speakers():
    rng = np.random.default_rng(0)
    rows = []
    for number in range(20):
        end = 1 + 9 * rng.random()
        told = [Event(0, end, "sad")]
        rows.append(one(f"P{number % 10}", [Event(0, 10, "sad")], told, speech=[Span(0, 10)]))
    found = error_over_time(rows)
    assert found.rate.n == 10
    assert found.rate.low < found.rate.value < found.rate.high
    missed = sum(10 - row.told[0].end_s for row in rows)
    assert found.rate.value == pytest.approx(missed / 200)


def test_people_are_compared_where_both_labelled():
    ann = one(reference=SAID, told=TOLD, name="a"), one(reference=SAID, told=TOLD, name="b")
    bob = (one(reference=[Event(3, 8, "angry")], told=TOLD, left=[Span(8, 9)], name="a"),)
    (both,) = between_people(ann, bob)
    found = error_over_time([both], Counting(pauses=True, neutral=True))
    # 3-5 angry both; 5-7 neutral and angry; 7-8 happy and angry
    assert (found.error.confusion, found.error.miss, found.error.false_alarm) == (3, 0, 0)
    assert found.error.reference_s == 5
