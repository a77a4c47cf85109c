"""Who, when and what for: edited, undone, imported; trends, courses, the tidy table."""

import io
import zipfile
from datetime import date

import numpy as np
import pandas as pd
import pytest

from core.emotions import Emotion
from core.labels import history
from core.labels.records import Draft
from core.records import Metadata
from core.studies import corrected, flag_store, metadata, trajectories, trends
from core.studies.courses import N_POINTS
from core.studies.rules import EmotionHolds, Rule
from core.timeline.track import Timeline
from dashboard import calibrating, courses, sessions, shared, study_figures
from dashboard.components import metadata_table
from tests.pages.corpus_pages import box, done
from tests.pages.test_calibrate import store
from tests.pages.test_flags import button, field
from tests.pages.test_map import text_of


def said() -> dict[str, tuple]:
    rows = metadata.table(store()).to_dict("records")
    return {r["name"]: (r["session"], r["speaker"], r["recorded_on"], r["tags"]) for r in rows}


def settled(app):
    return done(app, courses.WORK)


def test_empty_store_teaches(open_page):
    app = open_page("sessions")
    assert not app.exception
    assert "No recordings yet" in text_of(app)


def test_cells_that_changed_are_found():
    known = pd.DataFrame({"recording": ["a", "b", "c"]})
    before = pd.DataFrame(
        {
            "Recording": ["1", "2", "3"],
            "Session": ["s", "", "s"],
            "Speaker": ["P", "P", ""],
            "Date": [date(2026, 1, 1), None, pd.NaT],
            "Tags": ["x; y", "", ""],
        }
    )
    after = before.copy()
    after["Date"] = [pd.Timestamp(2026, 1, 1), pd.NaT, None]
    assert metadata_table.changed(known, before, after) == {}
    after.loc[0, "Session"] = None
    after.loc[1, "Tags"] = " b ;; a; b"
    assert metadata_table.changed(known, before, after) == {
        "a": Metadata(None, "P", date(2026, 1, 1), ("x", "y")),
        "b": Metadata(None, "P", None, ("b", "a")),
    }


@pytest.mark.usefixtures("loud_and_soft")
def test_names_and_files_are_previewed_set_and_undone(open_page):
    app = open_page("sessions", pattern="{session}")
    assert not app.exception
    assert "4 recordings, 2 sessions, 4 speakers" in app.title[0].value
    assert "It fits 4 of 4 names" in text_of(app)
    app.text_input(key="labels.annotator").set_value("Ann").run()
    app = button(app, "Set 4 recordings").click().run()
    assert not app.exception
    assert said()["2.wav"][:2] == ("2", "P2")
    app = button(app, "Undo").click().run()
    assert said()["2.wav"][:2] == ("s0", "P2")
    app = button(app, "Redo").click().run()
    assert said()["2.wav"][0] == "2"
    text = "file,session,date,tags\n1.wav,<b>x</b>,2026-01-31,p;q\ngone.wav,y,,\n"
    app.file_uploader[0].set_value(("who.csv", text.encode(), "text/csv")).run()
    assert not app.exception
    assert "1 row about no recording here" in app.warning[0].value
    app = button(app, "Set 1 recording").click().run()
    assert said()["1.wav"] == ("<b>x</b>", "P1", date(2026, 1, 31), ("p", "q"))
    app.file_uploader[0].set_value(("who.csv", b"x\n1\n", "text/csv")).run()
    assert "it needs file" in app.error[0].value
    app = open_page("sessions", pattern="{nonsense}")
    assert not app.exception
    assert "A pattern has some of the fields" in app.error[0].value


@pytest.mark.usefixtures("loud_and_soft")
def test_trend_shows_speakers_where_they_are_few(open_page):
    app = open_page("sessions", step="Trend")
    assert not app.exception
    assert "Each line is a speaker" in text_of(app)
    rows, grouped = sessions.trend("fake-000000000000", "share", None, "session")
    assert not grouped
    assert rows["line"].nunique() == 4
    expected = trends.per_session(trends.tidy(store(), "fake"))
    for row in expected.to_dict("records"):
        mine = rows[(rows["line"] == row["speaker"]) & (rows["session"] == row["session"])]
        for name in ("angry", "sad"):
            value = mine[mine["emotion"] == name]["value"].item()
            assert value == pytest.approx(row[f"share_{name}"])
    app = open_page("sessions", step="Trend", over="Date", group="tags", measure="x")
    assert not app.exception


