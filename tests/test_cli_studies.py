"""`calibrate`, `heads`, `flags` and `sessions` from the command line."""

import json

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

from core.labels import history
from core.labels.records import Draft
from core.learn import heads
from core.records import Metadata
from core.store.corpus import corpus as found_in
from core.store.store import Store
from core.studies.metadata import edit
from tests.synthetic import talk, write
from tests.test_contract_schemas import valid


@pytest.fixture
def corpus(run, tmp_path):
    """Four recordings of six segments, the loud ones angry to the fake engine; and their manifest."""
    lines = ["file,emotion,speaker,start_s,end_s"]
    for number in range(4):
        parts = [(1.2, 0.0)]
        for k in range(6):
            parts += [(1.0, (0.5 if k % 2 else 0.02) * (1 + number / 20)), (1.2, 0.0)]
            start = 1.2 + 2.2 * k
            emotion = "angry" if k % 2 else "sad"
            lines.append(f"P{number}_s{number % 2}.wav,{emotion},P{number},{start},{start + 1}")
        path = write(tmp_path / f"P{number}_s{number % 2}.wav", talk(parts))
        assert run("analyze", path, "--engine", "fake", "--store", tmp_path / "s").status == 0
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


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


def test_evaluate_on_the_labels_of_the_store_and_a_head_beside_the_engine(
    run, corpus, tmp_path, monkeypatch
):
    monkeypatch.setattr(heads, "STRENGTHS", (0.01, 0.1))
    place = ["--engine", "fake", "--store", tmp_path / "s"]
    assert "No label here stands for" in run("evaluate", *place).stderr
    store = Store(tmp_path / "s")
    segments = found_in(store, "fake").segments
    for row in segments.to_dict("records"):
        at = {key: row[key] for key in ("recording", "start_s", "end_s")}
        loud = row["segment"] % 2 == 1
        history.add(store, Draft(**at, term="angry" if loud else "sad", annotator="Ann"))
        if row["segment"] < 3:
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
    counted = answer["n"]  # segments 0 and 2 of each recording are tied between sad and angry
    assert counted == 24 - 8
    truth = ["angry"] * 12 + ["sad"] * 4
    assert answer["confusion"] == {"angry": {"angry": 12}, "sad": {"sad": 4}}
    assert answer["wa"] == accuracy_score(truth, truth) == 1
    ann, bob, both = answer["emotion_error"]
    assert (ann["reference"], ann["told"], ann["rate"]) == ("Ann", "engine", 0.0)
    assert bob["rate"] == pytest.approx(2 / 3, abs=1e-6)
    assert (both["reference"], both["told"]) == ("Ann", "Bob")
    assert both["rate"] == pytest.approx(2 / 3, abs=1e-6)
    people = {(p["first"], p["second"]): p for p in answer["human"]["pairs"]}
    assert people["Ann", "Bob"]["agreement"] == pytest.approx(1 / 3, abs=1e-6)
    terms = ["sad", "angry", "sad"] * 4
    assert people["Ann", "Bob"]["kappa"] == pytest.approx(
        cohen_kappa_score(terms, ["angry"] * 12), abs=1e-6
    )
    against = answer["against"]
    assert (against["n"], against["left_out"], against["difference"]) == (16, 0, 0.0)
    assert (against["head"], against["p"]) == ("mine", 1.0)
    assert "may have been fitted on 16 of the labels" in said.stderr

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
