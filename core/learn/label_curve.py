"""How good a head was as one labelled on: recall on other speakers against the number of labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import HeadError
from core.labels.agreement import emotion_labels, label_about, units_of
from core.learn import heads, library
from core.learn.calibrating import LEAST_SAMPLE, engine_answers, held_out
from core.learn.comparing import uar_over_speakers
from core.learn.heads import Labelled
from core.learn.scoring import recall_of
from core.statistics.proportions import Estimate
from core.store.corpus import Corpus, corpus, embeddings
from core.store.store import Store

FEWEST: Final = 10
MOST_POINTS: Final = 6


@dataclass(frozen=True)
class CurvePoint:
    """A head fitted on the first labels.

    Attributes:
        n_labels: how many labels had been given.
        uar: on the whole random sample, each speaker answered by a head without their labels; with an
            interval over speakers from 8 speakers on.
    """

    n_labels: int
    uar: Estimate


@dataclass(frozen=True)
class LabelCurve:
    """Heads fitted on ever more labels, beside the engine's own.

    Attributes:
        points: in order of the number of labels.
        engine: UAR of the engine's own head on the same sample, among the same classes; None where the
            labels have classes of their own.
    """

    points: tuple[CurvePoint, ...]
    engine: float | None


def label_curve(
    picked: Labelled,
    sample: Labelled,
    picked_at: NDArray[Any],
    sample_at: NDArray[Any],
    seed: int = 0,
) -> tuple[CurvePoint, ...]:
    """Returns the recall of heads fitted on the first labels, in the order in which they were given.

    Every point is judged on the same segments, the whole random sample, so that points differ by their
    labels only. The last one is the recall that `calibrating.calibrate` gives.

    Args:
        picked: segments labelled to teach.
        sample: segments drawn at random.
        picked_at: shape `(n_picked,)`, when each was labelled; anything that can be sorted.
        sample_at: shape `(n_sample,)`, the same.
        seed: of the folds.

    Returns:
        At most 6 points; numbers of labels on which no head can be fitted are left out.
    """
    order = np.argsort(np.concatenate([picked_at, sample_at]), kind="stable")
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    classes = heads.classes_of(np.concatenate([picked.terms, sample.terms]))
    found = []
    for n_labels in sizes(len(order)):
        given = place < n_labels
        teach = picked.part(given[: len(picked)])
        try:
            logits = held_out(teach, sample, classes, seed, given[len(picked) :])
        except HeadError:
            continue
        answers = np.array(classes)[logits.argmax(axis=1)]
        found.append(
            CurvePoint(n_labels, uar_over_speakers(sample.terms, answers, sample.speakers))
        )
    return tuple(found)


def curve_of_labels(
    store: Store,
    engine: str = "compact",
    *,
    annotators: Iterable[str] | None = None,
    all_random: bool = False,
    seed: int = 0,
) -> LabelCurve:
    """Returns the curve of the labels in a store, in the order in which they were given.

    Takes the arguments of `library.make_head`; stores nothing.

    Raises:
        StoreError: the engine has analysed nothing.
        HeadError: there are too few labels from a random draw.
    """
    found = corpus(store, engine)
    people = None if annotators is None else set(annotators)
    terms = library.terms_of(store, found, people)
    random = library.in_random_draw(store, found) | all_random
    said = terms != ""
    n_random = int((said & random).sum())
    if n_random < LEAST_SAMPLE:
        raise HeadError(
            f"The random sample has {n_random} labels; the curve needs at least {LEAST_SAMPLE}, so "
            "label more of it."
        )
    labelled = Labelled(embeddings(store, found), terms, library.speakers_of(found.segments))
    times = labelled_at(store, found, people)
    picked, sample = (np.flatnonzero(said & rows) for rows in (~random, random))
    points = label_curve(
        labelled.part(picked), labelled.part(sample), times[picked], times[sample], seed
    )
    scores = library.engine_scores(store, found)[sample]
    own = engine_answers(scores, heads.classes_of(terms[said]))
    return LabelCurve(points, None if own is None else recall_of(terms[sample], own))


def labelled_at(
    store: Store, of: Corpus, annotators: set[str] | None = None
) -> NDArray[np.datetime64]:
    """Returns when each segment of a corpus got its last label, UTC; NaT without one; `(n,)`."""
    labels = emotion_labels(store)
    found = np.full(len(of.segments), np.datetime64("NaT", "us"))
    for number, unit in enumerate(units_of(of.segments.to_dict("records"))):
        mine = labels.get(unit.recording, [])
        people = {label.annotator for label in mine}
        people = people if annotators is None else people & annotators
        about = [label_about(unit, person, mine) for person in people]
        times = [label.created_at.replace(tzinfo=None) for label in about if label]
        if times:
            found[number] = np.datetime64(max(times), "us")
    return found


def sizes(n_labels: int) -> tuple[int, ...]:
    """Returns up to 6 numbers of labels, evenly spaced by their logarithm; all labels are the last."""
    if n_labels <= FEWEST:
        return (n_labels,)
    spaced = np.geomspace(FEWEST, n_labels, MOST_POINTS).round().astype(int)
    return tuple(int(n) for n in np.unique(spaced))
