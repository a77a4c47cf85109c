"""A head of one's own: drawn, labelled, fitted, applied, exported, taken over."""

import io
import zipfile

from core.engines.registry import Registry
from core.labels import history
from core.labels.records import Draft
from core.learn import heads, label_curve, library
from core.learn.picking import Way
from core.store.corpus import corpus, embeddings
from core.store.samples import samples
from dashboard import calibrating, shared
from tests.pages.corpus_pages import done
from tests.pages.test_flags import button, field
from tests.pages.test_map import text_of


def store():
    return shared.scope().store


def label_all(drawn) -> None:
    """Says of what is left of a draw what was heard."""
    found = corpus(store(), "fake")
    keys = found.segments[["recording", "segment"]].apply(tuple, axis=1).tolist()
    loud = dict(zip(keys, embeddings(store(), found)[:, 0] > 0.1, strict=True))
    left = [not term for term in calibrating.said_of(drawn, "Ann")]
    for recording, rows in drawn.segments[left].groupby("recording"):
        drafts = [
            Draft(
                recording=recording,
                start_s=row["start_s"],
                end_s=row["end_s"],
                term="angry" if loud[recording, row["segment"]] else "sad",
                annotator="Ann",
            )
            for row in rows.to_dict("records")
        ]
        history.add(store(), *drafts)


def test_empty_store_teaches(open_page):
    app = open_page("calibrate")
    assert not app.exception
    assert "Nothing to calibrate yet" in text_of(app)


def test_label_fit_apply_and_move(open_page, loud_and_soft, monkeypatch):
    monkeypatch.setattr(heads, "STRENGTHS", (0.01, 0.1))
    monkeypatch.setattr(label_curve, "MOST_POINTS", 2)
    app = open_page("calibrate")
    assert not app.exception
    assert "Nothing is drawn yet" in text_of(app)
    app = button(app, "Draw 20 segments").click().run()
    assert not app.exception
    (drawn,) = samples(store())
    assert (drawn.parameters["way"], len(drawn.segments)) == (Way.RANDOM, 20)
    assert app.query_params["draw"] == str(drawn.sample)
    app.text_input(key="labels.annotator").set_value("Ann").run()
    for term in ("angry", "sad"):
        app = field(app.button, f"calibrate.{term}").click().run()
        assert not app.exception
    assert calibrating.said_of(drawn, "Ann")[:3] == ["angry", "sad", ""]
    app = button(app, "Undo the last label").click().run()
    assert calibrating.said_of(drawn, "Ann")[:2] == ["angry", ""]
    app = field(app.button, "calibrate.skip").click().run()
    word = next(w for w in app.text_input if w.key.startswith("calibrate.word"))
    word.set_value("wistful").run()
    app = button(app, "Use this word").click().run()
    assert calibrating.said_of(drawn, "Ann")[:4] == ["angry", "", "wistful", ""]
    assert history.of(store(), drawn.segments["recording"][0])[0].blind
    app = button(app, "Undo the last label").click().run()
    app = button(app, "Undo the last label").click().run()
    assert not any(calibrating.said_of(drawn, "Ann"))

    app.session_state["calibrate.skipped"] = {(drawn.sample, n) for n in range(20)}
    app.run()
    assert "All of this draw is labelled or skipped" in text_of(app)
    app = button(app, "Go through 20 skipped segments again").click().run()
    assert "How does this sound?" in text_of(app)

    app = open_page("calibrate", step="Fit")
    assert "No segment is labelled yet" in text_of(app)
    label_all(drawn)
    app = open_page("calibrate", step="Fit")
    assert "20 of a random sample, 0 others" in text_of(app)
    first = drawn.segments["recording"][0]
    monkeypatch.setattr(Registry, "trained_on", lambda self, name: frozenset({first}))
    app.text_input(key="calibrate.name").set_value("Mine").run()
    app = button(app, "Fit the head").click().run()
    app = done(app, calibrating.WORK)
    assert not app.exception
    made = library.head(store(), "Mine")
    shown = {m.label: m.value for m in app.metric}
    assert shown["UAR of your head"] == f"{made.card['uar']:.2f}" == "1.00"
    assert shown["UAR of the engine's own"] == f"{made.card['uar_engine']:.2f}"
    assert "no interval under 8 speakers" in text_of(app)
    assert "the least that 4 speakers can give is 0.125" in text_of(app)
    assert "With so few speakers it stays open which of the two is better" in text_of(app)
    n_heard = (drawn.segments["recording"] == first).sum()
    assert app.warning[0].value.startswith(f"{n_heard} of the labelled segments")
    app = button(app, "Follow the labels").click().run()
    app = done(app, calibrating.WORK)
    assert not app.exception
    assert "1.00 after 20 labels" in text_of(app)

    app = open_page("calibrate", step="Heads", apply="true")
    assert not app.exception
    assert "32 of 32 segments get a class" in text_of(app)
    table = app.dataframe[-1].value
    assert (table["Head"] == "angry").sum() == 16
    assert any(box.label == "Over time, recording" for box in app.selectbox)
    course = calibrating.course(made, calibrating.apply(made)["recording"][0])
    assert course["score_angry"].between(0, 1).all()
    data = calibrating.exported(made)
    assert sorted(zipfile.ZipFile(io.BytesIO(data)).namelist()) == [
        "head.json",
        "head.safetensors",
    ]
    rows = calibrating.apply(made).assign(name="=evil()")

    assert b"'=evil()" in calibrating.csv(rows)


def test_head_is_taken_over_and_strangers_are_refused(open_page, loud_and_soft, monkeypatch):
    monkeypatch.setattr(heads, "STRENGTHS", (0.01, 0.1))
    app = open_page("calibrate", step="Heads")
    for n, bad in enumerate((b"no zip", _zipped({"x": b""}), _zipped({"head.json": b"{"}))):
        app.file_uploader[0].set_value([("head.zip", bad, "application/zip")]).run()
        app = button(app, "Take it over").click().run()
        assert not app.exception, n
        assert len(app.error) == 1
    drawn = library.draw(store(), Way.RANDOM, 24, "fake")
    label_all(drawn)
    made = library.make_head(store(), "<b>Mine</b>", "fake").head
    data = calibrating.exported(made)
    store().lake.delete("heads", "true")
    app = open_page("calibrate", step="Heads")
    app.file_uploader[0].set_value([("head.zip", data, "application/zip")]).run()
    app = button(app, "Take it over").click().run()
    assert not app.exception
    assert app.query_params["head"] == made.key
    assert calibrating.heads()[0].key == made.key


def _zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()
