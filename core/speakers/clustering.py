"""Which voices are one person's: agglomerative clustering of directions, weighed by their time."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.records import Floats

MERGE_DISTANCE: Final = 0.75  # cosine; amid what did best on nEMO (0.70 to 0.80)
SURE_S: Final = 1.0  # a voice heard for less is placed, but founds no speaker
LEAST_S: Final = 3.0  # a speaker heard for less in all is taken for a stray
LEAST_SHARE: Final = 0.03
MOST_SPEAKERS: Final = 10
MOST_CLUSTERED: Final = 4000

Labels = NDArray[np.int64]


def cluster(voices: Floats, seconds: Floats, n_speakers: int | None = None) -> Labels:
    """Returns the number of the speaker of each voice, shape `(n_voices,)`, from 0.

    Args:
        voices: shape `(n_voices, n_dims)`, of length 1 each.
        seconds: shape `(n_voices,)`, how long each was heard.
        n_speakers: how many there are, or None to find out.
    """
    if len(voices) < 2 or n_speakers == 1:
        return np.zeros(len(voices), np.int64)
    founding = np.flatnonzero(seconds >= min(SURE_S, float(np.median(seconds))))
    if len(founding) > MOST_CLUSTERED:  # the table of distances grows with the square
        founding = founding[np.linspace(0, len(founding) - 1, MOST_CLUSTERED).astype(int)]
    found = _groups(voices[founding], seconds[founding], n_speakers)
    kept = [g for g in np.unique(found) if g >= 0]
    centres = np.stack([seconds[founding][found == g] @ voices[founding][found == g] for g in kept])
    centres /= np.maximum(1e-9, np.linalg.norm(centres, axis=1, keepdims=True))
    labels: Labels = np.argmax(voices @ centres.T, axis=1)
    return labels


def _groups(voices: Floats, seconds: Floats, n_speakers: int | None) -> Labels:
    """Returns the group of each voice, -1 for those of groups too small to be a speaker."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(voices) < 2:
        return np.zeros(len(voices), np.int64)
    tree = linkage(voices.astype(np.float64), method="average", metric="cosine")
    if n_speakers is None:
        labels = fcluster(tree, MERGE_DISTANCE, criterion="distance")
        return _largest(labels, seconds, MOST_SPEAKERS, least_s=_least_s(seconds))
    # Strays split off early: cut finer until so many groups are large enough to be people.
    for n_groups in range(n_speakers, min(len(voices), n_speakers + 30) + 1):
        labels = fcluster(tree, n_groups, criterion="maxclust")
        found = _largest(labels, seconds, n_speakers, least_s=_least_s(seconds))
        if len(np.unique(found[found >= 0])) == n_speakers:
            return found
    labels = fcluster(tree, n_speakers, criterion="maxclust")
    return _largest(labels, seconds, n_speakers, least_s=0.0)


def _least_s(seconds: Floats) -> float:
    return float(max(min(LEAST_S, 0.2 * seconds.sum()), LEAST_SHARE * seconds.sum()))


def _largest(labels: Labels, seconds: Floats, most: int, least_s: float) -> Labels:
    """Keeps the groups heard longest, at most `most` of them, each for at least `least_s`."""
    names = np.unique(labels)
    totals = np.array([seconds[labels == name].sum() for name in names])
    order = np.argsort(-totals, kind="stable")[:most]
    kept = [names[i] for i in order if totals[i] >= least_s] or [names[order[0]]]
    return np.where(np.isin(labels, kept), labels, -1).astype(np.int64)
