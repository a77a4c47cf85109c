"""An engine against labels: asked for, mapped, compared as scikit-learn does, opened, left out."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from core.engines.registry import Registry
from core.labels import history
from core.labels.records import Draft
from core.learn import library
from core.learn.heads import Linear, named
from core.records import Metadata
from core.store.corpus import corpus
from core.studies import metadata
from dashboard import evaluating, shared
from dashboard.components import confusion
from tests.fakes import FakeEngine
from tests.pages.corpus_pages import done
from tests.pages.test_flags import button
from tests.pages.test_map import text_of


@pytest.fixture
def labels_csv(shared_state, make_talk, loud_is_speech, tmp_path):
    """Six recordings under the fake engine, loud ones angry, two of them labelled otherwise."""
    rows = ["file,emotion,speaker"]
    said = ["ang", "angry", "sad", "sad", "sad", "calm"]
    for number, emotion in enumerate(said):
        path = make_talk(f"{number}.wav", 200 + number, 6.0, 0.5 if number % 2 else 0.02)
        rows.append(f"{path.name},{emotion},P{number % 3}")
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(rows) + "\ngone.wav,sad,P9\n")
    return path


def settled(app):
    return done(app, evaluating.WORK)


def test_page_teaches_and_bad_paths_are_explained(open_page):
    app = open_page("evaluate")
    assert not app.exception
    assert "Nothing is compared yet" in text_of(app)
    app = open_page("evaluate", csv="/nowhere/labels.csv")
    assert not app.exception
    assert "cannot be read as a table" in app.error[0].value
    app = open_page("evaluate", labels_from="Labels made here")
    assert not app.exception
    assert "No labels here yet" in text_of(app)


def test_csv_is_mapped_and_compared(open_page, labels_csv, monkeypatch):
    app = open_page("evaluate", csv=str(labels_csv))
    assert not app.exception
    boxes = {w.key: w for w in app.selectbox}
    assert boxes["evaluate.map.ang"].value == "angry"
    assert boxes["evaluate.map.calm"].value == "leave out"
    assert "1 label of words that stand for none of the nine" in text_of(app)
    app = boxes["evaluate.map.calm"].set_value("neutral").run()
    assert json.loads(app.query_params["mapping"]) == {"ang": "angry", "calm": "neutral"}
    app = settled(button(app, "Compare").click().run())
    assert not app.exception
    found = list(evaluating.WORK._tasks.values())[-1].result
    truth, answers = found.items["label"], found.items["answer"]
    assert truth.tolist() == ["angry", "angry", "sad", "sad", "sad", "neutral"]
    assert answers.tolist() == ["sad", "angry"] * 3
    shown = {m.label: m.value for m in app.metric}
    assert shown["UAR"] == f"{balanced_accuracy_score(truth, answers):.3f}"
    assert shown["Accuracy"] == f"{accuracy_score(truth, answers):.3f}"
    present = ["angry", "neutral", "sad"]
    f1 = f1_score(truth, answers, labels=present, average="macro", zero_division=0)
    assert shown["F1"] == f"{f1:.3f}"
    said = text_of(app)
    assert "6 items of 3 speakers" in said
    assert "need at least 8 speakers" in said
    assert "is not known" in said
    assert any(e.label == "Left out: 1" for e in app.expander)

    monkeypatch.setattr(confusion, "_hear", lambda row: None)
    cell = {"selection": {"cells": [(0, "😢 sad")], "rows": [0]}}
    monkeypatch.setattr("streamlit.dataframe", lambda *a, **k: cell)
    app.run()
    assert not app.exception
    assert "1 labelled 😠 angry that sound 😢 sad" in text_of(app)


def test_handed_in_csv_finds_recordings_by_name(open_page, labels_csv, tmp_path):
    for path in sorted(tmp_path.glob("*.wav"))[:3]:
        assert shared.scope().analyze(path).status == "done"
    app = open_page("evaluate")
    text = "file,emotion\nsomewhere/0.wav,sad\n1.wav,angry\n2.wav,sad\n../../secret.wav,sad\n"
    app.file_uploader[0].set_value(("mine.csv", text.encode(), "text/csv")).run()
    app = settled(button(app, "Compare").click().run())
    assert not app.exception
    shown = {m.label: m.value for m in app.metric}
    assert (shown["UAR"], shown["Accuracy"]) == ("1.000", "1.000")
    assert "secret.wav: it is no recording of this store" in text_of(app)


def test_labels_made_here_are_compared(open_page, diary):
    store = shared.scope().store
    found = corpus(store, "fake")
    for row in found.segments.to_dict("records"):
        span = {"start_s": row["start_s"], "end_s": row["end_s"]}
        term = row["emotion"] if row["segment"] else "wry"
        history.add(store, Draft(recording=diary, term=term, annotator="Ann", **span))
    app = settled(open_page("evaluate", labels_from="Labels made here"))
    assert not app.exception
    shown = {m.label: m.value for m in app.metric}
    assert (shown["UAR"], shown["Accuracy"]) == ("1.000", "1.000")
    assert f"{len(found.segments) - 1} items of 1 speaker" in text_of(app)
    assert "wry" in json.loads(app.query_params["mapping"])


def test_head_is_compared_people_stand_beside_and_tags_are_parts(open_page, diary):
    store = shared.scope().store
    found = corpus(store, "fake")
    metadata.edit(store, {diary: Metadata(speaker="P0", tags=("=call",))}, "Ann")
    classes = ("angry", "sad")
    linear = Linear(classes, np.zeros((2, 4)), np.array([1.0, 0.0]))
    told = {"made_at": "2999-01-01T00:00:00+00:00"}
    library.keep(store, named(linear, "<b>Mine</b>", found.engine_id, told))
    own = Linear(("calm", "sad"), np.zeros((2, 4)), np.zeros(2))
    library.keep(store, named(own, "Own words", found.engine_id, {}))
    for row in found.segments.to_dict("records"):
        span = {"start_s": row["start_s"], "end_s": row["end_s"]}
        history.add(store, Draft(recording=diary, term=row["emotion"], annotator="Ann", **span))
        history.add(store, Draft(recording=diary, term="angry", annotator="Bob", **span))
    app = settled(open_page("evaluate", labels_from="Labels made here", parts="Tag"))
    assert not app.exception
    (who,) = [box for box in app.selectbox if box.label == "Who answers"]
    assert len(who.options) == 2  # a head with classes of its own cannot be compared
    (beside,) = [box for box in app.selectbox if box.label == "Compared with"]
    app = settled(beside.select_index(1).run())
    assert not app.exception
    said = text_of(app)
    assert "against" in said
    assert "compared on one speaker" in said
    assert "People beside the engine" in [h.value for h in app.subheader]
    assert "Krippendorff's alpha of all annotators" in said
    assert "Over time" in [h.value for h in app.subheader]
    app = settled(who.select_index(1).run())
    assert not app.exception
    assert any("may have learnt from them" in w.value for w in app.warning)
    app = next(c for c in app.checkbox if c.label.startswith("Neutral")).check().run()
    assert not app.exception


def test_two_engines_on_a_csv_are_tested_over_speakers(open_page, labels_csv, monkeypatch):
    registry = shared.scope().registry
    registry.add("louder", lambda _: FakeEngine())
    (one,) = [info for info in registry.list() if info.name == "compact"]
    both = [replace(one, ready=True), replace(one, name="louder", ready=True)]
    monkeypatch.setattr(Registry, "list", lambda self: both)
    app = open_page(
        "evaluate", csv=str(labels_csv), mapping='{"calm": "neutral"}', against="louder"
    )
    app = settled(button(app, "Compare").click().run())
    app = settled(settled(app))
    assert not app.exception
    shown = {m.label: m.value for m in app.metric}
    assert shown["Difference"] == "+0.000"
    said = text_of(app)
    assert "On the 6 items of 3 speakers that both answered" in said
    assert "p = 1.000; the least that 3 speakers can give is 0.250" in said


def test_nonsense_in_the_address_is_passed_over(open_page, labels_csv):
    for nonsense in ("[1]", "{", '{"ang": "<b>", "calm": "sad"}'):
        app = open_page("evaluate", csv=str(labels_csv), mapping=nonsense)
        assert not app.exception
    assert {w.key: w.value for w in app.selectbox}["evaluate.map.calm"] == "sad"
