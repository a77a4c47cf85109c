"""How fit embeddings are for search: neighbours of the same emotion, and what they tell of who."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from core.engines.base import Floats

N_NEIGHBOURS = 10
N_PARTS = 5


def precision_at_10(
    embeddings: Floats, emotions: NDArray[np.str_], speakers: NDArray[np.str_]
) -> tuple[float, float]:
    """Returns the mean precision of the ten nearest clips of other speakers, and chance.

    Args:
        embeddings: shape `(n, n_dims)`; nearness is the cosine after their mean is taken away.
        emotions: shape `(n,)`: right is a neighbour of the same emotion.
        speakers: shape `(n,)`: a clip's own speaker is never its neighbour.

    Returns:
        The mean over emotions of the precision, and of what random neighbours would give.
    """
    centred = embeddings - embeddings.mean(axis=0)
    centred = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    nearness = centred @ centred.T
    others = speakers[:, None] != speakers[None]
    same = emotions[:, None] == emotions[None]
    nearness[~others] = -np.inf
    nearest = np.argsort(-nearness, axis=1)[:, :N_NEIGHBOURS]
    right = np.take_along_axis(same & others, nearest, axis=1).mean(axis=1)
    random = (same & others).sum(axis=1) / np.maximum(others.sum(axis=1), 1)
    classes = np.unique(emotions)
    return tuple(  # type: ignore[return-value]
        float(np.mean([values[emotions == c].mean() for c in classes]))
        for values in (right, random)
    )


def speaker_accuracy(embeddings: Floats, speakers: NDArray[np.str_]) -> tuple[float, float]:
    """Returns how often a linear probe names the speaker of unheard clips, and chance.

    Five parts, each speaker in all of them; chance is the share of the most frequent speaker.
    """
    deviation = embeddings.std(axis=0) + 1e-9
    standard = (embeddings - embeddings.mean(axis=0)) / deviation
    parts = StratifiedKFold(N_PARTS, shuffle=True, random_state=0)
    probe = LogisticRegression(C=0.01, max_iter=200)
    found = cross_val_score(probe, standard, speakers, cv=parts)
    return float(found.mean()), float(
        np.unique(speakers, return_counts=True)[1].max() / len(speakers)
    )


def search_figures(
    embeddings: Floats, emotions: NDArray[np.str_], speakers: NDArray[np.str_]
) -> dict[str, float]:
    """Returns both measures beside chance."""
    precision, random = precision_at_10(embeddings, emotions, speakers)
    named, most = speaker_accuracy(embeddings, speakers)
    return {
        "precision_at_10": round(precision, 4),
        "precision_at_10_chance": round(random, 4),
        "speaker_accuracy": round(named, 4),
        "speaker_accuracy_chance": round(most, 4),
    }
