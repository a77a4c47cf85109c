"""Export: empty, columns, files, charts, no browser, failure."""

import json
import time
import zipfile

import numpy as np
import pandas as pd
import pytest

from core.audio.decode import open_audio
from core.audio.peaks import Peaks
from core.errors import StoreError
from core.export.annotations import AnnotationFormat
from core.export.tables import TableFormat, columns
from core.labels import history
from core.labels.records import Draft
from dashboard import pictures, shared, sound
from dashboard.background import background
from tests.pages.conftest import DIARY, numbers, two_tracks
from tests.pages.test_map import settled, text_of

FORMATS = {
    "CSV": TableFormat.CSV,
    "NPY": TableFormat.NPY,
    "ELAN": AnnotationFormat.EAF,
    "audformat": AnnotationFormat.AUDFORMAT,
}


def task():
    return list(background()._tasks.values())[-1]


def caption_of(app) -> str:
    layout = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]
    return layout["annotations"][-1]["text"].replace("<br>", " ")


def write(app):
    next(b for b in app.button if b.label == "Write the files").click().run()
    return settled(app)


def test_empty_store_teaches_what_to_do(open_page):
    app = open_page("export")
    assert not app.exception
    assert "Nothing to export yet" in text_of(app)
    assert [b.label for b in app.button] == ["Analyse a recording"]


def test_columns_are_explained_before_anything_is_written(open_page, diary):
    app = open_page("export")
    assert not app.exception
    assert [tab.label for tab in app.tabs] == ["recordings", "segments", "frames", "labels"]
    book = app.dataframe[1].value.set_index("Column")["Meaning"]
    assert book["start_s"] == "start, seconds from the start of the recording"
    assert book["angry"].startswith("raw score of angry")


@pytest.mark.parametrize("kind", ["CSV", "NPY", "ELAN", "audformat"])
def test_files_are_those_of_the_command_line(open_page, diary, tmp_path, kind):
    app = open_page("export", format=kind)
    app = write(app)
    assert not app.exception
    expected = dict(shared.scope().export(tmp_path / "cli", FORMATS[kind]))
    written = task().result
    assert dict(written.files) == {path.name: n_rows for path, n_rows in expected.items()}
    with zipfile.ZipFile(written.archive) as pack:
        assert pack.testzip() is None
        for path in expected:
            if path.suffix in (".csv", ".npy"):  # the others hold the time of writing
                assert pack.read(path.name) == path.read_bytes()
    assert f"{len(expected)} files are ready" in text_of(app)
    assert [b.label for b in app.get("download_button")] == [
        "Download all as ZIP",
        "Download this file",
    ]


def test_columns_named_are_the_columns_written(open_page, diary):
    write(open_page("export"))
    for name, book in columns(TableFormat.CSV).items():
        assert pd.read_csv(task().result.path(f"{name}.csv")).columns.tolist() == list(book)


def test_one_recording_alone(open_page, diary):
    app = write(open_page("export", of=diary))
    assert not app.exception
    assert pd.read_csv(task().result.path("recordings.csv"))["recording"].tolist() == [diary]
    assert f"--recording {diary[:16]}" in app.code[0].value


def test_failure_is_a_sentence(open_page, diary, monkeypatch):
    def fail(*_, **__):
        raise StoreError("The disk is full; make space.")

    monkeypatch.setattr(shared.scope(), "export", fail)
    app = write(open_page("export"))
    assert not app.exception
    assert app.error[0].value == "The disk is full; make space."
    assert any(b.label == "Write the files" for b in app.button)


def test_timeline_asks_for_one_recording(open_page, diary):
    app = open_page("export", what="Charts")
    assert not app.exception
    assert "A timeline is of one recording" in text_of(app)


@pytest.mark.parametrize("chart", ["Timeline", "Share of speech time"])
def test_chart_becomes_a_page_with_its_caption(open_page, diary, chart):
    app = open_page("export", what="Charts", chart=chart, of=diary)
    assert not app.exception
    caption = caption_of(app)
    for part in ("fake-000000000000, fp32", "windows of 4 s with 1 s overlap", "0.1.0"):
        assert part in caption
    next(b for b in app.button if b.label == "Make the chart").click().run()
    app = settled(app)
    assert not app.exception
    assert app.get("download_button")[0].label == "Download HTML"
    page = task().result.decode()
    assert "<script src" not in page
    assert "Engine fake-000000000000" in page


