"""The segments of a corpus, their map and their clusters, as pages read and ask for them."""

from collections.abc import Hashable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.explore import groups, maps, projection
from core.explore.projection import Method
from core.explore.space import SpaceSettings
from core.store import corpus as stored_corpus
from core.store import maps as stored_maps
from core.store.corpus import SEGMENT_KEYS, Corpus
from core.store.maps import Head
from dashboard.background import Report, background
from dashboard.shared import scope

LEAST = 3
_KEYS = list(SEGMENT_KEYS)
_TABLES = ("recordings", "tracks", "runs", "projections", "clusterings")


@dataclass(frozen=True)
class MapView:
    """A stored map beside the corpus of today.

    Attributes:
        head: what made it.
        points: rows of the corpus that are on it, with `x` and `y`.
        newer: how many segments of the corpus are not on it.
        gone: how many of its points are no longer in the corpus.
    """

    head: Head
    points: pd.DataFrame
    newer: int
    gone: int

    @property
    def title(self) -> str:
        """The name of its method."""
        return projection.NAMES[Method(self.head.method)]


@dataclass(frozen=True)
class ClusterView:
    """Stored clusters beside the points of a map.

    Attributes:
        labels: shape `(n_points,)`, cluster of each point, from 0; -1 where it has none.
    """

    head: Head
    labels: pd.Series


def engines() -> list[str]:
    """Returns the ids of the engines that have analysed anything, the one used last first."""
    return _engines(_versions())


@st.cache_data(show_spinner=False, max_entries=4)
def _engines(versions: tuple[object, ...]) -> list[str]:
    del versions  # only the key of the cache
    return stored_corpus.engine_ids(scope().store)


def corpus(engine: str) -> Corpus:
    """Returns the segments of an engine."""
    return _corpus(engine, _versions())


@st.cache_resource(show_spinner=False, max_entries=2)
def _corpus(engine: str, versions: tuple[object, ...]) -> Corpus:
    del versions
    return stored_corpus.corpus(scope().store, engine)


def map_view(engine: str, method: Method) -> MapView | None:
    """Returns the newest map of an engine's segments by a method, or None if there is none."""
    return _map_view(engine, method, _versions())


@st.cache_resource(show_spinner=False, max_entries=4)
def _map_view(engine: str, method: Method, versions: tuple[object, ...]) -> MapView | None:
    store, found = scope().store, _corpus(engine, versions)
    head = maps.latest_projection(store, found, method)
    if head is None:
        return None
    placed = stored_maps.points(store, stored_maps.PROJECTION, head.key)
    points = found.segments.merge(placed, on=_KEYS)
    newer, gone = len(found.segments) - len(points), len(placed) - len(points)
    return MapView(head, points, newer, gone)


def cluster_view(engine: str, k: int | None, points: pd.DataFrame) -> ClusterView | None:
    """Returns the newest clusters of an engine's segments, or None if there are none.

    Args:
        engine: its id.
        k: as it was asked for; None for the automatic choice.
        points: of the map that they are shown on.
    """
    wanted = {"unit": "segment", "method": "kmeans", "k": "auto" if k is None else k}
    wanted["space"] = SpaceSettings().sentence
    store = scope().store
    head = maps.latest(store, stored_maps.CLUSTERING, engine, **wanted)
    if head is None:
        return None
    found = stored_maps.points(store, stored_maps.CLUSTERING, head.key)
    labels = points[_KEYS].merge(found, on=_KEYS, how="left")["cluster"]
    return ClusterView(head, labels.fillna(-1).astype(int))


def map_key(engine: str, method: Method) -> Hashable:
    """Returns the name of the computation of a map."""
    return (_place(), "map", engine, method)


def make_map(engine: str, method: Method) -> None:
    """Starts a new map of the corpus of today."""
    store = scope().store

    def action(report: Report) -> Head:
        return maps.make_projection(store, engine, method, report=report)

    background().start(map_key(engine, method), "Making the map", action)


def clusters_key(engine: str, k: int | None) -> Hashable:
    """Returns the name of the computation of clusters."""
    return (_place(), "clusters", engine, k)


def make_clusters(engine: str, k: int | None) -> None:
    """Starts new clusters of the corpus of today."""
    store = scope().store

    def action(report: Report) -> Head:
        return groups.make_clustering(store, engine, k, report=report)

    background().start(clusters_key(engine, k), "Finding clusters", action)


def _place() -> str:
    return str(scope().store.root)


def _versions() -> tuple[object, ...]:
    lake = scope().store.lake
    return (_place(), *(lake.version(name) for name in _TABLES))
