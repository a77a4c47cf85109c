"""Clusterings of a store: segments, recordings or sessions, made once, then named, merged and kept."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import ExploreError, StoreError
from core.explore import clusters, spaces
from core.explore.clusters import Clustered, Grouping
from core.explore.maps import Report, keep, made_of
from core.explore.space import SpaceSettings, comparable, means
from core.explore.units import By, features
from core.plain import one_line
from core.records import Floats
from core.settings import digest
from core.store import maps
from core.store.corpus import SEGMENT_KEYS, Corpus, corpus
from core.store.maps import CLUSTERING, Head
from core.store.store import Store

MOST_NAME: Final = 80
_KEYS: Final = list(SEGMENT_KEYS)


class Unit(StrEnum):
    """What is grouped."""

    SEGMENT = "segment"
    RECORDING = "recording"
    SESSION = "session"


def make_clustering(
    store: Store,
    engine: str = "compact",
    k: int | None = None,
    unit: Unit = Unit.SEGMENT,
    seed: int = 0,
    report: Report = lambda _: None,
    *,
    space: SpaceSettings | None = None,
    method: Grouping = Grouping.KMEANS,
    by: By | None = None,
    least: int = 10,
) -> Head:
    """Returns clusters of an engine's segments, made and stored if there are none yet.

    Each segment is stored with the cluster of its unit.

    Args:
        store: where segments and clusterings are.
        engine: name or id.
        k: how many clusters, or None for the k that `clusters.cluster` suggests.
        unit: what is grouped; segments of recordings without a session are left out of sessions.
        seed: of everything that is random.
        report: is told what is being done.
        space: in which segments are compared; for recordings and sessions never per speaker.
        method: K-Means, or HDBSCAN, which finds k itself and leaves some out as noise.
        by: what of recordings or sessions is compared: by default their emotion profile.
        least: of HDBSCAN, the fewest units of a cluster.

    Raises:
        StoreError: the engine has analysed nothing.
        ExploreError: there are too few units, or they do not differ.
    """
    report("Reading the corpus")
    found = corpus(store, engine)
    names = _units(found.segments, unit)
    space = space or SpaceSettings()
    by = By.EMBEDDING if unit is Unit.SEGMENT else by or By.PROFILE
    if unit is not Unit.SEGMENT:
        space = comparable(space)
    made_by: dict[str, Any] = {"kind": CLUSTERING, "method": str(method), "unit": str(unit)}
    made_by |= {"seed": seed, "k": "auto" if k is None else k, **made_of(found, space)}
    if method is Grouping.HDBSCAN:
        made_by |= {"k": "auto", "least": least}
    if by is not By.EMBEDDING:
        made_by["by"] = str(by)
    if unit is Unit.SESSION:
        pairs = pd.DataFrame({"recording": found.segments["recording"], "name": names})
        made_by["sessions"] = digest({"s": pairs.dropna().drop_duplicates().to_numpy().tolist()})
    stored = maps.head(store, CLUSTERING, digest(made_by))
    if stored is not None:
        return stored
    used: NDArray[np.bool_] = names.notna().to_numpy().astype(np.bool_)
    numbers: NDArray[np.intp] = pd.factorize(names[used], sort=True)[0]
    space_key = None
    if by is By.EMBEDDING:
        space_key, vectors = spaces.vectors(store, found, space)
        units = vectors if unit is Unit.SEGMENT else means(vectors[used], numbers)
    else:
        units = features(store, found, names, by)
    has: NDArray[np.bool_] = np.asarray(~np.isnan(units).any(axis=1))
    if not has.all():
        used[used] = has[numbers]
        numbers, units = np.unique(numbers[has[numbers]], return_inverse=True)[1], units[has]
    report(f"Grouping {len(units):,} {unit}s by {_TITLES[method]}")
    grouped = _grouped(units, k, seed, method, least, f"{unit}s")
    details = _details(grouped, units, used) | {
        "by": str(by),
        "space_key": space_key,
        "space_settings": space.as_json(),
        "space_warning": space.warning,
    }
    rows = found.segments.loc[used, _KEYS].assign(cluster=grouped.labels[numbers])
    report("Storing the clusters")
    return keep(store, found, made_by, details, rows)


def edit(
    store: Store,
    key: str,
    title: str,
    names: Mapping[int, str] | None = None,
    merge: Sequence[Sequence[int]] = (),
) -> Head:
    """Returns a clustering made from another by naming and merging, stored beside it.

    The one it comes from stays as it was, so nothing is lost by an edit.

    Args:
        store: where clusterings are.
        key: of the clustering.
        title: what the new one is called.
        names: of its clusters, by their stored numbers (from 0) before the merge; others keep theirs.
        merge: groups of clusters that become one, which takes the first name among them.

    Raises:
        StoreError: there is no such clustering.
        ExploreError: the title is empty, or a cluster does not exist or is merged twice.
    """
    parent = needed(store, key)
    of = parent.parameters
    points = maps.points(store, CLUSTERING, key)
    known = sorted(set(points["cluster"].tolist()) - {clusters.NOISE})
    named = {int(number): name for number, name in of.get("names", {}).items()}
    named |= {
        number: _plain(name, f"cluster {number + 1}") for number, name in (names or {}).items()
    }
    into = _merged(known, merge, named)
    labels = np.array([into.get(number, clusters.NOISE) for number in points["cluster"]])
    grouped = labels >= 0
    renumbered, sizes = clusters.by_size(labels[grouped])
    new_number = dict(zip(labels[grouped].tolist(), renumbered.tolist(), strict=True))
    labels[grouped] = renumbered
    parameters = of | {
        "title": _plain(title, "the clustering"),
        "parent": key,
        "names": {str(new_number[old]): name for old, name in named.items() if old in new_number},
        "clusters": len(sizes),
        "sizes": list(sizes),
        "merged": [list(group) for group in merge],
    }
    if merge:  # figures of the parent, which no longer hold
        parameters |= {"silhouette": None, "tried": {}, "stability": {}}
    return _saved(store, parent.method, parent.seed, parameters, points.assign(cluster=labels))


def keep_by_hand(store: Store, engine: str, title: str, groups: Mapping[str, pd.DataFrame]) -> Head:
    """Returns a clustering drawn by hand, such as by a lasso on the map, stored.

    Args:
        store: where clusterings are.
        engine: name or id.
        title: what it is called.
        groups: name to rows with the keys of segments; a segment in two belongs to the first.

    Raises:
        ExploreError: there is no group, one holds nothing, or a name is empty.
        StoreError: the engine has analysed nothing.
    """
    found = corpus(store, engine)
    parts = [rows[_KEYS].assign(cluster=number) for number, rows in enumerate(groups.values())]
    if not parts or any(rows.empty for rows in parts):
        raise ExploreError("A group holds no segment; mark some on the map first.")
    rows = pd.concat(parts).drop_duplicates(_KEYS).merge(found.segments[_KEYS], on=_KEYS)
    labels, sizes = clusters.by_size(rows["cluster"].to_numpy())
    of_number = dict(zip(rows["cluster"].tolist(), labels.tolist(), strict=True))
    parameters = {
        "kind": CLUSTERING,
        "engine_id": found.engine_id,
        "data": found.version,
        "unit": str(Unit.SEGMENT),
        "title": _plain(title, "the clustering"),
        "names": {
            str(of_number[number]): _plain(name, "a group")
            for number, name in enumerate(groups)
            if number in of_number
        },
        "k": len(sizes),
        "clusters": len(sizes),
        "sizes": list(sizes),
        "silhouette": None,
        "n_units": len(rows),
        "left_out": len(found.segments) - len(rows),
    }
    return _saved(store, "hand", 0, parameters, rows.assign(cluster=labels))


def needed(store: Store, key: str) -> Head:
    """Returns a clustering by its key.

    Raises:
        StoreError: there is none.
    """
    found = maps.head(store, CLUSTERING, key)
    if found is None:
        raise StoreError(f"There is no clustering {key!r} in the store; make one with `cluster`.")
    return found


def saved(store: Store) -> list[Head]:
    """Returns the clusterings that people gave a title, the newest first."""
    return [head for head in maps.heads(store, CLUSTERING) if "title" in head.parameters]


def table(store: Store, key: str) -> pd.DataFrame:
    """Returns a clustering as a table: a row for each segment with its cluster's number and name.

    Numbers are counted from 1, as in the names that are given by default; 0 is no cluster.

    Raises:
        StoreError: there is no such clustering.
    """
    head = needed(store, key)
    found: Corpus = corpus(store, head.parameters["engine_id"])
    columns = [*_KEYS, "name", "session", "speaker", "start_s", "end_s", "emotion"]
    rows = found.segments[columns].merge(maps.points(store, CLUSTERING, key), on=_KEYS)
    names = {number: name_of(head, int(number)) for number in rows["cluster"].unique()}
    return rows.assign(cluster=rows["cluster"] + 1, cluster_name=rows["cluster"].map(names))


def name_of(head: Head, number: int) -> str:
    """Returns the name of a cluster: as people named it, or `cluster N`, counted from 1.

    Args:
        head: of the clustering.
        number: as it is stored, from 0; -1 for none.
    """
    if number < 0:
        return "no cluster"
    named: str = head.parameters.get("names", {}).get(str(number), f"cluster {number + 1}")
    return named


_TITLES: Final = {Grouping.KMEANS: "K-Means", Grouping.HDBSCAN: "HDBSCAN"}


def _grouped(
    units: Floats, k: int | None, seed: int, method: Grouping, least: int, of: str
) -> Clustered:
    if method is Grouping.HDBSCAN:
        return clusters.dense(units, least, seed, of)
    return clusters.cluster(units, k, seed, of)


def _details(grouped: Clustered, units: Floats, used: NDArray[np.bool_]) -> dict[str, Any]:
    return {
        "clusters": grouped.k,
        "silhouette": grouped.silhouette,
        "silhouette_points": grouped.silhouette_points,
        "sizes": list(grouped.sizes),
        "tried": {str(tried): score for tried, score in grouped.tried.items()},
        "stability": {str(tried): score for tried, score in grouped.stability.items()},
        "noise": grouped.noise,
        "n_units": len(units),
        "left_out": int((~used).sum()),
        "settings": {"n_init": clusters.STARTS},
    }


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


def _merged(
    known: Sequence[int], merge: Sequence[Sequence[int]], named: dict[int, str]
) -> dict[int, int]:
    """Returns into which cluster each goes, and gives a merged one the first name in its group."""
    into = {number: number for number in known}
    asked = [number for group in merge for number in group]
    strangers = sorted((set(asked) | set(named)) - set(known))
    if strangers or len(asked) != len(set(asked)):
        said = f"there is no cluster {strangers[0] + 1}" if strangers else "one comes twice"
        raise ExploreError(
            f"These clusters cannot be merged or named, as {said}; there are clusters "
            f"{', '.join(str(number + 1) for number in known)}, each at most once."
        )
    for group in merge:
        into |= dict.fromkeys(group, group[0])
        told = next((named[number] for number in group if number in named), None)
        if told is not None:
            named[group[0]] = told
    return into


def _plain(text: str, of: str) -> str:
    clean = one_line(text, MOST_NAME)
    if not clean:
        raise ExploreError(f"The name of {of} is empty; give it one.")
    return clean


def _saved(
    store: Store, method: str, seed: int, parameters: dict[str, Any], rows: pd.DataFrame
) -> Head:
    made_at = datetime.now(UTC)
    named = {"parameters": parameters, "made_at": made_at.isoformat()}
    head = Head(CLUSTERING, digest(named), method, seed, parameters | {"n": len(rows)}, made_at)
    maps.write(store, head, rows)
    return head
