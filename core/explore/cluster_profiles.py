"""What the clusters of a stored clustering are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from core.explore import groups, measures, spaces
from core.explore.profiles import Profile, profile
from core.store import maps
from core.store.corpus import SEGMENT_KEYS, corpus
from core.store.maps import CLUSTERING, Head
from core.store.store import Store

MEASURES: Final = ("level_db", "f0_hz", "rate", "duration_s")
_KEYS: Final = list(SEGMENT_KEYS)


@dataclass(frozen=True)
class Profiles:
    """The clusters of a clustering.

    Attributes:
        head: of the clustering.
        segments: those of the corpus that it holds, with `cluster`; rows of the profiles count here.
        profiles: by the number of the cluster, noise (-1) among them.
        measured: for each measure, the share of segments for which it is known.
    """

    head: Head
    segments: pd.DataFrame
    profiles: Mapping[int, Profile]
    measured: Mapping[str, float]

    def name(self, cluster: int) -> str:
        """Returns the name that people gave a cluster, or `cluster N`."""
        named: dict[str, str] = self.head.parameters.get("names", {})
        return named.get(str(cluster), groups.default_name(cluster))


def profiles_of(store: Store, key: str, n_examples: int = 8) -> Profiles:
    """Returns what each cluster of a clustering is.

    Args:
        store: where it is.
        key: of the clustering.
        n_examples: typical segments and outliers of each.

    Raises:
        StoreError: there is no such clustering.
    """
    head = groups.needed(store, key)
    found = corpus(store, head.parameters["engine_id"])
    vectors = spaces.vectors_of(store, found, head.parameters)
    scores, sound = measures.calibrated_scores(store, found), measures.sound(store, found)
    points = maps.points(store, CLUSTERING, key)
    joined = found.segments.merge(points, on=_KEYS, how="left")
    rows = joined["cluster"].notna().to_numpy(bool)
    segments = joined[rows].reset_index(drop=True)
    labels = segments["cluster"].to_numpy(int)
    values = {name: sound[name].to_numpy(float)[rows] for name in MEASURES}
    origins = {kind: measures.names(segments[kind]) for kind in ("recording", "speaker", "session")}
    return Profiles(
        head=head,
        segments=segments.assign(cluster=labels),
        profiles={
            int(number): profile(
                int(number), labels, vectors[rows], scores[rows], values, origins, n_examples
            )
            for number in np.unique(labels)
        },
        measured={name: float(np.mean(~np.isnan(v))) for name, v in values.items()},
    )
