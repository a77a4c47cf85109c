"""The figures of `scoring` with intervals over speakers."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.emotions import EMOTIONS, Emotion
from core.learn.scoring import recall_of
from core.statistics.proportions import Estimate
from core.statistics.resampling import speaker_bootstrap

Doubles = NDArray[np.float64]
Names = NDArray[np.str_]


def answers_of(labels: Sequence[Emotion], scores: Doubles) -> tuple[Names, Names]:
    """Returns the highest of all nine scores, and of those among the labels, each `(n,)`.

    Args:
        labels: length n.
        scores: shape `(n, 9)`, in the order of `EMOTIONS`.
    """
    names = np.array([str(emotion) for emotion in EMOTIONS])
    present = np.flatnonzero(np.isin(names, [str(label) for label in labels]))
    among = present[np.asarray(scores)[:, present].argmax(axis=1)]
    return names[np.asarray(scores).argmax(axis=1)], names[among]


def over_speakers(
    labels: Sequence[Emotion], scores: Doubles, speakers: Sequence[str], seed: int = 0
) -> dict[str, Estimate]:
    """Returns `uar`, `uar_present`, `wa` and `f1` with intervals, from 8 speakers on.

    Args:
        labels: length n, at least 1.
        scores: shape `(n, 9)`, in the order of `EMOTIONS`.
        speakers: length n.
        seed: of the draws.
    """
    terms = np.array([str(label) for label in labels])
    answers, among = answers_of(labels, scores)
    figures: dict[str, Callable[[NDArray[np.intp]], float]] = {
        "uar": lambda r: recall_of(terms[r], answers[r]),
        "uar_present": lambda r: recall_of(terms[r], among[r]),
        "wa": lambda r: float((terms[r] == answers[r]).mean()),
        "f1": lambda r: f1_of(terms[r], answers[r]),
    }
    return {
        name: speaker_bootstrap(figure, speakers, seed=seed) for name, figure in figures.items()
    }


def f1_of(terms: Names, answers: Names) -> float:
    """Returns the unweighted average F1 over the classes among the labels; both of shape `(n,)`."""
    classes, numbers = np.unique(terms, return_inverse=True)
    right = np.bincount(numbers, terms == answers, len(classes))
    counts = np.bincount(numbers, minlength=len(classes))
    answered = (answers[:, np.newaxis] == classes).sum(axis=0)
    return float((2 * right / (counts + answered)).mean())
