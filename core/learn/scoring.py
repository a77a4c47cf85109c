"""How far an engine's answers agree with reference labels.

The answer is the highest of the nine scores, nothing masked. Segments of one speaker are not
independent: these figures describe a set, and say nothing of how sure they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.emotions import EMOTIONS, Emotion

N_BINS = 15


@dataclass(frozen=True)
class Agreement:
    """Figures of a set of labelled items.

    Attributes:
        n: items.
        uar: unweighted average recall over the emotions among the labels.
        uar_present: the same when only those emotions may be answered.
        wa: share of right answers.
        f1: unweighted average F1 over the emotions among the labels.
        per_class: recall of each emotion among the labels.
        confusion: for each true emotion, how often each was answered.
        ece: expected calibration error over 15 equal bins of confidence, of the items that have a
            confidence; None without any.
        n_confident: how many have one.
    """

    n: int
    uar: float
    uar_present: float
    wa: float
    f1: float
    per_class: dict[str, float]
    confusion: dict[str, dict[str, int]]
    ece: float | None
    n_confident: int


def agreement(
    labels: Sequence[Emotion],
    scores: NDArray[np.floating[Any]],
    confidences: Sequence[float | None],
) -> Agreement:
    """Returns the figures of an engine's answers.

    Args:
        labels: length n, at least 1, of people or other references.
        scores: shape `(n, 9)`, in the order of `EMOTIONS`.
        confidences: length n, calibrated, or None where there is none.
    """
    from sklearn.metrics import confusion_matrix, f1_score, recall_score

    order = list(range(len(EMOTIONS)))
    truth = np.array([EMOTIONS.index(label) for label in labels])
    answers = np.asarray(scores).argmax(axis=1)
    present = np.unique(truth)
    among = present[np.asarray(scores)[:, present].argmax(axis=1)]
    recalls = recall_score(truth, answers, labels=present, average=None, zero_division=0)
    table = confusion_matrix(truth, answers, labels=order)
    given = np.array([c is not None for c in confidences])
    sure = np.array([c for c in confidences if c is not None], dtype=np.float64)
    right = (answers == truth)[given]
    return Agreement(
        n=len(truth),
        uar=float(recalls.mean()),
        uar_present=float(
            recall_score(truth, among, labels=present, average="macro", zero_division=0)
        ),
        wa=float((answers == truth).mean()),
        f1=float(f1_score(truth, answers, labels=present, average="macro", zero_division=0)),
        per_class={str(EMOTIONS[i]): float(r) for i, r in zip(present, recalls, strict=True)},
        confusion={
            str(EMOTIONS[i]): {str(EMOTIONS[j]): int(n) for j, n in enumerate(table[i]) if n}
            for i in present
        },
        ece=calibration_error(sure, right) if given.any() else None,
        n_confident=int(given.sum()),
    )


def calibration_error(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Returns the expected calibration error over 15 equal bins.

    Args:
        confidence: shape `(n,)`, 0 to 1.
        right: shape `(n,)`, whether each answer was right.
        weights: shape `(n,)`; by default all count the same.

    Source: Guo et al., 2017, https://arxiv.org/abs/1706.04599.
    """
    weights = np.ones(len(confidence)) if weights is None else weights
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gap = np.bincount(bins, weights * (right - confidence), N_BINS)
    return float(np.abs(gap).sum() / weights.sum())


def recall_of(terms: NDArray[np.str_], answers: NDArray[np.str_]) -> float:
    """Returns the unweighted average recall over the classes among the labels; NaN without any.

    Args:
        terms: shape `(n,)`, the labels, of any class list.
        answers: shape `(n,)`.
    """
    classes, numbers = np.unique(terms, return_inverse=True)
    if not len(classes):
        return float("nan")
    right = np.bincount(numbers, terms == answers, len(classes))
    return float((right / np.bincount(numbers, minlength=len(classes))).mean())
