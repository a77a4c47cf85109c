"""The heads of a store: made from labels, kept, applied to what is stored without running a model."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.emotions import EMOTIONS
from core.errors import HeadError
from core.labels.terms import in_samples as in_samples
from core.labels.terms import terms_of as terms_of
from core.learn import calibrating
from core.learn.calibrating import Calibrated
from core.learn.head_files import read_head, write_head
from core.learn.heads import Head, Labelled, Names, softmax
from core.learn.picking import Way, pick
from core.plain import one_line
from core.records import BLOCK_S, Track
from core.store.corpus import Corpus, corpus, embeddings, read_outs
from core.store.corpus import speakers_of as speakers_of
from core.store.rows import MIX
from core.store.samples import Sample, sample, samples, write_sample
from core.store.schema import TABLES
from core.store.store import Store
from core.timeline.calibration import Doubles, scores_of

MOST_NAME = 80


def draw(
    store: Store, way: Way, n_wanted: int, engine: str = "compact", seed: int = 0, name: str = ""
) -> Sample:
    """Picks segments to label, keeps which, and returns them in the order of labelling.

    Segments that have a label, or were drawn at random before, are not picked.

    Args:
        store: where segments and labels are.
        way: how they are picked.
        n_wanted: how many.
        engine: whose segments: a name or an id.
        seed: of what is random.
        name: what the draw is for.

    Raises:
        StoreError: the engine has analysed nothing.
        HeadError: there is no segment left to label.
    """
    found = corpus(store, engine)
    taken = np.flatnonzero((terms_of(store, found) != "") | in_random_draw(store, found))
    scores = engine_scores(store, found)
    rows = pick(way, n_wanted, scores, embeddings(store, found), taken=taken, seed=seed)
    parameters = {
        "engine_id": found.engine_id,
        "way": str(way),
        "seed": seed,
        "n_of": len(found.segments) - len(taken),
        "data": found.version,
    }
    number = write_sample(store, name or f"{way} segments", parameters, found.segments.iloc[rows])
    return sample(store, number)


def make_head(
    store: Store,
    name: str,
    engine: str = "compact",
    *,
    annotators: Iterable[str] | None = None,
    accuracy: float | None = None,
    all_random: bool = False,
    seed: int = 0,
) -> Calibrated:
    """Fits a head on the labels of a store, keeps it, and returns it with its figures.

    Args:
        store: where segments and labels are.
        name: of the head.
        engine: whose embeddings: a name or an id.
        annotators: only their labels, by default everybody's; where they disagree the majority counts.
        accuracy: the head abstains where it would be right less often than this.
        all_random: whether all labels are a random sample, as where everything was labelled.
        seed: of the folds.

    Raises:
        StoreError: the engine has analysed nothing.
        HeadError: there are too few labels, or none from a random draw.
    """
    found = corpus(store, engine)
    terms = terms_of(store, found, annotators)
    random = in_random_draw(store, found) | all_random
    return fit_and_keep(
        store, found, terms, random, name, annotators=annotators, accuracy=accuracy, seed=seed
    )


def fit_and_keep(
    store: Store,
    found: Corpus,
    terms: Names,
    random: np.ndarray,
    name: str,
    *,
    annotators: Iterable[str] | None = None,
    accuracy: float | None = None,
    seed: int = 0,
) -> Calibrated:
    """Fits a head on terms of a corpus's segments, keeps it, and returns it with its figures.

    Args:
        store: where it goes.
        found: the corpus.
        terms: shape `(n_segments,)`, empty where a segment has none.
        random: shape `(n_segments,)`, whether a segment belongs to the random sample.
        name: of the head.
        annotators: whose labels they are, for the card.
        accuracy: the head abstains where it would be right less often than this.
        seed: of the folds.

    Raises:
        HeadError: the name cannot be kept, or there are too few labels.
    """
    clean = one_line(name)
    if not 0 < len(clean) <= MOST_NAME:
        raise HeadError(f"A head needs a name of 1 to {MOST_NAME} characters; give one.")
    said = terms != ""
    points = embeddings(store, found)
    labelled = Labelled(points, terms, speakers_of(found.segments))
    card = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine_id": found.engine_id,
        "run_keys": list(found.run_keys),
        "annotators": sorted(annotators) if annotators else None,
        "unit": "segment",
    }
    made = calibrating.calibrate(
        clean,
        found.engine_id,
        labelled.part(np.flatnonzero(said & ~random)),
        labelled.part(np.flatnonzero(said & random)),
        engine_scores(store, found)[said & random],
        accuracy=accuracy,
        card=card,
        seed=seed,
    )
    keep(store, made.head)
    return made


def apply(store: Store, head: Head) -> pd.DataFrame:
    """Returns what a head says of every stored segment of its engine; no model runs.

    Returns:
        The rows of `store.corpus`, with `head_class`, `head_confidence` and `head_abstains`.

    Raises:
        StoreError: the engine has analysed nothing.
    """
    found = corpus(store, head.engine_id)
    classes, sure, silent = head.answers(embeddings(store, found))
    return found.segments.assign(head_class=classes, head_confidence=sure, head_abstains=silent)


def course(store: Store, head: Head, recording: str, beside: int = 0) -> pd.DataFrame:
    """Returns a head's scores over time of a stored recording, from its blocks; no model runs.

    Args:
        store: where the recording is.
        head: reads the blocks.
        recording: its SHA-256.
        beside: how many blocks of 0.5 s on either side are read together with each.

    Returns:
        A row for each 0.5 s of each channel: `channel`, `start_s`, `end_s`, `speech` (the share of it
        that is speech), and a column named `score_` and the class for each class.

    Raises:
        HeadError: its engine has no segment of this recording.
        StoreError: the engine has analysed nothing.
    """
    rows = corpus(store, head.engine_id).segments
    tracks = rows[rows["recording"] == recording][["channel", "track_key"]].drop_duplicates()
    names = [f"score_{name}" for name in head.classes]
    parts = []
    for channel, track_key in tracks.itertuples(index=False):
        track = store.track(recording, None if channel == MIX else int(channel), track_key)
        if track is None:
            continue
        scores = block_scores(head, track, beside)
        starts = track.offset_s + BLOCK_S * np.arange(len(scores))
        ends = np.minimum(starts + BLOCK_S, track.duration_s)
        frames = np.concatenate([[0], np.cumsum(track.block_frames)])
        spoken = np.concatenate([[0], np.cumsum(track.speech)])[frames]
        speech = np.diff(spoken) / np.maximum(track.block_frames, 1)
        places = {"channel": int(channel), "start_s": starts, "end_s": ends, "speech": speech}
        parts.append(pd.DataFrame(scores, columns=names).assign(**places))
    if not parts:
        raise HeadError(
            f"{head.engine_id} has no results of the recording {recording[:12]}; analyse it with "
            "this engine, or choose another recording."
        )
    return pd.concat(parts, ignore_index=True)[["channel", "start_s", "end_s", "speech", *names]]


def block_scores(head: Head, track: Track, beside: int = 0) -> Doubles:
    """Returns a head's scores over time, shape `(n_blocks, n_classes)`, one row for each 0.5 s.

    Args:
        head: of the track's engine.
        track: with its blocks.
        beside: how many blocks on either side are read together with each.

    Raises:
        HeadError: the track is of another engine.
    """
    if track.source.engine_id != head.engine_id:
        raise HeadError(
            f"The head {head.name!r} reads {head.engine_id}, and the track is of "
            f"{track.source.engine_id}; choose a track of that engine."
        )
    places = np.arange(len(track.block_frames))
    first, last = np.maximum(places - beside, 0), np.minimum(places + beside + 1, len(places))
    sums = np.cumsum(np.pad(track.block_sums, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    frames = np.concatenate([[0], np.cumsum(track.block_frames)])
    n_frames = np.maximum(frames[last] - frames[first], 1)
    means = (sums[last] - sums[first]) / n_frames[:, np.newaxis]
    return softmax(head.logits(means.astype(np.float32)) / head.temperature)


def keep(store: Store, head: Head) -> None:
    """Stores a head; nothing happens if these very numbers are there already."""
    about: dict[str, Any] = {"temperature": head.temperature, "threshold": head.threshold}
    row = {
        "head": head.key,
        "name": head.name,
        "engine_id": head.engine_id,
        "classes": list(head.classes),
        "weights": head.weight.ravel().tolist(),
        "bias": head.bias.tolist(),
        "card": json.dumps(about | {"card": head.card}, sort_keys=True, allow_nan=False),
        "made_at": datetime.now(UTC),
    }
    store.lake.merge("heads", pa.Table.from_pylist([row], schema=TABLES["heads"].schema))


def heads(store: Store, engine_id: str | None = None) -> list[Head]:
    """Returns the heads of a store, the newest first; of one engine or of all."""
    rows = sorted(
        store.lake.read("heads").to_pylist(), key=lambda r: (r["made_at"], r["head"]), reverse=True
    )
    return [_head(row) for row in rows if engine_id in (None, row["engine_id"])]


def head(store: Store, name: str) -> Head:
    """Returns the newest head of a name, or the one of a key.

    Raises:
        HeadError: there is none.
    """
    every = heads(store)
    for found in every:
        if name in (found.name, found.key):
            return found
    known = ", ".join(repr(found.name) for found in every[:10]) or "none"
    raise HeadError(f"There is no head {name[:80]!r} in the store, but {known}; make one first.")


def export_head(store: Store, name: str, folder: Path) -> tuple[Path, Path]:
    """Writes a head's card and numbers into a folder; returns both paths."""
    return write_head(head(store, name), folder)


