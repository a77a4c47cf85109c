"""The first screen: empty, with recordings, with failures."""

from pathlib import Path

from dashboard import shared
from tests.pages.conftest import wait_for_job


def test_empty_store_teaches_what_to_do(open_page):
    app = open_page()
    assert not app.exception
    assert app.title[0].value == "Your recordings"
    assert "Nothing is here yet" in " ".join(m.value for m in app.markdown)
    assert [b.label for b in app.button] == [
        "Analyse the synthetic samples",
        "Analyse my own recordings",
    ]


def test_samples_are_called_synthetic_and_analysed_in_one_click(open_page):
    app = open_page()
    assert "synthetic speech, made by a program" in " ".join(m.value for m in app.markdown)
    app.button[0].click().run()
    app = wait_for_job(app)
    assert not app.exception
    found = shared.scope().store.lake.read("recordings").to_pylist()
    assert {row["name"] for row in found} == {"synthetic_diary.mp3", "synthetic_phone_call.mp3"}
    assert {row["session"] for row in found} == {"Samples"}
    assert all(row["tags"] == ["synthetic speech"] for row in found)


def test_recordings_are_counted_and_listed(open_page, diary):
    app = open_page()
    assert not app.exception
    shown = {m.label: m.value for m in app.metric}
    assert shown["Recordings"] == "1"
    assert shown["Duration"] == "24.7 s"
    table = app.dataframe[0].value
    assert table["Recording"].tolist() == ["synthetic_diary.mp3"]
    assert table["Engine"].tolist() == ["fake-000000000000"]


def test_filter_that_matches_nothing_says_so(open_page, diary):
    app = open_page()
    app.text_input(key="find").set_value("no such name").run()
    assert not app.exception
    assert "No recording matches" in app.info[0].value
    app.text_input(key="find").set_value("DIARY").run()
    assert len(app.dataframe[0].value) == 1


def test_failures_are_listed_with_their_reason(open_page, diary, tmp_path: Path):
    bad = tmp_path / "notes.wav"
    bad.write_text("this is no sound")
    assert shared.scope().analyze(bad).status == "failed"
    app = open_page()
    assert not app.exception
    assert app.expander[0].label == "1 file(s) could not be analysed"
    reason = app.dataframe[1].value["Why"].tolist()[0]
    assert "'notes.wav' cannot be read as audio" in reason
