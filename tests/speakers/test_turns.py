"""Correcting turns by hand, and cutting speech by them, checked on a grid of 10 ms."""

import numpy as np
import pytest

from core.errors import TurnError
from core.records import Span, Turn
from core.speakers import turns as t

TALK = (Turn("A", 0.0, 2.0), Turn("B", 2.0, 3.0), Turn("A", 3.5, 5.0))


def test_speakers_are_renamed_and_merged_without_touching_the_rest():
    renamed = t.rename(TALK, "A", " Ms  Ada ")
    assert t.speakers(renamed) == ("Ms Ada", "B")
    assert [turn.source for turn in renamed] == ["hand", "auto", "hand"]
    assert t.merge(TALK, "A", "B") == (Turn("A", 0.0, 3.0, "hand"), Turn("A", 3.5, 5.0))
    assert TALK[1] == Turn("B", 2.0, 3.0)


def test_turns_are_split_moved_and_given_away():
    parts = t.split(TALK, 0, 1.25, "C")
    assert parts[:2] == (Turn("A", 0.0, 1.25, "hand"), Turn("C", 1.25, 2.0, "hand"))
    assert parts[2:] == TALK[1:]
    assert t.move_boundary(TALK, 1, 3.25)[1:] == (
        Turn("B", 2.0, 3.25, "hand"),
        Turn("A", 3.25, 5.0, "hand"),
    )
    assert t.assign(TALK, 2, "B")[2] == Turn("B", 3.5, 5.0, "hand")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda: t.rename(TALK, "Z", "A"),
            "No turn belongs to 'Z'; the speakers here are 'A', 'B'",
        ),
        (lambda: t.rename(TALK, "A", "  "), "give each turn a name"),
        (lambda: t.split(TALK, 0, 2.0), "cannot be split at 2.00 s"),
        (lambda: t.split(TALK, 9, 2.0), "There is no turn 9"),
        (lambda: t.move_boundary(TALK, 0, 3.0), "leave a turn empty"),
        (lambda: t.move_boundary(TALK, 2, 4.0), "There is no turn 3"),
        (lambda: t.checked([Turn("A", 2, 1)], 9), "end must come after its start"),
        (lambda: t.checked([Turn("A", -1, 1)], 9), "start not before 0"),
        (lambda: t.checked([Turn("A", 9.5, 10)], 9), "recording ends at 9.00 s"),
        (lambda: t.checked([Turn("A", 0, float("nan"))], 9), "end must come after"),
    ],
)
def test_what_cannot_be_done_is_explained(change, said):
    with pytest.raises(TurnError, match=said):
        change()


def test_turns_are_cut_off_at_the_end_and_joined():
    found = t.checked([Turn("A", 4, 20), Turn("A", 1, 4), Turn("B", 2, 3)], 9)
    assert found == (Turn("A", 1, 9), Turn("B", 2, 3))


@pytest.mark.parametrize("seed", range(20))
def test_no_stretch_spans_two_speakers(seed):
    rng = np.random.default_rng(seed)

    def spans(n):
        edges = np.sort(rng.choice(np.arange(200), 2 * n, replace=False)) / 10
        return [Span(float(a), float(b)) for a, b in edges.reshape(-1, 2)]

    speech = spans(6)
    turns = [Turn(name, s.start_s, s.end_s) for name in "ABC" for s in spans(rng.integers(1, 5))]
    found = t.by_speaker(speech, turns)
    middles = (np.arange(2000) + 0.5) / 100
    for middle in middles:
        talking = any(s.start_s <= middle < s.end_s for s in speech)
        names = {turn.speaker for turn in turns if turn.start_s <= middle < turn.end_s}
        mine = [who for who, parts in found for s in parts if s.start_s <= middle < s.end_s]
        expected = [next(iter(names), None)] if talking and len(names) < 2 else []
        assert mine == expected
    order = [s.start_s for _, parts in found for s in parts]
    assert order == sorted(order)
    both = t.overlaps(turns)
    for middle in middles:
        n = len({turn.speaker for turn in turns if turn.start_s <= middle < turn.end_s})
        assert any(s.start_s <= middle < s.end_s for s in both) == (n > 1)
    seconds = t.speech_seconds(speech, turns)
    for name in "ABC":
        expected = sum(
            any(s.start_s <= m < s.end_s for s in speech)
            and any(u.speaker == name and u.start_s <= m < u.end_s for u in turns)
            for m in middles
        )
        assert seconds[name] == pytest.approx(expected / 100, abs=0.02)


def test_a_stretch_is_given_to_a_speaker_and_taken_from_the_others():
    assert t.give(TALK, Span(1.0, 4.0), "C") == (
        Turn("A", 0.0, 1.0, "hand"),
        Turn("C", 1.0, 4.0, "hand"),
        Turn("A", 4.0, 5.0, "hand"),
    )
    assert t.give(TALK, Span(1.0, 2.5), " B ") == (
        Turn("A", 0.0, 1.0, "hand"),
        Turn("B", 1.0, 3.0, "hand"),
        TALK[2],
    )
    assert t.give(TALK, Span(2.2, 2.8), None) == (
        TALK[0],
        Turn("B", 2.0, 2.2, "hand"),
        Turn("B", 2.8, 3.0, "hand"),
        TALK[2],
    )
    assert t.overlaps(t.give(TALK, Span(4.0, 5.0), "B", together=True)) == (Span(4.0, 5.0),)
    assert t.give((), Span(8.0, 9.0), "A") == (Turn("A", 8.0, 9.0, "hand"),)
    with pytest.raises(TurnError, match="give each turn a name"):
        t.give(TALK, Span(1, 2), "  ")


def test_the_rest_of_a_turn_goes_to_another():
    assert t.split_at(TALK, 4.0, "B")[2:] == (
        Turn("A", 3.5, 4.0, "hand"),
        Turn("B", 4.0, 5.0, "hand"),
    )
    inner = (Turn("A", 0.0, 9.0), Turn("B", 3.0, 5.0))
    assert t.split_at(inner, 4.0, "C") == (
        inner[0],
        Turn("B", 3.0, 4.0, "hand"),
        Turn("C", 4.0, 5.0, "hand"),
    )
    for at_s, name, said in ((3.2, "A", "Nobody's turn"), (1.0, " A ", "already")):
        with pytest.raises(TurnError, match=said):
            t.split_at(TALK, at_s, name)


@pytest.mark.parametrize("seed", range(20))
def test_stretches_of_several_people_are_counted(seed):
    random = np.random.default_rng(seed)
    edges = np.sort(random.choice(np.arange(1, 100), 12, replace=False)) / 10
    speech = [Span(float(a), float(b)) for a, b in edges.reshape(-1, 2)]
    turns = [
        Turn(str(random.choice(["A", "B", "C"])), float(a), float(a + random.integers(1, 30) / 10))
        for a in random.integers(0, 90, 8) / 10
    ]
    cuts = [Span(k * 1.0, k + 1.0) for k in range(10)]

    def alone(at):  # who speaks at a time, if only one does, and it is speech
        names = {turn.speaker for turn in turns if turn.start_s <= at < turn.end_s}
        spoken = any(s.start_s <= at < s.end_s for s in speech)
        return names if spoken and len(names) == 1 else set()

    grid = (np.arange(100) + 0.5) / 10
    expected = sum(
        len(set().union(*(alone(at) for at in grid if c.start_s <= at < c.end_s))) > 1 for c in cuts
    )
    assert t.across(cuts, speech, t.checked(turns, 99)) == expected
