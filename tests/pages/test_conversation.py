"""Speakers and turning points on the page of a recording, and the options of Analyse."""

import time
from dataclasses import replace

import pandas as pd
import pytest

from core.emotions import Emotion
from core.errors import TurnError
from core.records import Turn
from core.settings import Analysis, Conditioning
from core.store import turns as versions
from core.timeline.turning_points import Peak, TurningPoint
from dashboard import background, changes, resources, shared
from dashboard.components import conversation, cue


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
    assert "No segment of this run spans two speakers" in _texts(app.caption)
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


TWO = (Turn("A", 0.0, 4.0), Turn("B", 4.0, 12.0), Turn("A", 12.0, 20.0))


def _told(recording):
    return [(t.speaker, t.start_s, t.end_s) for t in shared.scope().turns(recording)]


def _region(open_page, diary, region):
    app = open_page("recording", recording=diary, region=region)
    app.query_params["region"] = region
    return app.run()


def _choose(app, name):
    (box,) = [box for box in app.selectbox if box.key.startswith("recording.speaker_given")]
    box.set_value(name).run()
    return app


def test_a_region_is_given_to_a_speaker_split_and_taken_away(open_page, diary):
    shared.scope().correct_turns(diary, TWO)
    app = _choose(_region(open_page, diary, "5.000-6.000"), "A")
    assert "Who speaks from 5.00 to 6.00 s:** B" in _texts(app.markdown)
    app.button(key="recording.turn.give").click().run()
    assert not app.exception
    assert _told(diary) == [
        ("A", 0, 4),
        ("B", 4, 5),
        ("A", 5, 6),
        ("B", 6, 12),
        ("A", 12, 20),
    ]
    app = _choose(_region(open_page, diary, "14.000-15.000"), "B")
    app.button(key="recording.turn.split").click().run()
    assert _told(diary)[-2:] == [("A", 12, 14), ("B", 14, 20)]
    app = _choose(_region(open_page, diary, "7.000-9.000"), "nobody")
    app.button(key="recording.turn.give").click().run()
    assert not app.exception
    assert ("B", 6, 7) in _told(diary)
    assert ("B", 9, 12) in _told(diary)


def test_a_region_begins_the_turns_of_a_recording_without_any(open_page, diary):
    app = _region(open_page, diary, "1.000-5.000")
    assert app.button(key="recording.turn.give").disabled
    _choose(app, "nobody").button(key="recording.turn.give").click().run()
    assert "nothing was changed" in _texts(app.error)


def test_speakers_are_merged(open_page, diary):
    shared.scope().correct_turns(diary, TWO)
    app = open_page("recording")
    _buttons(app)["Merge"].click().run()
    assert not app.exception
    assert _told(diary) == [("A", 0, 20)]
    assert "Merge" not in _buttons(app)


def test_turns_that_were_all_deleted_come_back_by_undo(open_page, diary):
    shared.scope().correct_turns(diary, TWO)
    shared.scope().correct_turns(diary, [])
    app = open_page("recording")
    assert "All turns were taken away" in _texts(app.info)
    _buttons(app)["Undo the last change"].click().run()
    assert not app.exception
    assert shared.scope().turns(diary) == TWO


def test_a_row_that_lacks_a_cell_is_named():
    rows = [["A", 0.0, 4.0], [None, None, None], ["B", 4.0, None]]
    table = pd.DataFrame(rows, columns=["Speaker", "Start, s", "End, s"])
    with pytest.raises(TurnError, match="Row 3 has no end; fill it in, or delete the row"):
        conversation.turns_from(table, TWO)
    assert conversation.turns_from(table[:2], TWO) == TWO[:1]


def test_a_run_from_before_the_turns_says_so_and_is_cut_anew(open_page, diary):
    versions.put(shared.scope().store, diary, None, TWO, "hand")
    app = open_page("recording")
    assert "several speakers, as the run was cut before" in _texts(app.warning)
    assert "No segment of this run spans" not in _texts(app.caption)
    _buttons(app)["Cut the segments by these turns"].click().run()
    assert not app.exception
    assert "several speakers, as the run was cut before" not in _texts(app.warning)
    assert "No segment of this run spans two speakers" in _texts(app.caption)


