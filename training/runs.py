"""Runs with a name: train on some speakers, measure on the others, keep the result.

`python -m training.runs --data FOLDER [NAME ...]` does the runs that are named (all of them, if
none is), in the order of the plan. A run whose result is there already, of the same clips and
configuration, is skipped; one that was stopped goes on from its last epoch.
"""

import argparse
import dataclasses
import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.engines.base import Floats
from core.engines.whisper_encoder import WhisperEncoder
from training.data import Clip, balancing_weights, load_clips
from training.features import Cells, clip_cells, pool
from training.figures import by_corpus
from training.finetune import Config, Split, Upper, cells_of, sampled_features, train
from training.fit import Head, fit_head, read_out
from training.lower import FORMAT, Copy, Recipe, make_copy
from training.nonspeech import nonspeech_clips
from training.pretrained import pretrained_encoder
from training.search import search_figures
from training.splits import Run, held_out, learnt_from, plan, second_sentences

WINDOW_S = 10.0
N_NONSPEECH = 480
N_SAMPLED = 1500
RESULTS = Path(__file__).parent / "results" / "runs"
# Clips alone and in windows as they are, which are measured on too, then alone and changed.
RECIPES = (
    Recipe(None, augmented=False, seed=0),
    Recipe(WINDOW_S, augmented=False, seed=0),
    Recipe(None, augmented=True, seed=1),
)


@dataclass(frozen=True)
class Material:
    """Clips, and what the frozen encoder makes of them.

    Attributes:
        copies: one a recipe.
        cells: of the clips alone and in windows, through the whole frozen encoder.
    """

    encoder: WhisperEncoder
    clips: Sequence[Clip]
    copies: Sequence[Copy]
    cells: Sequence[Cells]

    @cached_property
    def frozen(self) -> list[Floats]:
        """Mean features of each clip, `(n_clips, n_features)`, alone and in windows."""
        reads = self.encoder.shape.reads
        return [pool(cells.read(reads), cells.n_frames, cells.clip) for cells in self.cells]

    @property
    def corpora(self) -> NDArray[np.str_]:
        """Corpus of each clip."""
        return np.array([clip.corpus for clip in self.clips])

    @property
    def speakers(self) -> NDArray[np.str_]:
        """Speaker of each clip."""
        return np.array([clip.speaker for clip in self.clips])

    @property
    def emotions(self) -> NDArray[np.str_]:
        """Emotion of each clip."""
        return np.array([str(clip.emotion) for clip in self.clips])

    def held(self, run: Run) -> NDArray[np.bool_]:
        """Which clips the run holds out."""
        return held_out(run, self.clips)

    def learnt(self, run: Run) -> NDArray[np.bool_]:
        """Which clips the run learns from."""
        return learnt_from(run, self.clips)


def gather(
    data: Path, cache: Path, wheels: Path | None, config: Config, with_copies: bool = True
) -> Material:
    """Returns the clips of a folder with generated sounds, and their copies, from the cache."""
    encoder = pretrained_encoder(cache, wheels)
    clips = [*load_clips(data), *nonspeech_clips(N_NONSPEECH, seed=0)]
    return prepare(encoder, clips, cache, config, RECIPES if with_copies else ())


def prepare(
    encoder: WhisperEncoder,
    clips: Sequence[Clip],
    cache: Path,
    config: Config,
    recipes: Sequence[Recipe] = RECIPES,
) -> Material:
    """Returns what every run is made of."""
    return Material(
        encoder=encoder,
        clips=clips,
        copies=[make_copy(encoder, config.n_frozen, clips, r, cache) for r in recipes],
        cells=[clip_cells(encoder, clips, w, 0, cache) for w in (None, WINDOW_S)],
    )


def key_of(run: Run, material: Material, settings: object) -> str:
    """Returns a hash of all that decides the run's result beside the code."""
    told = repr((FORMAT, run, settings, RECIPES, material.encoder.shape))
    key = hashlib.sha256(told.encode())
    for clip in material.clips:
        key.update((clip.sha256 or clip.file).encode())
    return key.hexdigest()[:16]


def execute(
    run: Run, material: Material, config: Config, results: Path, cache: Path
) -> dict[str, Any]:
    """Trains, measures what was held out, writes NAME.json and NAME.npz; returns the figures."""
    config = dataclasses.replace(config, seed=run.seed)
    key = key_of(run, material, config)
    path = results / f"{run.name}.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["key"] == key:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    started = time.monotonic()
    held, learnt = material.held(run), material.learnt(run)
    probe = linear_probe(material, learnt, config.penalty)
    tuned = tuned_by(run, material, config, cache, probe)
    trained_s = time.monotonic() - started
    figures: dict[str, Any] = {
        "name": run.name,
        "key": key,
        "held_out": _told(run),
        "config": dataclasses.asdict(config),
        "n_train": int(learnt.sum()),
        "n_held_out": int(held.sum()),
    }
    results.mkdir(parents=True, exist_ok=True)
    if held.any():
        figures |= _measure(run, material, tuned, results)
    figures["seconds"] = {
        "training": round(trained_s),
        "measuring": round(time.monotonic() - started - trained_s),
    }
    path.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    return figures


def linear_probe(material: Material, chosen: NDArray[np.bool_], penalty: float) -> Head:
    """Returns the linear head of the frozen encoder, fitted on the chosen clips."""
    corpora, emotions = material.corpora[chosen], material.emotions[chosen]
    features = [material.frozen[i][chosen] for i in (0, 1)]
    weights = balancing_weights(corpora.tolist(), emotions.tolist())
    return fit_head(
        np.concatenate(features), np.tile(emotions, 2).tolist(), np.tile(weights, 2), penalty
    )


