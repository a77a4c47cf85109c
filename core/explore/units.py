"""Recordings and sessions as points to group: their emotions, or how these go over time."""

from enum import StrEnum
from typing import Final

import numpy as np
import pandas as pd

from core.explore import measures
from core.explore.trajectories import shares, trajectory
from core.records import Floats
from core.store.corpus import Corpus
from core.store.store import Store

_TIME: Final = "datetime64[us, UTC]"


class By(StrEnum):
    """What of a recording or session is compared."""

    EMBEDDING = "embedding"
    PROFILE = "profile"
    TRAJECTORY = "trajectory"


def features(store: Store, of: Corpus, names: pd.Series, by: By) -> Floats:
    """Returns a row for each unit, in the alphabetical order of their names.

    Args:
        store: where segments are.
        of: the corpus.
        names: the unit of each segment, none where it belongs to no unit.
        by: the profile (shape `(n_units, 9)`) or the trajectory (`(n_units, 180)`).

    Returns:
        Rows of NaN for units whose segments have no calibrated scores.
    """
    scores = measures.calibrated_scores(store, of)
    widths_s = measures.speech_seconds(store, of)
    rows = unit_times(of.segments)
    found = []
    for _, mine in names.dropna().groupby(names.dropna(), sort=True):
        at = names.index.get_indexer(mine.index)
        if by is By.PROFILE:
            found.append(shares(scores[at], widths_s[at]))
            continue
        placed = in_a_row(rows.iloc[at])
        path = trajectory(
            placed["start_s"].to_numpy(float),
            placed["end_s"].to_numpy(float),
            scores[at],
            float(placed["total_s"].iloc[0]),
        )
        found.append(path.ravel())
    return np.stack(found)


def unit_times(segments: pd.DataFrame) -> pd.DataFrame:
    """Returns for each segment its times, its recording, and by what recordings are ordered."""
    day = pd.to_datetime(segments["recorded_on"], utc=True).astype(_TIME)
    added = pd.to_datetime(segments["added_at"], utc=True).astype(_TIME)
    columns = ["recording", "start_s", "end_s", "duration_s"]
    return segments[columns].assign(day=day.fillna(added), added=added)


def in_a_row(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the times of a unit's segments with its recordings one after the other.

    Recordings are ordered by the day they were made, where it is known, else by when they came in.

    Args:
        rows: of `unit_times`, of one unit.

    Returns:
        The rows as they came, times moved, with `total_s` of the unit.
    """
    order = rows.drop_duplicates("recording").sort_values(["day", "added", "recording"])
    lengths = order["duration_s"].to_numpy(float)
    begins = dict(zip(order["recording"], np.cumsum(lengths) - lengths, strict=True))
    moved = rows["recording"].map(begins).astype(float)
    return rows.assign(
        start_s=rows["start_s"] + moved,
        end_s=rows["end_s"] + moved,
        total_s=float(lengths.sum()),
    )
