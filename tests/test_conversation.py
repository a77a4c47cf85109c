"""Speakers through the pipeline, the command line and the store; voices are made up."""

import json
from itertools import pairwise

import numpy as np
import pytest

from core import conversation, correcting
from core.api import Tonescope
from core.channels import EachChannel
from core.errors import SettingsError, TurnError
from core.pipeline import SPEAKER_SHARES, Pipeline
from core.records import Span, Turn
from core.settings import Analysis, Segmentation, Speakers
from core.speakers import turns as edits
from core.store import turns as versions
from tests.fakes import FakeEngine
from tests.synthetic import silence, talk, tone, write

TURNS = (Turn("Speaker 1", 1.0, 2.0), Turn("Speaker 2", 2.0, 3.0), Turn("Speaker 1", 4.0, 6.5))


@pytest.fixture
def diarized(monkeypatch, loud_is_speech):
    """Counts how often voices are told apart; answers made-up turns."""
    calls = []

    def diarize(model, samples, speech, n_speakers, progress):
        calls.append((sum(map(len, samples)), tuple(speech), n_speakers))
        progress(1.0)
        return TURNS

    monkeypatch.setattr("core.speakers.diarization.diarize", diarize)
    monkeypatch.setattr("core.speakers.model.speaker_model", lambda: None)
    return calls


class Counting(FakeEngine):
    calls = 0

    def run(self, waveforms):
        Counting.calls += 1
        return super().run(waveforms)


def pipeline(speakers=Speakers.AUTO):
    return Pipeline(Counting(), Analysis(speakers=speakers))


def spans(segments):
    return [(s.speaker, s.start_s, s.end_s) for s in segments]


CUT = [("Speaker 1", 1.0, 2.0), ("Speaker 2", 2.0, 3.0), ("Speaker 1", 4.0, 6.5)]


def test_segments_never_span_two_speakers(diarized, talk_file):
    assert spans(pipeline().predict(talk_file).segments) == CUT
    assert spans(pipeline(Speakers.NONE).predict(talk_file).segments) == [
        (None, 1.0, 3.0),
        (None, 4.0, 6.5),
    ]
    assert diarized[0][0] == 7 * 16_000


def test_telling_speakers_apart_later_runs_no_engine(diarized, talk_file, store):
    assert pipeline(Speakers.NONE).analyze(talk_file, store).segments == 2
    before = Counting.calls
    assert pipeline().analyze(talk_file, store).segments == 3
    assert pipeline("2").analyze(talk_file, store).status == "done"
    assert Counting.calls == before
    assert [n for _, _, n in diarized] == [None, 2]
    assert pipeline().analyze(talk_file, store).status == "skipped"
    assert len(diarized) == 2
    keys = {pipeline(s).run_key for s in ("none", "auto", "2", "3")}
    assert len(keys) == 4
    made = [json.loads(text) for text in store.lake.read("runs")["segmentation"].to_pylist()]
    assert [run.get("turns", {}).get("speakers") for run in made].count("auto") == 1
    assert len(store.lake.read("tracks")) == 1


class Other(FakeEngine):
    engine_id = "other-000000000000"


BY_HAND = (Turn("Ada", 0.5, 2.5), Turn("Ben", 2.5, 6.5))
CUT_BY_HAND = [("Ada", 1.0, 2.5), ("Ben", 2.5, 3.0), ("Ben", 4.0, 6.5)]


