"""An engine, or a head over it, against the labels of a store, by what is stored; no model runs."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from core.emotions import EMOTIONS, Emotion
from core.errors import HeadError, ManifestError
from core.labels.agreement import emotion_labels
from core.labels.records import Label
from core.learn import library
from core.learn.emotion_error import Event
from core.learn.figures import answers_of
from core.learn.heads import Doubles, Head, softmax
from core.learn.label_curve import labelled_at
from core.learn.over_time import Timed
from core.learn.scoring import Agreement, agreement
from core.records import Floats, Span
from core.store.corpus import Corpus, corpus, embeddings, frame_counts, read_outs
from core.store.store import Store

_HOP_S: Final = 0.02
Mapped = Mapping[str, Emotion | None]


@dataclass(frozen=True)
class Answers:
    """Labelled segments of a store and what is said of them.

    Attributes:
        engine_id: whose segments these are.
        figures: of agreement.
        items: a row for each labelled segment: `key`, `recording`, `channel`, `name`, `start_s`,
            `end_s`, `speaker`, `label`, `answer`, `confidence`, `width_s`, `snr_db` and `tags`.
        scores: shape `(n, 9)`.
        over_time: each recording over time, by annotator.
        fitted_on: items whose label was there when the head was made, so that it may have learnt from
            them; None without a head.
    """

    engine_id: str
    figures: Agreement
    items: pd.DataFrame
    scores: Doubles
    over_time: Mapping[str, tuple[Timed, ...]]
    fitted_on: int | None


def stored_answers(
    store: Store, engine: str, mapping: Mapped | None = None, head: Head | None = None
) -> Answers:
    """Returns how an engine answers the segments that people labelled.

    A label is about a segment if it covers at least half of it; where annotators disagree the term of
    most counts, and segments with a tie are left out.

    Args:
        store: where labels and segments are.
        engine: whose segments: a name or an id.
        mapping: what words stand for; by default the nine emotions stand for themselves, and segments
            of other words are left out.
        head: answers in place of the engine's own head.

    Raises:
        StoreError: the engine has analysed nothing.
        ManifestError: no label stands for one of the nine emotions.
        HeadError: the head is of another engine, or has classes that are none of the nine.
    """
    found = corpus(store, engine)
    if head is not None and head.engine_id != found.engine_id:
        raise HeadError(
            f"The head {head.name!r} reads {head.engine_id}, and the segments are of "
            f"{found.engine_id}; choose the engine that it was made for."
        )
    words = {str(e): e for e in EMOTIONS} if mapping is None else mapping
    terms = library.terms_of(store, found)
    labels = [words.get(str(term)) if term else None for term in terms]
    rows = np.flatnonzero([label is not None for label in labels])
    if not len(rows):
        raise ManifestError("No label here stands for one of the nine emotions; map one, or label.")
    told = [label for label in labels if label is not None]
    every = library.engine_scores(store, found)
    if head is not None:
        every = nine_scores(head, embeddings(store, found))
    items = _items(store, found, rows).assign(label=[str(label) for label in told])
    scores = every[rows]
    if head is not None:
        items["confidence"] = scores.max(axis=1)
    items["answer"] = answers_of(told, scores)[0]
    sure = [None if pd.isna(c) else float(c) for c in items["confidence"]]
    said = found.segments["emotion"].tolist()
    if head is not None:
        said = [str(EMOTIONS[n]) for n in every.argmax(axis=1)]
    return Answers(
        engine_id=found.engine_id,
        figures=agreement(told, scores, sure),
        items=items,
        scores=scores,
        over_time=_over_time(store, found, said, words),
        fitted_on=None if head is None else _fitted_on(store, found, head, rows),
    )


def nine_scores(head: Head, points: Floats) -> Doubles:
    """Returns a head's scores as those of the nine emotions, shape `(n, 9)`; 0 where it has no class.

    Args:
        head: all its classes are emotions of the nine.
        points: shape `(n, n_dims)`.

    Raises:
        HeadError: the head has classes of its own.
    """
    names = [str(emotion) for emotion in EMOTIONS]
    own = [name for name in head.classes if name not in names]
    if own:
        raise HeadError(
            f"The head {head.name!r} has classes that are none of the nine emotions "
            f"({', '.join(own)[:80]}); compare a head without such classes."
        )
    found = np.zeros((len(points), len(names)))
    columns = [names.index(name) for name in head.classes]
    found[:, columns] = softmax(head.logits(points) / head.temperature)
    return found


def emotions_of(head: Head, points: Floats) -> list[str]:
    """Returns the class of each embedding, shape `(n, n_dims)`; raises as `nine_scores`."""
    return [str(EMOTIONS[number]) for number in nine_scores(head, points).argmax(axis=1)]


def _items(store: Store, found: Corpus, rows: np.ndarray) -> pd.DataFrame:
    of = found.segments.iloc[rows].reset_index(drop=True)
    read = read_outs(store, found).iloc[rows].reset_index(drop=True)
    known = store.lake.read("recordings", columns=["recording", "tags"]).to_pylist()
    tags = {row["recording"]: tuple(row["tags"] or ()) for row in known}
    places = zip(of["recording"], of["channel"], of["start_s"], of["end_s"], strict=True)
    kept = ["recording", "channel", "name", "start_s", "end_s", "confidence"]
    return of[kept].assign(
        key=[f"{r} {c} {a:.2f} {b:.2f}" for r, c, a, b in places],
        speaker=library.speakers_of(of),
        width_s=frame_counts(store, found)[rows] * _HOP_S,
        snr_db=pd.Series([_snr_db(told) for told in read["quality"].fillna("")], dtype=float),
        tags=pd.Series([tags.get(one, ()) for one in of["recording"]], dtype=object),
    )


def _snr_db(quality: str) -> float | None:
    """Returns speech over background from what is stored of a recording's quality."""
    found = json.loads(quality).get("snr_db") if quality else None
    return None if found is None else float(found)


