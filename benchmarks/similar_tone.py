"""Whether search and clusters find the tone or the speaker, in each space, by people's labels.

    python -m benchmarks.similar_tone --data FOLDER --engine DIR_OR_NAME [--corpora emodb,nemo]

FOLDER holds recordings and a manifest.csv as training/README.md says. Each corpus is measured by itself,
as it is (`balanced`: every speaker shows every emotion) and with most clips of all but one emotion of
each speaker left out (`mostly_one`; seeded). A figure's name is corpus, version, space and measure:
`precision_at_10` of the same emotion among the nearest clips of other speakers (mean over emotions;
ratio against random neighbours), `ami_emotions` and `ami_speakers` of K-Means with as many clusters.
Use an engine that never heard the corpus: what it was trained on, it knows.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure

AT = 10
MOSTLY = 0.8  # share of a speaker's one emotion
BALANCED, MOSTLY_ONE = "balanced", "mostly_one"
Floats = NDArray[np.float32]
Names = NDArray[np.str_]


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--engine", required=True, help="a name, or a model directory")
    parser.add_argument("--corpora", help="only these, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from core.engines.registry import Registry
    from training.data import load_clips

    wanted = set(options.corpora.split(",")) if options.corpora else None
    clips = [c for c in load_clips(options.data) if wanted is None or c.corpus in wanted]
    engine = Registry().load(options.engine)
    known = Registry().trained_on(options.engine)
    told = sum(clip.sha256 in known for clip in clips) if known is not None else None
    print(f"{len(clips)} clips, of which the engine was trained on {told}", file=sys.stderr)
    embeddings = heard(engine, [clip.waveform for clip in clips])
    corpora = np.array([clip.corpus for clip in clips])
    emotions = np.array([str(clip.emotion) for clip in clips])
    speakers = np.array([clip.speaker for clip in clips])
    for corpus in sorted(set(corpora.tolist())):
        mine = np.flatnonzero(corpora == corpus)
        fewer = mine[mostly_one(emotions[mine], speakers[mine], options.seed)]
        for version, rows in ((BALANCED, mine), (MOSTLY_ONE, fewer)):
            measured = measure(embeddings[rows], emotions[rows], speakers[rows], options.seed)
            for space, figures in measured.items():
                show(f"{corpus}_{version}_{space}", figures, len(rows))


def heard(engine: Any, waveforms: Sequence[Floats]) -> Floats:
    """Returns the mean embedding of each clip, shape `(n_clips, n_dims)`.

    They are kept beside other measurements, by engine and clips.
    """
    from core.settings import measurements

    name = hashlib.sha256(engine.engine_id.encode())
    for waveform in waveforms:
        name.update(waveform.tobytes())
    kept = measurements() / f"similar_tone-{name.hexdigest()[:16]}.npy"
    if kept.is_file():
        stored: Floats = np.load(kept, allow_pickle=False)
        return stored
    found = [engine.run(w[np.newaxis])[0].embeddings.mean(axis=0) for w in waveforms]
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, np.stack(found).astype(np.float32))
    return np.stack(found).astype(np.float32)


def mostly_one(emotions: Names, speakers: Names, seed: int = 0) -> NDArray[np.intp]:
    """Returns the rows of a version in which four fifths of each speaker's clips are one emotion.

    The emotions are dealt to the speakers in turn, among those that the speaker has most clips of;
    all clips of it stay, and of the others as many as leave it four fifths, drawn at random.
    """
    random = np.random.default_rng(seed)
    classes, kept = list(random.permutation(np.unique(emotions))), []
    for number, speaker in enumerate(random.permutation(np.unique(speakers))):
        mine = np.flatnonzero(speakers == speaker)
        turn = [classes[(number + i) % len(classes)] for i in range(len(classes))]
        there = [c for c in turn if (emotions[mine] == c).sum() >= 3] or turn
        own = mine[emotions[mine] == there[0]]
        others = np.setdiff1d(mine, own)
        n_others = min(len(others), round(len(own) * (1 - MOSTLY) / MOSTLY))
        kept.append(np.concatenate([own, random.choice(others, n_others, replace=False)]))
    return np.sort(np.concatenate(kept)).astype(np.intp)


def measure(
    embeddings: Floats, emotions: Names, speakers: Names, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Returns for each space the precision and its chance, and the clusters' agreements.

    Args:
        embeddings: shape `(n_clips, n_dims)`.
        emotions: shape `(n_clips,)`, by people.
        speakers: shape `(n_clips,)`.
        seed: of K-Means.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_mutual_info_score

    from core.explore.space import SpaceKind, SpaceSettings, fit

    found = {}
    for kind in SpaceKind:
        names = speakers.tolist()
        vectors = fit(embeddings, SpaceSettings(kind), names).apply(embeddings, names)
        precision, chance = precision_at_10(vectors, emotions, speakers)
        k = len(np.unique(emotions))
        labels = KMeans(k, n_init=10, random_state=seed).fit_predict(vectors)
        found[str(kind)] = {
            "precision_at_10": precision,
            "chance": chance,
            "ami_emotions": float(adjusted_mutual_info_score(emotions, labels)),
            "ami_speakers": float(adjusted_mutual_info_score(speakers, labels)),
        }
    return found


def precision_at_10(vectors: Floats, emotions: Names, speakers: Names) -> tuple[float, float]:
    """Returns the share of the ten nearest clips of other speakers with the same emotion, and chance.

    Both are means over emotions of the means over clips. A clip whose ten nearest cannot be filled
    from other speakers counts with those there are.
    """
    from core.explore.neighbours import nearest

    right, random = np.empty(len(vectors)), np.empty(len(vectors))
    for speaker in np.unique(speakers):
        own = speakers == speaker
        rows, _ = nearest(vectors, vectors[own], AT, own)
        right[own] = (emotions[rows] == emotions[own][:, np.newaxis]).mean(axis=1)
        random[own] = [(emotions[~own] == emotion).mean() for emotion in emotions[own]]
    classes = np.unique(emotions)
    means = [[values[emotions == c].mean() for c in classes] for values in (right, random)]
    return float(np.mean(means[0])), float(np.mean(means[1]))


def show(name: str, figures: dict[str, float], n_clips: int) -> None:
    """Prints the figures of one space as lines of JSON."""
    precision, chance = figures["precision_at_10"], figures["chance"]
    Figure(
        f"{name}_precision_at_10",
        round(precision, 3),
        "share of the 10 nearest",
        f"random neighbours: {chance:.3f}",
        round(precision / chance, 2) if chance else None,
        n_clips,
    ).show()
    for measure_name in ("ami_emotions", "ami_speakers"):
        Figure(
            f"{name}_{measure_name}", round(figures[measure_name], 3), "AMI", limit=n_clips
        ).show()


if __name__ == "__main__":
    main()
