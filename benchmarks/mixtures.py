"""Recordings put together from clips of which it is known who speaks, and how it sounds.

The clips are those of a folder with a `manifest.csv` (columns `file`, `corpus`, `speaker`,
`emotion`). Each is cut to what lies between the first and the last speech that Silero VAD finds in the
clip alone, and this is the truth: so it says little about speech missed, as the same detector is used
later, and all about who is taken for whom. Pauses inside a clip count as speech.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from core.audio.decode import SAMPLE_RATE, open_audio
from core.audio.speech import SpeechDetector
from core.records import Floats, Turn
from core.settings import PROJECT_ROOT, Conditioning

SPEECH = PROJECT_ROOT.parent / "shared" / "data" / "speech"
LONG = PROJECT_ROOT.parent / "shared" / "data" / "fixtures" / "long"
RATE = SAMPLE_RATE


@dataclass(frozen=True)
class Clip:
    """One clip of one person and one emotion."""

    path: Path
    corpus: str
    speaker: str
    emotion: str


@dataclass(frozen=True)
class Mixture:
    """Samples, shape `(n_samples,)`, and who speaks when."""

    samples: Floats
    turns: tuple[Turn, ...]


def clips(folder: Path = SPEECH) -> list[Clip]:
    """Returns the clips of a folder, in the order of its manifest."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [Clip(folder / r["file"], r["corpus"], r["speaker"], r["emotion"]) for r in rows]


@cache
def trimmed(path: Path) -> Floats:
    """Returns the samples of a clip from its first speech to its last; none without speech."""
    with open_audio(path) as audio:
        samples = np.concatenate(list(audio.samples()))
    detector = SpeechDetector(Conditioning())
    detector.feed(samples)
    speech = detector.finish()
    if not speech:
        return samples[:0]
    return samples[round(speech[0].start_s * RATE) : round(speech[-1].end_s * RATE)]


def conversation(
    pool: Sequence[Clip],
    n_speakers: int,
    seconds: float,
    rng: np.random.Generator,
    overlap: float = 1 / 7,
) -> Mixture:
    """Returns a made-up conversation of some speakers of a corpus.

    A turn is one to three clips of one person with pauses of 0.1 to 0.4 s; then another follows
    after a pause of up to 0.8 s, or, with the probability `overlap`, begins up to 0.8 s before the end.
    """
    names = sorted({clip.speaker for clip in pool})
    chosen = rng.choice(names, n_speakers, replace=False)
    mine = {name: [clip for clip in pool if clip.speaker == name] for name in chosen}
    samples = np.zeros(round((seconds + 60) * RATE), np.float32)
    turns: list[Turn] = []
    at, end, last = round(0.5 * RATE), 0, None
    while at < seconds * RATE:
        who = str(rng.choice([name for name in chosen if name != last]))
        for _ in range(rng.integers(1, 4)):
            sound = trimmed(mine[who][rng.integers(len(mine[who]))].path)
            if not len(sound):
                continue
            sound = 0.1 * sound / max(1e-4, float(np.sqrt((sound**2).mean())))
            samples[at : at + len(sound)] += sound
            end = at + len(sound)
            turns.append(Turn(who, at / RATE, end / RATE))
            at = end + round(rng.uniform(0.1, 0.4) * RATE)
        if turns and turns[-1].speaker != who:
            continue
        early = rng.random() < overlap
        at = end + round((-min(0.8, len(sound) / RATE / 2) if early else 0.8) * rng.random() * RATE)
        last = who
    noise = 10 ** (-60 / 20) * rng.standard_normal(end + RATE // 2)
    mixed = samples[: len(noise)] + noise
    peak = float(np.abs(mixed).max())
    return Mixture((mixed / max(1.0, peak)).astype(np.float32), tuple(turns))