@pytest.mark.parametrize("speakers", ["none", "auto", "2"])
@pytest.mark.parametrize("engine", [Counting, Other])
def test_what_a_person_corrected_stands_and_cuts_every_later_run(
    diarized, talk_file, store, speakers, engine
):
    recording = pipeline().analyze(talk_file, store).recording
    correcting.correct(store, recording, None, BY_HAND)
    settings = Analysis(speakers=speakers)
    outcome = Pipeline(engine(), settings).analyze(talk_file, store)
    assert outcome.status == ("skipped" if engine is Counting else "done")
    assert any("stays as it is" in text for text in outcome.warnings) == (speakers != "none")
    assert versions.current(store, recording, None).source == "hand"
    conversation.keep_turns(store, recording, settings, TURNS)
    assert [t.speaker for t in versions.current(store, recording, None).turns] == ["Ada", "Ben"]
    stored = Pipeline(engine(), settings).stored(recording, store)
    assert spans(stored.segments) == CUT_BY_HAND
    assert len(diarized) == 1  # nobody looked again


def test_a_new_cut_after_a_correction_follows_it(diarized, talk_file, store):
    recording = pipeline().analyze(talk_file, store).recording
    correcting.correct(store, recording, None, BY_HAND)
    finer = Analysis(segmentation=Segmentation(max_segment_s=1.0))
    assert Pipeline(Counting(), finer).analyze(talk_file, store).status == "done"
    found = Pipeline(Counting(), finer).stored(recording, store).segments
    assert {s.speaker for s in found} == {"Ada", "Ben"}
    assert max(s.end_s - s.start_s for s in found) <= 1.0
    # A correction then cuts as finely as the newest run was cut.
    correcting.correct(store, recording, None, [Turn("Cy", 0.0, 7.0)])
    again = newest_of(store, recording)
    assert {s.speaker for s in again} == {"Cy"}
    assert max(s.end_s - s.start_s for s in again) <= 1.0


def test_turns_found_in_the_sound_are_followed_by_engines_that_do_not_ask(
    diarized, talk_file, store
):
    recording = pipeline().analyze(talk_file, store).recording
    assert Pipeline(Other()).analyze(talk_file, store).status == "done"
    assert spans(Pipeline(Other()).stored(recording, store).segments) == CUT
    assert pipeline("2").analyze(talk_file, store).status == "done"  # asked for: looked for
    assert len(diarized) == 2
    assert pipeline().analyze(talk_file, store).status == "skipped"


def test_turns_of_the_same_settings_are_not_looked_for_again(diarized, talk_file, store):
    recording = pipeline().analyze(talk_file, store).recording
    pipeline("2").analyze(talk_file, store)
    auto = Analysis(speakers=Speakers.AUTO)
    assert conversation.known_turns(store, recording, auto).turns == TURNS
    assert conversation.known_turns(store, recording, Analysis(speakers="3")) is None
    assert len(diarized) == 2


def test_speakers_are_looked_for_anew_over_a_correction_and_back(diarized, talk_file, store):
    recording = pipeline(Speakers.NONE).analyze(talk_file, store).recording
    correcting.correct(store, recording, None, BY_HAND)
    shares = []
    found = correcting.find_again(store, recording, None, "3", shares.append)
    assert (found.source, found.turns) == ("auto", TURNS)
    assert diarized[-1][2] == 3
    assert shares
    assert max(shares) <= 1
    assert spans(newest_of(store, recording)) == CUT
    assert correcting.undo(store, recording, None).turns[0].speaker == "Ada"
    assert spans(newest_of(store, recording)) == CUT_BY_HAND


def test_the_same_correction_made_again_is_the_newest_run_again(diarized, talk_file, store):
    recording = pipeline().analyze(talk_file, store).recording
    for _ in range(2):
        correcting.correct(store, recording, None, BY_HAND)
        assert spans(newest_of(store, recording)) == CUT_BY_HAND
        correcting.undo(store, recording, None)
        assert spans(newest_of(store, recording)) == CUT
    assert Tonescope(store.root).check().ok


def newest_of(store, recording):
    """The segments of the run that was made last."""
    key = max(store.lake.read("runs").to_pylist(), key=lambda row: row["attempt"])["run_key"]
    return store.segments(recording, None, key)


