"""Speakers and turning points on the page of a recording, and the options of Analyse."""

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
