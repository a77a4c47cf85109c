"""The map: empty, too few, offered, made, kept, outdated, coloured, chosen, failed."""

import json
import time

import pytest
import streamlit as st

from core.errors import ExploreError
from core.explore import maps
from core.settings import SAMPLES_DIR
from core.store import maps as stored_maps
from dashboard import shared
from dashboard.background import background

CALL = SAMPLES_DIR / "synthetic_phone_call.mp3"


def settled(app):
    """Waits until nothing is computed any more, then runs the page again."""
    end_s = time.monotonic() + 60
    while not all(task.finished for task in background()._tasks.values()):
        assert time.monotonic() < end_s
        time.sleep(0.02)
    return app.run()


def text_of(app) -> str:
    parts = [*app.title, *app.markdown, *app.caption, *app.info, *app.error, *app.text]
    return "\n".join(part.value for part in parts)


def traces_of(app) -> list[dict]:
    return json.loads(app.get("plotly_chart")[0].proto.spec)["data"]


def count(trace: dict) -> int:
    return int(trace["name"].rsplit("(", 1)[1].rstrip(")"))


def button(app, label: str):
    return next(b for b in app.button if b.label == label)


def box(app, label: str):
    return next(b for b in app.selectbox if b.label == label)


def coloured(app, by: str):
    return box(app, "Colour by").set_value(by).run()


@pytest.fixture
def made(open_page, diary):
    """The page with the map of a recording under the fake engine, which has few segments."""
    app = open_page("map")
    button(app, "Make the map").click().run()
    return settled(app)


def n_segments() -> int:
    return shared.scope().store.table("segments").num_rows


def test_empty_store_teaches_what_to_do(open_page):
    app = open_page("map")
    assert not app.exception
    assert "No map yet" in text_of(app)
    assert [b.label for b in app.button] == ["Analyse a recording"]


def test_one_segment_makes_no_map_and_says_so(open_page, make_talk, loud_is_speech):
    assert shared.scope().analyze(make_talk("one.wav")).segments == 1
    app = open_page("map")
    assert not app.exception
    assert "There is 1 segment so far, and a map needs at least 3" in text_of(app)


def test_map_is_offered_and_nothing_is_computed_unasked(open_page, diary):
    app = open_page("map")
    assert not app.exception
    assert "There is no PCA map of these" in text_of(app)
    assert "too few for UMAP" in text_of(app)
    assert button(app, "Make the map")
    assert shared.scope().store.lake.version("projections") == -1


def test_map_shows_every_segment_and_says_what_made_it(made):
    assert not made.exception
    assert made.title[0].value == f"Map of {n_segments()} segments"
    assert sum(count(trace) for trace in traces_of(made)) == n_segments()
    said = text_of(made)
    assert "Distances on a map are no evidence." in said
    assert f"PCA of {n_segments()} segments · centred per corpus, length 1 · engine fake" in said
    assert "PCA is shown until there are 15" in said


def test_map_is_kept_over_a_restart(made, open_page, monkeypatch):
    before = [(trace["name"], trace["x"], trace["y"]) for trace in traces_of(made)]
    monkeypatch.setattr("core.explore.projection.project", None)
    st.cache_data.clear()
    st.cache_resource.clear()
    background().__init__()
    app = open_page("map")
    assert not app.exception
    assert [(trace["name"], trace["x"], trace["y"]) for trace in traces_of(app)] == before


def test_newer_segments_are_said_and_a_new_map_holds_them(made):
    old = n_segments()
    assert shared.scope().analyze(CALL).status == "done"
    app = box(made, "Method").set_value("PCA").run()
    assert f"{n_segments() - old} segments are newer than this map" in text_of(app)
    assert sum(count(trace) for trace in traces_of(app)) == old
    next(b for b in app.button if b.label == "Make a new map").click().run()
    app = settled(app)
    assert "newer than this map" not in text_of(app)
    assert app.title[0].value == f"Map of {n_segments()} segments"


def test_clusters_are_found_when_they_are_asked_for(made):
    app = coloured(made, "Cluster")
    app = settled(box(app, "Clusters, k").set_value("3").run())
    assert not app.exception
    assert "K-Means with 3 clusters, as chosen; silhouette" in text_of(app)
    stored = maps.latest(shared.scope().store, stored_maps.CLUSTERING, "fake-000000000000", k=3)
    traces = traces_of(app)
    assert [trace["name"].split(" (")[0] for trace in traces] == [f"cluster {n}" for n in (1, 2, 3)]
    assert [count(trace) for trace in traces] == stored.parameters["sizes"]


def test_more_clusters_than_segments_are_explained_beside_the_map(made):
    app = coloured(made, "Cluster")
    app = settled(box(app, "Clusters, k").set_value("30").run())
    assert not app.exception
    assert "30 clusters need at least 30" in app.error[0].value
    assert sum(count(trace) for trace in traces_of(app)) == n_segments()


@pytest.mark.parametrize("colour", ["Speaker", "Session"])
def test_what_was_never_given_is_named_so(made, colour):
    app = coloured(made, colour)
    assert not app.exception
    assert [t["name"] for t in traces_of(app)] == [f"{colour.lower()} not given ({n_segments()})"]


def test_chosen_point_can_be_heard_and_opened(made, diary):
    segment = shared.scope().store.table("segments").to_pylist()[2]
    run_key = shared.scope().store.table("runs").to_pylist()[0]["run_key"]
    made.session_state["map.cue"] = (diary, -1, run_key, 2)
    app = made.run()
    assert not app.exception
    said = text_of(app)
    assert f"synthetic_diary.mp3, {segment['start_s']:.2f} to {segment['end_s']:.2f} s" in said
    assert segment["emotion"] in said
    assert "nan" not in said
    assert traces_of(app)[-1]["marker"]["symbol"] == "circle-open"


def test_address_opens_the_very_view(made, open_page):
    app = open_page("map", method="PCA", colour="Session")
    assert not app.exception
    assert box(app, "Method").value == "PCA"
    assert [t["name"] for t in traces_of(app)] == [f"session not given ({n_segments()})"]


def test_failure_is_a_sentence_and_can_be_tried_again(open_page, diary, monkeypatch):
    def fail(*_):
        raise ExploreError("These segments cannot be arranged; analyse others.")

    monkeypatch.setattr("core.explore.projection.project", fail)
    app = open_page("map")
    button(app, "Make the map").click().run()
    app = settled(app)
    assert not app.exception
    assert app.error[0].value == "These segments cannot be arranged; analyse others."
    assert button(app, "Try again")
    monkeypatch.undo()


def test_fault_of_the_program_is_no_traceback(open_page, diary, monkeypatch):
    monkeypatch.setattr("core.explore.projection.project", lambda *_: 1 / 0)
    app = open_page("map")
    button(app, "Make the map").click().run()
    app = settled(app)
    assert not app.exception
    assert "Making the map failed (ZeroDivisionError)" in app.error[0].value
