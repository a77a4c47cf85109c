"""Labels: added, changed, taken back, undone; by several people; across reloads and crashes."""

import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabelError, StoreError
from core.labels import history
from core.labels.records import Draft, Kind, term_of
from core.store.store import Store
from tests.labels.conftest import RECORDING
from tests.synthetic import make_recording


def terms(store, annotator="Anna"):
    return [x.term for x in history.of(Store(store.root), RECORDING) if x.annotator == annotator]


def test_label_is_kept_as_it_was_given(book, draft):
    given_ = draft(1.25, 2.5, "Happy", intensity=0.7, note="laughs\n aloud", channel=1, blind=True)
    (number,) = history.add(book, given_)
    (found,) = history.of(Store(book.root), RECORDING)
    assert (found.label, found.start_s, found.end_s, found.term) == (number, 1.25, 2.5, "happy")
    assert (found.intensity, found.note, found.channel, found.blind) == (
        0.7,
        "laughs aloud",
        1,
        True,
    )
    assert (found.annotator, found.by, found.kind) == ("Anna", "Anna", Kind.EMOTION)
    assert found.created_at.tzinfo is not None


def test_undo_and_redo_survive_a_reload(book, draft):
    (number,) = history.add(book, draft())
    history.change(book, number, draft(term="wistful"))
    history.remove(book, RECORDING, number, "Anna")
    seen = [terms(book)]
    for _ in range(3):
        assert history.undo(Store(book.root), RECORDING, "Anna")
        seen.append(terms(book))
    assert not history.undo(book, RECORDING, "Anna")
    for _ in range(3):
        assert history.redo(Store(book.root), RECORDING, "Anna")
        seen.append(terms(book))
    assert not history.redo(book, RECORDING, "Anna")
    assert seen == [[], ["wistful"], ["happy"], [], ["happy"], ["wistful"], []]


def test_a_new_action_ends_what_could_be_redone(book, draft):
    history.add(book, draft())
    history.undo(book, RECORDING, "Anna")
    history.add(book, draft(term="sad"))
    assert not history.redo(book, RECORDING, "Anna")
    assert terms(book) == ["sad"]


def test_nothing_is_ever_overwritten(book, draft):
    (number,) = history.add(book, draft())
    history.change(book, number, draft(term="sad"))
    history.remove(book, RECORDING, number, "Anna")
    history.undo(book, RECORDING, "Anna")
    kinds = book.lake.read("labels").sort_by("event")["kind"].to_pylist()
    assert kinds == ["set", "set", "withdraw", "undo"]


def test_analysis_leaves_labels_alone(pipeline, talk_file, store):
    recording = pipeline.analyze(talk_file, store).recording
    said = Draft(recording=recording, start_s=1, end_s=2, term="sad", annotator="Anna")
    history.add(store, said)
    before = store.lake.read("labels")
    pipeline.analyze(talk_file, store)
    assert store.lake.read("labels").equals(before)


def test_each_person_undoes_their_own(book, draft):
    history.add(book, draft(annotator="Anna"))
    history.add(book, draft(annotator="Ben"))
    assert history.undo(book, RECORDING, "Anna")
    assert (terms(book, "Anna"), terms(book, "Ben")) == ([], ["happy"])
    assert not history.undo(book, RECORDING, "Carla")


def test_a_label_is_changed_by_its_annotator_alone(book, draft):
    (number,) = history.add(book, draft())
    with pytest.raises(LabelError, match="belongs to 'Anna', and only they"):
        history.remove(book, RECORDING, number, "Ben")
    with pytest.raises(LabelError, match="belongs to 'Anna', and only they"):
        history.change(book, number, draft(annotator="Ben"))
    with pytest.raises(LabelError, match="stays so"):
        history.change(book, number, draft(annotator="Ben"), by="Anna")
    history.remove(book, RECORDING, number, "Anna")
    with pytest.raises(LabelError, match="no longer there"):
        history.remove(book, RECORDING, number, "Anna")


def test_undoing_the_making_takes_later_changes_by_others_with_it(book, draft):
    (number,) = history.add(book, draft(annotator="Ben"), by="Anna")
    history.change(book, number, draft(term="sad", annotator="Ben"), by="Ben")
    history.undo(book, RECORDING, "Anna")
    assert terms(book, "Ben") == []
    history.redo(book, RECORDING, "Anna")
    assert terms(book, "Ben") == ["sad"]


def test_several_at_once_are_one_step(book, draft):
    history.add(book, draft(), draft(3, 4, "sad"), draft(5, 6, "angry", annotator="Ben"), by="Anna")
    assert book.lake.version("labels") == 0
    history.undo(book, RECORDING, "Anna")
    assert history.of(book, RECORDING) == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"annotator": " \x00 "}, "annotator's name"),
        ({"annotator": "x" * 81}, "annotator's name"),
        ({"term": " \n"}, "has 0 characters"),
        ({"term": "x" * 101}, "has 101 characters"),
        ({"intensity": 1.5}, "outside 0 to 1"),
        ({"intensity": math.nan}, "outside 0 to 1"),
        ({"start_s": math.nan}, "no stretch"),
        ({"end_s": math.inf}, "no stretch"),
        ({"start_s": -0.1}, "no stretch"),
        ({"start_s": 2.0, "end_s": 2.0}, "no stretch"),
        ({"end_s": 10.2}, "between 0 and 10 s"),
        ({"channel": -2}, "no channel -2"),
    ],
)
def test_what_cannot_be_kept_is_explained_and_nothing_stored(book, draft, changes, sentence):
    with pytest.raises(LabelError, match=sentence):
        history.add(book, draft(), draft(**changes))
    assert history.of(book, RECORDING) == ()