def test_a_run_from_before_the_turns_is_cut_anew_on_request(diarized, talk_file, store):
    recording = pipeline(Speakers.NONE).analyze(talk_file, store).recording
    with pytest.raises(TurnError, match="There are no turns to follow"):
        correcting.recut(store, recording, None)
    versions.put(store, recording, None, BY_HAND, "hand")
    speech = [Span(1.0, 3.0), Span(4.0, 6.5)]
    assert edits.across(newest_of(store, recording), speech, BY_HAND) == 1
    Tonescope(store.root).recut(recording)
    assert edits.across(newest_of(store, recording), speech, BY_HAND) == 0


def test_looking_for_speakers_has_its_share_of_the_progress(monkeypatch, diarized, talk_file):
    def diarize(model, samples, speech, n_speakers, progress):
        for done_s in (1.0, 3.0, 5.0, 6.5):
            progress(done_s)
        return TURNS

    monkeypatch.setattr("core.speakers.diarization.diarize", diarize)
    shares = []
    pipeline().predict(talk_file, shares.append)
    assert shares == sorted(shares)
    survey, turns = SPEAKER_SHARES
    inside = [share for share in shares if survey < share < turns]
    assert len(set(inside)) >= 3
    assert turns in shares
    assert shares[-1] == pytest.approx(1)


def test_one_voice_alone_is_told_to_whoever_asked_how_many(monkeypatch, diarized, talk_file, store):
    monkeypatch.setattr(
        "core.speakers.diarization.diarize", lambda *a: (Turn("Speaker 1", 1.0, 6.5),)
    )
    outcome = pipeline().analyze(talk_file, store)
    assert "Only one voice was found" in outcome.warnings[-1]
    assert pipeline("1").analyze(talk_file, store).warnings == ()


@pytest.fixture
def stored(run, talk_file, tmp_path):
    """Runs `turns` on a recording of which two people's turns are stored; shows what is then."""
    options = ("--store", tmp_path / "store")
    recording = run("analyze", talk_file, "--engine", "fake", *options).lines[0]["recording"]
    Tonescope(tmp_path / "store").correct_turns(recording, [Turn("A", 0, 3), Turn("B", 3, 6)])

    def turns(action, *given):
        said = run("turns", action, "--recording", recording, *given, *options)
        shown = run("turns", "show", "--recording", recording, *options).lines
        return said, [(t["speaker"], t["start_s"], t["end_s"]) for t in shown]

    return turns


@pytest.mark.parametrize(
    ("given", "turns"),
    [
        (
            ("give", "--start-s", 2, "--end-s", 4, "--to", "Cy"),
            [("A", 0, 2), ("Cy", 2, 4), ("B", 4, 6)],
        ),
        (("give", "--start-s", 2, "--end-s", 4, "--nobody"), [("A", 0, 2), ("B", 4, 6)]),
        (
            ("give", "--start-s", 4, "--end-s", 5, "--to", "A", "--together"),
            [("A", 0, 3), ("B", 3, 6), ("A", 4, 5)],
        ),
        (("split", "--at-s", 4, "--to", "A"), [("A", 0, 3), ("B", 3, 4), ("A", 4, 6)]),
        (("move", "--turn", 0, "--to-s", 2.5), [("A", 0, 2.5), ("B", 2.5, 6)]),
        (("assign", "--turn", 1, "--to", "Cy"), [("A", 0, 3), ("Cy", 3, 6)]),
        (("rename", "A", "Ada"), [("Ada", 0, 3), ("B", 3, 6)]),
        (("merge", "A", "B"), [("A", 0, 6)]),
    ],
)
def test_turns_are_corrected_by_commands(stored, given, turns):
    said, shown = stored(*given)
    assert said.status == 0, said.stderr
    assert said.lines[0]["source"] == "hand"
    assert shown == turns


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("give", "--start-s", 4, "--end-s", 2, "--to", "A"), "is empty"),
        (("give", "--start-s", 1, "--end-s", 2, "--to", "A"), "so already"),
        (("split", "--at-s", 6.5, "--to", "A"), "Nobody's turn goes on at 6.50 s"),
        (("split", "--at-s", 2, "--to", "A"), "is that of 'A' already"),
        (("merge", "A", "Z"), "No turn belongs to 'Z'"),
        (("find", "--speakers", "many"), "give none, auto, or how many"),
    ],
)
def test_corrections_that_cannot_be_made_are_explained(stored, given, told):
    said, shown = stored(*given)
    assert said.status == 1
    assert told in said.stderr
    assert "Traceback" not in said.stderr
    assert shown == [("A", 0, 3), ("B", 3, 6)]


