"""The map: empty, too few, offered, made, kept, outdated, coloured, chosen, failed."""

import base64
import json
from datetime import date

import numpy as np
import pytest
import streamlit as st

from core.errors import ExploreError
from core.explore import groups, maps, selections
from core.labels import history
from core.labels.records import Draft
from core.records import Metadata
from core.settings import SAMPLES_DIR
from core.store import maps as stored_maps
from core.studies import metadata
from dashboard import corpus, keeping, shared
from dashboard.background import background
from dashboard.marked import Mark
from tests.pages.corpus_pages import ENGINE, box, button, settled, text_of

CALL = SAMPLES_DIR / "synthetic_phone_call.mp3"


def traces_of(app) -> list[dict]:
    return json.loads(app.get("plotly_chart")[0].proto.spec)["data"]


def count(trace: dict) -> int:
    return int(trace["name"].rsplit("(", 1)[1].rstrip(")"))


def places(trace: dict) -> np.ndarray:
    """Returns where the points of a trace lie on the first axis."""
    x = trace["x"]
    if isinstance(x, dict):
        x = np.frombuffer(base64.b64decode(x["bdata"]), x["dtype"])
    return np.asarray(x)


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
    assert f"PCA of {n_segments()} segments · centred per corpus, length 1 (space " in said
    assert "· engine fake" in said
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


def marked(app, share: float = 0.5):
    """Marks the left part of the map; returns the page and the keys of what lies in it."""
    head = maps.latest(shared.scope().store, stored_maps.PROJECTION, ENGINE)
    points = stored_maps.points(shared.scope().store, stored_maps.PROJECTION, head.key)
    low, high = points["x"].min(), points["x"].max()
    x, y = float(low + share * (high - low)), (float(points["y"].min()), float(points["y"].max()))
    corners = ((low - 1, y[0] - 1), (x, y[0] - 1), (x, y[1] + 1), (low - 1, y[1] + 1))
    app.session_state["map.selection"] = Mark(head.key, corners)
    inside = points[points["x"] < x]
    assert 0 < len(inside) < len(points)
    return app.run(), inside


def test_marked_segments_are_counted_against_the_rest(made):
    app, inside = marked(made)
    assert not app.exception
    assert f"{len(inside)} segment" in text_of(app)
    mix = json.loads(app.get("plotly_chart")[1].proto.spec)["data"]
    of = shared.scope().store.table("segments").to_pandas()
    mine = of[of["segment"].isin(inside["segment"])]["emotion"].value_counts(normalize=True)
    shown = dict(zip(mix[0]["y"], mix[0]["x"], strict=True))
    assert {k: v for k, v in shown.items() if v} == pytest.approx(mine.to_dict())
    assert sum(mix[1]["x"]) == pytest.approx(1.0)
    app = button(app, "Unmark").click().run()
    assert "marked" not in text_of(app).replace("to mark them", "")


def test_marked_segments_are_labelled_in_one_step_of_undo(made, diary):
    app, inside = marked(made)
    box(app, "Emotion or own term").set_value("sad")
    next(t for t in app.text_input if t.label == "Annotator").set_value("Anna")
    app = next(b for b in app.button if b.label.startswith("Label ")).click().run()
    assert not app.exception
    labels = history.of(shared.scope().store, diary)
    assert sorted(round(x.start_s, 6) for x in labels) == sorted(
        round(s["start_s"], 6)
        for s in shared.scope().store.table("segments").to_pylist()
        if s["segment"] in set(inside["segment"])
    )
    assert {(x.term, x.annotator, x.blind) for x in labels} == {("sad", "Anna", False)}
    assert history.undo(shared.scope().store, diary, "Anna")
    assert history.of(shared.scope().store, diary) == ()


def test_labelling_needs_a_term_and_a_name(made, diary):
    app, _ = marked(made)
    app = next(b for b in app.button if b.label.startswith("Label ")).click().run()
    assert "give your name" in app.error[0].value
    assert history.of(shared.scope().store, diary) == ()


@pytest.mark.parametrize("what", ["set", "cluster"])
def test_marked_segments_are_kept(made, what):
    app, inside = marked(made)
    next(t for t in app.text_input if t.key == f"selection.{what}.name").set_value("Low")
    keep = [b for b in app.button if b.label.startswith("Keep ")]
    app = keep[what == "cluster"].click().run()
    assert not app.exception
    assert "found again" in app.success[0].value
    store = shared.scope().store
    if what == "set":
        (head,) = selections.selections(store)
        rows = selections.selection(store, head.key)
    else:
        (head,) = groups.saved(store)
        rows = groups.table(store, head.key)
        rows = rows[rows["cluster_name"] == "Low"]
    assert sorted(rows["segment"]) == sorted(inside["segment"])


