"""Speakers through the pipeline, the command line and the store; voices are made up."""

import json
from itertools import pairwise

import numpy as np
import pytest

from core import conversation
from core.api import Tonescope
from core.channels import EachChannel
from core.errors import SettingsError
from core.pipeline import Pipeline
from core.records import Turn
from core.settings import Analysis, Speakers
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


def test_turns_found_before_are_not_looked_for_again(diarized, talk_file, store, make_talk):
    recording = pipeline().analyze(talk_file, store).recording
    conversation.correct(store, recording, None, TURNS[:1])
    settings = Analysis(speakers=Speakers.AUTO)
    assert conversation.found_before(store, recording, settings) == TURNS
    conversation.keep_turns(store, recording, settings, TURNS)
    assert versions.current(store, recording, None).turns == TURNS


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