@pytest.mark.usefixtures("loud_and_soft")
def test_trend_has_intervals_where_speakers_are_many(open_page, monkeypatch):
    monkeypatch.setattr("core.studies.trends.MIN_SPEAKERS", 2)
    app = open_page("sessions", step="Trend", group="tags")
    assert not app.exception
    assert "Means over speakers with 95% intervals" in text_of(app)
    app = open_page("sessions", step="Trend", lines="Speakers")
    assert "Each line is a speaker. A recording" in text_of(app)
    rows, grouped = sessions.trend("fake-000000000000", "share", "tags", "session")
    assert grouped
    assert set(rows["line"]) == {"=one"}
    assert not rows["single"].any()
    expected = trends.group_means(trends.tidy(store(), "fake"), "share", "tags")
    columns = ["session", "emotion", "value", "low", "high"]
    pd.testing.assert_frame_equal(
        rows.sort_values(columns[:2])[columns].reset_index(drop=True),
        expected.sort_values(columns[:2])[columns].reset_index(drop=True),
        check_dtype=False,
    )
    alone = metadata.table(store()).iloc[0]
    metadata.edit(store(), {alone["recording"]: Metadata("s9", alone["speaker"])}, "Ann")
    app = open_page("sessions", step="Trend")
    assert not app.exception
    assert "Points without a line are single speakers" in text_of(app)
    rows, _ = sessions.trend("fake-000000000000", "share", None, "session")
    (angry,) = rows[
        rows["single"] & (rows["session"] == "s9") & (rows["emotion"] == "angry")
    ].to_dict("records")
    each = trends.per_session(trends.tidy(store(), "fake")).set_index("speaker")
    assert (angry["line"], angry["value"]) == (
        alone["speaker"],
        pytest.approx(each.loc[alone["speaker"], "share_angry"]),
    )
    assert set(rows[~rows["single"]]["session"]) == {"s0", "s1"} - {alone["session"]}


@pytest.mark.usefixtures("loud_and_soft")
def test_courses_are_compared_over_speakers(open_page):
    app = settled(open_page("sessions", step="Courses"))
    assert not app.exception
    shown = text_of(app)
    assert "2 and 2 speakers, all 6 permutations" in shown
    assert "So few speakers can never show a difference at 5%" in shown
    (task,) = courses.WORK._tasks.values()
    tracks = store().lake.read("tracks").to_pylist()
    speakers = {r["recording"]: r["speaker"] for r in metadata.table(store()).to_dict("records")}
    for track in tracks:
        timeline = Timeline(store().track(track["recording"], None, track["track_key"]))
        for band in task.result.bands.values():
            if speakers[track["recording"]] in band.speakers:
                number = band.speakers.index(speakers[track["recording"]])
                np.testing.assert_allclose(
                    band.each[number], trajectories.normalised(timeline, N_POINTS)
                )
    assert box(app, "Second group").options == ["s1 (2)"]
    app = settled(open_page("sessions", step="Courses", groups="Tag"))
    assert "there is 1 here" in text_of(app)


@pytest.mark.usefixtures("loud_and_soft")
def test_courses_are_locked_on_flags_and_labels(open_page):
    app = settled(open_page("sessions", step="Courses", time="Round an event", event="flag"))
    assert "No rule is saved yet" in text_of(app)
    rule = Rule("Loud", (EmotionHolds(Emotion.ANGRY, 0.9, 0.5),))
    flag_store.save_rule(store(), rule)
    app = settled(open_page("sessions", step="Courses", time="Round an event", event="flag"))
    assert not app.exception
    n_flags = flag_store.find(store(), rule, "fake").groupby("session").size()
    assert f"Events: s0: {n_flags['s0']}, s1: {n_flags['s1']}" in text_of(app)
    assert "what happens at 0 is there by construction" in text_of(app)
    app = settled(
        open_page("sessions", step="Courses", time="Round an event", event="label", before="5")
    )
    assert "has speech round 'label\\:angry'" in text_of(app)
    app = settled(open_page("sessions", step="Courses", time="Seconds", end="10"))
    assert not app.exception
    assert len(list(courses.WORK._tasks.values())[-1].result.times) == 10


