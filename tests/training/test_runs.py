"""Named runs on tiny recordings: what they learn from, what is kept of them, and the report."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tests.training.tiny import tiny_variables, write_recordings
from training.data import load_clips
from training.figures import by_corpus
from training.nonspeech import nonspeech_clips
from training.pretrained import encoder_from
from training.report import report, uar
from training.runs import Material, execute, prepare
from training.search import precision_at_10, search_figures
from training.splits import Run, held_out, learnt_from

PENALTY = 0.03


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("runs")
    write_recordings(folder)
    clips = [*load_clips(folder), *nonspeech_clips(18, seed=0)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    encoder = encoder_from(tiny_variables(), (1, 2), pairs_from=1, n_embedded=64)
    made = prepare(encoder, clips, folder / "cache")
    torch.set_num_threads(threads)
    return made


def test_run_is_kept_and_skipped_when_it_is_there(material: Material, tmp_path: Path) -> None:
    run = Run("fold0", fold=0)
    figures = execute(run, material, PENALTY, tmp_path)
    held = held_out(run, material.clips)
    for how in ("alone", "in_windows"):
        assert sum(row["n_clips"] for row in figures[how].values()) == held.sum()
    kept = tmp_path / "fold0.json"
    kept.write_text(json.dumps(figures | {"alone": {}}))
    assert execute(run, material, PENALTY, tmp_path)["alone"] == {}
    assert execute(run, material, 2 * PENALTY, tmp_path)["alone"]


def test_run_is_that_of_another_library(material: Material, tmp_path: Path) -> None:
    run = Run("fold0", fold=0)
    found = execute(run, material, PENALTY, tmp_path)["alone"]
    learnt, held = learnt_from(run, material.clips), held_out(run, material.clips)
    features = np.concatenate([values[learnt] for values in material.passes.features])
    features = np.concatenate([features, material.passes.features[0][held]])
    n = 2 * int(learnt.sum())
    standard = (features - features[:n].mean(axis=0)) / features[:n].std(axis=0)
    # All emotions of the tiny corpora are as frequent, so that no weights are needed.
    other = LogisticRegression(C=1 / (PENALTY * n), max_iter=1000)
    said = other.fit(standard[:n], np.tile(material.passes.emotions[learnt], 2)).predict(
        standard[n:]
    )
    corpora = material.passes.corpora[held].tolist()
    expected = by_corpus(corpora, material.passes.emotions[held].tolist(), said.tolist())
    for corpus, row in found.items():
        assert row["uar"] == pytest.approx(expected[corpus]["uar"], abs=0.1)


def test_nothing_held_out_is_learnt_from(material: Material) -> None:
    learnt = learnt_from(Run("fold0", fold=0), material.clips)

    def weight(chosen: np.ndarray) -> np.ndarray:
        zeros = tuple(
            np.where(chosen[:, None], 0, x).astype(np.float32) for x in material.passes.features
        )
        return dataclasses.replace(material.passes, features=zeros).part(learnt).fit(PENALTY).weight

    whole = material.passes.part(learnt).fit(PENALTY).weight
    np.testing.assert_array_equal(weight(~learnt), whole)
    assert not np.allclose(weight(learnt & (np.arange(len(learnt)) % 2 == 0)), whole)


def test_corpus_left_out_and_the_report(material: Material, tmp_path: Path) -> None:
    run = Run("without-corpus0", corpus="corpus0")
    figures = execute(run, material, PENALTY, tmp_path)
    assert set(figures["alone"]) == {"corpus0"}
    assert "in_windows" not in figures
    for corpus in ("crema-d", "emodb"):
        row = {
            **figures,
            "name": f"without-{corpus}",
            "alone": {corpus: figures["alone"]["corpus0"]},
        }
        (tmp_path / f"without-{corpus}.json").write_text(json.dumps(row))
    text = report(tmp_path, tmp_path / "none.json")
    assert "Not run yet, compact: fold0, fold1, fold2, fold3, fold4." in text
    assert "Not run yet, compact: without-nemo, without-ravdess." in text
    assert f"| - | - | {uar(figures['alone']['corpus0']['confusion']):.3f} | - |" in text
    assert "mean" in text


def test_report_pools_folds_only_when_all_are_there(tmp_path: Path) -> None:
    (tmp_path / "tiny.en").mkdir()
    right = by_corpus(["a"] * 4, ["happy", "happy", "sad", "sad"], ["happy", "sad", "sad", "sad"])
    for folder, n_folds in ((tmp_path, 4), (tmp_path / "tiny.en", 5)):
        for k in range(n_folds):
            row = {"name": f"fold{k}", "alone": right, "in_windows": right}
            (folder / f"fold{k}.json").write_text(json.dumps(row))
    text = report(tmp_path, tmp_path / "none.json")
    assert "| a | 2 | 20 | 0.500 | - | 0.750 | - | 0.750 | - |" in text
    assert "Not run yet, compact: fold4." in text


def test_spread_is_over_the_seeds_that_are_there(tmp_path: Path) -> None:
    for name, said in (("fold0", "sad"), ("fold0-seed1", "happy")):
        row = {"name": name, "alone": by_corpus(["a"] * 2, ["happy", "sad"], [said, "sad"])}
        (tmp_path / f"{name}.json").write_text(json.dumps(row | {"in_windows": row["alone"]}))
    text = report(tmp_path, tmp_path / "none.json")
    assert "| a | 2 | 0.750 | 0.500 | 1.000 |" in text
    assert "Not run yet, compact: fold0-seed2." in text


def test_run_on_half_the_sentences_is_measured_on_both(material: Material, tmp_path: Path) -> None:
    # The tiny corpora stand for EmoDB: the take is the sentence.
    clips = [
        dataclasses.replace(clip, corpus="emodb", file=f"_08a0{1 + i % 2}Wb.flac")
        for i, clip in enumerate(material.clips)
    ]
    passes = dataclasses.replace(material.passes, corpora=np.full(len(clips), "emodb"))
    named = dataclasses.replace(material, clips=clips, passes=passes)
    run = Run("fold0-sentences", fold=0, half_the_sentences=True)
    figures = execute(run, named, PENALTY, tmp_path)
    n = [figures[f"{how}_sentences"]["emodb"]["n_clips"] for how in ("heard", "unheard")]
    assert sum(n) == held_out(run, clips).sum()
    assert min(n) > 0
    assert figures["n_unknowable"] == 0
    text = report(tmp_path, tmp_path / "none.json")
    part = text[text.index("## Sentences never heard") :]
    assert "| emodb |" in part
    assert "Not run yet, compact: fold0-sentences" not in part


def test_precision_counts_other_speakers_only() -> None:
    rng = np.random.default_rng(0)
    speakers = np.repeat([f"s{i}" for i in range(4)], 24)
    emotions = np.tile(np.repeat(["happy", "sad"], 12), 4)
    centre = {"happy": 1.0, "sad": -1.0}
    x = np.array([[centre[e], 0.0] for e in emotions]) + 0.05 * rng.standard_normal((96, 2))
    assert precision_at_10(x, emotions, speakers)[0] == 1.0
    # Nearness that comes of the speaker alone says nothing about the emotion.
    x = np.array([[int(s[1]) % 2, int(s[1]) // 2] for s in speakers]) + 0.01 * rng.standard_normal(
        (96, 2)
    )
    precision, random = precision_at_10(x, emotions, speakers)
    assert random == pytest.approx(0.5)
    assert precision < 0.75
    figures = search_figures(x, emotions, speakers)
    assert figures["speaker_accuracy"] == 1.0
    assert figures["speaker_accuracy_chance"] == 0.25
