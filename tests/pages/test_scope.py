"""The view of a recording from the server's side: its routes, its lanes, its region, its events."""

import io
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.audio.decode import open_audio
from core.emotions import Emotion
from core.records import Turn
from core.timeline.track import FrameChoice
from core.timeline.turning_points import Peak, TurningPoint
from dashboard import changes, conversations, labelling, lanes, resources, shared, sound
from dashboard.background import Background
from dashboard.components import scope as component
from dashboard.routes import ROUTES
from tests.pages.conftest import DIARY, two_tracks


@pytest.fixture
def client(diary):
    return TestClient(Starlette(routes=ROUTES))


def _address(choice, **query) -> str:
    wanted = {
        "track": choice.track_key,
        "run": choice.run_key,
        "start": 0,
        "end": 30,
        "width": 800,
        "smoothing": 0.5,
        "frames": "speech",
        "parts": "lanes,wave,prosody",
    }
    text = "&".join(f"{key}={value}" for key, value in (wanted | query).items())
    return f"/tonescope/view/{choice.recording}?{text}"


def _ready(client, address) -> dict:
    for _ in range(300):
        answer = client.get(address).json()
        if not answer["waiting"]:
            return answer
        time.sleep(0.1)
    raise AssertionError(answer["waiting"])


def test_view_holds_curves_lanes_waveform_and_prosody(client, choice):
    first = client.get(_address(choice)).json()
    assert set(first["waiting"]) | set(first) >= {"peaks", "prosody"} or "wave" in first
    found = _ready(client, _address(choice))
    timeline = resources.timeline(choice)
    scores = timeline.curve(0.5, FrameChoice.SPEECH)
    assert (found["start_s"], found["end_s"]) == (0.0, timeline.track.duration_s)
    angry = np.array([y for y in found["curves"]["angry"]["y"] if y is not None])
    assert angry.max() == pytest.approx(np.nanmax(scores[:, 0]), abs=1e-4)
    with open_audio(DIARY) as audio:
        samples = np.concatenate(list(audio.samples()))
    loudest = max(found["wave"]["greatest"])
    assert loudest == pytest.approx(samples.max() * 127, abs=1)
    assert [lane["name"] for lane in found["lanes"]][:2] == ["segments", "speech"]
    stored = resources.segments(choice)
    assert [i["start_s"] for i in found["lanes"][0]["items"]] == [s.start_s for s in stored]
    assert 50 < np.median([y for y in found["prosody"]["f0"]["y"] if y]) < 400
    assert not found["failed"]


def test_waveform_and_prosody_are_kept_and_can_be_found(client, choice):
    _ready(client, _address(choice))
    store = shared.scope().store
    names = [
        path.name[65:] for path in sorted((store.root / "audio").rglob(f"{choice.recording}*"))
    ]
    assert names == ["mix.peaks.npz", "mix.prosody.npz"]
    sound._loaded.cache_clear()
    assert not isinstance(sound.peaks(choice.recording, None), str)
    assert sound.prosody(choice.recording, 0, start=False) is None
    assert shared.scope().check().orphans == 0


def test_a_second_track_comes_with_the_difference(client, choice):
    rows = two_tracks()
    second = resources.choice_of(rows[rows["run_key"] != choice.run_key].iloc[0])
    query = {"second.track": second.track_key, "second.run": second.run_key, "parts": ""}
    found = client.get(_address(choice, width=3000, **query)).json()
    mine, theirs = (resources.timeline(c).curve(0.5, FrameChoice.SPEECH) for c in (choice, second))
    rows_drawn = np.round(np.array(found["difference"]["angry"]["x"]) / 0.02 - 0.5).astype(int)
    shown = np.array([np.nan if y is None else y for y in found["difference"]["angry"]["y"]])
    np.testing.assert_allclose(shown, (theirs - mine)[rows_drawn, 0], atol=1e-4)
    assert "wave" not in found


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"track": "../../etc"}, "16"),
        ({"start": 5, "end": 4}, "ends after it starts"),
        ({"start": "nan"}, "start must be a number"),
        ({"width": 10**9}, "width must be a number from 1 to 3000"),
        ({"channel": "x"}, "A channel is a number"),
        ({"smoothing": -1}, "smoothing must be"),
    ],
)
def test_bad_questions_get_one_sentence(client, choice, query, said):
    answer = client.get(_address(choice, **query))
    assert answer.status_code == 400
    assert said in answer.text