def test_filter_hides_points_and_moves_none(made):
    before = json.loads(made.get("plotly_chart")[0].proto.spec)["layout"]
    emotion = shared.scope().store.table("segments").to_pylist()[0]["emotion"]
    next(m for m in made.multiselect if m.label == "Emotion").set_value([emotion])
    app = made.run()
    assert not app.exception
    assert [t["name"].split(" (")[0] for t in traces_of(app)] == [emotion]
    after = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]
    assert after["xaxis"]["range"] == before["xaxis"]["range"]
    app = app.switch_page("../pages/clusters.py").run()
    assert app.query_params["emotions"] in (emotion, [emotion])


def test_other_colours_hold_every_segment(made):
    assert "Date" not in box(made, "Colour by").options  # nobody said when it was recorded
    for colour in ("Score", "Quality", "Recording"):
        made = coloured(made, colour)
        assert not made.exception
        shown = [trace["customdata"] for trace in traces_of(made)]
        packed = [rows for rows in shown if isinstance(rows, dict)]
        assert packed or sum(map(len, shown)) == n_segments()


def test_newer_segments_join_and_nothing_moves(made):
    assert shared.scope().analyze(CALL).status == "done"
    app = made.run()
    old = stored_points()
    button(app, "Place the newer ones").click().run()
    app = settled(app)
    assert not app.exception
    new = stored_points()
    assert len(new) == n_segments() > len(old)
    assert {k: new[k] for k in old} == old
    assert "newer than this map" not in text_of(app)


def stored_points() -> dict:
    store = shared.scope().store
    head = maps.latest(store, stored_maps.PROJECTION, ENGINE)
    rows = stored_maps.points(store, stored_maps.PROJECTION, head.key)
    keys = zip(rows["recording"], rows["segment"], strict=True)
    return dict(zip(keys, zip(rows["x"], rows["y"], strict=True), strict=True))


def test_what_a_spreadsheet_would_calculate_is_guarded(made):
    assert not made.exception
    rows = corpus.segments(ENGINE).assign(name="=cmd()")
    assert b",'=cmd()" in keeping.csv(rows)


def test_space_per_speaker_warns_and_says_when_nobody_is_known(open_page, diary):
    app = open_page("map", space="speaker")
    assert "Centring per speaker takes away" in app.warning[0].value
    button(app, "Make the map").click().run()
    app = settled(app)
    assert not app.exception
    assert "No speaker is known" in app.error[0].value


def test_days_are_those_that_people_gave_and_others_are_not_known(made, open_page, diary):
    assert shared.scope().analyze(CALL).status == "done"
    day = date(2026, 3, 1)
    metadata.edit(shared.scope().store, {diary: Metadata(recorded_on=day)}, "A")
    app = box(made.run(), "Method").set_value("PCA").run()
    app = settled(button(app, "Place the newer ones").click().run())
    app = coloured(app, "Date")
    assert not app.exception
    known, missing = traces_of(app)
    of = shared.scope().store.table("segments").num_rows
    n_diary = sum(corpus.segments(ENGINE)["recording"] == diary)
    assert missing["name"] == f"not known ({of - n_diary})"
    assert known["marker"]["colorbar"]["ticktext"] == ["2026-03-01"]


def address_of(app) -> str:
    found = app.query_params["map"]
    return found[0] if isinstance(found, list) else found


def test_every_map_is_kept_and_the_address_says_which(made, open_page):
    app = box(made, "Method").set_value("PCA").run()
    first = address_of(app)
    assert shared.scope().analyze(CALL).status == "done"
    app = settled(button(app.run(), "Make a new map").click().run())
    assert not app.exception
    newest = address_of(app)
    assert newest != first
    assert len(box(app, "Map").options) == 2
    assert sum(count(trace) for trace in traces_of(app)) == n_segments()
    old = open_page("map", method="PCA", map=first)
    assert sum(count(trace) for trace in traces_of(old)) < n_segments()
    assert "newer than this map" in text_of(old)
    wrong = open_page("map", method="PCA", map="none")
    assert "The map in this address is not among" in wrong.warning[0].value


def test_parameters_of_a_map_are_chosen_and_make_a_map_of_their_own(open_page, diary, monkeypatch):
    monkeypatch.setattr("core.explore.projection.FEW", 4)
    app = open_page("map", method="t-SNE", perplexity="1.25", seed="7")
    app = settled(button(app, "Make the map").click().run())
    assert not app.exception
    (head,) = stored_maps.heads(shared.scope().store, stored_maps.PROJECTION)
    assert (head.method, head.seed, head.parameters["settings"]["perplexity"]) == ("tsne", 7, 1.25)
    next(n for n in app.number_input if n.label == "Seed").set_value(8)
    app = settled(button(app.run(), "Make a map so").click().run())
    assert not app.exception
    assert len(box(app, "Map").options) == 2
    assert app.query_params["seed"] in ("8", ["8"])


