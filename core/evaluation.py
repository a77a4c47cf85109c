"""An engine against a manifest of reference labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from core.errors import ManifestError, TonescopeError
from core.learn.manifest import Item
from core.learn.scoring import Agreement, agreement
from core.pipeline import Pipeline
from core.progress import Progress
from core.provenance import sha256_of
from core.timeline.track import ReadOut, Timeline


@dataclass(frozen=True)
class Answered:
    """An item and what the engine says of it, for intervals, slices and comparisons.

    Attributes:
        width_s: seconds of audio that the read-out takes.
        snr_db: speech over background of its recording, where it could be measured.
    """

    item: Item
    read_out: ReadOut
    width_s: float
    snr_db: float | None


@dataclass(frozen=True)
class Evaluation:
    """What came of it.

    Attributes:
        agreement: figures over the items that could be read out.
        failed: the items left out, each with the reason.
        in_training: items whose recording the engine was trained on; None if that is not known.
        answered: the items that could be read out, with the engine's answers.
    """

    agreement: Agreement
    failed: tuple[tuple[Item, str], ...]
    in_training: int | None
    answered: tuple[Answered, ...] = ()


def evaluate(
    items: tuple[Item, ...],
    pipeline: Pipeline,
    trained_on: frozenset[str] | None,
    progress: Progress | None = None,
) -> Evaluation:
    """Returns how an engine answers the items of a manifest; stores nothing.

    A whole recording is read out over all its frames, a stretch of it over its speech.

    Args:
        items: of the manifest.
        pipeline: of the engine.
        trained_on: SHA-256 of every file that the engine was trained on, if that is known.
        progress: called with the share of work done, 0 to 1; may raise to stop.

    Raises:
        ManifestError: not one item could be read out.
    """
    read: list[Answered] = []
    failed: list[tuple[Item, str]] = []
    in_training = n_done = 0
    for file, rows in groupby(sorted(items, key=lambda item: item.file), lambda item: item.file):
        of_file = list(rows)
        try:
            in_training += len(of_file) * (sha256_of(file) in (trained_on or ()))
            found = list(_read_outs(file, of_file, pipeline))
        except TonescopeError as error:
            found = [(item, str(error)) for item in of_file]
        for item, answer in found:
            if isinstance(answer, Answered):
                read.append(answer)
            else:
                failed.append((item, answer))
        n_done += len(of_file)
        if progress:
            progress(n_done / len(items))
    if not read:
        raise ManifestError(
            f"None of the {len(items)} recording(s) of the manifest could be read out; the first: "
            f"{failed[0][1]}"
        )
    figures = agreement(
        [answer.item.emotion for answer in read],
        np.array([answer.read_out.scores for answer in read]),
        [answer.read_out.confidence for answer in read],
    )
    known = None if trained_on is None else in_training
    return Evaluation(figures, tuple(failed), known, tuple(read))


def _read_outs(
    file: Path, items: list[Item], pipeline: Pipeline
) -> Iterator[tuple[Item, Answered | str]]:
    track = pipeline.predict(file).track
    timeline = Timeline(track)
    snr_db = track.source.quality.snr_db if track.source.quality else None
    for item in items:
        try:
            found = timeline.read_out(item.span) if item.span else timeline.utterance()
            yield item, Answered(item, found, found.n_frames * track.hop_s, snr_db)
        except TonescopeError as error:
            yield item, str(error)
