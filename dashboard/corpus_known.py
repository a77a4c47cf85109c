"""What the filter of the corpus pages needs beyond the segments: labels, quality, saved clusters."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.explore import groups
from core.store import maps
from core.store.corpus import SEGMENT_KEYS
from core.store.maps import CLUSTERING
from dashboard import clusterings, corpus, corpus_filter
from dashboard.corpus_filter import Filter
from dashboard.shared import scope

_KEYS: Final = list(SEGMENT_KEYS)
_DIGITS: Final = 12


def options(engine: str) -> dict[str, dict[str, str]]:
    """Returns what people heard and the clusters that they saved, names by value."""
    heard = sorted(term for term in set(corpus.heard(engine)) if term)
    return {
        corpus_filter.HEARD: {term: term for term in heard},
        corpus_filter.CLUSTERS: _clusters(engine),
    }


def _clusters(engine: str) -> dict[str, str]:
    """Returns the clusters of saved clusterings: title and name by the digits of the key and number."""
    return {
        f"{head.key[:_DIGITS]}.{number}": (
            f"{head.parameters['title']}: {groups.name_of(head, number)}"
        )
        for head in clusterings.saved(engine)
        for number in range(head.parameters["clusters"])
    }


def keeps(kept: Filter, segments: pd.DataFrame, engine: str) -> NDArray[np.bool_]:
    """Returns which segments pass a filter, shape `(n_segments,)`.

    Args:
        kept: the filter.
        segments: any of `corpus.segments`, in any order.
        engine: its id.
    """
    more = _more(kept, engine)
    if more:
        every = corpus.segments(engine)[_KEYS].assign(**more)
        segments = segments.merge(every, on=_KEYS, how="left")
    return kept.keeps(segments)


def _more(kept: Filter, engine: str) -> Mapping[str, object]:
    found: dict[str, object] = {}
    if kept.heard:
        found["heard"] = corpus.heard(engine)
    if kept.quality:
        found["snr_db"] = corpus.noise_ratios(engine)
    if kept.in_clusters:
        found["in_clusters"] = _inside(kept.in_clusters, engine)
    return found


def _inside(wanted: tuple[str, ...], engine: str) -> NDArray[np.bool_]:
    every = corpus.segments(engine)[_KEYS]
    found = np.zeros(len(every), np.bool_)
    for head in clusterings.saved(engine):
        numbers = [int(w.rpartition(".")[2]) for w in wanted if w.startswith(head.key[:_DIGITS])]
        if numbers:
            points = maps.points(scope().store, CLUSTERING, head.key)
            joined = every.merge(points, on=_KEYS, how="left")["cluster"]
            found |= joined.isin(numbers).to_numpy(bool)
    return found
