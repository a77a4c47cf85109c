"""`calibrate`, `heads`, `flags` and `sessions` from the command line."""

import json
import shutil

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

from core.emotions import EMOTIONS
from core.labels import history
from core.labels.records import Draft
from core.learn import heads
from core.pipeline import Pipeline
from core.records import Metadata
from core.store.corpus import corpus as found_in
from core.store.store import Store
from core.studies.metadata import edit
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write
from tests.test_contract_schemas import valid


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """Four recordings of six segments, the loud ones angry to the fake engine; and their manifest."""
    folder = tmp_path_factory.mktemp("corpus")
    lines = ["file,emotion,speaker,start_s,end_s"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        for number in range(4):
            parts = [(1.2, 0.0)]
            for k in range(6):
                parts += [(1.0, (0.5 if k % 2 else 0.02) * (1 + number / 20)), (1.2, 0.0)]
                start = 1.2 + 2.2 * k
                emotion = "angry" if k % 2 else "sad"
                lines.append(f"P{number}_s{number % 2}.wav,{emotion},P{number},{start},{start + 1}")
            path = write(folder / f"P{number}_s{number % 2}.wav", talk(parts))
            assert Pipeline(FakeEngine()).analyze(path, Store(folder / "s")).segments == 6
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def corpus(analysed, tmp_path, monkeypatch):
    """A copy of it for one test; heads are fitted at two strengths only."""
    monkeypatch.setattr(heads, "STRENGTHS", (0.01, 0.1))
    return shutil.copytree(analysed, tmp_path, dirs_exist_ok=True)


def test_calibrate_answers_the_contract_and_heads_move(run, corpus, tmp_path):
    place = ["--store", tmp_path / "s"]
    engine = ["--engine", "fake"]
    assert "random sample has 0 labels" in run("calibrate", *engine, *place).stderr
    manifest = ["--manifest", tmp_path / "labels.csv", "--name", "mine"]
    said = run("calibrate", *manifest, *engine, *place)
    assert said.status == 0, said.stderr
    (answer,) = said.lines
    valid("calibrate", answer)
    assert (answer["head"], answer["n_labels"], answer["n_speakers"]) == ("mine", 24, 4)
    assert answer["uar"] == 1.0
    assert answer["uar_low"] is None
    listed = run("heads", "list", *place).lines
    assert [head["head"] for head in listed] == ["mine"]
    rows = run("heads", "apply", "--head", "mine", *place).lines
    assert len(rows) == 24
    assert {row["class"] for row in rows} == {"angry", "sad"}
    drawn = run("heads", "pick", "--way", "diverse", "-n", "3", *engine, *place).lines
    assert len(drawn) == 3
    files = run("heads", "export", "--head", "mine", "--out", tmp_path / "out", *place).lines
    for line in files:
        valid("export", line)
    taken = run("heads", "import", tmp_path / "out" / "mine", "--store", tmp_path / "other").lines
    assert taken[0]["key"] == listed[0]["key"]
    assert run("heads", "import", tmp_path, *place).status == 1
    (tmp_path / "none.csv").write_text("file,emotion\ngone.wav,sad\n")
    said = run("calibrate", "--manifest", tmp_path / "none.csv", *engine, *place)
    assert "None of the 1 recording(s)" in said.stderr


def test_evaluate_on_the_labels_of_the_store_and_a_head_beside_the_engine(run, corpus, tmp_path):
    place = ["--engine", "fake", "--store", tmp_path / "s"]
    assert "No label here stands for" in run("evaluate", *place).stderr
    store = Store(tmp_path / "s")
    segments = found_in(store, "fake").segments
    for row in segments.to_dict("records"):
        at = {key: row[key] for key in ("recording", "start_s", "end_s")}
        loud = row["segment"] % 2 == 1
        history.add(store, Draft(**at, term="angry" if loud else "sad", annotator="Ann"))
        if row["segment"] < 3 and row["name"] in ("P0_s0.wav", "P1_s1.wav"):
            history.add(store, Draft(**at, term="angry", annotator="Bob"))
    edit(store, {row["recording"]: Metadata(speaker=row["name"]) for row in
                 segments.to_dict("records")}, "Ann")  # fmt: skip
    said = run("calibrate", "--name", "mine", "--all-random", "--curve", *place)
    assert said.status == 0, said.stderr
    curve = said.lines[0]["curve"]
    assert curve[-1]["n_labels"] == said.lines[0]["n_labels"]
    assert curve[-1]["uar"] == pytest.approx(said.lines[0]["uar"])
    assert said.lines[0]["smallest_p"] == 2 / 16
    manifest = ["--manifest", tmp_path / "labels.csv"]
    assert "have no order in time" in run("calibrate", *manifest, "--curve", *place).stderr
    recording = segments["recording"][0]
    course = run(
        "heads", "apply", "--head", "mine", "--recording", recording, "--store", tmp_path / "s"
    ).lines
    assert course[1]["start_s"] == 0.5
    assert sum(course[1]["scores"].values()) == pytest.approx(1)

    said = run("evaluate", "--over-time", "--against-head", "mine", *place)
    assert said.status == 0, said.stderr
    (answer,) = said.lines
    valid("evaluate", answer)
    counted = answer["n"]  # segments 0 and 2 of two recordings are tied between sad and angry
    assert counted == 24 - 4
    truth = ["angry"] * 12 + ["sad"] * 8
    assert answer["confusion"] == {"angry": {"angry": 12}, "sad": {"sad": 8}}
    assert answer["wa"] == accuracy_score(truth, truth) == 1
    ann, bob, both = answer["emotion_error"]
    assert (ann["reference"], ann["told"], ann["rate"]) == ("Ann", "engine", 0.0)
    assert bob["rate"] == pytest.approx(2 / 3, abs=1e-6)
    assert (both["reference"], both["told"]) == ("Ann", "Bob")
    assert both["rate"] == pytest.approx(2 / 3, abs=1e-6)
    people = {(p["first"], p["second"]): p for p in answer["human"]["pairs"]}
    assert people["Ann", "Bob"]["agreement"] == pytest.approx(1 / 3, abs=1e-6)
    terms = ["sad", "angry", "sad"] * 2
    assert people["Ann", "Bob"]["kappa"] == pytest.approx(
        cohen_kappa_score(terms, ["angry"] * 6), abs=1e-6
    )
    against = answer["against"]
    assert (against["n"], against["left_out"], against["difference"]) == (20, 0, 0.0)
    assert (against["head"], against["p"]) == ("mine", 1.0)
    assert "may have been fitted on 20 of the labels" in said.stderr

    said = run("evaluate", tmp_path / "labels.csv", "--head", "mine", "--over-time", *place)
    assert said.status == 0, said.stderr
    assert (said.lines[0]["wa"], said.lines[0]["head"]) == (1.0, "mine")
    assert said.lines[0]["emotion_error"][0]["rate"] == 0.0
    assert run("evaluate", tmp_path / "labels.csv", "--against", "fake", *place).status == 0


def test_flags_and_sessions(run, corpus, tmp_path):
    place = ["--store", tmp_path / "s"]
    condition = {"kind": "emotion", "emotion": "angry", "at_least": 0.9, "for_s": 0.5}
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"name": "Loud", "conditions": [condition]}))
    found = run("flags", "find", rule, "--engine", "fake", *place).lines
    assert len(found) == 12
    assert run("flags", "save", rule, *place).lines[0]["version"] == 1
    assert run("flags", "list", *place).lines[0]["name"] == "Loud"
    again = run("flags", "find", "Loud", "--engine", "fake", *place).lines
    assert again == found
    assert run("flags", "find", tmp_path / "gone.json", *place).status == 1
    review(run, place)

    shown = run("sessions", "names", "{speaker}_{session}", "--preview", *place).lines
    assert all(row["fits"] for row in shown)
    said = run("sessions", "names", "{speaker}_{session}", *place).lines[0]
    assert said == {"recordings": 4, "changed": 4, "left": 0}
    table = tmp_path / "who.csv"
    table.write_text("file,tags,date\nP0_s0.wav,=one;two,2026-01-31\ngone.wav,x,\n")
    said = run("sessions", "import", table, *place)
    assert said.status == 1
    assert said.lines[0] == {"recordings": 1, "changed": 1, "left": 1}
    trend = run("sessions", "trend", "--engine", "fake", *place).lines
    assert {row["session"] for row in trend} == {"s0", "s1"}
    assert all(row["low"] is None and row["n_speakers"] == 2 for row in trend)
    angry = [row["value"] for row in trend if row["emotion"] == "angry"]
    assert angry == pytest.approx([0.5, 0.5], abs=0.05)
    out = tmp_path / "out"
    lines = run("sessions", "tidy", "--out", out, "--engine", "fake", *place).lines
    for line in lines:
        valid("export", line)
    rows = pd.read_csv(out / "tidy.csv")
    assert list(rows.columns) == list(json.loads((out / "tidy_codebook.json").read_text()))
    assert "'=one;two" in set(rows["tags"])
    assert run("sessions", "undo", *place).lines[0] == {"undone": True, "recordings": 1}
    assert run("sessions", "redo", *place).lines[0] == {"redone": True, "recordings": 1}
    (listed,) = [r for r in run("sessions", "list", *place).lines if r["name"] == "P0_s0.wav"]
    assert (listed["tags"], listed["recorded_on"]) == (["=one", "two"], "2026-01-31")
    options = ["--session", "s9", "--date", "2026-02-01", "--clear", "tags", *place]
    said = run("sessions", "set", listed["recording"][:12], *options)
    assert said.lines == [{"recordings": 1, "changed": 1}]
    (listed,) = [r for r in run("sessions", "list", *place).lines if r["name"] == "P0_s0.wav"]
    assert (listed["session"], listed["tags"], listed["speaker"]) == ("s9", [], "P0")
    assert run("sessions", "set", "zz", "--session", "x", *place).status == 1
    assert [s["n_recordings"] for s in run("sessions", "history", *place).lines] == [4, 1, 1]
    more = ["--engine", "fake", "--over", "recorded_on", "--group", "tags"]
    days = run("sessions", "trend", "--each", *more, *place).lines
    assert {row["recorded_on"] for row in days} == {"no date", "2026-02-01"}
    each = run("sessions", "trend", "--each", "--engine", "fake", *place).lines
    assert {row["session"]: row["recorded_on"] for row in each}["s9"] == "2026-02-01"
    assert {row["recorded_on"] for row in run("sessions", "trend", *more, *place).lines} == {
        "no date",
        "2026-02-01",
    }


