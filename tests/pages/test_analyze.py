"""Handing in recordings: files, a folder, bad ones, a job that is gone."""

import json
import shutil
from pathlib import Path

from dashboard import shared
from tests.pages.conftest import DIARY, wait_for_job


def _text(app) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.error]
    return "\n".join(part.value for part in parts)


def test_empty_page_offers_three_ways_in(open_page):
    app = open_page("analyze")
    assert not app.exception
    assert [tab.label for tab in app.tabs] == ["Files", "Microphone", "Folder"]
    assert app.button(key="analyze.start").disabled


def test_uploads_become_recordings_with_what_was_said_of_them(open_page):
    app = open_page("analyze")
    app.file_uploader[0].set_value([("my talk.mp3", DIARY.read_bytes(), "audio/mpeg")]).run()
    start = app.button(key="analyze.start")
    assert start.label == "Analyse 1 file"
    app.text_input(key="analyze.session.files").set_value("Pilot")
    app.text_input(key="analyze.speaker.files").set_value("P01")
    app.text_input(key="analyze.tags.files").set_value("calm, indoors,")
    app.button(key="analyze.start").click().run()
    assert app.query_params["job"]
    app = wait_for_job(app)
    assert not app.exception
    assert "1 analysed" in _text(app)
    row = shared.scope().store.lake.read("recordings").to_pylist()[0]
    assert (row["name"], row["session"], row["speaker"]) == ("my talk.mp3", "Pilot", "P01")
    assert row["tags"] == ["calm", "indoors"]
    kept = shared.scope().store.root / row["kept"]
    assert kept.read_bytes() == DIARY.read_bytes()
    assert not list((shared.scope().store.root / "incoming").iterdir())


def test_bad_file_is_explained_and_costs_the_others_nothing(open_page):
    app = open_page("analyze")
    files = [("bad.wav", b"no sound at all", "audio/wav"), ("good.mp3", DIARY.read_bytes(), "")]
    app.file_uploader[0].set_value(files).run()
    app.button(key="analyze.start").click().run()
    app = wait_for_job(app)
    assert not app.exception
    assert "1 analysed, 1 failed" in _text(app)
    assert "cannot be read as audio" in _text(app)


def test_hostile_name_is_shown_as_text(open_page):
    app = open_page("analyze")
    name = "<img src=x onerror=alert(1)> **bold** [x](http://y).mp3"
    app.file_uploader[0].set_value([(name, DIARY.read_bytes(), "audio/mpeg")]).run()
    app.button(key="analyze.start").click().run()
    app = wait_for_job(app)
    assert not app.exception
    shown = next(m.value for m in app.markdown if "onerror" in m.value)
    assert "\\<img" in shown
    assert "\\[x\\]\\(" in shown
    assert not any(m.allow_html for m in app.markdown if "onerror" in m.value)


def test_folder_is_analysed_where_it_lies(open_page, tmp_path: Path):
    folder = tmp_path / "interviews"
    folder.mkdir()
    shutil.copy(DIARY, folder / "one.mp3")
    app = open_page("analyze")
    app.text_input(key="analyze.folder").set_value(str(folder)).run()
    app.button(key="analyze.folder.start").click().run()
    app = wait_for_job(app)
    assert not app.exception
    row = shared.scope().store.lake.read("recordings").to_pylist()[0]
    assert row["source"] == str(folder / "one.mp3")
    assert row["kept"] is None


def test_missing_folder_is_explained(open_page):
    app = open_page("analyze")
    app.text_input(key="analyze.folder").set_value("/no/such/folder").run()
    app.button(key="analyze.folder.start").click().run()
    assert not app.exception
    assert "There is no folder '/no/such/folder'" in app.error[0].value


def test_job_unknown_after_a_restart_is_explained(open_page):
    app = open_page("analyze")
    app.query_params["job"] = "gone"
    app.run()
    assert not app.exception
    assert "no longer known" in app.info[0].value


def test_engine_that_cannot_be_loaded_fails_each_file_with_the_reason(open_page, monkeypatch):
    from core.errors import EngineError

    def refuse(precision: str):
        raise EngineError("The weights are damaged; restore them.")

    shared.scope().registry.add("compact", refuse)
    app = open_page("analyze")
    app.file_uploader[0].set_value([("a.mp3", DIARY.read_bytes(), "audio/mpeg")]).run()
    app.button(key="analyze.start").click().run()
    app = wait_for_job(app)
    assert not app.exception
    assert "The weights are damaged" in _text(app)


def test_settings_are_off_until_chosen_and_then_recorded(open_page):
    app = open_page("analyze")
    app.file_uploader[0].set_value([("a.mp3", DIARY.read_bytes(), "audio/mpeg")]).run()
    assert not app.checkbox(key="analyze.noise_reduction.files").value
    app.checkbox(key="analyze.trim_silence.files").check()
    app.selectbox(key="analyze.channel.files").set_value(0)
    app.button(key="analyze.start").click().run()
    app = wait_for_job(app)
    assert not app.exception
    assert "1 analysed" in _text(app)
    row = shared.scope().store.lake.read("tracks").to_pylist()[0]
    conditioning = json.loads(row["conditioning"])
    assert (conditioning["trim_silence"], conditioning["noise_reduction"]) == (True, False)
    assert (conditioning["channel"], row["channel"]) == (0, 0)


def test_every_kind_of_media_may_be_handed_in(open_page):
    app = open_page("analyze")
    offered = set(app.file_uploader[0].proto.type)
    assert {".wma", ".aiff", ".caf", ".au", ".w64", ".spx", ".ac3", ".webm", ".mkv"} <= offered
