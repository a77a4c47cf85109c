"""A folder of recordings with a manifest, as clips to train on."""

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.emotions import EMOTIONS, Emotion
from core.engines.base import SAMPLE_RATE, Floats

COLUMNS = ("file", "corpus", "speaker", "emotion", "language", "license")
RARE = 40


class DataError(Exception):
    """The folder, its manifest or one of its recordings cannot be trained on."""


@dataclass(frozen=True)
class Clip:
    """One recording of one speaker who acts one emotion, or one generated sound."""

    file: str
    corpus: str
    speaker: str
    emotion: Emotion
    language: str
    license: str
    waveform: Floats
    sha256: str


def load_clips(folder: Path) -> list[Clip]:
    """Returns the clips that `manifest.csv` lists, in its order.

    Raises:
        DataError: a column is missing, an emotion is none of the nine, or a file cannot be read
            as 16 kHz mono.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise DataError(f"{folder} holds no manifest.csv: give the folder that has one")
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    missing = [column for column in COLUMNS if not rows or column not in rows[0]]
    if missing:
        raise DataError(f"{manifest} has no rows with the columns {missing}: add them")
    return [_clip(folder, row) for row in rows]


def _clip(folder: Path, row: dict[str, str]) -> Clip:
    path = folder / row["file"]
    if row["emotion"] not in EMOTIONS:
        raise DataError(f"{row['file']} has the emotion {row['emotion']!r}, use one of the nine")
    try:
        data = path.read_bytes()
        waveform, sample_rate = soundfile.read(path, dtype="float32")
    except (OSError, soundfile.LibsndfileError) as error:
        raise DataError(f"{row['file']} cannot be read ({error}): mend or unlist it") from error
    if sample_rate != SAMPLE_RATE or waveform.ndim != 1:
        raise DataError(f"{row['file']} is not 16 kHz mono: convert it first")
    return Clip(
        file=row["file"],
        corpus=row["corpus"],
        speaker=row["speaker"],
        emotion=Emotion(row["emotion"]),
        language=row["language"],
        license=row["license"],
        waveform=waveform,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def balancing_weights(
    corpora: Sequence[str], emotions: Sequence[str], rare: int = RARE
) -> NDArray[np.float64]:
    """Returns one weight a clip, of mean 1, so that every emotion of every corpus weighs the same.

    An emotion with fewer than `rare` clips in a corpus weighs by what it has: three clips must
    not count as much as seven hundred.
    """
    cells = list(zip(corpora, emotions, strict=True))
    sizes = Counter(cells)
    weights = np.array([1.0 / max(sizes[cell], rare) for cell in cells])
    return weights / weights.mean()


def speaker_folds(
    speakers: Sequence[str], corpora: Sequence[str], n_folds: int, seed: int
) -> NDArray[np.int64]:
    """Returns the fold of each clip; a speaker lies in one fold, a corpus is spread over all."""
    rng = np.random.default_rng(seed)
    corpus_of = dict(zip(speakers, corpora, strict=True))
    fold_of: dict[str, int] = {}
    # The next corpus goes on where the last one ended, so that the folds stay alike in size.
    start = 0
    for corpus in sorted(set(corpora)):
        members = sorted(speaker for speaker in corpus_of if corpus_of[speaker] == corpus)
        for i, k in enumerate(rng.permutation(len(members))):
            fold_of[members[k]] = (start + i) % n_folds
        start += len(members)
    return np.array([fold_of[speaker] for speaker in speakers])