def review(run, place):
    """Draws a queue of a rule, reviews it, takes a verdict back."""
    numbers = ["--flagged", "3", "--unflagged", "4"]
    drawn = run("flags", "draw", "Loud", *numbers, "--engine", "fake", *place).lines[0]
    queue = ["--queue", str(drawn["queue"]), *place]
    moments = run("flags", "moments", *queue).lines
    assert len(moments) == drawn["moments"]
    for moment in moments:
        verdict = "right" if moment["flagged"] else "skip"
        said = run("flags", "review", verdict, "--moment", str(moment["moment"]), *queue)
        assert said.lines[0] == {"moment": moment["moment"], "verdict": verdict}
    found = run("flags", "quality", *queue).lines[0]
    assert (found["precision"], found["n_reviewed"], found["recall"]) == (1.0, 3, None)
    undone = run("flags", "undo", *queue).lines[0]
    assert undone == {"undone": True, "moment": moments[-1]["moment"]}
    assert run("flags", "moments", *queue).lines[-1]["verdict"] is None
    assert not run("flags", "undo", "--by", "Bob", *queue).lines[0]["undone"]
    assert run("flags", "review", "right", "--moment", "1", *queue).status == 1
    listed = run("flags", "list", "--versions", *place).lines
    assert listed[0]["queues"] == [drawn["queue"]]


