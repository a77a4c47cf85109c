"""Versions of turns: nothing is overwritten, and undo goes back one at a time."""

import pytest

from core.errors import TurnError
from core.records import Turn
from core.store import turns as t

A = (Turn("A", 0.0, 1.0), Turn("B", 1.0, 2.5))
B = (Turn("A", 0.0, 2.5, "hand"),)
C = (Turn("C", 0.0, 2.5, "hand"),)


def test_last_version_counts_and_all_are_kept(store):
    assert t.current(store, "r", None) is None
    t.put(store, "r", None, A, "auto", {"speakers": "auto"})
    t.put(store, "r", None, B, "hand")
    t.put(store, "r", 1, C, "import")
    found = t.versions(store, "r", None)
    assert [(v.turns, v.source, v.method) for v in found] == [
        (A, "auto", {"speakers": "auto"}),
        (B, "hand", {}),
    ]
    assert t.current(store, "r", None) == found[1]
    assert found[1].parent == found[0].version
    assert t.current(store, "r", 1).turns == C
    assert t.current(store, "other", None) is None


def test_undo_goes_back_one_at_a_time(store):
    for turns in (A, B, C):
        t.put(store, "r", None, turns, "hand")
    assert t.undo(store, "r", None).turns == B
    assert t.undo(store, "r", None).turns == A
    with pytest.raises(TurnError, match="nothing to undo"):
        t.undo(store, "r", None)
    assert len(t.versions(store, "r", None)) == 5
    t.put(store, "r", None, C, "hand")
    assert t.undo(store, "r", None).turns == A


def test_undo_of_nothing_is_explained(store):
    with pytest.raises(TurnError, match="nothing to undo"):
        t.undo(store, "r", None)


def test_no_turns_are_a_version_too_and_keys_name_content(store):
    t.put(store, "r", None, A, "auto")
    empty = t.put(store, "r", None, (), "hand")
    assert t.current(store, "r", None) == empty
    again = t.put(store, "r", None, A, "import")
    assert again.key == t.versions(store, "r", None)[0].key != empty.key
