"""Clusters: empty, offered, found, looked into, named, merged, kept over a restart, taken along."""

import io
import json

import pandas as pd
import pytest
import streamlit as st

from core.explore import groups
from core.records import Metadata
from core.store import maps
from core.store.maps import CLUSTERING
from dashboard import clusterings, keeping, shared
from dashboard.background import background
from tests.pages.corpus_pages import button, choose, settled, text_of


@pytest.fixture
def made(open_page, diary):
    """The page with three clusters of a recording under the fake engine."""
    app = open_page("clusters", k="3")
    button(app, "Find clusters").click().run()
    return settled(app)


def heads() -> list:
    return maps.heads(shared.scope().store, CLUSTERING)


def save(app, title: str, name: str = "", merge: tuple[int, ...] = ()):
    next(t for t in app.text_input if t.label == "Title").set_value(title)
    if name:
        next(t for t in app.text_input if t.label == "Name of cluster 1").set_value(name)
    if merge:
        next(m for m in app.multiselect if m.label == "Merge into one").set_value(list(merge))
    return button(app, "Save").click().run()


def test_empty_store_teaches_what_to_do(open_page):
    app = open_page("clusters")
    assert not app.exception
    assert "No clusters yet" in text_of(app)
    assert [b.label for b in app.button] == ["Analyse a recording"]


def test_nothing_is_grouped_unasked(open_page, diary):
    app = open_page("clusters")
    assert not app.exception
    assert button(app, "Find clusters")
    assert heads() == []


def test_clusters_are_found_and_say_what_they_are(made):
    assert not made.exception
    (head,) = heads()
    said = text_of(made)
    for number, size in enumerate(head.parameters["sizes"], 1):
        assert f"Cluster {number}" in said
        assert f"{size} segment" in said
    assert "What sets it apart" in said
    assert "Agreement with the engine's own labels is circular" in said
    audit = made.dataframe[-1].value
    assert audit["What"].tolist()[0] == "Speaker"
    assert {"AMI", "Probe", "Chance"} <= set(audit.columns)


def test_named_and_merged_clusters_are_kept_over_a_restart(made, open_page, monkeypatch):
    sizes = heads()[0].parameters["sizes"]
    app = save(made, "Tones of the diary", "calm & <b>low</b>", (1, 2))
    assert not app.exception
    (kept,) = groups.saved(shared.scope().store)
    assert sorted(kept.parameters["sizes"]) == sorted([sizes[0], sizes[1] + sizes[2]])
    monkeypatch.setattr("core.explore.clusters.cluster", None)
    st.cache_data.clear()
    st.cache_resource.clear()
    background().__init__()
    again = settled(open_page("clusters", clustering=kept.key))
    assert not again.exception
    assert again.selectbox[1].value == kept.key
    said = text_of(again)
    assert "calm \\& \\<b\\>low" in said.lower()
    assert f"{sizes[0]} segment" in said
    assert not any(b.label == "Find clusters" for b in again.button)


def test_a_clustering_without_a_title_is_not_kept(made):
    app = save(made, " ")
    assert "name" in app.error[0].value
    assert len(heads()) == 1


def test_filter_lists_only_what_passes_and_stays_in_the_address(made):
    every = clusterings.table(heads()[0])
    emotion = every["emotion"].iloc[0]
    next(m for m in made.multiselect if m.label == "Emotion").set_value([emotion])
    app = settled(made.run())
    assert not app.exception
    n = int((every["emotion"] == emotion).sum())
    assert f"The filter shows {n} of {len(every)} segments." in text_of(app)
    assert app.query_params["emotions"] in (emotion, [emotion])
    button(app, "Show all").click().run()
    assert "emotions" not in app.query_params


def test_hdbscan_says_its_least_size_and_what_is_in_no_cluster(open_page, diary):
    app = open_page("clusters", grouping="hdbscan", least="5")
    app = settled(button(app, "Find clusters").click().run())
    assert not app.exception
    found = [h for h in heads() if h.method == "hdbscan"]
    assert (len(found) == 1 and found[0].parameters["least"] == 5) or "denser" in app.error[0].value


def test_sessions_are_never_compared_per_speaker(open_page, diary):
    app = open_page("clusters", unit="recording", space="speaker")
    assert "nothing is centred per speaker" in text_of(app)
    app = settled(button(app, "Find clusters").click().run())
    assert not app.exception
    assert "There is only 1 of the recordings to group" in app.error[0].value


def test_what_is_taken_along_names_each_segment_and_no_formula(made):
    app = save(made, "Kept", "=1+1")
    assert not app.exception
    (kept,) = groups.saved(shared.scope().store)
    read = pd.read_csv(io.BytesIO(keeping.csv(clusterings.table(kept))))
    assert len(read) == sum(kept.parameters["sizes"])
    assert set(read["cluster_name"]) == {"'=1+1", "cluster 2", "cluster 3"}


def test_unknown_clustering_in_the_address_is_said(open_page, diary):
    app = open_page("clusters", clustering="0" * 16)
    assert not app.exception
    assert "not in the store" in text_of(app)


def test_space_is_remembered_from_page_to_page(open_page, diary):
    app = choose(open_page("clusters"), "Space", "whitened")
    app = app.switch_page("../pages/map.py").run()
    assert app.query_params["space"] in ("whitened", ["whitened"])
    assert "in this space yet" in text_of(app)


def test_chosen_k_is_held_against_others_when_that_is_asked_for(made):
    assert "not worked out yet" in text_of(made)
    app = settled(button(made, "Try k from 2 to 12").click().run())
    assert not app.exception
    assert "The line is at the chosen k" in text_of(app)
    assert len(heads()) == 2
    charts = [json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart")]
    assert ["silhouette", "stability"] in [[t.get("name") for t in traces] for traces in charts]


def test_prosody_of_all_is_measured_and_effects_say_of_how_many(made, diary):
    assert "Not measured: level, pitch, rate" in text_of(made)
    app = settled(button(made, "Measure prosody of all").click().run())
    assert not app.exception
    said = text_of(app)
    assert "Not measured" not in said
    assert "; n " in said
    assert ", d " in said
    assert not any(b.label == "Measure prosody of all" for b in app.button)


def test_clusters_of_recordings_are_counted_and_heard_as_recordings(
    open_page, make_talk, loud_is_speech
):
    for n in range(3):
        talk = make_talk(f"{n}.wav", level=0.1 + 0.2 * n)
        assert shared.scope().analyze(talk, Metadata(speaker=f"P{n}")).status == "done"
    app = settled(open_page("clusters", unit="recording", k="2"))
    app = settled(button(app, "Find clusters").click().run())
    assert not app.exception
    said = text_of(app)
    assert "2 recordings, 67%" in said
    assert "1 recording, 33%" in said
    assert "of 3 recordings" in said
    assert app.dataframe[-1].value["Recordings"].max() == 3
    assert "How it goes over time" not in said
    app = settled(open_page("clusters", unit="recording", k="2", by="trajectory"))
    app = settled(button(app, "Find clusters").click().run())
    assert text_of(app).count("How it goes over time") == 2
    assert not app.exception
