"""A head of one's own against the engine's, on speakers without a single label.

    python -m benchmarks.own_head --data FOLDER --engine DIR_OR_NAME [--corpus NAME] [--repeats 5]

FOLDER holds recordings and a `manifest.csv` (`file, speaker, emotion`, perhaps `corpus`); a clip is one
segment, read out over its speech as a stored segment is. Half of the speakers may be labelled, the
others are what the heads are judged on; this is repeated with other halves. `own_head_WAY_N` is the UAR
with N labels a class on average (N times the number of classes in all): `random` draws them, `diverse`
spreads them over the embeddings, `uncertain` takes the least margins, first of the engine, then of the
head so far, in five rounds. The engine's own head may choose among the same classes. It must never have
heard the corpus: clips that its directory lists as training files are counted (`in_training`), and with
any the figures say nothing.

`--told` asks another thing: what `calibrate` tells of a head from the labelled speakers alone
(`told_N`), beside what the head then does on the others (`found_N`).
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure
from core.engines.registry import Registry
from core.errors import HeadError
from core.learn import heads
from core.learn.calibrating import calibrate, engine_answers
from core.learn.heads import Labelled
from core.learn.picking import Way, pick
from core.learn.scoring import recall_of
from core.pipeline import Pipeline
from core.provenance import sha256_of
from core.timeline.track import FrameChoice, Timeline

SIZES = (5, 10, 20, 40)
ROUNDS = 5
ON_THE_WAY = 0.01  # strength of the heads that only pick


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--engine", default="compact", help="a name, or a model directory")
    parser.add_argument("--corpus", help="only the rows of this corpus")
    parser.add_argument("--repeats", type=int, default=5, help="halves of the speakers")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="labels per class")
    parser.add_argument("--most", type=int, help="clips, drawn at random (default: all)")
    parser.add_argument("--told", action="store_true", help="what `calibrate` tells, and finds")
    options = parser.parse_args()
    rows = _rows(options.data, options.corpus, options.most)
    labelled, scores, heard = read(rows, options.data, options.engine)
    Figure("in_training", heard, "clips", limit=len(labelled)).show()
    sizes = [int(size) for size in options.sizes.split(",")]
    measure = told if options.told else curves
    for figure in measure(labelled, scores, sizes, options.repeats):
        figure.show()


def curves(
    labelled: Labelled, scores: np.ndarray, sizes: list[int], repeats: int
) -> Iterator[Figure]:
    """Yields the UAR of the engine's head, and of one's own by way and number of labels.

    Args:
        labelled: the clips with their truth.
        scores: shape `(n_clips, 9)`, of the engine.
        sizes: labels per class.
        repeats: how many halves of the speakers.
    """
    classes = heads.classes_of(labelled.terms)
    said = engine_answers(scores, classes)
    if said is None:
        raise SystemExit("The manifest has emotions that are none of the nine; map them first.")
    found: dict[tuple[str, int], list[float]] = {}
    own = []
    for seed in range(repeats):
        pool, rest = halves(labelled, seed)
        own.append(recall_of(labelled.terms[rest], said[rest]))
        for way in Way:
            for size in sizes:
                uar = _one(labelled, scores, pool, rest, way, size * len(classes), seed)
                if uar is not None:
                    found.setdefault((str(way), size), []).append(uar)
    engine = float(np.mean(own))
    yield Figure("engine_uar", round(engine, 4), "UAR", limit=len(labelled))
    for (name, size), values in found.items():
        mean = float(np.mean(values))
        yield Figure(
            f"own_head_{name}_{size}", round(mean, 4), "UAR", "engine's head",
            round(mean / engine, 3), size,
        )  # fmt: skip


def told(
    labelled: Labelled, scores: np.ndarray, sizes: list[int], repeats: int
) -> Iterator[Figure]:
    """Yields the UAR that `calibrate` tells of a head, and that of the head on the other speakers.

    Takes the arguments of `curves`; labels are drawn at random, as `calibrate` asks for. A draw that
    `calibrate` takes no head from (a class has one segment only) does not count.
    """
    n_classes = len(heads.classes_of(labelled.terms))
    for size in sizes:
        pairs = []
        for seed in range(repeats):
            pool, rest = halves(labelled, seed)
            if size * n_classes > len(pool):
                continue
            taken = pool[np.random.default_rng(seed).permutation(len(pool))[: size * n_classes]]
            sample = labelled.part(taken)
            none = sample.part(np.zeros(0, np.intp))
            try:
                made = calibrate("benchmark", "benchmark", none, sample, scores[taken], seed=seed)
            except HeadError:
                continue
            answers, _, _ = made.head.answers(labelled.embeddings[rest])
            pairs.append((made.uar.value, recall_of(labelled.terms[rest], answers)))
        if pairs:
            says, does = np.mean(pairs, axis=0)
            yield Figure(f"told_{size}", round(float(says), 4), "UAR", limit=len(pairs))
            yield Figure(f"found_{size}", round(float(does), 4), "UAR", limit=len(pairs))


def halves(labelled: Labelled, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of half of the speakers, drawn at random, and those of the others."""
    people = np.unique(labelled.speakers)
    chosen = np.random.default_rng(seed).permutation(people)[: len(people) // 2]
    mine = np.isin(labelled.speakers, chosen)
    return np.flatnonzero(mine), np.flatnonzero(~mine)


def _one(
    labelled: Labelled,
    scores: np.ndarray,
    pool: np.ndarray,
    rest: np.ndarray,
    way: Way,
    n_labels: int,
    seed: int,
) -> float | None:
    """Returns the UAR on the other speakers, or None where there are not so many clips."""
    if n_labels > len(pool):
        return None
    points, known = labelled.embeddings[pool], scores[pool]
    taken = np.zeros(0, np.intp)
    rounds = ROUNDS if way is Way.UNCERTAIN else 1
    for number in range(rounds):
        more = n_labels * (number + 1) // rounds - len(taken)
        taken = np.concatenate([taken, pick(way, more, known, points, taken=taken, seed=seed)])
        if number + 1 < rounds:
            head = _fitted(labelled.part(pool[taken]), ON_THE_WAY)
            known = known if head is None else heads.softmax(head.logits(points))
    final = _fitted(labelled.part(pool[taken]))
    if final is None:  # labels of a single class: it answers that one always
        return 1 / len(np.unique(labelled.terms[rest]))
    answers = np.array(final.classes)[final.logits(labelled.embeddings[rest]).argmax(axis=1)]
    return recall_of(labelled.terms[rest], answers)


def _fitted(teaching: Labelled, strength: float | None = None) -> heads.Linear | None:
    terms, counts = np.unique(teaching.terms, return_counts=True)
    often = np.isin(teaching.terms, terms[counts >= heads.LEAST_OF_A_CLASS])
    if len(np.unique(teaching.terms[often])) < 2:
        return None
    return heads.fit(teaching.part(often), strength)


def read(rows: list[dict[str, str]], folder: Path, engine: str) -> tuple[Labelled, np.ndarray, int]:
    """Returns clips with embeddings, the engine's scores, and how many it was trained on."""
    registry = Registry()
    pipeline, trained = Pipeline(registry.load(engine)), registry.trained_on(engine) or frozenset()
    points, scores, terms, speakers, heard = [], [], [], [], 0
    for row in rows:
        path = folder / row["file"]
        found = pipeline.predict(path)
        if not found.segments:
            continue
        heard += sha256_of(path) in trained
        weights = [segment.n_frames for segment in found.segments]
        points.append(np.average([s.embedding for s in found.segments], axis=0, weights=weights))
        timeline = Timeline(found.track)
        span = timeline.utterance().span
        scores.append(timeline.read_out(span, FrameChoice.SPEECH).scores)
        terms.append(row["emotion"])
        speakers.append(row["speaker"])
    told = Labelled(np.array(points, np.float32), np.array(terms), np.array(speakers))
    return told, np.array(scores), heard


def _rows(folder: Path, corpus: str | None, most: int | None) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if corpus in (None, row.get("corpus"))]
    if most is not None:
        order = np.random.default_rng(0).permutation(len(rows))[:most]
        rows = [rows[number] for number in sorted(order)]
    return rows


if __name__ == "__main__":
    main()