def test_a_change_stays_on_the_track_that_is_open(open_page, diary):
    library = shared.scope()
    first = resources.choice_of(resources.catalogue().iloc[0])
    pipeline = library.pipeline("compact")
    settings = Analysis(Conditioning(noise_reduction=True))
    assert (
        type(pipeline)(pipeline.engine, settings)
        .analyze(library.store.audio_path(library.store.recording(diary)), library.store)
        .status
        == "done"
    )
    library.correct_turns(diary, TWO)
    rows = resources.catalogue()
    key = rows[rows["track_key"] == first.track_key].iloc[0]["run_key"]
    app = open_page("recording", recording=diary, track=key)
    app.query_params["track"] = key
    app.run()
    _buttons(app)["Undo the last change"].click().run()
    _buttons(app)["Merge"].click().run()
    assert not app.exception
    rows = resources.catalogue().set_index("run_key")
    shown = app.query_params["track"]
    shown = shown[0] if isinstance(shown, list) else shown
    assert rows.loc[shown, "track_key"] == first.track_key


def test_speakers_are_looked_for_anew_with_their_number(open_page, diary, monkeypatch):
    asked = []

    def diarize(model, samples, speech, n_speakers, progress):
        asked.append(n_speakers)
        progress(speech[-1].end_s)
        return TWO

    monkeypatch.setattr("core.speakers.diarization.diarize", diarize)
    monkeypatch.setattr("core.speakers.model.speaker_model", lambda: None)
    app = open_page("recording")
    app.selectbox(key=f"recording.speaker_count.{diary}.None").set_value("3").run()
    _buttons(app)["Find speakers"].click().run()
    key = (conversation.FINDING, resources.place(), diary, None)
    for _ in range(200):
        if background.background().view(key).finished:
            break
        time.sleep(0.05)
    app.run()
    assert not app.exception
    assert asked == [3]
    assert shared.scope().turns(diary) == TWO
    shown = [frame.value for frame in app.dataframe if "Share" in frame.value.columns]
    assert shown[0]["Speaker"].tolist() == ["A", "B"]


def _with_moments(monkeypatch):
    points = (
        TurningPoint(3.0, Emotion.SAD, Emotion.ANGRY, new_speaker=False),
        TurningPoint(9.0, Emotion.ANGRY, Emotion.SAD, new_speaker=True),
    )
    tops = (Peak(8.0, Emotion.SAD, 0.8, 0.5), Peak(2.0, Emotion.ANGRY, 0.9, 0.5))
    monkeypatch.setattr(changes, "turning_points", lambda *a: points)
    monkeypatch.setattr(changes, "peaks", lambda timeline: tops)
    monkeypatch.setattr(changes, "_work", background.Background())


def _moments_shown(app):
    for _ in range(100):
        if any("New speaker" in frame.value.columns for frame in app.dataframe):
            break
        time.sleep(0.05)
        app.run()
    by = {column: f.value for f in app.dataframe for column in f.value.columns}
    return by["New speaker"], by["Sounds"]


def test_peaks_are_listed_by_emotion_and_changes_of_speaker_marked(open_page, diary, monkeypatch):
    _with_moments(monkeypatch)
    app = open_page("recording")
    points, peaks = _moments_shown(app)
    assert points["New speaker"].tolist() == ["◆ no", "▢ yes"]
    assert peaks["Sounds"].tolist() == ["😠 angry", "😢 sad"]
    assert peaks["Time, s"].tolist() == [2.0, 8.0]
    box = app.selectbox(key="recording.sensitivity")
    assert box.label == "Sensitivity (not measured for this engine)"
    assert box.options == ["low", "medium", "high"]
    assert not app.exception


def test_a_row_that_is_chosen_is_heard(diary, monkeypatch):
    choice = resources.choice_of(resources.catalogue().iloc[0])
    state = {}
    monkeypatch.setattr(cue.st, "session_state", state)
    key = cue._key("recording.peaks", choice)
    spans = (cue.Span(1.0, 3.0), cue.Span(7.0, 9.0))
    assert cue.last(choice) is None
    names = []
    for rows in ([1], [], [0], [5]):
        state[key] = {"selection": {"rows": rows}}
        cue._choose(choice, key, spans)
        names.append(cue.last(choice))
    assert [span.start_s for _, span in names] == [7.0, 7.0, 1.0, 1.0]
    assert len({name for name, _ in names}) == 2


def test_only_the_engine_that_was_measured_is_promised_false_points(open_page, diary, monkeypatch):
    _with_moments(monkeypatch)
    timeline = resources.timeline

    def of_compact(choice):
        found = timeline(choice)
        source = replace(found.track.source, engine="compact")
        return type(found)(replace(found.track, source=source))

    monkeypatch.setattr(resources, "timeline", of_compact)
    box = open_page("recording").selectbox(key="recording.sensitivity")
    assert box.label == "False points per hour"
    assert box.options == ["1", "3", "10"]
