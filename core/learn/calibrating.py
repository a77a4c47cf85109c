"""Calibrating an engine to a corpus: a head, and what a separate random sample says of it.

What was picked because it was uncertain or strange teaches a head, but cannot tell how good it is. So
temperature, threshold, calibration error and recall come from a random sample, whose each speaker is
answered by a head that was fitted without any label of that speaker. How strongly such a head is held
back (its regularisation) is chosen without that speaker's labels too, by folds within the folds.

Source: nested cross-validation, Varma & Simon, 2006, https://doi.org/10.1186/1471-2105-7-91.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.emotions import EMOTIONS
from core.errors import HeadError
from core.learn import heads
from core.learn.comparing import EngineComparison, compare_engines
from core.learn.heads import Head, Labelled, Names
from core.learn.scoring import calibration_error, recall_of
from core.statistics.proportions import Estimate
from core.statistics.resampling import speaker_bootstrap

Doubles = NDArray[np.float64]
LEAST_SAMPLE: Final = 20
TEMPERATURES: Final = (0.05, 20.0)
_LACKING: Final = -50.0  # logit of a class that was not among the labels of a fold


@dataclass(frozen=True)
class Calibrated:
    """A head and how good it is on speakers it was not fitted on.

    Attributes:
        head: fitted on all labels, those of the random sample too.
        uar: on the random sample, with an interval over speakers from 8 speakers on.
        uar_engine: of the engine's own head on the same segments, choosing among the same classes;
            None where the head has classes of its own.
        better: the head's minus the engine's, or None.
        compared: both side by side, with the paired test over speakers; None where there is no engine
            to compare with, or a single speaker.
        ece: calibration error on speakers whose answers did not set the temperature.
        coverage: share of the sample on which the head does not abstain, by thresholds that were set on
            other speakers.
        uar_answered: on that share; None where it abstains nowhere or everywhere.
        n_labels: all labels that were used.
        n_sample: of them in the random sample.
        n_speakers: of the random sample.
        other_speakers: whether the figures are for speakers not fitted on; false with one speaker.
    """

    head: Head
    uar: Estimate
    uar_engine: Estimate | None
    better: Estimate | None
    compared: EngineComparison | None
    ece: float
    coverage: float
    uar_answered: float | None
    n_labels: int
    n_sample: int
    n_speakers: int
    other_speakers: bool


def calibrate(
    name: str,
    engine_id: str,
    picked: Labelled,
    sample: Labelled,
    engine_scores: Doubles,
    *,
    accuracy: float | None = None,
    card: dict[str, Any] | None = None,
    seed: int = 0,
) -> Calibrated:
    """Returns a head fitted on labels, with its figures from a random sample.

    Args:
        name: of the head.
        engine_id: whose embeddings these are.
        picked: segments labelled to teach; may be none, then folds of the sample teach.
        sample: segments drawn at random, in none of `picked`.
        engine_scores: shape `(n_sample, 9)`: what the engine's own head says of the sample.
        accuracy: the head abstains where this share of right answers is not reached; never by default.
        card: what else its card should say.
        seed: of the folds.

    Raises:
        HeadError: there are too few labels.
    """
    if len(sample) < LEAST_SAMPLE:
        raise HeadError(
            f"The random sample has {len(sample)} labels; with fewer than {LEAST_SAMPLE} nothing can "
            "be said of a head, so label more of it."
        )
    every = picked.joined(sample)
    heads.check(every)
    classes = heads.classes_of(every.terms)
    logits = held_out(picked, sample, classes, seed)
    temperature = fit_temperature(logits, sample.terms, classes)
    sure = crossed_confidence(logits, sample, classes, seed)
    answers = np.array(classes)[logits.argmax(axis=1)]
    right = answers == sample.terms
    threshold = None if accuracy is None else threshold_for(sure, right, accuracy)
    spoken = answered(sure, right, sample, accuracy, seed)
    uar, uar_engine, better, compared = _beside(sample, answers, engine_scores, classes, seed)
    ece = calibration_error(sure, right)
    partly = 0 < spoken.sum() < len(sample)
    n_speakers = len(np.unique(sample.speakers))
    strength = heads.best_strength(every, seed)
    figures = {
        "uar": uar.value,
        "uar_engine": None if uar_engine is None else uar_engine.value,
        "p": None if compared is None else compared.p,
        "ece": ece,
        "n_labels": len(every),
        "n_sample": len(sample),
        "n_speakers": n_speakers,
        "other_speakers": n_speakers > 1,
        "labels_by_class": {str(c): int((every.terms == c).sum()) for c in classes},
        "strength": strength,
        "accuracy_asked": accuracy,
        "seed": seed,
    }
    linear = heads.fit(every, strength, seed)
    made = heads.named(linear, name, engine_id, (card or {}) | figures, temperature, threshold)
    return Calibrated(
        head=made,
        uar=uar,
        uar_engine=uar_engine,
        better=better,
        compared=compared,
        ece=ece,
        coverage=float(spoken.mean()),
        uar_answered=recall_of(sample.terms[spoken], answers[spoken]) if partly else None,
        n_labels=len(every),
        n_sample=len(sample),
        n_speakers=n_speakers,
        other_speakers=n_speakers > 1,
    )


def _beside(
    sample: Labelled, answers: Names, engine_scores: Doubles, classes: tuple[str, ...], seed: int
) -> tuple[Estimate, Estimate | None, Estimate | None, EngineComparison | None]:
    """Returns the head's UAR; the engine's, their difference and their test, where there is one."""
    uar = speaker_bootstrap(lambda r: recall_of(sample.terms[r], answers[r]), sample.speakers)
    own = engine_answers(engine_scores, classes)
    if own is None:
        return uar, None, None, None
    if len(np.unique(sample.speakers)) > 1:
        found = compare_engines(sample.terms, answers, own, sample.speakers, seed)
        return found.first, found.second, found.difference, found
    engine = Estimate(recall_of(sample.terms, own), None, None, 1)
    return uar, engine, Estimate(uar.value - engine.value, None, None, 1), None


def held_out(
    picked: Labelled,
    sample: Labelled,
    classes: tuple[str, ...],
    seed: int,
    given: NDArray[np.bool_] | None = None,
) -> Doubles:
    """Returns the sample's logits by heads that saw no label of its speakers, their strength neither.

    Args:
        picked: teaches.
        sample: is answered, and teaches the heads of other speakers.
        classes: the columns.
        seed: of the folds.
        given: shape `(n_sample,)`, what of the sample may teach; by default all.

    Returns:
        Shape `(n_sample, n_classes)`; a class that a fold's labels lack is far below the others.

    Raises:
        HeadError: without the labels of one part of the speakers a single class is left.
    """
    found = np.full((len(sample), len(classes)), _LACKING)
    given = np.ones(len(sample), dtype=np.bool_) if given is None else given
    several = len(np.unique(sample.speakers)) > 1
    for train, test in heads.speaker_folds(sample.terms, sample.speakers, seed):
        away = ~(several & np.isin(picked.speakers, sample.speakers[test]))
        linear = _fit_any(picked.part(away).joined(sample.part(train[given[train]])), seed)
        columns = np.array([classes.index(c) for c in linear.classes])
        found[test[:, np.newaxis], columns] = linear.logits(sample.embeddings[test])
    return found


def _fit_any(teaching: Labelled, seed: int) -> heads.Linear:
    """Returns a fit without the classes of a single segment, which a fold may leave."""
    terms, counts = np.unique(teaching.terms, return_counts=True)
    often = np.isin(teaching.terms, terms[counts >= heads.LEAST_OF_A_CLASS])
    if len(np.unique(teaching.terms[often])) < 2:
        raise HeadError(
            "Without the labels of one part of the speakers a single class is left; label "
            "segments of more speakers."
        )
    return heads.fit(teaching.part(often), None, seed)


def fit_temperature(logits: Doubles, terms: NDArray[np.str_], classes: tuple[str, ...]) -> float:
    """Returns the temperature of least cross-entropy.

    What is of a class that its fold lacked has no part: it is wrong at any temperature, and one such
    segment would make all others look unsure.

    Source: Guo et al., 2017, https://arxiv.org/abs/1706.04599.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    truth = np.array([classes.index(str(term)) for term in terms])
    chosen = logits[np.arange(len(logits)), truth]
    known = chosen > _LACKING
    if not known.any():
        return 1.0
    logits, chosen = logits[known], chosen[known]

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float((logsumexp(scaled, axis=1) - chosen / np.exp(log_temperature)).mean())

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def crossed_confidence(
    logits: Doubles, sample: Labelled, classes: tuple[str, ...], seed: int
) -> Doubles:
    """Returns the confidence of each answer, its temperature fitted on other speakers; `(n,)`."""
    sure = np.zeros(len(sample))
    for train, test in heads.speaker_folds(sample.terms, sample.speakers, seed):
        temperature = fit_temperature(logits[train], sample.terms[train], classes)
        sure[test] = heads.softmax(logits[test] / temperature).max(axis=1)
    return sure


