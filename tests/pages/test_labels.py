"""Labels on the recording's page: made, changed, undone, imported, compared, hidden, on the timeline."""

import pytest
from streamlit.testing.v1 import AppTest

from core.labels import coefficients, history
from core.labels.records import Draft, Kind
from dashboard import labelling, lanes, palette, shared
from dashboard.components import labels
from dashboard.resources import Choice
from tests.pages.test_map import text_of


def standing(recording: str) -> list[tuple]:
    found = history.of(shared.scope().store, recording)
    return [(x.annotator, x.start_s, x.end_s, x.term) for x in found]


def click(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label == label).click().run()


def widget(widgets, part: str):
    return next(w for w in widgets if part in (w.key or ""))


@pytest.fixture
def opened(open_page, diary):
    """The page with labelling on and a name given."""
    app = open_page("recording", label="true")
    app.text_input(key="labels.annotator").set_value("Anna").run()
    assert not app.exception
    return app


def fill(app: AppTest, start_s: float, end_s: float, term: str) -> AppTest:
    widget(app.number_input, ".start").set_value(start_s)
    widget(app.number_input, ".end").set_value(end_s)
    widget(app.selectbox, ".term").set_value(term)
    return app


def test_without_the_switch_only_counts_are_told(open_page, diary):
    app = open_page("recording")
    assert not app.exception
    assert not any(".form" in (b.key or "") for b in app.button)
    draft = Draft(recording=diary, start_s=0, end_s=1, term="sad", annotator="Anna")
    history.add(shared.scope().store, draft)
    assert "1 labels of 1 annotators are stored." in text_of(app.run())


def test_label_is_made_changed_deleted_and_undone(opened, diary):
    app = click(fill(opened, 1.5, 2.75, "sad"), "Add label")
    assert not app.exception
    assert standing(diary) == [("Anna", 1.5, 2.75, "sad")]
    assert app.dataframe[-1].value["Label"].tolist() == ["😢 sad"]
    app = click(app, "Undo")
    assert standing(diary) == []
    app = click(app, "Redo")
    assert standing(diary) == [("Anna", 1.5, 2.75, "sad")]
    app = click(fill(app, 3.0, 4.0, "angry"), "Add label")
    assert standing(diary)[1] == ("Anna", 3.0, 4.0, "angry")
    assert not app.exception


def test_selected_label_is_changed_and_deleted(opened, diary, monkeypatch):
    click(fill(opened, 1.5, 2.75, "sad"), "Add label")
    monkeypatch.setattr(labels, "_table", lambda found, only: found[0] if found else None)
    app = opened.run()
    widget(app.selectbox, ".term").set_value("angry")
    app = click(app, "Save")
    assert not app.exception
    assert standing(diary) == [("Anna", 1.5, 2.75, "angry")]
    app = click(app, "Delete")
    assert standing(diary) == []


@pytest.mark.parametrize(
    ("name", "term", "sentence"),
    [("", "sad", "Give your name as annotator first"), ("Anna", None, "has 0 characters")],
)
def test_what_is_missing_is_told(opened, diary, name, term, sentence):
    opened.text_input(key="labels.annotator").set_value(name).run()
    app = click(fill(opened, 1.0, 2.0, term), "Add label")
    assert not app.exception
    assert sentence in app.error[0].value
    assert standing(diary) == []


def test_somebody_elses_label_stays(opened, diary, monkeypatch):
    history.add(
        shared.scope().store,
        Draft(recording=diary, start_s=0, end_s=1, term="sad", annotator="Ben"),
    )
    app = opened.run()
    assert "Labels of others, 1 by now, are hidden" in text_of(app)
    monkeypatch.setattr(labels, "_table", lambda found, only: found[0])
    app = click(click(app, "Reveal the engine's results"), "Delete")
    assert "belongs to 'Ben'" in app.error[0].value
    assert standing(diary) == [("Ben", 0.0, 1.0, "sad")]


def test_import_is_shown_first_and_is_one_step(opened, diary):
    text = "start_s,end_s,label,annotator\n0,1,happy,Ben\n1,2,<b>wry</b>,Ben\n900,901,sad,Ben\n"
    widget(opened.file_uploader, "labels.file").set_value(("a.csv", text.encode(), "text/csv"))
    app = opened.run()
    assert not app.exception
    shown = text_of(app)
    assert "2 would be stored" in shown
    assert "1 happy" in shown
    assert "\\<b\\>wry" in shown
    assert "1 lie outside the recording" in shown
    assert standing(diary) == []
    app = click(app, "Import 2")
    assert not app.exception
    assert standing(diary) == [("Ben", 0.0, 1.0, "happy"), ("Ben", 1.0, 2.0, "<b>wry</b>")]
    click(app, "Undo")
    assert standing(diary) == []


def test_file_that_cannot_be_read_is_explained(opened, diary):
    widget(opened.file_uploader, "labels.file").set_value(("a.csv", b"x,y\n", "text/csv"))
    app = opened.run()
    assert not app.exception
    assert "no column start\\_s" in app.error[0].value


