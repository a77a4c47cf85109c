"""Fine-tuning on tiny recordings: what it learns, that it resumes, and what is kept of a run."""

import copy
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.engines.compact import CompactEngine
from tests.training.tiny import tiny_variables, write_recordings
from training.augment import change, telephone
from training.data import load_clips
from training.features import pool
from training.figures import by_corpus
from training.finetune import Config, Split, Upper, cells_of, train
from training.lower import Recipe, make_copy
from training.nonspeech import nonspeech_clips
from training.pretrained import encoder_from
from training.report import report, uar
from training.runs import (
    Material,
    execute,
    execute_frozen,
    linear_probe,
    prepare,
    tuned_by,
)
from training.search import precision_at_10, search_figures
from training.splits import Run
from training.tuned import make

CONFIG = Config(
    n_frozen=1, n_epochs=2, n_steps=6, clips_per_batch=12, tokens_per_clip=16,
    windows_per_batch=3, tokens_per_window=48, rate=1e-3,
)  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("tuned")
    write_recordings(folder)
    clips = [*load_clips(folder), *nonspeech_clips(18, seed=0)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    made = prepare(
        encoder_from(tiny_variables(), (1, 2), pairs_from=1, n_embedded=64),
        clips,
        folder / "cache",
        CONFIG,
    )
    torch.set_num_threads(threads)
    return made


def _start(material: Material) -> tuple[Upper, Split]:
    chosen = np.ones(len(material.clips), bool)
    probe = linear_probe(material, chosen, penalty=1.0)
    labels = np.array([probe.classes.index(e) for e in material.emotions])
    split = Split(material.copies[::2], material.copies[1::2], labels, chosen.astype(float))
    return Upper(material.encoder, CONFIG.n_frozen, probe), split


@pytest.mark.parametrize("i", [0, 1])
def test_upper_over_the_copy_is_the_whole_encoder(material: Material, i: int) -> None:
    upper, _ = _start(material)
    found = cells_of(upper, material.copies[i], np.ones(len(material.clips), bool))
    expected = material.cells[i]
    np.testing.assert_array_equal(found.clip, expected.clip)
    np.testing.assert_array_equal(found.n_frames, expected.n_frames)
    np.testing.assert_allclose(found.read((0,)), expected.read((1, 2)), atol=0.02)


def test_copy_is_read_again_from_its_cache(material: Material, tmp_path: Path) -> None:
    recipe = Recipe(None, augmented=True, seed=1)
    taken = [make_copy(material.encoder, 1, material.clips[:4], recipe, tmp_path) for _ in range(2)]
    assert len(list(tmp_path.glob("*.npy"))) == 1
    np.testing.assert_array_equal(taken[0].frames, taken[1].frames)
    whole = material.copies[0]
    n = int(taken[0].starts[1])
    assert n != whole.starts[1] or not np.allclose(taken[0].frames[:n], whole.frames[:n])


def test_training_fits_the_clips_better_than_the_probe(material: Material) -> None:
    upper, split = _start(material)
    labels = torch.from_numpy(split.labels)

    def entropy(model: Upper) -> float:
        cells = cells_of(model, material.copies[0], split.weights > 0)
        pooled = torch.from_numpy(pool(cells.read((0,)), cells.n_frames, cells.clip))
        return torch.nn.functional.cross_entropy(model.logits(pooled), labels).item()

    before = entropy(upper)
    longer = dataclasses.replace(CONFIG, n_steps=25, smoothing=0.0, averaging=0.9)
    assert entropy(train(upper, split, longer)) < 0.7 * before


def test_stopped_run_ends_in_the_same_weights(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upper, split = _start(material)
    whole = train(copy.deepcopy(upper), split, CONFIG)
    taken = []
    real = torch.save

    def stop(state: object, path: Path) -> None:
        real(state, path)
        taken.append(path)
        if len(taken) == 1:
            Path(path).replace(tmp_path / "run.pt")
            raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        train(copy.deepcopy(upper), split, CONFIG, tmp_path / "run.pt")
    resumed = train(copy.deepcopy(upper), split, CONFIG, tmp_path / "run.pt")
    assert len(taken) == 2
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_held_out_clips_are_not_learnt_from(material: Material) -> None:
    upper, split = _start(material)
    held = np.arange(len(material.clips)) % 2 == 0
    weights = np.where(held, 0.0, 1.0)
    wrong = np.where(held, 0, split.labels)
    ends = [
        train(copy.deepcopy(upper), dataclasses.replace(split, labels=labels, weights=weights),
              dataclasses.replace(CONFIG, n_epochs=1, share_windows=0.5))
        for labels in (split.labels, wrong)
    ]  # fmt: skip
    for one, other in zip(ends[0].parameters(), ends[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_run_is_kept_and_skipped_when_it_is_there(material: Material, tmp_path: Path) -> None:
    run = Run("fold0", fold=0)
    figures = execute(run, material, CONFIG, tmp_path, tmp_path)
    held = material.held(run)
    n = sum(row["n_clips"] for row in figures["alone"].values())
    assert n == held.sum() == figures["n_held_out"]
    with np.load(tmp_path / "fold0.npz") as stored:
        assert set(stored["clip"]) == set(np.flatnonzero(held))
    (tmp_path / "fold0.npz").unlink()
    assert execute(run, material, CONFIG, tmp_path, tmp_path) == json.loads(
        (tmp_path / "fold0.json").read_text()
    )
    assert not (tmp_path / "fold0.npz").exists()
    execute(run, material, dataclasses.replace(CONFIG, smoothing=0.2), tmp_path, tmp_path)
    assert (tmp_path / "fold0.npz").exists()


def test_corpus_left_out_and_the_report(material: Material, tmp_path: Path) -> None:
    run = Run("without-corpus0", corpus="corpus0")
    figures = execute(run, material, CONFIG, tmp_path, tmp_path)
    frozen = execute_frozen(run, material, 0.03, tmp_path)
    assert set(figures["alone"]) == set(frozen["alone"]) == {"corpus0"}
    assert set(figures["search"]) == set(frozen["search"])
    assert execute_frozen(run, material, 0.03, tmp_path) == frozen
    for corpus in ("crema-d", "emodb"):
        for folder, made in ((tmp_path, figures), (tmp_path / "frozen", frozen)):
            row = {**made, "name": f"without-{corpus}", "alone": {corpus: made["alone"]["corpus0"]}}
            (folder / f"without-{corpus}.json").write_text(json.dumps(row))
    text = report(tmp_path, tmp_path / "none.json")
    assert "Not run yet, fine-tuned: fold0, fold1, fold2, fold3, fold4." in text
    assert "Not run yet, fine-tuned: without-nemo, without-ravdess." in text
    cells = (f"{uar(made['alone']['corpus0']['confusion']):.3f}" for made in (frozen, figures))
    assert f"| - | {' | '.join(cells)} | - |" in text
    assert "mean" in text


def test_report_pools_folds_only_when_all_are_there(tmp_path: Path) -> None:
    (tmp_path / "frozen").mkdir()
    right = by_corpus(["a"] * 4, ["happy", "happy", "sad", "sad"], ["happy", "sad", "sad", "sad"])
    for folder, n_folds in ((tmp_path, 4), (tmp_path / "frozen", 5)):
        for k in range(n_folds):
            row = {"name": f"fold{k}", "alone": right, "in_windows": right}
            (folder / f"fold{k}.json").write_text(json.dumps(row))
    text = report(tmp_path, tmp_path / "none.json")
    assert "| a | 2 | 20 | 0.500 | - | - | 0.750 | - | - | 0.750 | - |" in text
    assert "Not run yet, fine-tuned: fold4." in text


def test_engine_loads_the_tuned_model(material: Material, tmp_path: Path) -> None:
    figures = make(material, CONFIG, tmp_path / "model", tmp_path / "results", tmp_path / "cache")
    assert figures["alone"]["corpus0"]["n_clips"] == 24
    card = (tmp_path / "model" / "README.md").read_text()
    assert "the upper 1 fine-tuned" in card
    engine = CompactEngine.load(tmp_path / "model")
    weights = np.ones(len(material.clips), bool)
    upper = tuned_by(
        Run("final"),
        material,
        CONFIG,
        tmp_path / "cache",
        linear_probe(material, weights, CONFIG.penalty),
    )
    cells = cells_of(upper, material.copies[0], weights)
    pooled = pool(cells.read((0,)), cells.n_frames, cells.clip)
    expected = upper.head().logits(pooled)
    columns = [i for i, is_known in enumerate(engine.class_mask) if is_known]
    for i in range(0, len(material.clips), 7):
        found = engine.run(material.clips[i].waveform[None])[0].logits[:, columns].mean(axis=0)
        # Half precision of weights and of what the cells keep.
        np.testing.assert_allclose(found, expected[i], atol=0.05)
    again = make(material, CONFIG, tmp_path / "again", tmp_path / "results", tmp_path / "cache")
    assert again == figures
    for file in (tmp_path / "model").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name


def test_checkpoint_of_a_run_is_an_engine(material: Material, tmp_path: Path) -> None:
    run = Run("without-corpus0", corpus="corpus0")
    results = tmp_path / "results"
    made = make(material, CONFIG, tmp_path / "model", results, tmp_path / "cache", run)
    whole = make(material, CONFIG, tmp_path / "final", results, tmp_path / "cache")
    assert made["alone"] == whole["alone"]
    n = [table["calibration"]["1.0"]["n_regions"] for table in (made, whole)]
    assert 0 < n[0] < n[1]
    assert any(CompactEngine.load(tmp_path / "model").class_mask)
    listed = (tmp_path / "model" / "training_files.sha256").read_text()
    for clip, is_held in zip(material.clips, material.held(run), strict=True):
        assert not clip.sha256 or (clip.sha256 in listed) != is_held


def test_run_on_half_the_sentences_is_measured_on_both(material: Material, tmp_path: Path) -> None:
    # The tiny corpora stand for EmoDB: the take is the sentence.
    clips = [
        dataclasses.replace(clip, corpus="emodb", file=f"_08a0{1 + i % 2}Wb.flac")
        for i, clip in enumerate(material.clips)
    ]
    named = dataclasses.replace(material, clips=clips)
    run = Run("fold0-sentences", fold=0, half_the_sentences=True)
    for figures in (
        execute(run, named, CONFIG, tmp_path, tmp_path),
        execute_frozen(run, named, 0.03, tmp_path),
    ):
        n = [figures[f"{how}_sentences"]["emodb"]["n_clips"] for how in ("heard", "unheard")]
        assert sum(n) == named.held(run).sum()
        assert min(n) > 0
    assert figures["n_unknowable"] == 0
    text = report(tmp_path, tmp_path / "none.json")
    part = text[text.index("## Sentences never heard") :]
    assert "| emodb |" in part
    assert "Not run yet, fine-tuned: fold0-sentences" not in part


def test_augmented_copy_keeps_peak_and_changes_the_rest() -> None:
    t = np.arange(16_000) / 16_000
    tone = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    copies = [change(tone, np.random.default_rng(seed)) for seed in range(30)]
    for one, same in zip(
        copies[:3], (change(tone, np.random.default_rng(k)) for k in range(3)), strict=True
    ):
        np.testing.assert_array_equal(one, same)
    for one in copies:
        assert np.isfinite(one).all()
        assert np.abs(one).max() == pytest.approx(0.3, rel=1e-3)
        # 440 Hz moves with the speed and by no more than that.
        loudest = np.fft.rfftfreq(len(one), 1 / 16_000)[np.abs(np.fft.rfft(one)).argmax()]
        assert len(one) * loudest == pytest.approx(16_000 * 440, rel=0.01)
    assert min(map(len, copies)) < 15_500
    assert max(map(len, copies)) > 16_500


def test_telephone_cuts_what_lies_outside_its_band() -> None:
    noise = np.random.default_rng(0).standard_normal(32_000)
    power = np.abs(np.fft.rfft(telephone(noise))) ** 2
    f = np.fft.rfftfreq(32_000, 1 / 16_000)
    inside = power[(f > 500) & (f < 3000)].mean()
    assert power[f < 100].mean() < 0.02 * inside
    assert power[f > 5000].mean() < 0.02 * inside


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
