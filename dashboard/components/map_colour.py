"""What a map is coloured by: asked for, and worked out for its points."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.explore.groups import name_of
from core.explore.space import SpaceSettings
from dashboard import clusterings, corpus, map_figure, words
from dashboard.components import busy, choose
from dashboard.corpus import ClusterView
from dashboard.map_figure import (
    CLUSTER,
    DATE,
    EMOTION,
    LABEL,
    QUALITY,
    RECORDING,
    SCORE,
    SESSION,
    SPEAKER,
    TAGS,
    Group,
    Scale,
)
from dashboard.session import Keys, is_dark

AUTO: Final = "auto"
_SAVED: Final = "saved."
_K: Final = (*(str(k) for k in range(2, 13)), "15", "20", "30")
_NAMES: Final = [str(emotion) for emotion in EMOTIONS]


@dataclass(frozen=True)
class Colour:
    """What points are coloured by.

    Attributes:
        by: one of the names of `map_figure`.
        of: of a score the emotion, of clusters k, `auto`, or the key of a saved clustering.
    """

    by: str
    of: str = ""

    @property
    def k(self) -> int | None:
        """How many clusters were asked for, or None where that is suggested."""
        return int(self.of) if self.of.isdigit() else None


def ask(engine: str, place: Any) -> Colour:
    """Asks what the map is coloured by; offers only what is known of some segment."""
    recordings = corpus.recordings(engine)
    options = [EMOTION, SCORE, CLUSTER, SPEAKER, SESSION, RECORDING]
    options += [TAGS] if (recordings["tags"].fillna("") != "").any() else []
    options += [QUALITY] + ([DATE] if recordings["recorded_on"].notna().any() else [])
    options += [LABEL] if any(corpus.heard(engine)) else []
    names = {name: name for name in options}
    by = choose.remembered(
        "Colour by", Keys.MAP_COLOUR, names, place, help=words.MAP_COLOUR, width=150
    )
    if by == SCORE:
        names = {name: name for name in _NAMES}
        return Colour(by, choose.remembered("Score of", Keys.MAP_SCORE, names, place, width=140))
    if by == CLUSTER:
        names = {AUTO: "suggested"} | {k: k for k in _K}
        names |= {f"{_SAVED}{h.key}": clusterings.title(h) for h in clusterings.saved(engine)}
        of = choose.remembered(
            "Clusters, k", Keys.MAP_CLUSTERS, names, place, help=words.CLUSTERS, width=170
        )
        return Colour(by, of)
    return Colour(by)


def coloured(
    points: pd.DataFrame, engine: str, space: SpaceSettings, colour: Colour
) -> tuple[list[Group] | Scale, ClusterView | None]:
    """Returns groups or scale of points, and their clusters if they are coloured by these.

    Args:
        points: of a map, those that are shown.
        engine: its id.
        space: of the map.
        colour: of `ask`.
    """
    rows, clusters = points["row"].to_numpy(), None
    if colour.by == SCORE:
        values = corpus.scores(engine)[rows, _NAMES.index(colour.of)]
        return Scale(f"score of {colour.of}", values, ends=(0.0, 1.0)), None
    if colour.by == QUALITY:
        return Scale("speech over<br>background, dB", corpus.noise_ratios(engine)[rows]), None
    if colour.by == DATE:
        return _days(points["recorded_on"]), None
    if colour.by == LABEL:
        said = corpus.heard(engine)
        points = points.assign(heard=[said[row] for row in rows])
    if colour.by == CLUSTER:
        clusters = _clusters(points, engine, space, colour)
        labels = -1 if clusters is None else clusters.labels.to_numpy()
        points = points.assign(cluster=labels)
        if clusters is not None:
            names = [name_of(clusters.head, int(n)) for n in points["cluster"]]
            points = points.assign(cluster_name=names)
    return map_figure.groups_of(points.reset_index(drop=True), colour.by, is_dark()), clusters


def _clusters(
    points: pd.DataFrame, engine: str, space: SpaceSettings, colour: Colour
) -> ClusterView | None:
    """Returns stored clusters, which are made if need be."""
    if colour.of.startswith(_SAVED):
        head = clusterings.by_key(colour.of.removeprefix(_SAVED))
        return None if head is None else corpus.clusters_of(head, points)
    found = corpus.cluster_view(engine, colour.k, points, space)
    task = busy.show(corpus.clusters_key(engine, colour.k, space))
    if found is None and task is None:
        corpus.make_clusters(engine, colour.k, space)
        st.rerun()
    return found


def _days(days: pd.Series) -> Scale:
    """Returns the days of recordings as a scale; NaN where nobody said."""
    dates = pd.to_datetime(days).dt.date
    numbers = np.array([np.nan if pd.isna(day) else day.toordinal() for day in dates], np.float64)
    shown = np.unique(numbers[~np.isnan(numbers)])
    if len(shown) > 6:
        shown = shown[np.linspace(0, len(shown) - 1, 6).round().astype(int)]
    named = [date.fromordinal(int(number)).isoformat() for number in shown]
    return Scale("day of<br>recording", numbers, (shown.tolist(), named))
