"""The same tone: empty, a region, an address, left out, liked, a clip, a set kept and removed."""

import io

import numpy as np
import pytest
import soundfile

from core.emotions import EMOTIONS
from core.explore import search, selections
from core.explore.neighbours import TELLING
from core.records import Span
from dashboard import keeping, shared, tone
from tests.fakes import FakeEngine
from tests.pages.corpus_pages import ENGINE, box, button, settled, text_of


@pytest.fixture
def opened(open_page, diary):
    """The page with a region of the diary asked for."""
    return settled(open_page("similar", recording=diary, region="2.000-4.000"))


def hits_of(app):
    return next(d.value for d in app.dataframe if "Difference" in d.value)


def expected(recording: str, span: Span, **options) -> list[float]:
    store = shared.scope().store
    found = search.open_search(store, ENGINE)
    query = search.query_of_region(store, found, recording, span)
    return [hit.score for hit in found.find(query, 10, **options)]


def test_empty_store_teaches_what_to_do(open_page):
    app = open_page("similar")
    assert not app.exception
    assert "Nothing to search yet" in text_of(app)


def test_region_of_the_address_is_looked_for(opened, diary):
    assert not opened.exception
    table = hits_of(opened)
    assert table["Score"].tolist() == pytest.approx(expected(diary, Span(2.0, 4.0)))
    assert table["#"].tolist() == list(range(1, len(table) + 1))
    assert all(len(bar) == 9 for bar in table["Difference"])
    for why, bar in zip(table["Why"], table["Difference"], strict=True):
        told = dict(part.rsplit(" ", 1) for part in why.split(", ")) if why[-1].isdigit() else {}
        furthest = max(range(9), key=lambda i: bar[i])
        assert told or max(abs(value) for value in bar) < TELLING
        if bar[furthest] >= TELLING:
            assert told[EMOTIONS[furthest]] == f"{bar[furthest]:+.1f}"


def test_times_can_be_changed_and_the_address_follows(opened, diary):
    next(n for n in opened.number_input if n.label == "Start, s").set_value(5.0)
    next(n for n in opened.number_input if n.label == "End, s").set_value(8.0)
    app = settled(opened.run())
    assert not app.exception
    assert app.query_params["region"] in ("5.000-8.000", ["5.000-8.000"])
    assert hits_of(app)["Score"].tolist() == pytest.approx(expected(diary, Span(5.0, 8.0)))


def test_region_that_ends_before_it_begins_is_said(opened):
    next(n for n in opened.number_input if n.label == "End, s").set_value(1.0)
    app = opened.run()
    assert not app.exception
    assert "ends before it begins" in text_of(app)


def test_other_recordings_only_leaves_nothing_of_one(opened):
    app = settled(opened.toggle(key="other_recordings").set_value(True).run())
    assert not app.exception
    assert "Nothing is left to compare with" in text_of(app)


def test_unknown_speaker_cannot_be_left_out(opened):
    app = settled(opened.toggle(key="other_speakers").set_value(True).run())
    assert not app.exception
    assert "Who speaks in the query is not known" in text_of(app)


def test_filter_lists_only_hits_that_pass(opened):
    emotion = hits_of(opened)["Sounds"].iloc[-1].split()[-1]
    next(m for m in opened.multiselect if m.label == "Emotion").set_value([emotion])
    app = settled(opened.run())
    assert not app.exception
    assert {sounds.split()[-1] for sounds in hits_of(app)["Sounds"]} == {emotion}


def test_likes_move_the_query_and_can_be_forgotten(opened, diary):
    store = shared.scope().store
    found = search.open_search(store, ENGINE)
    query = search.query_of_region(store, found, diary, Span(2.0, 4.0))
    liked = found.find(query, 3)[2].row
    held = dict(opened.session_state["similar.liked"])
    held["liked"] = [tone.key_of_row(found, liked)]
    opened.session_state["similar.liked"] = held
    app = settled(opened.run())
    assert not app.exception
    wanted = [hit.score for hit in found.find(query, 10, liked=[liked])]
    assert hits_of(app)["Score"].tolist() == pytest.approx(wanted)
    assert "moved towards 1 segments" in text_of(app)
    app = button(app, "Start over").click().run()
    assert hits_of(app)["Score"].tolist() == pytest.approx(expected(diary, Span(2.0, 4.0)))


def test_hits_are_kept_as_a_set_and_removed(opened, diary):
    n_hits = len(hits_of(opened))
    next(t for t in opened.text_input if t.key == "similar.title").set_value("Like *this*")
    app = button(opened, "Save").click().run()
    assert not app.exception
    (head,) = selections.selections(shared.scope().store)
    assert head.parameters["title"] == "Like *this*"
    assert head.parameters["n"] == n_hits
    assert "synthetic_diary" in head.parameters["query"]
    assert any(e.label == f"Like \\*this\\* · {n_hits} segments" for e in app.expander)
    rows = keeping.saved_set(head, ENGINE)
    assert rows["score"].tolist() == pytest.approx(expected(diary, Span(2.0, 4.0)), abs=1e-6)
    button(app, "Remove the set").click().run()
    assert selections.selections(shared.scope().store) == []


def test_uploaded_clip_is_looked_for_and_not_stored(open_page, diary):
    shared.scope().registry.add("fake", lambda _: FakeEngine())
    app = settled(open_page("similar", query="clip"))
    sound, rate = soundfile.read(shared.scope().store.recording(diary).source)
    part = sound[2 * rate : 4 * rate]
    written = io.BytesIO()
    soundfile.write(written, part, rate, format="WAV")
    app.file_uploader[0].set_value(("mine.wav", written.getvalue(), "audio/wav")).run()
    app = settled(app)
    assert not app.exception
    assert len(hits_of(app)) > 0
    assert len(shared.scope().store.table("recordings")) == 1


def test_clip_that_is_too_long_is_said_before_any_engine_hears_it(open_page, diary, monkeypatch):
    shared.scope().registry.add("fake", lambda _: FakeEngine())
    app = settled(open_page("similar", query="clip"))
    monkeypatch.setattr(FakeEngine, "run", None)
    written = io.BytesIO()
    soundfile.write(written, np.zeros(61 * 8000), 8000, format="WAV")
    app.file_uploader[0].set_value(("long.wav", written.getvalue(), "audio/wav")).run()
    app = settled(app)
    assert not app.exception
    assert "longer than 60 s" in app.error[0].value


def test_space_of_the_search_is_named_with_its_day(opened):
    key = search.open_search(shared.scope().store, ENGINE).space_key
    said = text_of(opened)
    assert f"(space {key[:8]}, fitted 20" in said
    assert "every segment is compared" in said


def test_clip_that_is_no_audio_is_a_sentence(open_page, diary):
    app = settled(open_page("similar", query="clip"))
    noise = np.random.default_rng(0).bytes(4000)
    app.file_uploader[0].set_value(("mine.wav", noise, "audio/wav")).run()
    app = settled(app)
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("The uploaded clip cannot be read as audio")


def test_recording_that_is_not_there_is_said(open_page, diary):
    settled(open_page("similar"))
    app = open_page("similar", recording="f" * 64)
    assert not app.exception
    assert "no segments by this engine" in text_of(app)
    assert box(app, "Recording").value == diary