def test_speakers_are_looked_for_by_command(diarized, stored):
    said, shown = stored("find", "--speakers", "2")
    assert said.lines[0] | {"version": 0} == {
        "version": 0,
        "source": "auto",
        "turns": 3,
        "speakers": ["Speaker 1", "Speaker 2"],
    }
    assert [name for name, _, _ in shown] == ["Speaker 1", "Speaker 2", "Speaker 1"]


def test_corrections_cut_anew_and_can_be_undone(diarized, talk_file, store, tmp_path):
    outcome = pipeline().analyze(talk_file, store)
    scope = Tonescope(store.root)
    before = Counting.calls
    scope.correct_turns(outcome.recording, [Turn("Ada", 0.5, 5.0), Turn("Ben", 5.0, 99.0)])
    assert scope.turns(outcome.recording[:12])[1].end_s == 7.0
    rows = store.lake.read("runs").to_pylist()
    key = max(rows, key=lambda row: row["attempt"])["run_key"]
    found = store.segments(outcome.recording, None, key)
    assert spans(found) == [("Ada", 1.0, 3.0), ("Ada", 4.0, 5.0), ("Ben", 5.0, 6.5)]
    assert Counting.calls == before
    assert scope.undo_turns(outcome.recording).turns == TURNS
    rows = store.lake.read("runs").to_pylist()
    key = max(rows, key=lambda row: row["attempt"])["run_key"]
    assert spans(store.segments(outcome.recording, None, key)) == CUT
    assert scope.check().ok


def test_embeddings_follow_the_turns(diarized, talk_file, store):
    fresh = pipeline().predict(talk_file).segments
    pipeline(Speakers.NONE).analyze(talk_file, store)
    pipeline().analyze(talk_file, store)
    recut = store.segments(
        store.lake.read("recordings")["recording"][0].as_py(), None, pipeline().run_key
    )
    for one, other in zip(fresh, recut, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-6)
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-2)


@pytest.mark.parametrize("speakers", ["", "0", "11", "some", "-1", "²", "1.5"])
def test_other_numbers_of_speakers_are_refused(speakers, run):
    with pytest.raises(SettingsError, match="give none, auto, or how many"):
        Analysis(speakers=speakers)
    assert run("analyze", "x.wav", "--speakers", speakers).status == 1


def two_channels(path):
    left = talk([(0.5, 0.0), (2.0, 0.3), (2.5, 0.0)])
    right = talk([(2.8, 0.0), (1.5, 0.6), (0.7, 0.0)], hz=300)
    return write(path, np.stack([left, right]))


def test_each_channel_is_a_track_and_a_speaker(run, tmp_path):
    path = two_channels(tmp_path / "call.wav")
    options = ("--engine", "fake", "--store", tmp_path / "store", "--channels", "each")
    said = run("analyze", path, *options)
    assert [line["channel"] for line in said.lines] == [0, 1]
    assert [line["emotion"] is not None for line in said.lines] == [True, True]
    scope = Tonescope(tmp_path / "store")
    rows = sorted(scope.store.lake.read("runs").to_pylist(), key=lambda row: row["channel"])
    found = [scope.store.segments(r["recording"], r["channel"], r["run_key"]) for r in rows]
    assert spans(found[0]) == [("Channel 1", 0.5, 2.5)]
    assert [s.speaker for s in found[1]] == ["Channel 2"]
    assert [t.speaker for t in scope.turns(rows[0]["recording"], 1)] == ["Channel 2"]
    assert [line["status"] for line in run("analyze", path, *options).lines] == ["skipped"] * 2
    shown = run("turns", "show", "--recording", rows[0]["recording"], "--channel", 0, *options[2:4])
    assert [line["speaker"] for line in shown.lines] == ["Channel 1"]


