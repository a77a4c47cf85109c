"""Maps and clusterings of a store: made where there is none for this very corpus, then kept.

What is stored is never computed again, as UMAP gives another picture on another machine. A new
one is made for new parameters or a changed corpus only.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import pandas as pd

from core.errors import ExploreError
from core.explore import clusters, projection, space
from core.explore.projection import Method
from core.records import Floats
from core.settings import digest
from core.store import maps
from core.store.corpus import SEGMENT_KEYS, Corpus, corpus, embeddings
from core.store.maps import CLUSTERING, PROJECTION, Head
from core.store.store import Store

Report = Callable[[str], None]
_PACKAGES: Final = ("scikit-learn", "umap-learn", "numpy")


class Unit(StrEnum):
    """What is grouped."""

    SEGMENT = "segment"
    RECORDING = "recording"
    SESSION = "session"


def make_projection(
    store: Store,
    engine: str = "compact",
    method: Method = Method.UMAP,
    seed: int = 0,
    report: Report = lambda _: None,
) -> Head:
    """Returns the map of an engine's segments, made and stored if there is none yet.

    Args:
        store: where segments and maps are.
        engine: name or id.
        method: asked for; while there are too few segments PCA stands in, and says why.
        seed: of everything that is random.
        report: is told what is being done.

    Raises:
        StoreError: the engine has analysed nothing.
        ExploreError: there are too few segments, or they do not differ.
    """
    report("Reading the corpus")
    found = corpus(store, engine)
    n_points = len(found.segments)
    used, reason = projection.method_for(method, n_points)
    made_by = {"kind": PROJECTION, "method": str(used), "seed": seed, **_of(found)}
    stored = maps.head(store, PROJECTION, digest(made_by))
    if stored is not None:
        return stored
    vectors = space.directions(embeddings(store, found))
    name = projection.NAMES[used]
    report(f"Arranging {n_points:,} segments by {name}")
    points = projection.project(vectors, used, seed)
    report("Storing the map")
    details = {
        "asked": str(method),
        "reason": reason,
        "settings": projection.settings(used, *vectors.shape),
    }
    rows = found.segments[list(SEGMENT_KEYS)].assign(x=points[:, 0], y=points[:, 1])
    return _keep(store, found, made_by, details, rows)


def make_clustering(
    store: Store,
    engine: str = "compact",
    k: int | None = None,
    unit: Unit = Unit.SEGMENT,
    seed: int = 0,
    report: Report = lambda _: None,
) -> Head:
    """Returns clusters of an engine's segments, made and stored if there are none yet.

    Each segment is stored with the cluster of its unit; a recording or session stands for the mean
    of its segments' vectors.

    Args:
        store: where segments and clusterings are.
        engine: name or id.
        k: how many clusters, or None for the one of 2 to 12 with the highest silhouette.
        unit: what is grouped; segments of recordings without a session are left out of sessions.
        seed: of everything that is random.
        report: is told what is being done.

    Raises:
        StoreError: the engine has analysed nothing.
        ExploreError: there are too few units, or they do not differ.
    """
    report("Reading the corpus")
    found = corpus(store, engine)
    names = _units(found.segments, unit)
    made_by = {"kind": CLUSTERING, "method": "kmeans", "unit": str(unit), "seed": seed}
    made_by |= {"k": "auto" if k is None else k, **_of(found)}
    if unit is Unit.SESSION:
        pairs = pd.DataFrame({"recording": found.segments["recording"], "name": names})
        made_by["sessions"] = digest({"s": pairs.dropna().drop_duplicates().to_numpy().tolist()})
    stored = maps.head(store, CLUSTERING, digest(made_by))
    if stored is not None:
        return stored
    vectors = space.directions(embeddings(store, found))
    used = names.notna().to_numpy()
    numbers, _ = pd.factorize(names[used], sort=True)
    units = _means(vectors[used], numbers, unit)
    report(f"Grouping {len(units):,} {unit}s by K-Means")
    grouped = clusters.cluster(units, k, seed, f"{unit}s")
    details: dict[str, Any] = {
        "clusters": grouped.k,
        "silhouette": grouped.silhouette,
        "silhouette_points": grouped.silhouette_points,
        "sizes": list(grouped.sizes),
        "tried": {str(tried): score for tried, score in grouped.tried.items()},
        "n_units": len(units),
        "left_out": int((~used).sum()),
        "settings": {"n_init": clusters.STARTS},
    }
    rows = found.segments.loc[used, list(SEGMENT_KEYS)].assign(cluster=grouped.labels[numbers])
    report("Storing the clusters")
    return _keep(store, found, made_by, details, rows)


def latest(store: Store, kind: str, engine_id: str, **wanted: object) -> Head | None:
    """Returns the newest map or clustering of an engine with these parameters, or None."""
    for found in maps.heads(store, kind):
        parameters = found.parameters
        if parameters["engine_id"] == engine_id and all(
            parameters.get(name) == value for name, value in wanted.items()
        ):
            return found
    return None


def latest_projection(store: Store, of: Corpus, asked: Method) -> Head | None:
    """Returns the newest map that was made by a method, or by PCA in its place; or None."""
    used, _ = projection.method_for(asked, len(of.segments))
    found = [
        latest(store, PROJECTION, of.engine_id, method=str(used)),
        latest(store, PROJECTION, of.engine_id, asked=str(asked)),
    ]
    there = [head for head in found if head is not None]
    return max(there, key=lambda head: head.made_at, default=None)


def _of(found: Corpus) -> dict[str, str]:
    return {"space": space.SPACE, "engine_id": found.engine_id, "data": found.version}


def _units(segments: pd.DataFrame, unit: Unit) -> pd.Series:
    """Returns the name of each segment's unit, or none where it belongs to no unit."""
    if unit is Unit.SEGMENT:
        return pd.Series(np.arange(len(segments)), index=segments.index)
    names: pd.Series = segments[str(unit)].mask(segments[str(unit)] == "")
    if names.notna().sum() == 0 and len(segments):
        raise ExploreError(
            f"No recording in this corpus has a {unit}, so there is nothing to group by it; "
            f"analyse with --{unit}, or group segments or recordings."
        )
    return names


def _means(vectors: Floats, numbers: np.ndarray, unit: Unit) -> Floats:
    return vectors if unit is Unit.SEGMENT else space.means(vectors, numbers)


def _keep(
    store: Store,
    found: Corpus,
    made_by: dict[str, Any],
    details: dict[str, Any],
    rows: pd.DataFrame,
) -> Head:
    """Stores what was made; returns what is stored, which is another's if that was faster."""
    recorded = {"run_keys": list(found.run_keys), "n": len(rows), "versions": _versions()}
    head = Head(
        kind=made_by["kind"],
        key=digest(made_by),
        method=made_by["method"],
        seed=made_by["seed"],
        parameters=made_by | details | recorded,
        made_at=datetime.now(UTC),
    )
    maps.write(store, head, rows)
    return maps.head(store, head.kind, head.key) or head


def _versions() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}
