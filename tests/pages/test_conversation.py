"""Speakers and turning points on the page of a recording, and the options of Analyse."""

import pytest

from core.errors import TurnError
from core.records import Turn
from dashboard import shared


def _buttons(app):
    return {button.label: button for button in app.button}


def test_without_turns_the_page_says_what_to_do(open_page, diary):
    app = open_page("recording")
    assert not app.exception
    assert "Speakers were not told apart" in " ".join(info.value for info in app.info)
    assert "Turning points" in [part.value for part in app.subheader]


def test_speakers_are_renamed_and_the_change_undone(open_page, diary):
    turns = [Turn("Speaker 1", 0.0, 4.0), Turn("Speaker 2", 4.0, 8.0)]
    shared.scope().correct_turns(diary, turns)
    app = open_page("recording")
    assert not app.exception
    shown = [frame.value for frame in app.dataframe if "Turns" in frame.value.columns]
    assert shown[0]["Speaker"].tolist() == ["Speaker 1", "Speaker 2"]
    assert 0 < shown[0]["Share"].sum() <= 1.0001
    app.text_input(key=f"recording.speaker_new.{diary}.None").set_value("Ada").run()
    _buttons(app)["Rename"].click().run()
    assert not app.exception
    assert [turn.speaker for turn in shared.scope().turns(diary)] == ["Ada", "Speaker 2"]
    _buttons(app)["Undo the last change"].click().run()
    assert not app.exception
    assert [turn.speaker for turn in shared.scope().turns(diary)] == ["Speaker 1", "Speaker 2"]
    _buttons(app)["Undo the last change"].click().run()
    assert "nothing to undo" in " ".join(error.value for error in app.error)


def test_saving_untouched_turns_keeps_them(open_page, diary):
    shared.scope().correct_turns(diary, [Turn("A", 0.0, 4.0), Turn("B", 4.0, 8.0)])
    before = shared.scope().turns(diary)
    app = open_page("recording")
    _buttons(app)["Save the turns"].click().run()
    assert not app.exception
    assert shared.scope().turns(diary) == before


def test_sensitivity_can_be_chosen(open_page, diary):
    app = open_page("recording")
    app.selectbox(key="recording.sensitivity").set_value(10.0).run()
    assert not app.exception


def test_speakers_are_an_option_of_analyse(open_page):
    app = open_page("analyze")
    box = app.selectbox(key="analyze.speakers.files")
    assert box.value == "none"
    assert "found automatically" in box.options
    box.set_value("channel").run()
    assert not app.exception


def _hand_in(app, name, text):
    app.file_uploader[0].set_value([(name, text.encode(), "text/plain")]).run()
    assert not app.exception
    return app


def _texts(parts):
    return " ".join(part.value for part in parts)


def test_turns_are_imported_once_they_were_looked_at(open_page, diary):
    app = open_page("recording")
    text = "start_s,end_s,speaker\n0,3,Ada\n3,5,*Ben*\n2,9999,Cem\n"
    app = _hand_in(app, "[x](y).csv", text)
    (table,) = [f.value for f in app.dataframe if "Of it speech" in f.value.columns]
    assert table["Speaker"].tolist() == ["Ada", "Cem", "*Ben*"]
    assert table["Turns"].tolist() == [1, 1, 1]
    assert "will be cut off" in _texts(app.warning)
    assert "more than one person speaks" in _texts(app.warning)
    assert shared.scope().turns(diary) == ()  # nothing is stored by looking
    _buttons(app)["Use 3 turns of 3 speakers"].click().run()
    assert not app.exception
    turns = shared.scope().turns(diary)
    assert [turn.speaker for turn in turns] == ["Ada", "Cem", "*Ben*"]
    assert {turn.source for turn in turns} == {"import"}
    shown = [frame.value for frame in app.dataframe if "Share" in frame.value.columns]
    assert shown[0]["Speaker"].tolist() == ["Ada", "Cem", "*Ben*"]
    heard = shared.scope().store.lake.read("segments", columns=["speaker"])["speaker"].to_pylist()
    assert {"Ada", "Cem"} <= set(heard) <= {"Ada", "*Ben*", "Cem", None}


def test_only_chosen_speakers_are_imported(diary):
    rows = "SPEAKER a 1 {} <NA> <NA> {} <NA> <NA>\n"
    text = rows.format("0 3", "Ada") + rows.format("3 2", "noise")
    path = shared.scope().folder / "a.rttm"
    path.write_text(text)
    preview = shared.scope().preview_turns(path, diary)
    shared.scope().store_turns(preview, ["Ada"])
    assert [turn.speaker for turn in shared.scope().turns(diary)] == ["Ada"]
    with pytest.raises(TurnError, match="No speaker is chosen"):
        shared.scope().store_turns(preview, [])


def test_turns_of_another_recording_are_doubted_and_damaged_ones_explained(open_page, diary):
    app = _hand_in(open_page("recording"), "a.csv", "start_s,end_s,speaker\n0,0.5,Ada\n")
    assert "of the speech lies in these turns" in _texts(app.warning)
    app = _hand_in(open_page("recording"), "b.rttm", "SPEAKER a 1 x\n")
    assert "has 4 fields" in _texts(app.error)
    assert "b\\.rttm" in _texts(app.error)
