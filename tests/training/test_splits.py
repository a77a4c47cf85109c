"""Who is learnt from and who is measured."""

import numpy as np
import pytest

from core.emotions import Emotion
from training.data import Clip
from training.splits import Run, held_out, learnt_from, plan, second_sentences, sentence_of


def clip(corpus: str, file: str, speaker: str) -> Clip:
    return Clip(file, corpus, speaker, Emotion.SAD, "none", "none", np.zeros(1, np.float32), file)


@pytest.fixture
def clips() -> list[Clip]:
    return [
        clip("emodb", f"emodb/emodb_{s:02d}__{s:02d}{text}Wb.flac", f"emodb_{s:02d}")
        for s in range(3, 10)
        for text in ("a01", "a02", "a04", "b10")
    ]


@pytest.mark.parametrize(
    ("corpus", "file", "expected"),
    [
        ("crema-d", "crema-d/crema-d_1006__1006_TSI_SAD_XX.flac", "TSI"),
        ("emodb", "emodb/emodb_03__03b10Nc.flac", "b10"),
        ("nemo", "nemo/nemo_KD0__KD0_surprised_87.flac", "87"),
        ("ravdess", "ravdess/ravdess_03__03-01-03-01-02-01-03.flac", "02"),
        ("ravdess", "ravdess/other.flac", None),
        ("generated", "noise 3", None),
    ],
)
def test_sentence_is_read_from_the_name(corpus: str, file: str, expected: str | None) -> None:
    assert sentence_of(clip(corpus, file, "s")) == expected


def test_nothing_measured_is_learnt_from(clips: list[Clip]) -> None:
    for run in (Run("a", fold=0), Run("b", corpus="emodb"), Run("c", speakers=("emodb_08",))):
        assert held_out(run, clips).any()
        assert np.array_equal(learnt_from(run, clips), ~held_out(run, clips))
    assert learnt_from(Run("final"), clips).all()


def test_half_the_sentences_are_never_heard(clips: list[Clip]) -> None:
    run = Run("half", fold=0, half_the_sentences=True)
    learnt, held = learnt_from(run, clips), held_out(run, clips)
    assert not (learnt & held).any()
    heard = {sentence_of(c) for c, is_in in zip(clips, learnt, strict=True) if is_in}
    assert heard == {"a01", "a04"}
    unheard = {sentence_of(c) for c, m in zip(clips, second_sentences(clips), strict=True) if m}
    assert unheard == {"a02", "b10"}


def test_clips_without_a_sentence_are_kept() -> None:
    sounds = [clip("generated", f"noise {i}", f"g{i}") for i in range(4)]
    assert not second_sentences(sounds).any()


def test_plan_names_every_run_once() -> None:
    runs = plan(["corpus0", "corpus1", "generated"])
    names = [run.name for run in runs]
    assert names[:5] == [f"fold{k}" for k in range(5)]
    assert {"without-corpus0", "without-corpus1", "without-composite", "fold0-seed2"} <= set(names)
    assert "without-generated" not in names
    assert len(names) == len(set(names))