def answered(
    sure: Doubles,
    right: NDArray[np.bool_],
    sample: Labelled,
    accuracy: float | None,
    seed: int,
) -> NDArray[np.bool_]:
    """Returns on what a head does not abstain, its threshold set on other speakers; `(n,)`."""
    spoken = np.ones(len(sample), dtype=np.bool_)
    if accuracy is not None:
        for train, test in heads.speaker_folds(sample.terms, sample.speakers, seed):
            spoken[test] = sure[test] >= threshold_for(sure[train], right[train], accuracy)
    return spoken


def threshold_for(sure: Doubles, right: NDArray[np.bool_], accuracy: float) -> float:
    """Returns the least confidence from which on this share of answers was right.

    Where no confidence reaches it, the threshold lies above all, and the head always abstains.
    """
    order = np.argsort(-sure, kind="stable")
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    last_of_its_value = np.append(np.diff(sure[order]) != 0, True)
    reached = np.flatnonzero((shares >= accuracy) & last_of_its_value)
    return float(sure[order[reached[-1]]]) if len(reached) else 1.01


def engine_answers(scores: Doubles, classes: tuple[str, ...]) -> NDArray[np.str_] | None:
    """Returns what an engine answers among some classes, or None if one is none of the nine."""
    names = [str(emotion) for emotion in EMOTIONS]
    if not set(classes) <= set(names):
        return None
    columns = [names.index(c) for c in classes]
    answers: NDArray[np.str_] = np.array(classes)[scores[:, columns].argmax(axis=1)]
    return answers