def test_timeline_with_its_waveform(open_page, diary):
    app = open_page("export", what="Charts", chart="Timeline", of=diary)
    app.toggle(key="export.waveform").set_value(True).run()
    app.toggle(key="export.grey").set_value(True).run()
    for _ in range(100):
        if isinstance(sound.peaks(diary, None), Peaks):
            break
        time.sleep(0.05)
    app.run()
    assert not app.exception
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    (wave,) = (trace for trace in traces if trace["name"] == "waveform")
    assert 2 * 1400 < len(numbers(wave["x"])) < 2 * 1600
    app.text_input(key="export.part").set_value("2-2.4").run()
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    (part,) = (trace for trace in traces if trace["name"] == "waveform")
    with open_audio(DIARY) as audio:
        samples = np.concatenate(list(audio.samples()))[32_000:38_400]
    assert max(numbers(part["y"])) == pytest.approx(samples.max(), abs=1e-4)


def test_a_second_track_and_labels_are_drawn_on_request(open_page, diary):
    rows = two_tracks().set_index("run_key")
    first, second = rows.index
    said = {"recording": diary, "start_s": 1.0, "end_s": 2.0, "annotator": "Cy"}
    history.add(shared.scope().store, Draft(**said, term="wistful"))
    query = {"what": "Charts", "chart": "Timeline", "of": diary, "track": first, "with": second}
    app = open_page("export", **query)
    assert not app.exception
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert {t.get("yaxis") for t in traces if t["type"] == "scatter"} == {"y", "y2", "y3"}
    assert not [t for t in traces if t["name"] == "labels Cy"]
    assert "A: Mean of channels" in caption_of(app)
    app.toggle(key="export.labels").set_value(True).run()
    assert not app.exception
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert [t["text"] for t in traces if t["name"] == "labels Cy"] == [["wistful"]]


def test_formats_of_tiers_say_what_their_tiers_are(open_page, diary):
    app = open_page("export", format="RTTM")
    assert not app.exception
    assert app.dataframe[0].value["Tier"].tolist() == ["SPEAKER"]
    assert "--format rttm" in app.code[0].value


def test_map_that_is_not_there_leads_to_its_page(open_page, diary):
    app = open_page("export", what="Charts", chart="Map")
    assert not app.exception
    assert "There is no map yet" in text_of(app)


def test_map_chart_says_engine_seed_and_that_it_is_no_evidence(open_page, diary):
    shared.scope().project(engine="fake")
    app = open_page("export", what="Charts", chart="Map")
    assert not app.exception
    caption = caption_of(app)
    assert "seed 0; engine fake-000000000000" in caption
    assert caption.endswith("Distances on a map are no evidence.")


def test_without_a_browser_html_is_offered_and_the_cure_told(open_page, diary, monkeypatch):
    monkeypatch.setattr(pictures, "browser", lambda: None)
    app = open_page("export", what="Charts", chart="Share of speech time")
    assert not app.exception
    assert "sudo apt-get install chromium" in text_of(app)
    assert app.segmented_control(key="picture").options == ["HTML"]
    config = json.loads(app.get("plotly_chart")[0].proto.config)
    assert config["toImageButtonOptions"]["format"] == "svg"  # by the visitor's own browser
    assert config["modeBarButtons"] == [["toImage"]]


def test_browser_that_fails_is_explained(open_page, diary, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no answer")

    monkeypatch.setattr(pictures, "browser", lambda: "/usr/bin/chromium")
    monkeypatch.setattr("kaleido.calc_fig_sync", fail)
    app = open_page("export", what="Charts", chart="Share of speech time")
    app.segmented_control(key="picture").set_value("PNG").run()
    next(b for b in app.button if b.label == "Make the chart").click().run()
    app = settled(app)
    assert not app.exception
    assert "The browser that draws pictures failed (RuntimeError)" in app.error[0].value