def import_head(store: Store, folder: Path) -> Head:
    """Stores the head in a folder and returns it.

    Raises:
        HeadError: it is no head that can be believed.
    """
    found = read_head(folder)
    keep(store, found)
    return found


def engine_scores(store: Store, of: Corpus) -> Doubles:
    """Returns the engine's own raw scores of each segment of a corpus, shape `(n_segments, 9)`."""
    read = read_outs(store, of)
    if not len(read):
        return np.zeros((0, len(EMOTIONS)))
    logits = read[[str(emotion) for emotion in EMOTIONS]].to_numpy()
    return scores_of(logits, list(read["class_mask"].iloc[0]))


def in_random_draw(store: Store, of: Corpus) -> np.ndarray:
    """Returns which segments of a corpus were drawn at random to be labelled, shape `(n,)`."""
    every = samples(store, of.engine_id)
    return in_samples(of, [one for one in every if one.parameters["way"] == Way.RANDOM])


def _head(row: dict[str, Any]) -> Head:
    about = json.loads(row["card"])
    weight = np.array(row["weights"], np.float32).reshape(len(row["classes"]), -1)
    return Head(
        name=row["name"],
        engine_id=row["engine_id"],
        classes=tuple(row["classes"]),
        weight=weight,
        bias=np.array(row["bias"], np.float32),
        temperature=about["temperature"],
        threshold=about["threshold"],
        card=about["card"],
    )
