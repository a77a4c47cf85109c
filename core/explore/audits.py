"""The audit of a stored clustering or map: what it follows, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import ExploreError, StoreError
from core.explore import confounds, measures, spaces
from core.explore.confounds import CIRCULAR, Factor, Found
from core.explore.space import SpaceKind, SpaceSettings, settings_from
from core.records import Floats
from core.store import maps
from core.store.corpus import SEGMENT_KEYS, Corpus, corpus
from core.store.maps import CLUSTERING, PROJECTION, Head
from core.store.store import Store

_KEYS: Final = list(SEGMENT_KEYS)


@dataclass(frozen=True)
class Audit:
    """What a clustering or a map follows.

    Attributes:
        key: of the clustering or map.
        found: one for each factor.
        advice: a sentence on what to do.
        circular: why agreement with the engine's own labels counts for nothing.
    """

    key: str
    found: tuple[Found, ...]
    advice: str
    circular: str = CIRCULAR


def audit_clustering(store: Store, key: str | None = None, engine: str | None = None) -> Audit:
    """Returns the audit of a clustering, its probes in the clustering's own space.

    Args:
        store: where it is.
        key: of the clustering, or its first digits; None for the newest.
        engine: with no key, only of this engine: a name or id.

    Raises:
        StoreError: there is no such clustering.
        ExploreError: nothing of it is in the corpus any more.
    """
    head = _chosen(store, key, engine)
    found = corpus(store, head.parameters["engine_id"])
    joined = _joined(store, CLUSTERING, head, found)
    settings = _settings(head)
    vectors = spaces.vectors_of(store, found, head.parameters)
    rows = joined["cluster"].notna().to_numpy(bool)
    labels = joined.loc[rows, "cluster"].to_numpy(int)
    return _audited(store, head, found, rows, vectors[rows], labels, settings.kind)


def audit_projection(store: Store, key: str) -> Audit:
    """Returns the audit of a map, its probes on the places of the points.

    Raises:
        StoreError: there is no such map.
        ExploreError: nothing of it is in the corpus any more.
    """
    head = maps.head(store, PROJECTION, key)
    if head is None:
        raise StoreError(f"There is no map {key!r} in the store; make a new one.")
    found = corpus(store, head.parameters["engine_id"])
    joined = _joined(store, PROJECTION, head, found)
    rows = joined["x"].notna().to_numpy(bool)
    points = joined.loc[rows, ["x", "y"]].to_numpy(np.float32)
    return _audited(store, head, found, rows, points, None, _settings(head).kind)


def factors_of(
    store: Store, of: Corpus, rows: NDArray[np.bool_]
) -> dict[Factor, Sequence[Any] | NDArray[Any]]:
    """Returns what a clustering of some segments of a corpus may follow.

    Args:
        store: where the corpus is.
        of: the corpus.
        rows: shape `(n_segments,)`, which segments count.
    """
    segments, sound = of.segments[rows], measures.sound(store, of)
    people = measures.people_emotions(store, of)
    return {
        Factor.SPEAKER: measures.names(segments["speaker"]),
        Factor.RECORDING: measures.names(segments["recording"]),
        Factor.SESSION: measures.names(segments["session"]),
        Factor.LEVEL: measures.level(sound)[rows],
        Factor.DURATION: sound["duration_s"].to_numpy(float)[rows],
        Factor.EMOTION_PEOPLE: [people[row] for row in np.flatnonzero(rows)],
        Factor.EMOTION_ENGINE: measures.names(segments["emotion"]),
    }


def _audited(
    store: Store,
    head: Head,
    of: Corpus,
    rows: NDArray[np.bool_],
    vectors: Floats,
    labels: NDArray[Any] | None,
    kind: SpaceKind,
) -> Audit:
    if not rows.any():
        raise ExploreError(
            "Nothing of what was grouped here is in the corpus any more; group it again."
        )
    recordings = of.segments.loc[rows, "recording"].tolist()
    found = confounds.audit(vectors, labels, factors_of(store, of, rows), recordings, head.seed)
    return Audit(head.key, found, confounds.advice(found, kind))


def _chosen(store: Store, key: str | None, engine: str | None) -> Head:
    every = maps.heads(store, CLUSTERING)
    if key is None:
        wanted = None if engine is None else corpus(store, engine).engine_id
        mine = [h for h in every if wanted in (None, h.parameters["engine_id"])]
        if not mine:
            raise StoreError("There is no clustering in this store yet; make one with `cluster`.")
        return mine[0]
    mine = [head for head in every if key and head.key.startswith(key)]
    if len(mine) != 1:
        there = "no clustering" if not mine else f"{len(mine)} clusterings"
        raise StoreError(
            f"There is {there} {key!r} in the store; give the id that `cluster` answered."
        )
    return mine[0]


def _joined(store: Store, kind: str, head: Head, of: Corpus) -> pd.DataFrame:
    points = maps.points(store, kind, head.key)
    found: pd.DataFrame = of.segments[_KEYS].merge(points, on=_KEYS, how="left")
    return found


def _settings(head: Head) -> SpaceSettings:
    told = head.parameters.get("space_settings")
    return settings_from(told) if told else SpaceSettings()