def test_courses_and_estimates(run, corpus, tmp_path):
    place = ["--store", tmp_path / "s"]
    engine = ["--engine", "fake", *place]
    run("sessions", "names", "{speaker}_{session}", *place)
    groups = ["--group", "s0", "--group", "s1"]
    (told,) = run("courses", "compare", *groups, *engine).lines
    assert told["speakers"] == {"s0": 2, "s1": 2}
    assert told["p"] >= told["smallest_p"] == pytest.approx(1 / 3)
    assert set(told["p_by_emotion"]) == {str(e) for e in EMOTIONS}
    rows = run("courses", "compare", *groups, "--end-s", "3", "--values", *engine).lines
    assert [row["time"] for row in rows[1:]] == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    assert rows[-1]["mean"]["angry"] is not None
    said = run("courses", "compare", *groups, "--event", "label:x", *engine)
    assert (said.status, "has speech round" in said.stderr) == (1, True)
    assert run("courses", "compare", *groups, "--event", "x", *engine).status == 1
    recording = run("sessions", "list", *place).lines[0]["recording"]
    like = ["courses", "shape", "--recording", recording[:10], *engine]
    found = run(*like, "--start-s", "1", "--end-s", "6", "-k", "3").lines
    assert [row["rank"] for row in found] == [1, 2, 3]
    assert run(*like, "--start-s", "6", "--end-s", "1").status == 1
    shape = ["courses", "shape", "--length-s", "4", *engine]
    assert run(*shape, "--shape", "peak", "--emotion", "angry", "-k", "2").lines[0]["rank"] == 1
    assert run(*shape, "--points", "0 1 0", "--emotion", "angry").status == 0
    assert run(*shape, "--points", "0 1 0").status == 1
    lines = run("courses", "transitions", *engine).lines
    assert lines[0] == {"speakers": 4}
    (change,) = [row for row in lines if row.get("from") == "angry"]
    assert (change["to"], change["chance"], change["chance_low"]) == ("sad", 1.0, None)
    assert {row["emotion"] for row in lines if "emotion" in row} == {"angry", "sad"}
    alone = run("courses", "transitions", "--speaker", "P1", *engine).lines
    assert alone[0] == {"speakers": 1}
    drawn = run("estimates", "draw", *groups, "-n", "5", *engine).lines
    assert len(drawn) == 10
    sample = ["--sample", str(drawn[0]["sample"]), "--emotion", "sad", *place]
    rows = run("estimates", "correct", *sample).lines
    assert [row["corrected"] for row in rows] == [None, None]
    store = Store(tmp_path / "s")
    for row in drawn:
        spot = {key: row[key] for key in ("recording", "start_s", "end_s")}
        history.add(store, Draft(term="sad", annotator="Ann", **spot))
    rows = run("estimates", "correct", *sample).lines
    assert [row["group"] for row in rows] == ["s0", "s1", None]
    assert [row["labels"] for row in rows] == [1.0, 1.0, 0.0]
    assert rows[0]["n_labelled"] == 5