def _over_time(
    store: Store, found: Corpus, said: list[str], words: Mapped
) -> dict[str, tuple[Timed, ...]]:
    """Returns each labelled recording over time, by annotator."""
    labels = emotion_labels(store)
    of = found.segments
    speakers = library.speakers_of(of)
    made: dict[str, list[Timed]] = {}
    for recording, numbers in of.groupby("recording").indices.items():
        mine = of.iloc[numbers]
        spans = tuple(map(Span, mine["start_s"], mine["end_s"]))
        told = [Event(s.start_s, s.end_s, said[n]) for s, n in zip(spans, numbers, strict=True)]
        people = set(speakers[numbers])
        group = people.pop() if len(people) == 1 else f"recording {recording}"
        length_s = float(mine["duration_s"].iloc[0])
        by_person: dict[str, list[Label]] = {}
        for label in labels.get(str(recording), ()):
            by_person.setdefault(label.annotator, []).append(label)
        for person, given in by_person.items():
            events, left = _events(given, words)
            timed = Timed(str(recording), group, length_s, events, left, tuple(told), spans)
            made.setdefault(person, []).append(timed)
    return {person: tuple(timed) for person, timed in sorted(made.items())}


def _events(labels: Collection[Label], words: Mapped) -> tuple[tuple[Event, ...], tuple[Span, ...]]:
    """Returns labels as events, and the stretches of those that stand for none of the nine."""
    events, left = [], []
    for label in labels:
        emotion = words.get(label.term)
        if emotion is None:
            left.append(Span(label.start_s, label.end_s))
        else:
            events.append(Event(label.start_s, label.end_s, str(emotion)))
    return tuple(events), tuple(left)


def between_people(first: tuple[Timed, ...], second: tuple[Timed, ...]) -> tuple[Timed, ...]:
    """Returns one person's labels as the reference and another's as what is told.

    Only recordings that both labelled are taken, and in them time that both labelled.
    """
    others = {timed.recording: timed for timed in second}
    found = []
    for mine in first:
        other = others.get(mine.recording)
        if other is None:
            continue
        labelled = tuple(Span(e.start_s, e.end_s) for e in other.reference)
        left = (*mine.left_out, *other.left_out, *_gaps(labelled, mine.duration_s))
        found.append(replace(mine, left_out=left, told=other.reference))
    return tuple(found)


def _gaps(spans: Collection[Span], duration_s: float) -> tuple[Span, ...]:
    """Returns the time of a recording that no stretch covers."""
    found, at_s = [], 0.0
    for span in sorted(spans, key=lambda span: span.start_s):
        if span.start_s > at_s:
            found.append(Span(at_s, span.start_s))
        at_s = max(at_s, span.end_s)
    if at_s < duration_s:
        found.append(Span(at_s, duration_s))
    return tuple(found)


def _fitted_on(store: Store, found: Corpus, head: Head, rows: np.ndarray) -> int | None:
    """Returns how many labels were there when a head was made, or None where that is not told."""
    try:
        made_at = pd.Timestamp(str(head.card.get("made_at"))).tz_convert(None)
    except (ValueError, TypeError):
        return None
    times = labelled_at(store, found)[rows]
    return int((times <= np.datetime64(made_at, "us") + np.timedelta64(1, "s")).sum())