@pytest.mark.usefixtures("loud_and_soft")
def test_shapes_are_looked_for_and_heard(open_page):
    app = settled(open_page("sessions", step="Like this", region="1.000-5.000"))
    assert not app.exception
    assert "stretches of 4 s most like it" in text_of(app)
    rows, _ = list(courses.WORK._tasks.values())[-1].result
    own = rows[rows["recording"] == app.query_params["recording"].split(".")[0]]
    assert ((own["start_s"] >= 5.0) | (own["end_s"] <= 1.0)).all()
    assert app.dataframe[0].value["Difference"].tolist() == rows["distance"].tolist()
    app = settled(open_page("sessions", step="Like this", region="0.000-1.000"))
    assert "courses of 2 to 600 s are compared" in text_of(app)
    app = settled(open_page("sessions", step="Like this", like="A shape", shape="peak", length="4"))
    assert not app.exception
    assert "by raw scores of angry" in text_of(app)
    app = settled(open_page("sessions", step="Like this", like="A shape", shape="own points"))
    assert "Write scores from 0 to 1" in text_of(app)
    points = {"like": "A shape", "shape": "own points"}
    app = settled(open_page("sessions", step="Like this", points="0.1 x", **points))
    assert "are no scores" in text_of(app)


@pytest.mark.usefixtures("loud_and_soft")
def test_transitions_and_dwell_times_are_shown(open_page):
    app = open_page("sessions", step="Transitions")
    assert not app.exception
    assert "Mean over 4 speakers, of 28 changes" in text_of(app)
    shown = app.dataframe[0].value
    assert shown.loc["😠 angry", "😢 sad"] == "1.00"
    assert shown.loc["😠 angry", "😠 angry"] == ""
    found = courses.places(courses.segments("fake-000000000000"), "angry", "sad")
    assert len(found) == 12
    app = open_page("sessions", step="Transitions", only="s1")
    assert "Mean over 2 speakers, of 14 changes" in text_of(app)


@pytest.mark.usefixtures("loud_and_soft")
def test_sample_of_groups_is_drawn_labelled_and_corrects(open_page):
    app = open_page("sessions", step="Engine's error")
    assert not app.exception
    assert "How much of a difference between groups is the engine's error" in text_of(app)
    app = button(app, "Draw the sample").click().run()
    assert not app.exception
    (drawn,) = courses.draws("fake-000000000000")
    assert len(drawn.segments) == 32  # all there are
    assert "How does this sound?" in text_of(app)
    app.text_input(key="labels.annotator").set_value("Ann").run()
    app = field(app.button, "calibrate.sad").click().run()
    assert calibrating.said_of(drawn, "Ann")[:2] == ["sad", ""]
    app = open_page("sessions", step="Engine's error", draw=str(drawn.sample))
    assert "Too few segments are labelled" in text_of(app)
    for recording, rows in drawn.segments.iloc[1:20].groupby("recording"):
        spans = rows[["start_s", "end_s"]].to_dict("records")
        sad = {"recording": recording, "term": "sad", "annotator": "Ann"}
        history.add(store(), *[Draft(**sad, **span) for span in spans])
    app = open_page("sessions", step="Engine's error", draw=str(drawn.sample))
    assert not app.exception
    found = corrected.estimate(store(), drawn, Emotion.ANGRY).difference
    said = f"raw {found.engine_only:+.2f}, corrected {found.estimate.value:+.2f}"
    assert said in text_of(app)
    assert "no interval under 8 speakers" in text_of(app)
    metadata.edit(store(), {drawn.segments["recording"][0]: Metadata("s0", "P9")}, "Ann")
    metadata.edit(store(), {drawn.segments["recording"][1]: Metadata("s1", "P8")}, "Ann")
    app = open_page("sessions", step="Engine's error", draw=str(drawn.sample), sample="New sample")
    assert not app.exception


@pytest.mark.usefixtures("loud_and_soft")
def test_tidy_table_is_handed_out_with_its_codebook(open_page):
    app = open_page("sessions", step="Table for R")
    assert not app.exception
    assert "32 rows" in text_of(app)
    archive = zipfile.ZipFile(io.BytesIO(sessions.tidy_zip("fake-000000000000", "turn")))
    assert sorted(archive.namelist()) == ["tidy.csv", "tidy_codebook.json"]
    rows = pd.read_csv(archive.open("tidy.csv"))
    assert set(rows["tags"]) == {"'=one"}


@pytest.fixture(autouse=True)
def _fresh():
    """Forgets what was computed for other stores."""
    courses.WORK._tasks.clear()
    yield
    assert shared.scope is not None


def test_recording_that_stands_for_its_speaker_is_named_shortly():
    assert study_figures._named(f"recording {'ab' * 32}") == "recording abababab"
    assert study_figures._named("recording <b>") == "recording &lt;b&gt;"