def test_shrinkage_of_a_space_per_speaker_is_chosen(open_page, diary):
    metadata.edit(shared.scope().store, {diary: Metadata(speaker="Anna")}, "A")
    app = open_page("map", space="speaker", shrinkage="0", min_segments="x")
    app = settled(button(app, "Make the map").click().run())
    assert not app.exception
    (head,) = stored_maps.heads(shared.scope().store, stored_maps.PROJECTION)
    assert head.parameters["space"].startswith("centred per speaker (shrinkage 0, at least 10")
    assert f"(space {head.parameters['space_key'][:8]}, fitted 20" in text_of(app)


def test_recordings_of_marked_segments_are_tagged_filtered_and_untagged(made, diary):
    app, _ = marked(made)
    next(t for t in app.text_input if t.label == "Tag").set_value("=loud; late")
    next(t for t in app.text_input if t.key == "selection.tag.by").set_value("Anna")
    app = next(b for b in app.button if b.label == "Tag 1 recording").click().run()
    assert not app.exception
    assert "1 tagged" in app.success[0].value
    assert shared.scope().store.recording(diary).tags == ("=loud", "late")
    app = button(app, "Undo").click().run()
    assert shared.scope().store.recording(diary).tags == ()
    assert "Tag of the recording" not in [m.label for m in app.multiselect]


def test_more_segments_than_can_be_heard_are_not_labelled_at_once(made, monkeypatch):
    monkeypatch.setattr("dashboard.components.listen.MOST", 1)
    app, inside = marked(made)
    assert len(inside) > 1
    assert "Mark fewer than these" in text_of(app)
    assert not [b for b in app.button if b.label.startswith("Label ")]


def test_saved_clusters_labels_and_quality_filter_the_map(made, diary):
    app, inside = marked(made)
    next(t for t in app.text_input if t.key == "selection.cluster.name").set_value("Low")
    app = [b for b in app.button if b.label.startswith("Keep ")][1].click().run()
    app = button(app, "Unmark").click().run()
    choice = next(m for m in app.multiselect if m.label == "Saved cluster")
    low = next(name for name in choice.options if name.endswith(": Low"))
    app = choice.set_value([low]).run()
    assert not app.exception
    assert sum(count(trace) for trace in traces_of(app)) == len(inside)
    app = button(app, "Show all").click().run()
    row = corpus.segments(ENGINE).iloc[0]
    history.add(
        shared.scope().store,
        Draft(
            recording=diary,
            start_s=row["start_s"],
            end_s=row["end_s"],
            term="sad",
            annotator="A",
        ),
    )
    app = app.run()
    app = next(m for m in app.multiselect if m.label == "People's label").set_value(["sad"]).run()
    assert sum(count(trace) for trace in traces_of(app)) == 1
    app = button(app, "Show all").click().run()
    assert sum(count(trace) for trace in traces_of(app)) == n_segments()


def test_of_a_large_map_some_points_are_drawn_and_a_part_brings_all_of_its_own(made, monkeypatch):
    monkeypatch.setattr("dashboard.map_figure.MOST_DRAWN", 2)
    app = made.run()
    n_all, x = n_segments(), [place[0] for place in stored_points().values()]
    assert sum(len(places(trace)) for trace in traces_of(app)) == 2
    assert sum(count(trace) for trace in traces_of(app)) >= 2
    assert f"2 of {n_all} points of the map are drawn, taken at random" in text_of(app)
    first = np.sort(x)[:2].mean()  # one point is left of it
    key = address_of(app)[:6]
    app.query_params["part"] = f"{key}~{min(x) - 1}~{first}~-9~9"
    app = app.run()
    assert not app.exception
    assert [len(places(trace)) for trace in traces_of(app)] == [1]
    assert f"The one point of this part of the map, which has {n_all} in all" in text_of(app)
    layout = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]
    assert layout["xaxis"]["range"] == pytest.approx([min(x) - 1, first])
    app.query_params["part"] = f"{key}~{max(x) + 1}~{max(x) + 2}~-9~9"
    assert "No point that the filter shows lies in this part" in text_of(app.run())
    app = button(app, "Whole map").click().run()
    assert "part" not in app.query_params
    assert f"2 of {n_all} points of the map" in text_of(app)
    app.query_params["part"] = "999999~0~1~0~1"
    app = app.run()
    assert "part" not in app.query_params