def test_what_is_not_there_is_said(client, choice):
    assert client.get(_address(choice, track="0" * 16)).status_code == 404
    assert client.get(f"/tonescope/spectrogram/{'0' * 64}?start=0&end=1&width=9").status_code == 404
    assert client.get("/tonescope/spectrogram/x?start=0&end=1&width=9").status_code == 400


def test_spectrogram_is_a_picture_of_the_asked_width(client, choice):
    from PIL import Image

    address = f"/tonescope/spectrogram/{choice.recording}?start=1&end=4&width=333"
    answer = client.get(address)
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (333, 257)
    assert np.asarray(picture).min() == 0  # black where it is loudest


def test_plotly_comes_from_the_installed_package(client):
    answer = client.get("/tonescope/plotly.js?v=1")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert b"plotly.js v" in answer.content[:200]


def test_speakers_are_a_lane_only_where_there_are_any(choice, monkeypatch):
    assert "speakers" not in [lane["name"] for lane in lanes.lanes(choice)]
    turns = (Turn("<b>1</b>", 0.0, 2.0), Turn("B", 2.0, 4.0), Turn("<b>1</b>", 4.0, 5.0))
    monkeypatch.setattr(conversations, "turns", lambda _: turns)
    assert "overlap" not in [lane["name"] for lane in lanes.lanes(choice)]
    found = {lane["name"]: lane["items"] for lane in lanes.lanes(choice)}["speakers"]
    assert [item["text"] for item in found] == ["<b>1</b>", "B", "<b>1</b>"]
    assert found[0]["colour"] == found[2]["colour"] != found[1]["colour"]


def test_what_several_people_say_at_once_is_a_lane(choice, monkeypatch):
    turns = (Turn("A", 0.0, 9.0), Turn("B", 3.0, 5.0), Turn("<i>", 4.0, 6.0))
    monkeypatch.setattr(conversations, "turns", lambda _: turns)
    found = {lane["name"]: lane["items"] for lane in lanes.lanes(choice)}["overlap"]
    assert [(i["start_s"], i["end_s"], i["text"]) for i in found] == [
        (3.0, 4.0, "A and B at the same time"),
        (4.0, 5.0, "<i>, A and B at the same time"),
        (5.0, 6.0, "<i> and A at the same time"),
    ]


def test_channels_share_a_lane_of_speakers(choice, monkeypatch):
    rows = pd.DataFrame({"recording": [choice.recording] * 3, "channel": [0, 1, -1]})
    monkeypatch.setattr(resources, "catalogue", lambda: rows)
    each = {0: (Turn("Left", 0.0, 4.0),), 1: (Turn("Right", 3.0, 6.0),), None: (Turn("X", 0, 1),)}
    monkeypatch.setattr(conversations, "turns", lambda one: each[one.channel])
    assert [t.speaker for t in conversations.everyone(choice)] == ["X"]
    right = replace(choice, channel=1)
    assert [t.speaker for t in conversations.everyone(right)] == ["Left", "Right"]


def test_peaks_are_a_lane_and_changes_of_speaker_have_another_shape(client, choice, monkeypatch):
    points = (
        TurningPoint(3.0, Emotion.SAD, Emotion.ANGRY, new_speaker=False),
        TurningPoint(9.0, Emotion.ANGRY, Emotion.SAD, new_speaker=True),
    )
    monkeypatch.setattr(changes, "turning_points", lambda *a: points)
    tops = (Peak(8.0, Emotion.SAD, 0.8, 0.5), Peak(2.0, Emotion.ANGRY, 0.9, 0.5))
    monkeypatch.setattr(changes, "peaks", lambda timeline: tops)
    monkeypatch.setattr(changes, "_work", Background())
    found = {lane["name"]: lane for lane in _ready(client, _address(choice))["lanes"]}
    assert [item.get("mark") for item in found["turning points"]["items"]] == [None, "box"]
    assert [(i["start_s"], i["mark"]) for i in found["peaks"]["items"]] == [
        (2.0, "triangle"),
        (8.0, "triangle"),
    ]
    assert "sounds angry to the engine" in found["peaks"]["items"][0]["text"]
    blind = _ready(client, _address(choice) + "&blind=1")
    assert not {"peaks", "turning points"} & {lane["name"] for lane in blind["lanes"]}


