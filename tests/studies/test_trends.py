"""Sessions of a store: edited with undo, summed up, given to other programs."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from core.emotions import EMOTIONS
from core.errors import StudyError
from core.records import Metadata, Run
from core.store.store import Store, Utterance
from core.studies import metadata, trends
from core.timeline.segments import mean_calibrated_scores
from core.timeline.track import Timeline
from tests.synthetic import make_recording, make_segment, make_source, make_track


@pytest.fixture
def filled(store) -> Store:
    """Three recordings of 3 segments each, written without any analysis."""
    for number in range(3):
        recording = f"{number}" * 64
        source = make_source(recording=recording)
        track = replace(make_track(500, seed=number)[0], source=source)
        segments = tuple(make_segment(n, 2.0 * n, 2.0 * n + 1.5, seed=number) for n in range(3))
        run = Run(recording, source.track_key, "run", "{}", 0.02, segments)
        row = make_recording(recording=recording, name=f"{number}.wav", speaker="P")
        with store.attempt() as attempt:
            said = Utterance(np.zeros(9, np.float32), EMOTIONS[6], None)
            store.write_track(attempt, row, track, said)
            store.write_run(attempt, track, run)
    return store


def said(store) -> list:
    rows = metadata.table(store).sort_values("name")
    return [(r["session"], r["speaker"]) for r in rows.to_dict("records")]


def test_edits_can_be_undone_and_redone(filled):
    first = {"0" * 64: Metadata("s1", "A", date(2026, 1, 2), ("x",)), "1" * 64: Metadata("s2", "B")}
    assert metadata.edit(filled, first, "Ann", "who.csv") == 2
    assert said(filled) == [("s1", "A"), ("s2", "B"), (None, "P")]
    assert metadata.edit(filled, first, "Ann") == 0
    only = {"0" * 64: Metadata(speaker="C")}
    assert metadata.edit(filled, only, "Bob", only_given=True) == 1
    assert said(filled)[0] == ("s1", "C")
    assert metadata.undo(filled, "Bob").n_recordings == 1
    assert said(filled)[0] == ("s1", "A")
    assert metadata.redo(filled, "Bob").by == "Bob"
    assert said(filled)[0] == ("s1", "C")
    assert [step.origin for step in metadata.steps(filled)] == ["who.csv", None]
    metadata.undo(filled, "Bob")
    undone = metadata.undo(filled, "Ann")
    assert (undone.n_recordings, undone.origin) == (2, "who.csv")
    assert said(filled) == [(None, "P")] * 3
    assert filled.recording("0" * 64).tags == ()
    assert metadata.undo(filled, "Ann") is None
    metadata.redo(filled, "Ann")
    assert filled.recording("0" * 64).recorded_on == date(2026, 1, 2)
    metadata.edit(filled, {"2" * 64: Metadata()}, "Ann")
    assert said(filled)[2] == (None, None)  # cleared
    with pytest.raises(StudyError, match="who makes it"):
        metadata.edit(filled, first, " ")


def test_writer_that_died_between_history_and_table_loses_nothing(filled, monkeypatch):
    monkeypatch.setattr(metadata, "settle", lambda *_: None)
    metadata.edit(filled, {"0" * 64: Metadata("s1", "A")}, "Ann")
    assert said(filled)[0] == (None, "P")
    monkeypatch.undo()
    metadata.settle(filled)
    assert said(filled)[0] == ("s1", "A")


def test_tidy_table_says_what_its_codebook_explains(filled):
    metadata.edit(filled, {"0" * 64: Metadata("s1", "A", date(2026, 1, 2), ("x", "y"))}, "Ann")
    rows = trends.tidy(filled, "fake")
    assert list(rows.columns) == list(trends.CODEBOOK)
    assert len(rows) == 9
    assert rows["tags"].tolist()[:3] == ["x;y"] * 3
    assert rows["speech_s"].iloc[0] == pytest.approx(1.5)
    segments = filled.segments("0" * 64, None, "run")
    timeline = Timeline(filled.track("0" * 64, None, "0123456789abcdef"))
    mine = rows[rows["recording"] == "0" * 64]
    expected = mean_calibrated_scores(timeline, segments)
    for emotion in EMOTIONS:
        mean = np.average(mine[f"score_{emotion}"], weights=mine["speech_s"])
        assert mean == pytest.approx(expected[emotion])
    turns = trends.tidy(filled, "fake", "turn")
    assert turns["n_segments"].tolist() == [3, 3, 3]
    assert turns["end_s"].tolist() == [5.5] * 3
    for emotion in EMOTIONS:
        assert turns[f"score_{emotion}"].iloc[0] == pytest.approx(expected[emotion])
    with pytest.raises(StudyError, match="choose segment or turn"):
        trends.tidy(filled, "fake", "word")


def rows_of(n_speakers=10, seed=0) -> pd.DataFrame:
    """Rows as `tidy` gives them, of speakers with two sessions of four segments."""
    rng = np.random.default_rng(seed)
    made = []
    for speaker in range(n_speakers):
        for session in ("one", "two"):
            for _ in range(4):
                emotion = rng.choice(["sad", "happy"], p=[0.7, 0.3])
                row = dict.fromkeys(trends.CODEBOOK)
                row |= {f"score_{n}": rng.random() for n in trends.NAMES}
                row |= {f"is_{n}": float(n == emotion) for n in trends.NAMES}
                row |= {"speaker": f"P{speaker}", "session": session, "emotion": emotion}
                row |= {"speech_s": rng.uniform(1, 3), "recording": f"{speaker}{session}"}
                made.append(row | {"tags": "a" if speaker % 2 else "b"})
    return pd.DataFrame(made)


def test_shares_per_session_are_those_of_a_loop():
    rows = rows_of(3)
    found = trends.per_session(rows).set_index(["speaker", "session"])
    assert len(found) == 6
    mine = rows[(rows["speaker"] == "P1") & (rows["session"] == "two")]
    seconds = sum(r["speech_s"] for r in mine.to_dict("records") if r["emotion"] == "sad")
    assert found.loc[("P1", "two"), "share_sad"] == pytest.approx(seconds / mine["speech_s"].sum())
    total = found[[f"share_{n}" for n in trends.NAMES]].sum(axis=1)
    np.testing.assert_allclose(total, 1)


def test_group_means_have_intervals_from_eight_speakers_on():
    rows = rows_of(16)
    found = trends.group_means(rows, group="tags", n_draws=300)
    assert len(found) == 2 * 2 * 9
    assert set(found["n_speakers"]) == {8}
    sad = found[(found["emotion"] == "sad") & (found["tags"] == "a") & (found["session"] == "one")]
    each = trends.per_session(rows[rows["tags"] == "a"])
    expected = each[each["session"] == "one"]["share_sad"].mean()
    assert sad["value"].iloc[0] == pytest.approx(expected)
    assert (sad["low"] < sad["value"]).all()
    assert (sad["value"] < sad["high"]).all()
    few = trends.group_means(rows[rows["speaker"].isin(["P1", "P2"])], "mean", over=None)
    assert few["low"].isna().all()
    assert few["n_sessions"].tolist() == [4] * 9
    with pytest.raises(StudyError, match="choose share or mean"):
        trends.group_means(rows, "median")


def test_no_speech_is_explained():
    with pytest.raises(StudyError, match="no speech"):
        trends.per_session(rows_of(1).iloc[:0])


def test_recording_stands_for_a_session_and_speaker_without_name():
    rows = rows_of(2)
    rows["session"] = None
    rows.loc[rows["speaker"] == "P1", "speaker"] = ""
    found = trends.per_session(rows)
    assert sorted(found["session"]) == sorted(
        f"recording {s}{n}" for s in (0, 1) for n in ("one", "two")
    )