def test_agreement_states_what_it_rests_on(opened, diary, monkeypatch):
    app = click(opened, "Reveal the engine's results")
    app.toggle(key="labels.agreement").set_value(True).run()
    assert "agreement needs labels" in text_of(app)
    store = shared.scope().store
    segments = store.table("segments").to_pandas().sort_values("segment")
    for person in ("Anna", "Ben"):
        drafts = []
        for row in segments.to_dict("records"):
            term = "sad" if person == "Anna" or row["segment"] else "happy"
            span = {"start_s": row["start_s"], "end_s": row["end_s"]}
            drafts.append(Draft(recording=diary, term=term, annotator=person, **span))
        history.add(store, *drafts)
        app.run()
        assert not app.exception
        if person == "Anna":
            assert "One annotator alone" in text_of(app)
    n = len(segments)
    assert f"over {n} segments of 1 recording and 0 known speakers" in text_of(app)
    pairs = next(d.value for d in app.dataframe if "Kappa" in d.value)
    assert pairs["Segments"].tolist() == [n] * 3
    assert pairs["Same, %"][0] == pytest.approx(100 * (n - 1) / n)
    assert pairs["Second"].tolist() == ["Ben", "fake-000000000000", "fake-000000000000"]
    handed = {}
    monkeypatch.setattr(coefficients, "gamma", lambda labels: handed.update(labels) or 0.61)
    app = click(app, "Gamma of this recording")
    assert not app.exception
    assert "Gamma of this recording: 0.61" in text_of(app)
    assert {person: len(labels) for person, labels in handed.items()} == {"Anna": n, "Ben": n}


def page_that_asks():
    """A page as the recording's, which hides the engine's results where it must."""
    import streamlit as st

    from dashboard import resources
    from dashboard.components import labels

    row = resources.catalogue().iloc[0]
    hidden = labels.blind(row["recording"])
    st.text("hidden" if hidden else "shown")
    labels.show(row, resources.choice_of(row), None, labelled=labels.labelling_on())


def test_labelling_is_blind_until_revealed(diary):
    app = AppTest.from_function(page_that_asks, default_timeout=60)
    app.query_params["label"] = "true"
    app.run()
    assert not app.exception
    assert app.text[0].value == "hidden"
    app.text_input(key="labels.annotator").set_value("Anna").run()
    click(fill(app, 1.0, 2.0, "sad"), "Add label")
    app = click(app, "Reveal the engine's results")
    assert app.text[0].value == "shown"
    click(fill(app, 2.0, 3.0, "sad"), "Add label")
    found = history.of(shared.scope().store, diary)
    assert [label.blind for label in found] == [True, False]


def test_results_seen_before_make_later_labels_not_blind(diary):
    app = AppTest.from_function(page_that_asks, default_timeout=60).run()
    assert app.text[0].value == "shown"
    app.toggle(key="label").set_value(True).run()
    assert app.text[0].value == "hidden"
    assert "You have seen the engine's results" in text_of(app)


def test_timeline_events_and_lanes(diary, monkeypatch):
    choice = Choice(diary, None, "t", "r")
    event = {"kind": "label", "emotion": "happy", "start_s": 1.0, "end_s": 2.0}
    assert "give your name first" in labels.apply_event(choice, event)
    monkeypatch.setattr(labelling, "annotator", lambda: "Anna")
    assert labels.apply_event(choice, event) is None
    assert labels.apply_event(choice, event | {"emotion": "sad", "start_s": 3, "end_s": 4}) is None
    said = Draft(
        recording=diary,
        start_s=0,
        end_s=1,
        term="So be it",
        annotator="P1",
        kind=Kind.TRANSCRIPT,
    )
    history.add(shared.scope().store, said)
    happy, sad = (palette.colour(term, False) for term in ("happy", "sad"))
    assert [lane["name"] for lane in lanes.labels_of(diary, only="Ben")] == ["transcript P1"]
    assert lanes.labels_of(diary, only="Anna") == lanes.labels_of(diary)
    assert lanes.labels_of(diary) == [
        {
            "name": "labels Anna",
            "kind": "interval",
            "items": [
                {"start_s": 1.0, "end_s": 2.0, "text": "happy", "colour": happy},
                {"start_s": 3.0, "end_s": 4.0, "text": "sad", "colour": sad},
            ],
        },
        {
            "name": "transcript P1",
            "kind": "interval",
            "items": [{"start_s": 0.0, "end_s": 1.0, "text": "So be it"}],
        },
    ]
    assert labels.apply_event(choice, {"kind": "undo"}) is None
    assert len(lanes.labels_of(diary)[0]["items"]) == 1
    assert "no stretch" in labels.apply_event(choice, event | {"end_s": 0.5})
    assert "select a region" in labels.apply_event(choice, {"kind": "label", "emotion": "sad"})
    assert labels.apply_event(choice, {"kind": "other"}) is None