def test_the_band_holds_the_curves_of_all_widths_and_comes_only_when_asked_for(client, choice):
    assert "band" not in _ready(client, _address(choice))
    assert "band" not in _ready(client, _address(choice) + "&band=1&blind=1")
    found = _ready(client, _address(choice, width=3000) + "&band=1")["band"]
    timeline = resources.timeline(choice)
    curves = [timeline.curve(w, FrameChoice.SPEECH) for w in (0.5, 1.0, 2.0, 5.0)]
    at = np.array(found["x"])
    edges = np.concatenate([[0], (at[1:] + at[:-1]) / 2, [at[-1] + 1]])
    middles = timeline.times() + 0.01
    for number in range(9):
        low = np.array([np.nan if y is None else y for y in found["low"][number]])
        high = np.array([np.nan if y is None else y for y in found["high"][number]])
        bins = np.searchsorted(edges, middles, side="right") - 1
        for curve in curves:
            known = ~np.isnan(curve[:, number])
            assert (low[bins[known]] <= curve[known, number] + 6e-4).all()
            assert (high[bins[known]] >= curve[known, number] - 6e-4).all()


def test_turning_points_are_looked_for_beside_the_page_and_stepped_through(
    client, choice, monkeypatch
):
    begin = threading.Event()
    point = TurningPoint(3.0, Emotion.SAD, Emotion.ANGRY, new_speaker=False)

    def slow(timeline, rate, turns):
        begin.wait(30)
        return (point,) if rate == 10 else ()

    monkeypatch.setattr(changes, "turning_points", slow)
    monkeypatch.setattr(changes, "_work", Background())
    address = _address(choice) + "&rate=10"
    early = client.get(address).json()
    assert early["waiting"]["turning points"] == changes.LOOKING
    assert early["stops_name"] == "border of a segment"
    begin.set()
    found = _ready(client, address)
    lane = next(lane for lane in found["lanes"] if lane["name"] == "turning points")
    assert [(i["start_s"], i["text"]) for i in lane["items"]] == [(3.0, "from sad to angry")]
    assert (found["stops_name"], found["stops"]) == ("turning point", [3.0])
    assert client.get(_address(choice) + "&rate=2").status_code == 400


def test_who_labels_is_told_nothing_of_the_engine(client, choice):
    found = _ready(client, _address(choice) + "&blind=1")
    assert found["curves"] == {}
    assert [lane["name"] for lane in found["lanes"]] == ["segments", "speech"]
    assert found["lanes"][0]["items"][0]["text"] == "segment 1"
    assert not any("colour" in item for item in found["lanes"][0]["items"])


def test_keys_label_and_take_back(choice, monkeypatch):
    told, anew = [], []
    monkeypatch.setattr(component.st, "toast", lambda text, icon: told.append(text))
    monkeypatch.setattr(component.st, "rerun", lambda: anew.append(1))
    said = {"label": {"start_s": 1, "end_s": 2, "label": "happy"}}
    component._pass_on(choice, said, 10.0)
    assert "give your name first" in told.pop()
    monkeypatch.setattr(labelling, "annotator", lambda: "Anna")
    component._pass_on(choice, said, 10.0)
    (kept,) = labelling.of(choice.recording).labels
    assert (kept.start_s, kept.end_s, kept.term, kept.annotator) == (1.0, 2.0, "happy", "Anna")
    component._pass_on(choice, {"undo": {"at": 1}}, 10.0)
    assert labelling.of(choice.recording).labels == ()
    assert len(anew) == 2
    told.clear()
    component._pass_on(choice, {"label": {"start_s": "a", "end_s": 2, "label": "sad"}}, 10.0)
    assert "select a region" in told[0]


def test_another_recording_forgets_region_and_zoom(open_page, diary):
    library = shared.scope()
    other = library.analyze(DIARY.with_name("synthetic_phone_call.mp3"))
    assert other.status == "done"
    app = open_page("recording")
    app.query_params["region"], app.query_params["zoom"] = "1-2", "0-9"
    box = next(s for s in app.selectbox if s.label == "Recording")
    box.set_value(diary).run()
    assert not app.exception
    assert "region" not in app.query_params
    assert "zoom" not in app.query_params
