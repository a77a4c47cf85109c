"""Consent and forgetting on the pages: read, set, held to, overdue, forgotten after a second look."""

import gc
import time
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from core.export.whole import Whole
from core.store import consent
from core.store.consent import Consent, Use
from dashboard import jobs, privacy, routes, shared, sound, takeaway
from dashboard.background import background
from dashboard.session import Keys
from tests.pages.corpus_pages import button, settled, text_of

ALL = frozenset(Use)


def field(kind, label):
    return next(found for found in kind if found.label == label)


def expander(app) -> str:
    return next(e.label for e in app.expander if e.label.startswith("Consent and privacy"))


def opened(app):
    app.session_state[Keys.PRIVACY] = True
    return app.run()


def test_consent_is_set_on_the_page_of_a_recording(open_page, diary):
    app = open_page("recording", recording=diary)
    assert not app.exception
    assert expander(app) == "Consent and privacy: nothing recorded"
    app = opened(app)
    button(app, "Record the consent").click().run()
    assert "legal basis in words" in app.error[-1].value
    field(app.text_input, "Legal basis").input("form <b>7</b>")
    field(app.text_input, "Pseudonym").input("P07")
    field(app.date_input, "Keep until").set_value(date(2190, 1, 1))
    app = button(app, "Record the consent").click().run()
    assert not app.exception
    given = consent.every(shared.scope().store)[diary]
    assert given == Consent("form <b>7</b>", ALL, date(2190, 1, 1), "P07")
    assert expander(app) == "Consent and privacy: analyse, listen, publish, until 2190-01-01"


def test_all_of_a_speaker_are_set_and_forgotten_at_once(open_page, diary):
    shared.scope().analyze(jobs.sample_files()[1])
    store = shared.scope().store
    other = next(r for r in store.table("recordings")["recording"].to_pylist() if r != diary)
    from core.records import Metadata
    from core.studies import metadata

    metadata.edit(store, {r: Metadata(speaker="Anna") for r in (diary, other)}, "Cy")
    app = opened(open_page("recording", recording=diary))
    app.session_state[f"privacy.of.{diary}"] = "All of its speaker"
    app = app.run()
    assert "2 recordings in which Anna speaks" in text_of(app)
    field(app.text_input, "Legal basis").input("form")
    app = button(app, "Record the consent").click().run()
    assert set(consent.every(store)) == {diary, other}
    assert button(app, "Forget 2 recordings")


def test_what_is_withheld_is_not_played_drawn_or_handed_out(open_page, diary):
    store = shared.scope().store
    consent.put(store, [diary], Consent("form", frozenset({Use.ANALYSE})))
    app = open_page("recording", recording=diary, region="1.000-2.000")
    assert not app.exception
    assert "does not allow to listen" in text_of(app)
    assert "does not allow to publish" in text_of(app)
    assert not app.get("download_button")
    assert "Where the file lies now" not in [t.label for t in app.text_input]
    assert "does not allow to listen" in sound.peaks(diary, None)
    app = open_page("export")
    assert "1 of 1 recordings are held back" in text_of(app)
    assert not [b.label for b in app.button if b.label.startswith("Write")]


def test_routes_refuse_what_is_withheld(diary):
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    client = TestClient(Starlette(routes=routes.ROUTES))
    picture = f"{routes.spectrogram_url(diary)}?start=0&end=1&width=10"
    assert client.get(routes.audio_url(diary)).status_code == 200
    consent.put(shared.scope().store, [diary], Consent("form", frozenset({Use.PUBLISH})))
    for address in (routes.audio_url(diary), picture):
        answer = client.get(address)
        assert (answer.status_code, "does not allow to listen" in answer.text) == (403, True)


def test_overdue_is_told_and_forgotten_after_a_second_look(open_page, diary, monkeypatch):
    store = shared.scope().store
    app = open_page()
    assert "until a day that is over" not in text_of(app)
    consent.put(store, [diary], Consent("form", ALL, date(2026, 1, 1)))
    app = open_page()
    assert "1 recording was to be kept until a day that is over" in text_of(app)
    app = button(app, "Forget it").click().run()
    assert button(app, "Forget").disabled
    assert "cannot be undone" in text_of(app)
    assert store.table("recordings").num_rows == 1
    # A dialog stays open by runs of its own, which AppTest does not know; so here it is the page.
    monkeypatch.setattr("dashboard.navigation.open_page", lambda name: None)
    app = AppTest.from_function(_dialog, default_timeout=60)
    app.query_params["recording"] = diary
    app.run()
    assert button(app, "Forget").disabled
    app.checkbox(key="privacy.sure").check().run()
    assert store.table("recordings").num_rows == 1
    button(app, "Forget").click().run()
    assert not app.exception
    assert store.table("recordings").num_rows == 0
    assert store.table("consents").num_rows == 0
    assert app.session_state["privacy.done"].recordings == (diary,)


def _dialog() -> None:
    import streamlit as st

    from dashboard.components import privacy

    privacy.confirm([st.query_params["recording"]])


def test_forgetting_waits_for_an_analysis(diary, monkeypatch):
    assert not privacy.busy()
    monkeypatch.setattr(shared.queue(), "views", lambda: [type("View", (), {"finished": False})()])
    assert privacy.busy()


@pytest.mark.parametrize("kind", ["Report", "Bundle"])
def test_report_and_bundle_are_written_on_the_export_page(open_page, diary, kind):
    app = open_page("export", what="Report and bundle", **{"as": kind})
    assert not app.exception
    app = settled(button(app, f"Write the {kind.lower()}").click().run())
    assert not app.exception
    assert "1 recording" in text_of(app)
    assert [b.label for b in app.get("download_button")] == [f"Download {kind.lower()}"]
    (copy,) = shared.scope().store.table("copies").to_pylist()
    assert (copy["kind"], copy["recording"]) == (kind.lower(), diary)
    assert copy["place"].startswith("downloaded from the page on")


def test_outside_name_is_a_stand_in_where_there_is_a_pseudonym(diary):
    assert takeaway.outside_name(diary) == "synthetic_diary.mp3"
    consent.put(shared.scope().store, [diary], Consent("form", ALL, None, "P07"))
    assert takeaway.outside_name(diary) == f"recording-{diary[:12]}.mp3"


def test_files_that_were_made_to_be_downloaded_are_forgotten_as_well(shared_state, diary):
    asked = takeaway.Asked(Whole.REPORT, diary, None, False, False)
    takeaway.write_one(asked)
    end_s = time.monotonic() + 60
    while not background().view(takeaway.whole_key(asked)).finished:
        assert time.monotonic() < end_s
        time.sleep(0.02)
    path = background().view(takeaway.whole_key(asked)).result.path
    assert path.exists()
    done = privacy.forget_all([diary])
    assert [copy.kind for copy in done.copies] == ["report"]
    gc.collect()
    assert not path.parent.exists()