def tuned_by(run: Run, material: Material, config: Config, cache: Path, probe: Head) -> Upper:
    """Returns the run's fine-tuned blocks and head, from its checkpoint if it is finished."""
    learnt = material.learnt(run)
    weights = np.zeros(len(learnt))
    weights[learnt] = balancing_weights(
        material.corpora[learnt].tolist(), material.emotions[learnt].tolist()
    )
    columns = {name: i for i, name in enumerate(probe.classes)}
    labels = np.array([columns.get(str(emotion), 0) for emotion in material.emotions])
    split = Split(material.copies[::2], material.copies[1::2], labels, weights)
    config = dataclasses.replace(config, seed=run.seed)
    checkpoint = cache / f"{run.name}_{key_of(run, material, config)}.pt"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    start = Upper(material.encoder, config.n_frozen, probe).to(device)
    return train(start, split, config, checkpoint)


def projection_of(upper: Upper, material: Material, learnt: NDArray[np.bool_]) -> Any:
    """Returns the read-out of the tuned head; its other directions come from learnt clips."""
    head = upper.head()
    some = np.random.default_rng(0).permutation(np.flatnonzero(learnt))[:N_SAMPLED]
    features = sampled_features(upper, material.copies[0], some, 48)
    weights = balancing_weights(material.corpora[some].tolist(), material.emotions[some].tolist())
    return read_out(head, features, weights, material.encoder.shape.n_embedded)


def execute_frozen(run: Run, material: Material, penalty: float, results: Path) -> dict[str, Any]:
    """Measures the linear head on the frozen encoder, writes frozen/NAME.json; returns figures."""
    key = key_of(run, material, ("frozen", penalty))
    path = results / "frozen" / f"{run.name}.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["key"] == key:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    held, learnt = material.held(run), material.learnt(run)
    probe = linear_probe(material, learnt, penalty)
    known = held & np.isin(material.emotions, probe.classes)
    figures = {
        "name": run.name,
        "key": key,
        "held_out": _told(run),
        "penalty": penalty,
        "classes": list(probe.classes),
        "n_unknowable": int((held & ~known).sum()),
    }
    for i, name in enumerate(_passes(run)):
        logits = probe.logits(material.frozen[i][known])
        figures |= _figures(name, run, material, known, logits, probe)
    if run.corpus is not None:
        weights = balancing_weights(
            material.corpora[learnt].tolist(), material.emotions[learnt].tolist()
        )
        out = read_out(
            probe, material.frozen[0][learnt], weights, material.encoder.shape.n_embedded
        )
        embeddings = material.frozen[0][known] @ out.projection.T
        figures["search"] = search_figures(
            embeddings, material.emotions[known], material.speakers[known]
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    return figures


def _passes(run: Run) -> tuple[str, ...]:
    # Of a corpus or of sentences left out, clips alone tell enough.
    is_plain = run.corpus is None and not run.half_the_sentences
    return ("alone", "in_windows") if is_plain else ("alone",)


def _told(run: Run) -> dict[str, Any]:
    return {"fold": run.fold, "corpus": run.corpus, "speakers": list(run.speakers)}


def _measure(run: Run, material: Material, tuned: Upper, results: Path) -> dict[str, Any]:
    held = material.held(run)
    head = tuned.head()
    # What no training clip shows cannot be answered: it is counted apart, not as wrong.
    known = held & np.isin(material.emotions, head.classes)
    figures: dict[str, Any] = {
        "classes": list(head.classes),
        "n_unknowable": int((held & ~known).sum()),
    }
    pooled = []
    for i, name in enumerate(_passes(run)):
        cells = cells_of(tuned, material.copies[i], known)
        values = cells.read((0,))
        pooled.append(pool(values, cells.n_frames, np.unique(cells.clip, return_inverse=True)[1]))
        figures |= _figures(name, run, material, known, head.logits(pooled[i]), head)
    if run.half_the_sentences:
        return figures
    if run.corpus is None:
        np.savez_compressed(
            results / f"{run.name}.npz",
            logits=head.logits(values).astype(np.float16),
            n_frames=cells.n_frames.astype(np.uint8),
            clip=cells.clip.astype(np.uint16),
        )
    else:
        out = projection_of(tuned, material, material.learnt(run))
        figures["search"] = search_figures(
            pooled[0] @ out.projection.T, material.emotions[known], material.speakers[known]
        )
    return figures


def _figures(
    name: str, run: Run, material: Material, chosen: NDArray[np.bool_], logits: Floats, head: Head
) -> dict[str, Any]:
    answers = np.array(head.classes)[logits.argmax(axis=1)]
    corpora, emotions = material.corpora[chosen], material.emotions[chosen]
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
    parser.add_argument("--frozen", action="store_true", help="the linear head alone, no training")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.cache.mkdir(parents=True, exist_ok=True)
    config = Config()
    material = gather(args.data, args.cache, args.wheels, config, with_copies=not args.frozen)
    runs = {run.name: run for run in plan(material.corpora.tolist())}
    if args.frozen:
        runs = {
            name: run for name, run in runs.items() if material.held(run).any() and not run.seed
        }
    unknown = sorted(set(args.names) - runs.keys())
    if unknown:
        parser.error(f"unknown runs {', '.join(unknown)}; there are {', '.join(runs)}")
    for name in args.names or runs:
        if args.frozen:
            figures = execute_frozen(runs[name], material, config.penalty, args.results)
        else:
            figures = execute(runs[name], material, config, args.results, args.cache)
        told = (f"{corpus} {row['uar']:.3f}" for corpus, row in figures.get("alone", {}).items())
        print(f"{name}: {', '.join(told) or 'nothing held out'}", flush=True)


if __name__ == "__main__":
    main()
