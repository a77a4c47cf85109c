"""Heads: a user's own linear read-out over stored embeddings, fitted on labels of their own corpus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import HeadError
from core.records import Floats
from core.settings import digest

Doubles = NDArray[np.float64]
Names = NDArray[np.str_]
LEAST_OF_A_CLASS: Final = 2
STRENGTHS: Final = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # C of scikit-learn, that are tried
N_FOLDS: Final = 5
MOST_CLASSES: Final = 50


@dataclass(frozen=True)
class Head:
    """A linear read-out of one engine's embeddings.

    Attributes:
        name: given by a person.
        engine_id: of the engine whose embeddings it reads.
        classes: its own list, in alphabetical order; emotions of the nine or words of one's own.
        weight: shape `(n_classes, n_dims)`, for embeddings as they are stored.
        bias: shape `(n_classes,)`.
        temperature: what its logits are divided by, from a random sample; 1 without one.
        threshold: under this confidence it abstains, or None where it never does.
        card: how it was made and how good it was, as plain data.
    """

    name: str
    engine_id: str
    classes: tuple[str, ...]
    weight: Floats
    bias: Floats
    temperature: float
    threshold: float | None
    card: dict[str, Any]

    @property
    def key(self) -> str:
        """Names these very numbers."""
        parts: dict[str, Any] = {
            "engine_id": self.engine_id,
            "classes": list(self.classes),
            "name": self.name,
            "weight": self.weight.astype(np.float32).tobytes().hex(),
            "bias": self.bias.astype(np.float32).tobytes().hex(),
            "temperature": self.temperature,
            "threshold": self.threshold,
        }
        return digest(parts)

    def logits(self, embeddings: Floats) -> Doubles:
        """Returns raw logits, shape `(n, n_classes)`, of embeddings of shape `(n, n_dims)`.

        Raises:
            HeadError: the embeddings are of another engine.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.weight.shape[1]:
            raise HeadError(
                f"The head {self.name!r} reads embeddings of {self.weight.shape[1]} numbers and got "
                f"{embeddings.shape[-1]}; apply it to results of {self.engine_id}."
            )
        found: Doubles = embeddings.astype(np.float64) @ self.weight.T.astype(np.float64)
        return found + self.bias.astype(np.float64)

    def answers(self, embeddings: Floats) -> tuple[Names, Doubles, NDArray[np.bool_]]:
        """Returns class, confidence, and whether the head abstains; each of shape `(n,)`."""
        scores = softmax(self.logits(embeddings) / self.temperature)
        sure = scores.max(axis=1)
        silent = np.zeros(len(sure), bool) if self.threshold is None else sure < self.threshold
        return np.array(self.classes)[scores.argmax(axis=1)], sure, silent


@dataclass(frozen=True)
class Labelled:
    """Segments with labels.

    Attributes:
        embeddings: shape `(n, n_dims)`, as they are stored.
        terms: shape `(n,)`.
        speakers: shape `(n,)`.
    """

    embeddings: Floats
    terms: Names
    speakers: Names

    def __len__(self) -> int:
        return len(self.terms)

    def part(self, rows: NDArray[Any]) -> "Labelled":
        """Returns some of the rows."""
        return Labelled(self.embeddings[rows], self.terms[rows], self.speakers[rows])

    def joined(self, other: "Labelled") -> "Labelled":
        """Returns the rows of both."""
        return Labelled(
            np.concatenate([self.embeddings, other.embeddings]),
            np.concatenate([self.terms, other.terms]),
            np.concatenate([self.speakers, other.speakers]),
        )


@dataclass(frozen=True)
class Linear:
    """Numbers of a fitted read-out: shapes `(n_classes, n_dims)` and `(n_classes,)`."""

    classes: tuple[str, ...]
    weight: Doubles
    bias: Doubles

    def logits(self, embeddings: Floats) -> Doubles:
        """Returns shape `(n, n_classes)`."""
        found: Doubles = embeddings.astype(np.float64) @ self.weight.T + self.bias
        return found


