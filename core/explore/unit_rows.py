"""Segments brought together into the recordings or sessions that a clustering groups."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.explore import spaces
from core.explore.space import means
from core.explore.units import By, features
from core.records import Floats
from core.store.corpus import Corpus
from core.store.store import Store


@dataclass(frozen=True)
class UnitRows:
    """The units of some segments.

    Attributes:
        names: of the units, length n_units, in alphabetical order.
        numbers: shape `(n_segments,)`, the unit of each segment, from 0.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.intp]

    def only(self, values: Sequence[Any]) -> list[Any]:
        """Returns the one value of each unit; None where it has none, or several."""
        return [found[0] if len(found) == 1 else None for found in map(list, self._counts(values))]

    def most(self, values: Sequence[Any]) -> list[Any]:
        """Returns the most frequent value of each unit; None where there is none, or a tie."""
        found = [counts.most_common(2) for counts in self._counts(values)]
        return [
            None if not best or (len(best) == 2 and best[0][1] == best[1][1]) else best[0][0]
            for best in found
        ]

    def mean(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Returns the mean of the known values of each unit, shape `(n_units,)`; NaN for none."""
        by = pd.Series(values.astype(np.float64)).groupby(self.numbers).mean()
        return np.asarray(by.reindex(range(len(self.names))), np.float64)

    def _counts(self, values: Sequence[Any]) -> list[Counter[Any]]:
        found: list[Counter[Any]] = [Counter() for _ in self.names]
        for number, value in zip(self.numbers, values, strict=True):
            if value is not None:
                found[number][value] += 1
        return found


def unit_rows(segments: pd.DataFrame, unit: str) -> UnitRows:
    """Returns the units of segments, all of which belong to one.

    Args:
        segments: with the column of the unit.
        unit: `recording` or `session`.
    """
    names, numbers = np.unique(segments[unit].to_numpy(str), return_inverse=True)
    return UnitRows(tuple(names.tolist()), numbers.astype(np.intp))


def of_unit(segments: pd.DataFrame, unit: str) -> NDArray[np.bool_]:
    """Returns which segments belong to a unit, shape `(n_segments,)`."""
    found: NDArray[np.bool_] = (segments[unit].fillna("") != "").to_numpy(np.bool_)
    return found


def unit_vectors(
    store: Store, of: Corpus, rows: NDArray[np.bool_], units: UnitRows, head: Mapping[str, Any]
) -> Floats:
    """Returns what units were compared by, shape `(n_units, n)`.

    Args:
        store: where the corpus is.
        of: the corpus.
        rows: shape `(n_segments,)`, the segments of the units.
        units: of these segments.
        head: parameters of the clustering.
    """
    by = By(head.get("by", By.PROFILE))
    if by is By.EMBEDDING:
        return means(spaces.vectors_of(store, of, head)[rows], units.numbers)
    found = features(store, of, of.segments[head["unit"]].where(rows), by)
    told: Floats = np.nan_to_num(found).astype(np.float32)
    return told
