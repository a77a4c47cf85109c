"""Makes data/models/compact again: `python -m training.train --data FOLDER`."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.engines.base import Floats, Windowing
from core.engines.whisper_encoder import WhisperEncoder
from training.bundle import with_read_out, write_bundle
from training.calibrate import (
    MIN_REGIONS,
    WIDTHS_S,
    calibration_table,
    measure,
    regions,
    used_temperatures,
)
from training.card import write_card
from training.data import Clip, balancing_weights, load_clips
from training.features import WINDOW_S, Cells, taken
from training.figures import by_corpus, by_speaker
from training.fit import PENALTY, Passes, passes_of, read_out
from training.nonspeech import N_NONSPEECH, nonspeech_clips
from training.pretrained import pretrained_encoder
from training.splits import N_FOLDS, folds_of

WINDOWING = Windowing(window_s=WINDOW_S, overlap_s=2.0)
RESULTS = Path(__file__).parent / "results" / "frozen_head.json"


@dataclass(frozen=True)
class HeldOut:
    """What heads that never heard a clip's speaker say of it.

    Attributes:
        folds: shape `(n_clips,)`.
        answers: for each pass, shape `(n_clips,)`: the emotion answered.
        cell_logits: for each pass, shape `(n_cells, n_classes)`.
    """

    folds: NDArray[np.int64]
    answers: list[NDArray[np.str_]]
    cell_logits: list[Floats]


def make(
    encoder: WhisperEncoder,
    clips: Sequence[Clip],
    out: Path,
    results: Path,
    cache: Path,
    seed: int,
    n_folds: int = N_FOLDS,
    excluded: Sequence[str] = (),
    penalty: float = PENALTY,
) -> dict[str, Any]:
    """Trains, measures on held-out speakers, writes the model's directory; returns the figures."""
    kept = np.array([clip.speaker not in excluded for clip in clips])
    runs = [cells.part(kept) for cells in taken(encoder, clips, seed, cache)]
    clips = [clip for clip in clips if clip.speaker not in excluded]
    reads = encoder.shape.reads
    passes = passes_of(clips, runs, reads)
    held = _hold_out(passes, runs, reads, n_folds, seed, penalty)
    head = passes.fit(penalty)
    weights = np.tile(balancing_weights(passes.corpora, passes.emotions), len(runs))
    found = read_out(head, np.concatenate(passes.features), weights, encoder.shape.n_embedded)
    by_width = {
        width: regions(held.cell_logits[1], runs[1], clips, held.folds, head.classes, width)
        for width in WIDTHS_S
    }
    widths = {str(w): measure(r) for w, r in by_width.items() if len(r.truth) >= MIN_REGIONS}
    corpora, emotions = passes.corpora.tolist(), passes.emotions.tolist()
    figures = {
        "seed": seed,
        "n_clips": len(clips),
        "reads": list(reads),
        "pairs_from": encoder.shape.pairs_from,
        "folds": n_folds,
        "penalty": penalty,
        "alone": by_corpus(corpora, emotions, held.answers[0].tolist()),
        "in_windows": by_corpus(corpora, emotions, held.answers[1].tolist()),
        "speakers": by_speaker(passes.corpora, passes.speakers, held.answers[0] == passes.emotions),
        "calibration": widths,
        "used_temperatures": used_temperatures(widths),
    }
    calibration = calibration_table(widths, WINDOWING.window_s)
    network = with_read_out(encoder, found)
    write_bundle(out, network, head.classes, WINDOWING, calibration, clips)
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_card(out, figures, clips)
    return figures


def _hold_out(
    passes: Passes,
    runs: Sequence[Cells],
    reads: Sequence[int],
    n_folds: int,
    seed: int,
    penalty: float,
) -> HeldOut:
    folds = passes.folds(n_folds, seed)
    n_classes = len(set(passes.emotions.tolist()))
    answers = [np.empty_like(passes.emotions) for _ in runs]
    logits = [np.zeros((len(cells.clip), n_classes), np.float32) for cells in runs]
    for fold in range(n_folds):
        held = folds == fold
        head = passes.part(~held).fit(penalty)
        for i, cells in enumerate(runs):
            answered = head.logits(passes.features[i][held]).argmax(axis=1)
            answers[i][held] = np.array(head.classes)[answered]
            mine = held[cells.clip]
            logits[i][mine] = head.logits(cells.read(reads)[mine])
    return HeldOut(folds, answers, logits)


def main() -> None:
    """Reads the command line, trains, prints the figures by corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--wheels", type=Path, help="folder of the wheels, if they are here")
    parser.add_argument("--out", type=Path, default=Path("data/models/compact"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "tonescope")
    parser.add_argument("--exclude-speaker", action="append", default=[], metavar="SPEAKER")
    parser.add_argument("--exclude-corpus", action="append", default=[], metavar="CORPUS")
    parser.add_argument("--exclude-fold", type=int, choices=range(N_FOLDS), help="of training.runs")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(2)
    args.cache.mkdir(parents=True, exist_ok=True)
    encoder = pretrained_encoder(args.cache, args.wheels)
    clips = [*load_clips(args.data), *nonspeech_clips(N_NONSPEECH, args.seed)]
    left_out = {
        clip.speaker
        for clip, fold in zip(clips, folds_of(clips), strict=True)
        if clip.corpus in args.exclude_corpus or fold == args.exclude_fold
    }
    figures = make(
        encoder,
        clips,
        args.out,
        args.results,
        args.cache,
        args.seed,
        excluded=[*args.exclude_speaker, *left_out],
    )
    for corpus, row in figures["alone"].items():
        in_windows = figures["in_windows"][corpus]["uar"]
        print(
            f"{corpus}: UAR {row['uar']:.3f} alone, {in_windows:.3f} in windows, WA {row['wa']:.3f}"
        )


if __name__ == "__main__":
    main()
