"""The segments of a corpus, their map and their clusters, as pages read and ask for them."""

import json
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import streamlit as st

from core.explore import groups, maps, measures, projection
from core.explore.projection import MapSettings, Method
from core.explore.space import SpaceSettings
from core.records import Floats
from core.store import corpus as stored_corpus
from core.store import maps as stored_maps
from core.store import spaces
from core.store.corpus import SEGMENT_KEYS, Corpus
from core.store.maps import Head
from core.timeline.calibration import scores_of
from dashboard.background import Report, background
from dashboard.shared import allowed, scope

LEAST = 3
CENTRED = SpaceSettings()
_KEYS = list(SEGMENT_KEYS)
_TABLES = ("recordings", "tracks", "runs", "projections", "clusterings")


@dataclass(frozen=True)
class MapView:
    """A stored map beside the corpus of today.

    Attributes:
        head: what made it.
        points: rows of `segments` that are on it, with `row`, their number there, and `x` and `y`.
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
    return _engines(versions())


@st.cache_data(show_spinner=False, max_entries=4)
def _engines(versions: tuple[object, ...]) -> list[str]:
    del versions  # only the key of the cache
    return stored_corpus.engine_ids(scope().store)


def corpus(engine: str) -> Corpus:
    """Returns the segments of an engine."""
    return _corpus(engine, versions())


@st.cache_resource(show_spinner=False, max_entries=2)
def _corpus(engine: str, versions: tuple[object, ...]) -> Corpus:
    del versions
    return stored_corpus.corpus(scope().store, engine)


def segments(engine: str) -> pd.DataFrame:
    """Returns the segments of an engine with `tags` as one text and `day`, when they were made."""
    return _segments(engine, versions())


@st.cache_resource(show_spinner=False, max_entries=2)
def _segments(engine: str, versions: tuple[object, ...]) -> pd.DataFrame:
    found = _corpus(engine, versions)
    read = scope().store.lake.read("recordings", columns=["recording", "tags"]).to_pylist()
    tags = {row["recording"]: "; ".join(sorted(row["tags"] or ())) for row in read}
    runs, owners = found.by_run()
    day = runs["recorded_on"].where(runs["recorded_on"].notna(), runs["added_at"])
    runs = runs.assign(tags=runs["recording"].map(tags), day=pd.to_datetime(day, utc=True).dt.date)
    told = runs[["tags", "day"]].iloc[owners].reset_index(drop=True)
    return found.segments.assign(tags=told["tags"], day=told["day"])


def recordings(engine: str) -> pd.DataFrame:
    """Returns the first segment of each recording, for what is the same for all of it."""
    return _recordings(engine, versions())


@st.cache_resource(show_spinner=False, max_entries=2)
def _recordings(engine: str, versions: tuple[object, ...]) -> pd.DataFrame:
    first = _corpus(engine, versions).by_run()[0].index
    return _segments(engine, versions).iloc[first].drop_duplicates("recording")


def map_heads(engine: str, method: Method, space: SpaceSettings = CENTRED) -> list[Head]:
    """Returns the stored maps of an engine's segments by a method in a space, the newest first."""
    return _map_heads(engine, method, space, versions())


@st.cache_data(show_spinner=False, max_entries=4)
def _map_heads(
    engine: str, method: Method, space: SpaceSettings, versions: tuple[object, ...]
) -> list[Head]:
    return maps.projections(scope().store, _corpus(engine, versions), method, space)


def map_view(engine: str, head: Head) -> MapView:
    """Returns a stored map beside the corpus of an engine."""
    return _map_view(engine, head.key, head, versions())


@st.cache_resource(show_spinner=False, max_entries=4)
def _map_view(engine: str, key: str, _head: Head, versions: tuple[object, ...]) -> MapView:
    store = scope().store
    placed = stored_maps.points(store, stored_maps.PROJECTION, key, as_categories=True)
    every = _segments(engine, versions)
    rows = stored_corpus.rows_of(every, placed)
    there = np.flatnonzero(rows >= 0)
    there = there[np.argsort(rows[there], kind="stable")]
    points = every if len(there) == len(every) else every.iloc[rows[there]]
    more = placed.drop(columns=_KEYS).iloc[there].set_index(points.index).assign(row=rows[there])
    points = points.assign(**more).reset_index(drop=True)
    newer, gone = len(every) - len(points), len(placed) - len(points)
    return MapView(_head, points, newer, gone)


@st.cache_resource(show_spinner=False, max_entries=2)
def _scores(engine: str, versions: tuple[object, ...]) -> Floats:
    store, found = scope().store, _corpus(engine, versions)
    tracks = store.lake.read("tracks", columns=["engine_id", "class_mask"]).to_pylist()
    mask = next(row["class_mask"] for row in tracks if row["engine_id"] == found.engine_id)
    return scores_of(stored_corpus.logits(store, found), [bool(has) for has in mask])


def scores(engine: str) -> Floats:
    """Returns the raw scores of an engine's segments, shape `(n_segments, 9)`."""
    return _scores(engine, versions())


def noise_ratios(engine: str) -> np.ndarray:
    """Returns speech over background of each segment's recording in dB; NaN where not known."""
    return _noise_ratios(engine, versions())


