"""An engine, or a head over it, against a manifest of reference labels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pandas as pd

from core.errors import HeadError, ManifestError, RegionError, TonescopeError
from core.learn.emotion_error import Event
from core.learn.figures import answers_of
from core.learn.heads import Head
from core.learn.manifest import Item
from core.learn.over_time import Timed
from core.learn.scoring import Agreement, agreement
from core.learn.stored import emotions_of, nine_scores
from core.pipeline import Analysed, Pipeline
from core.progress import Progress
from core.provenance import sha256_of
from core.records import Segment, Span
from core.timeline.calibration import emotion_of
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
        over_time: each recording over time, for the emotion diarization error.
    """

    agreement: Agreement
    failed: tuple[tuple[Item, str], ...]
    in_training: int | None
    answered: tuple[Answered, ...] = ()
    over_time: tuple[Timed, ...] = ()


def evaluate(
    items: tuple[Item, ...],
    pipeline: Pipeline,
    trained_on: frozenset[str] | None,
    progress: Progress | None = None,
    head: Head | None = None,
) -> Evaluation:
    """Returns how an engine answers the items of a manifest; stores nothing.

    A whole recording is read out over all its frames, a stretch of it over its speech.

    Args:
        items: of the manifest.
        pipeline: of the engine.
        trained_on: SHA-256 of every file that the engine was trained on, if that is known.
        progress: called with the share of work done, 0 to 1; may raise to stop.
        head: reads out the engine's embeddings in place of its own head; of a stretch it takes the
            segments in it, by the share of each that lies there.

    Raises:
        HeadError: the head is of another engine, or has classes that are none of the nine.
        ManifestError: not one item could be read out.
    """
    if head is not None:
        nine_scores(head, np.zeros((0, head.weight.shape[1]), np.float32))
        if head.engine_id != pipeline.engine.engine_id:
            raise HeadError(
                f"The head {head.name!r} reads {head.engine_id}, and the engine is "
                f"{pipeline.engine.engine_id}; choose the engine that it was made for."
            )
    read: list[Answered] = []
    over_time: list[Timed] = []
    failed: list[tuple[Item, str]] = []
    in_training = n_done = 0
    for file, rows in groupby(sorted(items, key=lambda item: item.file), lambda item: item.file):
        of_file = list(rows)
        try:
            in_training += len(of_file) * (sha256_of(file) in (trained_on or ()))
            heard = pipeline.predict(file)
            found = list(_read_outs(heard, of_file, head))
            over_time.append(_timed(heard, of_file, head))
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
    return Evaluation(figures, tuple(failed), known, tuple(read), tuple(over_time))


def table_of(found: Evaluation) -> pd.DataFrame:
    """Returns the items that could be read out as a table, in the order of `answered`.

    Returns:
        A row for each: `key` (its line in the manifest), `name`, `file`, `start_s`, `end_s` (NaN for a
        whole recording), `speaker` (the file where nobody is named), `label`, `answer`, `confidence`,
        `width_s`, `snr_db` and `tags`.
    """
    scores = np.array([one.read_out.scores for one in found.answered])
    labels = [one.item.emotion for one in found.answered]
    rows = [
        {
            "key": one.item.row,
            "name": one.item.file.name,
            "file": str(one.item.file),
            "start_s": None if one.item.span is None else one.item.span.start_s,
            "end_s": None if one.item.span is None else one.item.span.end_s,
            "speaker": one.item.speaker or f"file {one.item.file.name}",
            "label": str(one.item.emotion),
            "confidence": one.read_out.confidence,
            "width_s": one.width_s,
            "snr_db": one.snr_db,
            "tags": one.item.tags,
        }
        for one in found.answered
    ]
    return pd.DataFrame(rows).assign(answer=answers_of(labels, scores)[0])


def _read_outs(
    heard: Analysed, items: list[Item], head: Head | None
) -> Iterator[tuple[Item, Answered | str]]:
    track = heard.track
    timeline = Timeline(track)
    snr_db = track.source.quality.snr_db if track.source.quality else None
    for item in items:
        try:
            found = timeline.read_out(item.span) if item.span else timeline.utterance()
            found = found if head is None else _by_head(head, found, heard.segments)
            yield item, Answered(item, found, found.n_frames * track.hop_s, snr_db)
        except TonescopeError as error:
            yield item, str(error)


def _by_head(head: Head, found: ReadOut, segments: tuple[Segment, ...]) -> ReadOut:
    """Returns a read-out with the scores and the confidence of a head."""
    weights = np.array([s.n_frames * _share_within(s, found.span) for s in segments])
    if not weights.sum():
        raise RegionError(
            f"There is no segment between {found.span.start_s:.2f} and {found.span.end_s:.2f} s for "
            "the head to read; choose a wider region."
        )
    mean = np.average([s.embedding for s in segments], axis=0, weights=weights)
    scores = nine_scores(head, mean[np.newaxis].astype(np.float32))[0]
    return replace(found, scores=scores, emotion=emotion_of(scores), confidence=float(scores.max()))


def _share_within(segment: Segment, span: Span) -> float:
    shared_s = min(segment.end_s, span.end_s) - max(segment.start_s, span.start_s)
    return max(0.0, shared_s) / (segment.end_s - segment.start_s)


def _timed(heard: Analysed, items: list[Item], head: Head | None) -> Timed:
    """Returns a recording over time: its labels, and what is told of its segments."""
    whole = Span(0.0, heard.track.duration_s)
    reference = []
    for item in items:
        span = item.span or whole
        end_s = min(span.end_s, whole.end_s)
        if span.start_s < end_s:
            reference.append(Event(span.start_s, end_s, str(item.emotion)))
    told = [segment.emotion for segment in heard.segments]
    if head is not None and told:
        told = emotions_of(head, np.stack([s.embedding for s in heard.segments]))
    speakers = {item.speaker or f"file {item.file.name}" for item in items}
    return Timed(
        recording=items[0].file.name,
        group=speakers.pop() if len(speakers) == 1 else f"file {items[0].file.name}",
        duration_s=whole.end_s,
        reference=tuple(reference),
        left_out=(),
        told=tuple(
            Event(s.start_s, s.end_s, emotion)
            for s, emotion in zip(heard.segments, told, strict=True)
        ),
        speech=tuple(Span(s.start_s, s.end_s) for s in heard.segments),
    )
