"""Who is learnt from, and who is measured: folds of speakers, corpora and sentences left out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data import Clip, speaker_folds
from training.nonspeech import CORPUS

N_FOLDS = 5
# Where a corpus's file names tell the sentence, by the corpora's own documentation.
SENTENCES = {
    "crema-d": re.compile(r"_\d{4}_([A-Z]{3})_"),
    "emodb": re.compile(r"_\d\d([ab]\d\d)[A-Z]"),
    "nemo": re.compile(r"_(\d+)\.\w+$"),
    "ravdess": re.compile(r"_(?:\d\d-){4}(\d\d)-\d\d-\d\d"),
}

# Who speaks in the recordings that a timeline is checked on.
COMPOSITE = ("emodb_08", "emodb_11", "emodb_16")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """A run: its name, whom it holds out, its seed.

    Attributes:
        fold: the speaker fold held out; `corpus`: the corpus held out; `speakers`: those held
            out.
        seed: of the generated sounds and of the windows.
        half_the_sentences: whether it learns from every second sentence of a corpus only.
    """

    name: str
    fold: int | None = None
    corpus: str | None = None
    speakers: tuple[str, ...] = ()
    seed: int = 0
    half_the_sentences: bool = False


def folds_of(clips: Sequence[Clip]) -> NDArray[np.int64]:
    """Returns the speaker-disjoint fold of each clip."""
    speakers = [clip.speaker for clip in clips]
    return speaker_folds(speakers, [clip.corpus for clip in clips], N_FOLDS, seed=0)


def held_out(run: Run, clips: Sequence[Clip]) -> Mask:
    """Returns which clips the run is measured on, shape `(n_clips,)`."""
    if run.fold is not None:
        return folds_of(clips) == run.fold
    if run.corpus is not None:
        return np.array([clip.corpus == run.corpus for clip in clips])
    return np.isin([clip.speaker for clip in clips], run.speakers)


def learnt_from(run: Run, clips: Sequence[Clip]) -> Mask:
    """Returns which clips the run learns from, shape `(n_clips,)`: never one it is measured on."""
    learnt = ~held_out(run, clips)
    return learnt & ~second_sentences(clips) if run.half_the_sentences else learnt


def sentence_of(clip: Clip) -> str | None:
    """Returns the sentence as the file's name has it, None where it tells none."""
    pattern = SENTENCES.get(clip.corpus)
    found = pattern.search(clip.file) if pattern else None
    return found[1] if found else None


def second_sentences(clips: Sequence[Clip]) -> Mask:
    """Returns which clips speak every second sentence of their corpus, shape `(n_clips,)`."""
    sentences = [(clip.corpus, sentence_of(clip)) for clip in clips]
    told = {(corpus, sentence) for corpus, sentence in sentences if sentence is not None}
    chosen = set()
    for corpus in {corpus for corpus, _ in told}:
        chosen.update(sorted(pair for pair in told if pair[0] == corpus)[1::2])
    return np.array([pair in chosen for pair in sentences], bool)


def plan(corpora: Sequence[str]) -> list[Run]:
    """Returns all runs, the most telling first."""
    folds = [Run(f"fold{k}", fold=k) for k in range(N_FOLDS)]
    left_out = [Run(f"without-{c}", corpus=c) for c in sorted(set(corpora) - {CORPUS})]
    seeds = [Run(f"fold0-seed{seed}", fold=0, seed=seed) for seed in (1, 2)]
    sentences = Run("fold0-sentences", fold=0, half_the_sentences=True)
    unheard = Run("without-composite", speakers=COMPOSITE)
    return [*folds, *left_out, unheard, *seeds, sentences]