def test_channels_of_a_job_are_one_outcome(loud_is_speech, tmp_path, store):
    shares = []
    each = EachChannel(FakeEngine())
    outcome = each.analyze(
        two_channels(tmp_path / "call.wav"), store, name="call", progress=shares.append
    )
    assert (outcome.status, outcome.segments, outcome.channel) == ("done", 2, None)
    assert shares == sorted(shares)
    assert max(shares) == pytest.approx(1)
    mono = write(tmp_path / "mono.wav", np.concatenate([silence(0.5), tone(1.5), silence(0.5)]))
    assert each.analyze(mono, store).channel is None
    assert set(store.lake.read("tracks")["channel"].to_pylist()) == {0, 1, -1}
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    assert each.analyze(bad, store).status == "failed"


def test_channels_that_are_left_out_are_told(loud_is_speech, monkeypatch, tmp_path, store):
    path = two_channels(tmp_path / "call.wav")
    assert EachChannel(FakeEngine()).analyze(path, store).warnings == ()
    monkeypatch.setattr("core.channels.MOST_CHANNELS", 1)
    outcome = EachChannel(FakeEngine()).analyze(path, store)
    assert outcome.warnings == (
        "The file has 2 channels; the first 1 were analysed. Choose one of the others by its number.",
    )


def test_turns_are_imported_and_taken_back(run, talk_file, tmp_path):
    store = ("--store", tmp_path / "store")
    recording = run("analyze", talk_file, "--engine", "fake", *store).lines[0]["recording"]
    table = tmp_path / "turns.csv"
    table.write_text("start_s,end_s,speaker\n0.5,2,Ada\n2,6,Ben\n")
    said = run("turns", "import", table, "--recording", recording[:12], *store)
    assert said.lines[0] | {"version": 0} == {
        "version": 0,
        "source": "import",
        "turns": 2,
        "speakers": ["Ada", "Ben"],
    }
    table.write_text("start_s,end_s,speaker\n0.5,6,Cy\n")
    assert run("turns", "import", table, "--recording", recording, *store).status == 0
    assert run("turns", "undo", "--recording", recording, *store).lines[0]["speakers"] == [
        "Ada",
        "Ben",
    ]
    shown = run("turns", "show", "--recording", recording, *store).lines
    assert [(t["speaker"], t["source"]) for t in shown] == [("Ada", "import"), ("Ben", "import")]
    scope = Tonescope(tmp_path / "store")
    for row in scope.store.lake.read("runs").to_pylist():
        cut = scope.store.segments(recording, None, row["run_key"])
        assert all(a.end_s <= b.start_s for a, b in pairwise(cut))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("import", "no.csv"), "'no.csv' cannot be read"),
        (("import", "TABLE", "--channel", "3"), "channel 3 was not analysed"),
        (("import", "TABLE", "--recording", "ffff"), "ffff"),
        (("undo",), "nothing to undo"),
    ],
)
def test_what_turns_cannot_do_is_explained(run, talk_file, tmp_path, options, said):
    store = ("--store", tmp_path / "store")
    recording = run("analyze", talk_file, "--engine", "fake", *store).lines[0]["recording"]
    table = tmp_path / "t.csv"
    table.write_text("start_s,end_s,speaker\n0.5,2,Ada\n")
    given = [str(table) if option == "TABLE" else option for option in options]
    answer = run("turns", given[0], "--recording", recording, *given[1:], *store)
    assert answer.status == 1
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
