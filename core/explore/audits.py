"""The audit of a stored clustering or map: what it follows, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import ExploreError
from core.explore import confounds, measures, spaces
from core.explore.confounds import CIRCULAR, Factor, Found
from core.explore.maps import chosen
from core.explore.space import SpaceKind, SpaceSettings, settings_from
from core.explore.unit_rows import of_unit, unit_rows, unit_vectors
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
        unit: what is counted: `segment`, `recording` or `session`.
    """

    key: str
    found: tuple[Found, ...]
    advice: str
    circular: str = CIRCULAR
    unit: str = "segment"


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
    head = chosen(store, CLUSTERING, key, engine)
    found = corpus(store, head.parameters["engine_id"])
    joined = _joined(store, CLUSTERING, head, found)
    settings = _settings(head)
    rows = joined["cluster"].notna().to_numpy(bool)
    if head.parameters.get("unit", "segment") != "segment":
        return _of_units(store, head, found, joined["cluster"], settings.kind)
    vectors = spaces.vectors_of(store, found, head.parameters)
    labels = joined.loc[rows, "cluster"].to_numpy(int)
    return _audited(store, head, found, rows, vectors[rows], labels, settings.kind)


def audit_projection(store: Store, key: str | None = None, engine: str | None = None) -> Audit:
    """Returns the audit of a map, its probes on the places of the points.

    Args:
        store: where it is.
        key: of the map, or its first digits; None for the newest.
        engine: with no key, only of this engine: a name or id.

    Raises:
        StoreError: there is no such map.
        ExploreError: nothing of it is in the corpus any more.
    """
    head = chosen(store, PROJECTION, key, engine)
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


def _of_units(store: Store, head: Head, of: Corpus, labels: pd.Series, kind: SpaceKind) -> Audit:
    """Returns the audit of recordings or sessions: each counts once, however many segments it has."""
    unit = head.parameters["unit"]
    rows = labels.notna().to_numpy(bool) & of_unit(of.segments, unit)
    _needs(rows)
    units = unit_rows(of.segments[rows], unit)
    vectors = unit_vectors(store, of, rows, units, head.parameters)
    of_segments = factors_of(store, of, rows)
    factors: dict[Factor, Sequence[Any] | NDArray[Any]] = {
        factor: (
            units.mean(np.asarray(values, float))
            if factor in confounds.MEASURED
            else units.most(list(values))
            if factor in confounds.EMOTIONS_OF
            else units.only(list(values))
        )
        for factor, values in of_segments.items()
        if factor not in (Factor.RECORDING, unit)
    }
    grouped = np.array(units.most(labels[rows].astype(int).tolist()), float)
    numbers = np.where(np.isnan(grouped), -1, grouped).astype(int)
    found = confounds.audit(vectors, numbers, factors, units.names, head.seed)
    return Audit(head.key, found, confounds.advice(found, kind), unit=unit)


def _needs(rows: NDArray[np.bool_]) -> None:
    if not rows.any():
        raise ExploreError(
            "Nothing of what was grouped here is in the corpus any more; group it again."
        )


def _audited(
    store: Store,
    head: Head,
    of: Corpus,
    rows: NDArray[np.bool_],
    vectors: Floats,
    labels: NDArray[Any] | None,
    kind: SpaceKind,
) -> Audit:
    _needs(rows)
    recordings = of.segments.loc[rows, "recording"].tolist()
    found = confounds.audit(vectors, labels, factors_of(store, of, rows), recordings, head.seed)
    return Audit(head.key, found, confounds.advice(found, kind))


def _joined(store: Store, kind: str, head: Head, of: Corpus) -> pd.DataFrame:
    points = maps.points(store, kind, head.key)
    found: pd.DataFrame = of.segments[_KEYS].merge(points, on=_KEYS, how="left")
    return found


def _settings(head: Head) -> SpaceSettings:
    told = head.parameters.get("space_settings")
    return settings_from(told) if told else SpaceSettings()
