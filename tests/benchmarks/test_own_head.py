"""Curves of a head of one's own against the engine's."""

import csv
import sys

import numpy as np

from benchmarks import own_head
from benchmarks.own_head import curves
from core.emotions import EMOTIONS
from core.learn.heads import Labelled
from tests.synthetic import talk, write
from tests.test_contract_schemas import valid


def test_more_labels_are_better_and_the_engine_stands_beside():
    rng = np.random.default_rng(0)
    names = np.array(["angry", "happy", "sad"])
    kind, who = rng.integers(0, 3, 400), rng.integers(0, 8, 400)
    centres = 1.5 * rng.normal(size=(3, 8))
    points = (centres[kind] + rng.normal(size=(400, 8)) * 1.5).astype(np.float32)
    labelled = Labelled(points, names[kind], np.array([f"P{k}" for k in who]))
    scores = np.zeros((400, 9))
    scores[:, EMOTIONS.index("sad")] = 1.0
    found = {f.figure: f for f in curves(labelled, scores, [5, 30, 900], 1)}
    assert found["engine_uar"].value == round(1 / 3, 4)
    for way in ("random", "diverse", "uncertain"):
        few, many = found[f"own_head_{way}_5"], found[f"own_head_{way}_30"]
        assert many.value > max(few.value - 0.1, 0.6)
        assert many.ratio > 1.5
        assert f"own_head_{way}_900" not in found  # there are not so many clips


def test_what_calibrate_tells_stands_beside_what_is_found_on_other_speakers():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 120)
    points = (2.0 * kind[:, None] + rng.normal(size=(120, 4))).astype(np.float32)
    people = np.array([f"P{k % 6}" for k in range(120)])
    labelled = Labelled(points, np.array(["angry", "sad"])[kind], people)
    found = {f.figure: f for f in own_head.told(labelled, np.zeros((120, 9)), [15, 900], 2)}
    assert set(found) == {"told_15", "found_15"}
    assert found["told_15"].limit == 2
    assert abs(found["told_15"].value - found["found_15"].value) < 0.15
    assert found["found_15"].value > 0.8


def test_figures_of_a_folder(tmp_path, monkeypatch, capsys, loud_is_speech, fake_registry):
    import json

    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "speaker", "emotion", "corpus"])
        for n in range(12):
            level = 0.4 if n % 2 else 0.02
            write(tmp_path / f"{n}.wav", talk([(0.2, 0.0), (0.8, level * (1 + n / 50)), (0.2, 0)]))
            rows.writerow([f"{n}.wav", f"P{n % 4 // 2}", "angry" if n % 2 else "sad", "mine"])
        rows.writerow(["gone.wav", "P9", "sad", "other"])
    monkeypatch.setattr(own_head, "Registry", lambda: fake_registry)
    monkeypatch.setattr(fake_registry, "trained_on", lambda name: None)
    options = ["--data", str(tmp_path), "--engine", "fake", "--corpus", "mine"]
    monkeypatch.setattr(sys, "argv", ["x", *options, "--repeats", "1", "--sizes", "3"])
    own_head.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in lines:
        valid("benchmark", line)
    values = {line["figure"]: line["value"] for line in lines}
    assert values["in_training"] == 0
    assert values["own_head_random_3"] == 1.0