@st.cache_resource(show_spinner=False, max_entries=2)
def _noise_ratios(engine: str, versions: tuple[object, ...]) -> np.ndarray:
    keys = ["recording", "channel", "track_key"]
    read = scope().store.lake.read("tracks", columns=[*keys, "quality"]).to_pandas()
    read["snr"] = [_noise_ratio(text) for text in read["quality"]]
    runs, owners = _corpus(engine, versions).by_run()
    joined = runs[keys].merge(read[[*keys, "snr"]], on=keys, how="left")
    found: np.ndarray = joined["snr"].to_numpy(np.float64)[owners]
    return found


def _noise_ratio(text: object) -> float:
    value = json.loads(text)["snr_db"] if isinstance(text, str) else None
    return float("nan") if value is None else float(value)


def heard(engine: str) -> list[str | None]:
    """Returns what people heard in each segment; None where nobody said, or they tie."""
    return _heard(engine, (*versions(), scope().store.lake.version("labels")))


@st.cache_resource(show_spinner=False, max_entries=2)
def _heard(engine: str, versions: tuple[object, ...]) -> list[str | None]:
    return measures.people_emotions(scope().store, _corpus(engine, versions[:-1]))


def cluster_view(
    engine: str, k: int | None, points: pd.DataFrame, space: SpaceSettings = CENTRED
) -> ClusterView | None:
    """Returns the newest clusters of an engine's segments, or None if there are none.

    Args:
        engine: its id.
        k: as it was asked for; None for the automatic choice.
        points: of the map that they are shown on.
        space: in which segments were compared.
    """
    wanted = {"unit": "segment", "method": "kmeans", "k": "auto" if k is None else k}
    wanted["space"] = space.sentence
    head = maps.latest(scope().store, stored_maps.CLUSTERING, engine, **wanted)
    return None if head is None else clusters_of(head, points)


def clusters_of(head: Head, points: pd.DataFrame) -> ClusterView:
    """Returns stored clusters beside the points of a map."""
    store = scope().store
    found = stored_maps.points(store, stored_maps.CLUSTERING, head.key)
    rows = stored_corpus.rows_of(found, points)
    labels = pd.Series(-1, index=range(len(rows)))
    labels[rows >= 0] = found["cluster"].to_numpy()[rows[rows >= 0]]
    return ClusterView(head, labels)


def among(segments: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Returns which segments are among others, shape `(n_segments,)`."""
    found: np.ndarray = stored_corpus.rows_of(others, segments) >= 0
    return found


def map_key(engine: str, method: Method, space: SpaceSettings = CENTRED) -> Hashable:
    """Returns the name of the computation of a map."""
    return (place(), "map", engine, method, space)


def make_map(
    engine: str,
    method: Method,
    space: SpaceSettings = CENTRED,
    wanted: MapSettings | None = None,
    seed: int = 0,
) -> None:
    """Starts a new map of the corpus of today."""
    store = scope().store

    def action(report: Report) -> Head:
        return maps.make_projection(store, engine, method, seed, report, space=space, wanted=wanted)

    background().start(map_key(engine, method, space), "Making the map", action)


def opened(key: Hashable) -> Head | None:
    """Returns a map that was just made, once; or None."""
    task = background().view(key)
    if task is None or not task.finished or task.error:
        return None
    background().forget(key)
    found: Head = task.result
    return found


def join_key(head: Head) -> Hashable:
    """Returns the name of the computation that puts newer segments on a map."""
    return (place(), "join", head.key)


def join_map(head: Head) -> None:
    """Starts to put newer segments on a map; what is on it stays where it is."""
    store = scope().store

    def action(report: Report) -> int:
        return maps.place_new(store, head, report)

    background().start(join_key(head), "Placing newer segments", action)


def clusters_key(engine: str, k: int | None, space: SpaceSettings = CENTRED) -> Hashable:
    """Returns the name of the computation of clusters."""
    return (place(), "clusters", engine, k, space)


def make_clusters(engine: str, k: int | None, space: SpaceSettings = CENTRED) -> None:
    """Starts new clusters of the corpus of today."""
    store = scope().store

    def action(report: Report) -> Head:
        return groups.make_clustering(store, engine, k, report=report, space=space)

    background().start(clusters_key(engine, k, space), "Finding clusters", action)


def space_note(key: str | None) -> str:
    """Returns which fitted space this is and of what day, for captions; empty for none."""
    if not key:
        return ""
    made_at = _space_made_at(key, (place(), scope().store.lake.version("spaces")))
    day = "no longer stored" if made_at is None else f"fitted {made_at:%Y-%m-%d}"
    return f" (space {key[:8]}, {day})"


@st.cache_data(show_spinner=False, max_entries=32)
def _space_made_at(key: str, versions: tuple[object, ...]) -> datetime | None:
    del versions
    return spaces.made_at(scope().store, key)


def place() -> str:
    """Returns the folder of the store, as part of a key of what was made of it."""
    return str(scope().store.root)


def versions() -> tuple[object, ...]:
    """Returns what changes with the segments, maps and clusterings of the store."""
    lake = scope().store.lake
    return (place(), *allowed(), *(lake.version(name) for name in _TABLES))