def test_recording_that_is_not_there_is_explained(book, draft):
    with pytest.raises(StoreError, match="no recording"):
        history.add(book, draft(recording="ff" * 32))
    with pytest.raises(LabelError, match="several recordings"):
        history.add(book, draft(), draft(recording="ff" * 32))
    with pytest.raises(LabelError, match="no label to add"):
        history.add(book)


def test_end_a_little_past_the_recording_is_its_end(book, draft):
    history.add(book, draft(9.0, 10.08))
    assert history.of(book, RECORDING)[0].end_s == 10.0


@pytest.mark.parametrize(
    ("word", "term"),
    [("HAPPY", "happy"), (" 快乐 ", "happy"), ("Unknown", "unknown"), ("happiness", "happiness")],
)
def test_names_of_emotions_are_known_and_nothing_is_guessed(word, term):
    assert term_of(word) == term


def test_order_holds_where_the_clock_was_set_back(book, draft, monkeypatch):
    (number,) = history.add(book, draft())
    monkeypatch.setattr(history, "new_number", lambda: 5)
    history.change(book, number, draft(term="sad"))
    history.undo(book, RECORDING, "Anna")
    assert terms(book) == ["happy"]


def test_people_label_at_once_and_lose_nothing(book, draft):
    def work(person):
        mine = Store(book.root)
        for number in range(5):
            history.add(mine, draft(number, number + 1, annotator=person))
        history.undo(mine, RECORDING, person)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ["Anna", "Ben", "Carla", "Dora"]))
    for person in ("Anna", "Ben", "Carla", "Dora"):
        assert len(terms(book, person)) == 4


def test_hundreds_of_labels_stay_in_few_files(book, draft):
    for number in range(60):
        history.add(book, draft(term=f"term {number}"))
    assert terms(book) == [f"term {number}" for number in range(60)]
    assert history.undo(book, RECORDING, "Anna")
    assert len(terms(book)) == 59
    assert len(book.lake._table("labels").file_uris()) < 30


def test_killed_import_is_there_whole_or_not_at_all(book):
    script = (
        "import sys; from pathlib import Path; from core.store.store import Store\n"
        "from core.labels import history; from core.labels.records import Draft\n"
        "store = Store(Path(sys.argv[1])); print('on', flush=True)\n"
        f"d = [Draft(recording={RECORDING!r}, start_s=i / 100, end_s=i / 100 + 1, term='sad',"
        " annotator='Anna') for i in range(200)]\n"
        "while True: history.add(store, *d); print('added', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(book.root)], stdout=subprocess.PIPE, text=True
    )
    lines = iter(process.stdout)
    assert next(lines).strip() == "on"
    assert next(lines).strip() == "added"
    time.sleep(0.03)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    found = len(history.of(book, RECORDING))
    assert found >= 200
    assert found % 200 == 0
    history.undo(book, RECORDING, "Anna")
    assert len(history.of(book, RECORDING)) == found - 200


class Model:
    """A plain editor with two stacks: what undo and redo mean."""

    def __init__(self):
        self.state, self.back, self.forth = {}, [], []

    def do(self, change):
        self.back.append(dict(self.state))
        self.forth.clear()
        change(self.state)

    def undo(self):
        if self.back:
            self.forth.append(self.state)
            self.state = self.back.pop()

    def redo(self):
        if self.forth:
            self.back.append(self.state)
            self.state = self.forth.pop()


@settings(max_examples=8, deadline=None)
@given(
    steps=st.lists(st.sampled_from("aaccruuyy"), min_size=4, max_size=14), seed=st.integers(0, 9)
)
def test_history_equals_a_plain_editor(tmp_path_factory, steps, seed):
    store = Store(tmp_path_factory.mktemp("editor") / "store")
    store.put_recording(make_recording())
    model = Model()
    for count, step in enumerate(steps):
        said = Draft(
            recording=RECORDING, start_s=1, end_s=2, term=f"term {count}", annotator="Anna"
        )
        standing = sorted(model.state)
        chosen = standing[(seed + count) % len(standing)] if standing else None
        if step == "a":
            (number,) = history.add(store, said)
            model.do(lambda s, n=number, t=said.term: s.update({n: t}))
        elif step == "c" and chosen:
            history.change(store, chosen, said)
            model.do(lambda s, n=chosen, t=said.term: s.update({n: t}))
        elif step == "r" and chosen:
            history.remove(store, RECORDING, chosen, "Anna")
            model.do(lambda s, n=chosen: s.pop(n))
        elif step == "u":
            history.undo(store, RECORDING, "Anna")
            model.undo()
        elif step == "y":
            history.redo(store, RECORDING, "Anna")
            model.redo()
        assert {x.label: x.term for x in history.of(store, RECORDING)} == model.state
