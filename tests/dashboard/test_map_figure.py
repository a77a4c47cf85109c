"""Which points look how: groups, their colours and shapes, and what the hover says."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from core.emotions import EMOTIONS
from dashboard import map_figure, palette
from dashboard.map_figure import Scale, drawn_of, drawn_rows, groups_of


def _points(n: int, **columns) -> pd.DataFrame:
    base = {
        "x": np.arange(n, dtype=np.float32),
        "y": np.zeros(n, np.float32),
        "name": "a.wav",
        "start_s": 1.0,
        "end_s": 2.5,
        "emotion": [str(EMOTIONS[i % 9]) for i in range(n)],
        "confidence": 0.5,
        "speaker": None,
        "session": None,
    }
    return pd.DataFrame(base | columns)


@pytest.mark.parametrize("dark", [True, False])
def test_emotions_keep_their_colour_and_order_whatever_is_there(dark):
    points = _points(3, emotion=["sad", "angry", "sad"])
    groups = groups_of(points, "Emotion", dark)
    assert [g.name for g in groups] == ["angry", "sad"]
    assert [g.colour for g in groups] == [palette.colour(e, dark) for e in ("angry", "sad")]
    assert groups[1].rows.tolist() == [0, 2]


@pytest.mark.parametrize("n_speakers", [1, 8, 9, 32, 33, 200])
def test_every_point_is_in_one_group_and_no_two_groups_look_alike(n_speakers):
    names = [f"P{i % n_speakers:03d}" for i in range(400)]
    names[-8:] = [None] * 8
    groups = groups_of(_points(400, speaker=names), "Speaker", False)
    assert sorted(np.concatenate([g.rows for g in groups]).tolist()) == list(range(400))
    assert len({(g.colour, g.symbol) for g in groups}) == len(groups)
    assert len(groups) <= map_figure.MOST_GROUPS + 1
    assert groups[-1].name == "speaker not given"
    assert any(g.name == f"{n_speakers - 31} others" for g in groups) == (n_speakers > 32)


def test_clusters_are_numbered_from_1_and_newer_points_are_in_none():
    groups = groups_of(_points(4, cluster=[1, 0, -1, 1]), "Cluster", False)
    assert [g.name for g in groups] == ["cluster 1", "cluster 2", "in no cluster"]


def test_each_point_carries_its_row_and_a_sentence_without_markup():
    points = _points(2, name=["<b>x</b>.wav", "b.wav"], confidence=[None, 0.61])
    figure = map_figure.map_figure(
        points, groups_of(points, "Emotion", False), title="UMAP", dark=False, chosen=1
    )
    rows = np.concatenate([t.customdata for t in figure.data if t.customdata is not None])
    assert sorted(rows.tolist()) == [0, 1]
    assert figure.data[0].text[0].startswith("&lt;b&gt;x&lt;/b&gt;.wav, 1.00 to 2.50 s")
    assert "confidence" not in figure.data[0].text[0]
    assert figure.data[1].text[0].endswith("to the engine, confidence 0.61")
    assert figure.data[2].marker.symbol == "circle-open"


def test_many_points_are_drawn_by_webgl_unless_vectors_are_wanted():
    points = _points(map_figure.VECTOR_UNTIL + 1)
    groups = groups_of(points, "Emotion", False)
    by_gl = map_figure.map_figure(points, groups, title="PCA", dark=True)
    vectors = map_figure.map_figure(points, groups, title="PCA", dark=True, vector=True)
    assert {type(t) for t in by_gl.data} == {go.Scattergl}
    assert {type(t) for t in vectors.data} == {go.Scatter}


def test_of_many_points_some_are_drawn_and_the_legend_counts_all(monkeypatch):
    monkeypatch.setattr(map_figure, "MOST_DRAWN", 10)
    points = _points(90)
    groups = groups_of(points, "Emotion", False)
    among = np.arange(9, 63)  # six of each emotion
    rows = drawn_rows(among, keep=62)
    assert len(rows) in (10, 11)
    assert 62 in rows
    assert set(rows) <= set(among)
    assert drawn_rows(among[:10]).tolist() == among[:10].tolist()
    found = drawn_of(groups, len(points), rows, among)
    assert {group.title for group in found} <= {f"{emotion} (6)" for emotion in EMOTIONS}
    for group in found:
        assert (points["emotion"].iloc[rows].iloc[group.rows] == group.name).all()
    assert sorted(np.concatenate([g.rows for g in found])) == list(range(len(rows)))
    scale = drawn_of(Scale("score", np.arange(90.0)), len(points), rows, among)
    assert scale.values.tolist() == rows.tolist()


def test_hover_says_what_format_would_say():
    rng = np.random.default_rng(0)
    points = _points(500, start_s=rng.random(500) * 9_000, confidence=rng.random(500))
    points["end_s"] = points["start_s"] + rng.random(500)
    points.loc[::7, "confidence"] = np.nan
    points.loc[0, ["start_s", "end_s"]] = 9.999, 3600.0
    figure = map_figure.map_figure(points, Scale("x", np.ones(500)), title="PCA", dark=False)
    for said, of in zip(figure.data[0].text, points.itertuples(), strict=True):
        sure = "" if np.isnan(of.confidence) else f", confidence {of.confidence:.2f}"
        times = f"{of.start_s:.2f} to {of.end_s:.2f} s"
        assert said == f"a.wav, {times},<br>sounds {of.emotion} to the engine{sure}"
