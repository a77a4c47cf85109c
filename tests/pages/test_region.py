"""A region of a recording: told of one track and of two, its data and clip, the check without it."""

import io
import json
import time
import zipfile

import numpy as np
import pandas as pd
import soundfile

from core.emotions import EMOTIONS, Emotion
from core.records import Span
from core.timeline.attribution import attribution
from dashboard import region, resources, shared
from dashboard.background import background
from tests.fakes import FakeEngine
from tests.pages.conftest import numbers, two_tracks


def test_region_of_the_address_is_looked_into(open_page, choice):
    timeline = resources.timeline(choice)
    read = timeline.read_out(Span(2.0, 4.0))
    app = open_page("recording", region="2.000-4.000", recording=choice.recording)
    app.query_params["region"] = "2.000-4.000"
    app.run()
    assert not app.exception
    shown = {m.label: m.value for m in app.metric}
    assert shown["Sounds to the engine"].split()[1] == str(read.emotion)
    assert shown["Duration"] == "2.00 s"
    assert shown["Confidence"] == f"{read.confidence:.2f}"
    charts = [json.loads(c.proto.spec) for c in app.get("plotly_chart")]
    np.testing.assert_allclose(numbers(charts[0]["data"][0]["x"]), read.scores, atol=1e-9)
    parts = attribution(timeline, Span(2.0, 4.0)).of(read.emotion)
    np.testing.assert_allclose(numbers(charts[1]["data"][0]["y"]), parts, atol=1e-9)


def test_the_region_is_told_of_both_tracks(open_page, choice):
    tracks = {row["run_key"]: resources.choice_of(row) for _, row in two_tracks().iterrows()}
    app = open_page("recording")
    first = tracks.pop(app.query_params["track"])
    (second,) = tracks.values()
    named = next(s for s in app.selectbox if s.label == "Track").options
    assert sorted("noise reduced" in name for name in named) == [False, True]
    next(s for s in app.selectbox if s.label == "Beside it").set_value(second.run_key)
    for marked, heard in (("2.000-4.000", "confidence"), ("0.000-20.000", "confidence none")):
        app.query_params["region"] = marked
        app.run()
        assert not app.exception
        span = Span(*map(float, marked.split("-")))
        read = resources.timeline(second).read_out(span)
        (line,) = (m.value for m in app.markdown if m.value.startswith("**B**"))
        assert f"{read.emotion} to the engine, {heard}" in line
        a, b = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
        assert (a["name"], b["name"]) == ("A", "B")
        for bars, one in ((a, first), (b, second)):
            timeline = resources.timeline(one)
            expected = timeline.read_out(span).scores
            if span.duration_s > 10:
                inside = [
                    s
                    for s in resources.segments(one)
                    if span.start_s <= (s.start_s + s.end_s) / 2 < span.end_s
                ]
                spoken = [sum(s.n_frames for s in inside if s.emotion == e) for e in EMOTIONS]
                expected = np.array(spoken) / sum(spoken)
            np.testing.assert_allclose(numbers(bars["x"]), expected, atol=1e-9)


def test_a_long_region_is_summed_up_by_shares_and_a_short_one_has_no_confidence(open_page, choice):
    app = open_page("recording")
    app.query_params["region"] = "0.000-20.000"
    app.run()
    assert not app.exception
    assert "Share of speech time" in " ".join(m.value for m in app.markdown)
    assert {m.label: m.value for m in app.metric}["Confidence"] == "none"
    app.query_params["region"] = "2.000-2.300"
    app.run()
    assert {m.label: m.value for m in app.metric}["Confidence"] == "none"
    assert "no confidence under 0.5 s" in " ".join(c.value for c in app.caption)


def test_data_of_a_region_are_its_frames(choice):
    timeline = resources.timeline(choice)
    read = timeline.read_out(Span(2.0, 4.0))
    files = {}
    for kind in ("csv", "parquet", "json"):
        with zipfile.ZipFile(io.BytesIO(region.data_file(timeline, read, kind))) as pack:
            files[kind] = io.BytesIO(pack.read(f"frames.{kind}"))
            book = json.loads(pack.read("codebook.json"))
    table = pd.read_csv(files["csv"])
    assert set(book["columns"]) == set(table) - {"recording", "engine_id"}
    assert book["columns"]["logit_sad"] == "raw logit of sad"
    assert book["columns"]["sad"].startswith("raw score of sad")
    assert (book["region"]["start_s"], book["region"]["end_s"]) == (2.0, 4.0)
    assert book["engines"][0]["engine_id"] == timeline.track.source.engine_id
    assert len(table) == 100
    logits = table.loc[table["speech"], [f"logit_{e}" for e in EMOTIONS]].to_numpy()
    np.testing.assert_allclose(logits.mean(axis=0), read.logits, atol=1e-5)
    np.testing.assert_allclose(table[[str(e) for e in EMOTIONS]].sum(axis=1), 1, atol=1e-6)
    same = pd.read_parquet(files["parquet"])
    assert same["start_s"].tolist() == table["start_s"].tolist()
    found = json.loads(files["json"].getvalue())
    assert found["emotion"] == str(read.emotion)
    assert len(found["frames"]) == 100


def test_clip_of_a_region_is_a_part_of_the_file(choice):
    samples, rate = soundfile.read(io.BytesIO(region.clip(choice, Span(2.0, 3.0))))
    assert len(samples) == rate


def test_check_without_a_stretch_runs_the_engine_again(choice):
    shared.scope().registry.add("fake", lambda _: FakeEngine())
    timeline, span = resources.timeline(choice), Span(2.0, 4.0)
    found = attribution(timeline, span, 4)
    spans = region.most_telling(found, Emotion.ANGRY)
    assert len(spans) == 4
    region.check_by_occlusion(choice, timeline, span, Emotion.ANGRY, spans)
    task = background().view(region.occlusion_key(choice, span, Emotion.ANGRY))
    for _ in range(200):
        if task.finished:
            break
        time.sleep(0.05)
    assert task.error is None
    np.testing.assert_allclose(task.result.margins, found.margins, atol=0.05)
    assert task.result.effects.shape == (4, 9)
