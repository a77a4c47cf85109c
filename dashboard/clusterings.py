"""Clusterings of a corpus as pages make, name and keep them, and audits of what they follow."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from core.errors import TonescopeError
from core.explore import audits, cluster_profiles, groups, maps, measures
from core.explore.audits import Audit
from core.explore.cluster_profiles import Profiles
from core.explore.clusters import Grouping
from core.explore.groups import Unit
from core.explore.space import SpaceSettings, comparable
from core.explore.units import By
from core.store import corpus as stored_corpus
from core.store import maps as stored_maps
from core.store.corpus import SEGMENT_KEYS
from core.store.maps import CLUSTERING, PROJECTION, Head
from dashboard import corpus
from dashboard.background import Report, Task, background
from dashboard.shared import scope


@dataclass(frozen=True)
class Wanted:
    """How a corpus is to be grouped.

    Attributes:
        engine: its id.
        space: in which segments are compared.
        unit: what is grouped.
        method: K-Means or HDBSCAN.
        k: how many clusters, or None for the k that is suggested.
        by: what of recordings or sessions is compared.
        least: of HDBSCAN, the fewest units of a cluster.
    """

    engine: str
    space: SpaceSettings
    unit: Unit = Unit.SEGMENT
    method: Grouping = Grouping.KMEANS
    k: int | None = None
    by: By = By.PROFILE
    least: int = 10


def key_of(wanted: Wanted) -> Hashable:
    """Returns the name of the computation of a clustering."""
    return (corpus.place(), "clustering", wanted)


def make(wanted: Wanted) -> None:
    """Starts to group the corpus of today."""
    store = scope().store

    def action(report: Report) -> Head:
        return groups.make_clustering(
            store,
            wanted.engine,
            wanted.k,
            wanted.unit,
            report=report,
            space=wanted.space,
            method=wanted.method,
            by=wanted.by,
            least=wanted.least,
        )

    background().start(key_of(wanted), "Finding clusters", action)


def newest(wanted: Wanted) -> Head | None:
    """Returns the newest clustering of these settings, or None."""
    is_segment = wanted.unit is Unit.SEGMENT
    asked: dict[str, object] = {
        "unit": str(wanted.unit),
        "method": str(wanted.method),
        "space": (wanted.space if is_segment else comparable(wanted.space)).sentence,
        "k": "auto" if wanted.k is None or wanted.method is Grouping.HDBSCAN else wanted.k,
    }
    if wanted.method is Grouping.HDBSCAN:
        asked["least"] = wanted.least
    if not is_segment and wanted.by is not By.EMBEDDING:
        asked["by"] = str(wanted.by)
    return maps.latest(scope().store, CLUSTERING, wanted.engine, **asked)


def saved(engine: str) -> list[Head]:
    """Returns the clusterings of an engine that people named, the newest first."""
    return [h for h in groups.saved(scope().store) if h.parameters.get("engine_id") == engine]


def by_key(key: str) -> Head | None:
    """Returns a clustering by its key, or None."""
    return stored_maps.head(scope().store, CLUSTERING, key)


def title(head: Head) -> str:
    """Returns what people called a clustering, with its number of clusters."""
    return f"{head.parameters.get('title', 'not named')} · {head.parameters['clusters']} clusters"


def profiles_key(head: Head) -> Hashable:
    """Returns the name under which the profiles of a clustering are worked out."""
    measured = background().view(prosody_key(head.parameters["engine_id"]))
    again = measured is not None and measured.finished
    return (*corpus.versions(), "profiles", head.key, again)


def prosody_key(engine: str) -> Hashable:
    """Returns the name of the work that measures level, pitch and rate of all recordings."""
    return (*corpus.versions(), "prosody", engine)


def measure_prosody(engine: str) -> None:
    """Starts to measure level, pitch and rate where that was not done; its result are failures."""
    store = scope().store

    def action(report: Report) -> tuple[str, ...]:
        return measures.measure_prosody(store, stored_corpus.corpus(store, engine), report)

    background().start(prosody_key(engine), "Measuring level, pitch and rate", action)


def look_into(head: Head) -> Task:
    """Returns the work on the profiles of a clustering as it stands, begun if need be."""
    store, key = scope().store, profiles_key(head)

    def action(report: Report) -> Profiles:
        report("Reading what is known of each segment")
        return cluster_profiles.profiles_of(store, head.key)

    return background().view(key) or background().start(key, "Looking into the clusters", action)


def audit_key(head: Head) -> Hashable:
    """Returns the name under which the audit of a map or clustering is worked out."""
    lake = scope().store.lake
    return (*corpus.versions(), lake.version("labels"), "audit", head.key)


def audit(head: Head) -> None:
    """Starts to measure what a map or clustering follows."""
    store = scope().store

    def action(report: Report) -> Audit:
        report("Comparing them with speaker, recording, session, level, duration and labels")
        if head.kind == PROJECTION:
            return audits.audit_projection(store, head.key)
        return audits.audit_clustering(store, head.key)

    title = "Measuring what the groups follow"
    background().start(audit_key(head), title, action, unasked=True)


def edit(
    head: Head, title: str, names: Mapping[int, str], merge: Sequence[Sequence[int]]
) -> Head | str:
    """Keeps a clustering under a title with new names and merges, or returns why not."""
    try:
        return groups.edit(scope().store, head.key, title, names, merge)
    except TonescopeError as error:
        return str(error)


def table(head: Head) -> pd.DataFrame:
    """Returns a clustering as a table: a row for each segment with number and name of its cluster."""
    return _table(head.key, corpus.versions())


@lru_cache(maxsize=2)
def _table(key: str, versions: tuple[object, ...]) -> pd.DataFrame:
    del versions
    head = groups.needed(scope().store, key)
    keys = list(SEGMENT_KEYS)
    found = groups.table(scope().store, key)[[*keys, "cluster", "cluster_name"]]
    joined: pd.DataFrame = found.merge(corpus.segments(head.parameters["engine_id"]), on=keys)
    return joined
