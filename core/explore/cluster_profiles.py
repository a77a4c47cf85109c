"""What the clusters of a stored clustering are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.emotions import EMOTIONS
from core.errors import ExploreError
from core.explore import groups, measures, spaces
from core.explore.profiles import Profile, profile
from core.explore.unit_rows import of_unit, unit_rows, unit_vectors
from core.explore.units import By, features
from core.records import Floats
from core.store import maps
from core.store.corpus import SEGMENT_KEYS, corpus
from core.store.maps import CLUSTERING, Head
from core.store.store import Store

MEASURES: Final = ("level_db", "f0_hz", "rate", "duration_s")
_ORIGINS: Final = ("recording", "speaker", "session")
_KEYS: Final = list(SEGMENT_KEYS)


@dataclass(frozen=True)
class Profiles:
    """The clusters of a clustering.

    Attributes:
        head: of the clustering.
        segments: those of the corpus that it holds, with `cluster`.
        rows: what the profiles count, and the rows that they name: the segments, or a row for each
            recording or session with its name in `unit`, and `cluster`.
        profiles: by the number of the cluster, noise (-1) among them.
        measured: for each measure, the share of segments for which it is known.
        courses: where recordings or sessions were grouped by their course over time, the mean
            course of each cluster, shape `(n_steps, 9)`, by its number; empty elsewhere.
    """

    head: Head
    segments: pd.DataFrame
    rows: pd.DataFrame
    profiles: Mapping[int, Profile]
    measured: Mapping[str, float]
    courses: Mapping[int, Floats] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """What is grouped: `segment`, `recording` or `session`."""
        return str(self.head.parameters.get("unit", "segment"))

    def name(self, cluster: int) -> str:
        """Returns the name that people gave a cluster, or `cluster N`, counted from 1."""
        return groups.name_of(self.head, cluster)


def profiles_of(store: Store, key: str, n_examples: int = 8) -> Profiles:
    """Returns what each cluster of a clustering is.

    Of recordings and sessions each counts once, and is typical or outlying by what was compared.

    Args:
        store: where it is.
        key: of the clustering.
        n_examples: typical segments and outliers of each, or recordings, or sessions.

    Raises:
        StoreError: there is no such clustering.
        ExploreError: nothing of it is in the corpus any more.
    """
    head = groups.needed(store, key)
    found = corpus(store, head.parameters["engine_id"])
    unit = str(head.parameters.get("unit", "segment"))
    joined = found.segments.merge(maps.points(store, CLUSTERING, key), on=_KEYS, how="left")
    inside = joined["cluster"].notna().to_numpy(bool)
    if unit != "segment":
        inside = inside & of_unit(joined, unit)
    if not inside.any():
        raise ExploreError(
            "Nothing of what was grouped here is in the corpus any more; group it again."
        )
    segments = joined[inside].reset_index(drop=True)
    segments["cluster"] = segments["cluster"].astype(int)
    sound = measures.sound(store, found)[inside]
    scores: NDArray[np.floating[Any]]
    if unit == "segment":
        rows = segments
        vectors = spaces.vectors_of(store, found, head.parameters)
        vectors = vectors if inside.all() else vectors[inside]
        scores = measures.calibrated_scores(store, found)[inside]
        values = {name: sound[name].to_numpy(float) for name in MEASURES}
        origins = {kind: measures.names(segments[kind]) for kind in _ORIGINS}
    else:
        units = unit_rows(segments, unit)
        rows = pd.DataFrame(
            {"unit": units.names, "cluster": units.most(segments["cluster"].tolist())}
        )
        rows["cluster"] = rows["cluster"].fillna(-1).astype(int)
        vectors = unit_vectors(store, found, inside, units, head.parameters)
        scores = features(store, found, found.segments[unit].where(inside), By.PROFILE)
        values = {name: units.mean(sound[name].to_numpy(float)) for name in MEASURES}
        origins = {kind: units.only(measures.names(segments[kind])) for kind in _ORIGINS}
    labels = rows["cluster"].to_numpy(int)
    return Profiles(
        head=head,
        segments=segments,
        rows=rows,
        profiles={
            int(number): profile(int(number), labels, vectors, scores, values, origins, n_examples)
            for number in np.unique(labels)
        },
        measured={name: float(sound[name].notna().mean()) for name in MEASURES},
        courses={
            int(number): vectors[labels == number].mean(axis=0).reshape(-1, len(EMOTIONS))
            for number in np.unique(labels)
            if head.parameters.get("by") == By.TRAJECTORY
        },
    )