def fit(labelled: Labelled, strength: float | None = None, seed: int = 0) -> Linear:
    """Returns the multinomial logistic regression of labels on embeddings.

    Dimensions are brought to one scale first; this is then put into the weights, so that the head reads
    embeddings as they are stored. Classes weigh the same.

    Args:
        labelled: at least two segments of each class, of two classes or more.
        strength: C of scikit-learn; by default the one of least cross-entropy on other speakers.
        seed: of the folds.

    Raises:
        HeadError: there are too few labels, too many classes, or the embeddings do not differ.
    """
    check(labelled)
    if strength is None:
        strength = best_strength(labelled, seed)
    mean, deviation = scale_of(labelled.embeddings)
    with _one_thread():
        model = _regression(strength).fit((labelled.embeddings - mean) / deviation, labelled.terms)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # of two classes scikit-learn keeps the difference only
        weight, bias = np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    raw = weight / deviation
    return Linear(tuple(str(c) for c in model.classes_), raw, bias - raw @ mean)


def check(labelled: Labelled) -> None:
    """Raises `HeadError` unless a head can be fitted on these labels."""
    classes, counts = np.unique(labelled.terms, return_counts=True)
    rare = [str(c) for c, n in zip(classes, counts, strict=True) if n < LEAST_OF_A_CLASS]
    if not 2 <= len(classes) <= MOST_CLASSES or rare:
        what = f"{', '.join(rare[:5])} stand on one segment only" if rare else "all in all"
        raise HeadError(
            f"There are {len(labelled)} labelled segments of {len(classes)} classes, {what}; a head "
            f"needs 2 to {MOST_CLASSES} classes with at least {LEAST_OF_A_CLASS} segments each."
        )
    if not np.isfinite(labelled.embeddings).all():
        raise HeadError(
            "Some embeddings are no finite numbers; run `store check`, then analyse their "
            "recordings again."
        )


def best_strength(labelled: Labelled, seed: int = 0) -> float:
    """Returns the C of least cross-entropy on speakers that were not fitted on.

    With labels of a single speaker folds are over segments.
    """
    from sklearn.metrics import log_loss

    folds = speaker_folds(labelled.terms, labelled.speakers, seed)
    losses = np.zeros(len(STRENGTHS))
    counted = 0
    for train, test in folds:
        part = labelled.part(train)
        known = np.isin(labelled.terms[test], np.unique(part.terms))
        if len(np.unique(part.terms)) < 2 or not known.any():
            continue
        rows = test[known]
        mean, deviation = scale_of(part.embeddings)
        taught = (part.embeddings - mean) / deviation
        asked = (labelled.embeddings[rows] - mean) / deviation
        with _one_thread():
            for number, strength in enumerate(STRENGTHS):
                model = _regression(strength).fit(taught, part.terms)
                sure = model.predict_proba(asked)
                losses[number] += len(rows) * log_loss(
                    labelled.terms[rows], sure, labels=model.classes_
                )
        counted += len(rows)
    return STRENGTHS[int(losses.argmin())] if counted else STRENGTHS[len(STRENGTHS) // 2]


def speaker_folds(
    terms: Names, speakers: Names, seed: int = 0
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Returns training and test rows of up to 5 folds; no speaker is in both.

    With a single speaker folds are over segments, and say nothing of other speakers.
    """
    from sklearn.model_selection import GroupKFold, KFold

    n_speakers = len(np.unique(speakers))
    if n_speakers > 1:
        cut = GroupKFold(min(N_FOLDS, n_speakers), shuffle=True, random_state=seed)
        return list(cut.split(terms, groups=speakers))
    return list(KFold(min(N_FOLDS, len(terms)), shuffle=True, random_state=seed).split(terms))


def softmax(logits: Doubles) -> Doubles:
    """Returns scores, shape `(n, n_classes)`, rows of sum 1."""
    grown = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: Doubles = grown / grown.sum(axis=-1, keepdims=True)
    return scores


def named(
    linear: Linear,
    name: str,
    engine_id: str,
    card: dict[str, Any],
    temperature: float = 1.0,
    threshold: float | None = None,
) -> Head:
    """Returns a head of fitted numbers."""
    weight, bias = linear.weight.astype(np.float32), linear.bias.astype(np.float32)
    return Head(name, engine_id, linear.classes, weight, bias, temperature, threshold, card)


def scale_of(embeddings: Floats) -> tuple[Doubles, Doubles]:
    """Returns mean and standard deviation of each dimension; 1 where it does not vary."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    deviation = embeddings.std(axis=0, dtype=np.float64)
    return mean, np.where(deviation > 1e-8 * np.abs(mean).max(initial=1.0), deviation, 1.0)


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-4)


def _one_thread() -> Any:
    """Returns a context for small products, of which several threads wait for one another."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def classes_of(terms: Sequence[str] | Names) -> tuple[str, ...]:
    """Returns the different terms in alphabetical order."""
    return tuple(str(term) for term in np.unique(np.asarray(terms, dtype=str)))
