"""From recordings to a model that the engine loads, small enough to run in seconds."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.engines.compact import CompactEngine
from tests.training.tiny import SPEECH_EMOTIONS, tiny_variables, write_recordings
from training.data import DataError, load_clips
from training.nonspeech import nonspeech_clips
from training.pretrained import encoder_from, in_steps, rounded
from training.train import make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "data").mkdir()
    write_recordings(folder / "data")
    clips = [*load_clips(folder / "data"), *nonspeech_clips(27, seed=0)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for run in ("one", "two"):
        make(
            encoder_from(tiny_variables(), (1, 2), pairs_from=1, n_embedded=64),
            clips,
            folder / run,
            folder / f"{run}.json",
            folder / f"cache_{run}",
            seed=0,
            n_folds=2,
            penalty=0.03,
        )
    torch.set_num_threads(threads)
    return folder


def test_engine_loads_what_training_made(made: Path) -> None:
    engine = CompactEngine.load(made / "one")
    assert engine.n_dims == 64
    assert sum(engine.class_mask) == len(SPEECH_EMOTIONS) + 1
    right = 0
    clips = load_clips(made / "data")
    for clip in clips:
        logits = engine.run(clip.waveform[None])[0].logits.mean(axis=0)
        logits[~np.array(engine.class_mask)] = -np.inf
        right += int(logits.argmax()) == [*type(clip.emotion)].index(clip.emotion)
    assert right / len(clips) > 0.8


def test_training_again_gives_the_same_bytes(made: Path) -> None:
    for file in (made / "one").iterdir():
        assert file.read_bytes() == (made / "two" / file.name).read_bytes(), file.name


def test_figures_are_of_held_out_speakers_by_corpus(made: Path) -> None:
    figures = json.loads((made / "one.json").read_text())
    assert set(figures["alone"]) == {"corpus0", "corpus1", "generated"}
    assert figures["alone"]["corpus0"]["n_clips"] == 24
    assert figures["calibration"]["0.5"]["n_regions"] > 24


def test_card_says_terms_figures_and_files(made: Path) -> None:
    card = (made / "one" / "README.md").read_text()
    figures = json.loads((made / "one.json").read_text())
    assert card.startswith("---\nlicense: cc-by-nc-sa-4.0\n")
    assert "Copyright (c) 2022 OpenAI" in card
    assert f"| {figures['alone']['corpus0']['uar']:.3f} |" in card
    spread = figures["speakers"]["corpus0"]
    assert f"| {spread['least']:.2f} to {spread['most']:.2f} |" in card
    listed = (made / "one" / "training_files.sha256").read_text().splitlines()
    assert len(listed) == 48


def test_matrices_are_stored_as_they_were_measured(made: Path) -> None:
    matrix = torch.randn(20, 30) * torch.logspace(-6, 2, 20)[:, None]
    matrix[3] = 0.0
    numbers, steps = in_steps(matrix)
    assert numbers.abs().max() == 127
    off = (rounded(matrix) - matrix).abs()
    assert (off <= 0.501 * steps[:, None]).all()
    torch.testing.assert_close(rounded(rounded(matrix)), rounded(matrix), atol=0, rtol=1e-6)
    encoder = encoder_from(tiny_variables(), (1, 2), pairs_from=1, n_embedded=64)
    shipped = CompactEngine.load(made / "one")._network
    for ours, theirs in zip(encoder.blocks.parameters(), shipped.blocks.parameters(), strict=True):
        torch.testing.assert_close(theirs, ours.to(theirs.dtype), atol=0, rtol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [("angry", "joyful", "joyful"), ("speaker,", "who,", "speaker"), ("s0_", "s99_", "cannot")],
)
def test_bad_manifest_is_explained(tmp_path: Path, old: str, new: str, match: str) -> None:
    write_recordings(tmp_path, n_speakers=1, n_takes=1)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(old, new))
    with pytest.raises(DataError, match=match):
        load_clips(tmp_path)


def test_generated_sounds_repeat_with_their_seed() -> None:
    one, same, other = (nonspeech_clips(9, seed) for seed in (1, 1, 2))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a.waveform, b.waveform)
        assert len(a.waveform) != len(c.waveform)
        assert np.abs(a.waveform).max() <= 1.0
