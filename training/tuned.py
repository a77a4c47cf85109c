"""A model with fine-tuned upper layers: `python -m training.tuned --data FOLDER --out DIRECTORY`.

It does the fold runs that are not there yet, and the final run, then writes the directory. With
`--run NAME` it writes what another run of the plan made, an engine that never heard whom that run
holds out.
"""

import argparse
import copy
import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.engines.base import Windowing
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
from training.features import Cells
from training.figures import pooled
from training.finetune import Config, Upper
from training.runs import (
    RESULTS,
    WINDOW_S,
    Material,
    execute,
    gather,
    linear_probe,
    projection_of,
    tuned_by,
)
from training.splits import N_FOLDS, Run, folds_of, plan

WINDOWING = Windowing(window_s=WINDOW_S, overlap_s=2.0)
FINAL = Run("final")


def make(
    material: Material,
    config: Config,
    out: Path,
    results: Path,
    cache: Path,
    run: Run = FINAL,
) -> dict[str, Any]:
    """Trains, writes the model's directory; returns the figures of held-out speakers.

    Args:
        material: the clips and what the frozen encoder makes of them.
        config: how to fine-tune.
        out: the model's directory.
        results: folder of the runs' results: fold runs that are there are not done again.
        cache: folder of the checkpoints.
        run: whose weights they are; its temperatures come of no clip that it holds out, the
            accuracies on the card are the folds'.
    """
    folds = [Run(f"fold{k}", fold=k) for k in range(N_FOLDS)]
    measured = [execute(fold, material, config, results, cache) for fold in folds]
    learnt = material.learnt(run)
    probe = linear_probe(material, learnt, config.penalty)
    tuned = tuned_by(run, material, config, cache, probe)
    figures: dict[str, Any] = {
        "config": dataclasses.asdict(config),
        "seed": config.seed,
        "n_tuned": len(material.encoder.blocks) - config.n_frozen,
        "reads": list(material.encoder.shape.reads),
        "pairs_from": material.encoder.shape.pairs_from,
        "folds": N_FOLDS,
        "calibration": _calibrated(folds, material, measured[0]["classes"], results, learnt),
    }
    for how in ("alone", "in_windows"):
        figures[how] = pooled([run[how] for run in measured])
    figures["used_temperatures"] = used_temperatures(figures["calibration"])
    calibration = calibration_table(figures["calibration"], WINDOWING.window_s)
    network = with_read_out(
        with_blocks(material.encoder, tuned, config.n_frozen),
        projection_of(tuned, material, learnt),
    )
    clips = [clip for clip, is_in in zip(material.clips, learnt, strict=True) if is_in]
    write_bundle(out, network, probe.classes, WINDOWING, calibration, clips)
    write_card(out, figures, clips)
    return figures


def with_blocks(encoder: WhisperEncoder, tuned: Upper, n_frozen: int) -> WhisperEncoder:
    """Returns the encoder with its upper blocks replaced by the tuned ones."""
    changed = copy.deepcopy(encoder)
    for i, block in enumerate(tuned.blocks):
        changed.blocks[n_frozen + i] = copy.deepcopy(block).cpu().requires_grad_(False)
    return changed


def _calibrated(
    folds: list[Run],
    material: Material,
    classes: Sequence[str],
    results: Path,
    learnt: NDArray[np.bool_],
) -> dict[str, dict[str, float]]:
    """Returns the calibration by width, from the cells that the fold runs held out."""
    parts = []
    for run in folds:
        with np.load(results / f"{run.name}.npz") as stored:
            parts.append({name: stored[name] for name in stored.files})
    clip = np.concatenate([part["clip"] for part in parts]).astype(np.int64)
    order = np.argsort(clip, kind="stable")
    order = order[learnt[clip[order]]]
    n_frames = np.concatenate([part["n_frames"] for part in parts])[order].astype(np.int64)
    logits = np.concatenate([part["logits"] for part in parts])[order].astype(np.float32)
    cells = Cells(np.zeros((len(order), 1, 0), np.float16), n_frames, clip[order])
    by_width = {
        width: regions(logits, cells, material.clips, folds_of(material.clips), classes, width)
        for width in WIDTHS_S
    }
    return {str(w): measure(r) for w, r in by_width.items() if len(r.truth) >= MIN_REGIONS}


def main() -> None:
    """Reads the command line, trains, prints the figures by corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--wheels", type=Path, help="folder of the wheels, if they are here")
    parser.add_argument("--out", type=Path, required=True, help="the model's directory")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "tonescope")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--run", default=FINAL.name, metavar="NAME", help="a run of the plan")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.cache.mkdir(parents=True, exist_ok=True)
    config = Config()
    material = gather(args.data, args.cache, args.wheels, config)
    runs = {run.name: run for run in plan(material.corpora.tolist())}
    if args.run not in runs:
        parser.error(f"unknown run {args.run}; there are {', '.join(runs)}")
    figures = make(material, config, args.out, args.results, args.cache, runs[args.run])
    for corpus, row in figures["alone"].items():
        in_windows = figures["in_windows"][corpus]["uar"]
        print(
            f"{corpus}: UAR {row['uar']:.3f} alone, {in_windows:.3f} in windows, WA {row['wa']:.3f}"
        )
    print(json.dumps(figures["used_temperatures"]))


if __name__ == "__main__":
    main()
