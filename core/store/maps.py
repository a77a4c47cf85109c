"""Maps, clusterings and selections as they are stored: made once, read for ever.

The row of segment -1 heads each: it alone holds the parameters. The other rows are its points.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import StoreError
from core.store.corpus import SEGMENT_KEYS, in_order
from core.store.schema import TABLES
from core.store.store import Store

PROJECTION: Final = "projection"
CLUSTERING: Final = "clustering"
SELECTION: Final = "selection"
PLACED: Final = "neighbours"  # the method of a point that joined a map later, beside its neighbours
_TEXTS: Final = ("recording", "run_key")
_HEAD: Final = {"recording": "", "channel": -1, "run_key": "", "segment": -1}
_VALUES: Final = {
    PROJECTION: ["x", "y"],
    CLUSTERING: ["cluster"],
    SELECTION: ["rank", "score"],
}


@dataclass(frozen=True)
class Head:
    """What made a map, a clustering or a selection.

    Attributes:
        kind: `projection`, `clustering` or `selection`.
        key: names parameters and data.
        parameters: everything needed to make it again, and what came of it.
        made_at: UTC.
    """

    kind: str
    key: str
    method: str
    seed: int
    parameters: dict[str, Any]
    made_at: datetime


def write(store: Store, head: Head, points: pd.DataFrame) -> None:
    """Stores a map, a clustering or a selection in one commit; nothing happens if its key is known.

    Args:
        store: where it goes.
        head: what made it.
        points: a row for each segment, with its keys and `x` and `y`, or `cluster`, or `rank` and
            `score`; of a map also `placed`, true for those that joined by their neighbours.
    """
    _merge(store, head, pd.concat([pd.DataFrame([_HEAD]), _rows(head, points)]))


def add_points(store: Store, head: Head, points: pd.DataFrame, made_at: datetime) -> int:
    """Adds points to a map in one commit; what is on it already stays where it is.

    Args:
        store: where the map is.
        head: of the map.
        points: as for `write`.
        made_at: when they joined, UTC.

    Returns:
        How many were new.
    """
    rows = _rows(head, points.assign(placed=True))
    return _merge(store, replace(head, made_at=made_at), rows) if len(rows) else 0


def _rows(head: Head, points: pd.DataFrame) -> pd.DataFrame:
    rows = points[[*SEGMENT_KEYS, *_VALUES[head.kind]]]
    placed = points["placed"] if "placed" in points else pd.Series(False, index=points.index)
    return rows.assign(method=np.where(placed.to_numpy(bool), PLACED, head.method))


def _merge(store: Store, head: Head, rows: pd.DataFrame) -> int:
    name = f"{head.kind}s"
    parameters = json.dumps(head.parameters, sort_keys=True, allow_nan=False)
    is_head = rows["segment"].to_numpy() == -1
    rows = rows.assign(seed=head.seed, made_at=head.made_at)
    rows[head.kind] = head.key
    rows["method"] = rows["method"].where(~is_head, head.method)
    rows["parameters"] = [parameters if heads else None for heads in is_head]
    table = pa.Table.from_pandas(rows, schema=TABLES[name].schema, preserve_index=False)
    return store.lake.merge(name, table)


def remove(store: Store, kind: str, key: str) -> None:
    """Removes a map, a clustering or a selection, head and points in one commit.

    Raises:
        StoreError: there is none of this key.
    """
    if head(store, kind, key) is None:
        raise StoreError(f"There is no {kind} {key!r} in the store; nothing was removed.")
    store.lake.delete(f"{kind}s", f"{kind} = '{key}'")


def heads(store: Store, kind: str) -> list[Head]:
    """Returns all maps, clusterings or selections, the newest first."""
    columns = [kind, "method", "seed", "parameters", "made_at"]
    found = store.lake.read(
        f"{kind}s", columns, pc.field("segment") == -1, coded=[kind, "method", "parameters"]
    )
    made = [
        Head(
            kind=kind,
            key=row[kind],
            method=row["method"],
            seed=row["seed"],
            parameters=json.loads(row["parameters"]),
            made_at=row["made_at"],
        )
        for row in found.to_pylist()
    ]
    return sorted(made, key=lambda head: (head.made_at, head.key), reverse=True)


def head(store: Store, kind: str, key: str) -> Head | None:
    """Returns a map, a clustering or a selection by its full key, or None if there is none."""
    return next((found for found in heads(store, kind) if found.key == key), None)


def points(store: Store, kind: str, key: str, as_categories: bool = False) -> pd.DataFrame:
    """Returns the points of a map, a clustering or a selection.

    Args:
        store: where they are.
        kind: of what.
        key: of the one.
        as_categories: whether texts stay categories, as it takes a while to spell out a million.

    Returns:
        A row for each segment with its keys and `x`, `y` and `placed`, or `cluster`, or `rank` and
        `score`, ordered by the keys.

    Raises:
        StoreError: there is none of this key.
    """
    columns = [*SEGMENT_KEYS, *_VALUES[kind], "method"]
    read = store.lake.read(f"{kind}s", columns, pc.field(kind) == key, coded=[*_TEXTS, "method"])
    if not len(read):
        raise StoreError(f"There is no {kind} {key!r} in the store; make a new one.")
    rows = read.filter(pc.greater_equal(read["segment"], 0)).to_pandas()
    methods = rows.pop("method")
    if kind == PROJECTION:
        rows["placed"] = (methods == PLACED).to_numpy(bool)
    rows = in_order(rows)
    if as_categories:
        return rows
    return rows.assign(**{name: _spelt(rows[name].cat) for name in _TEXTS})


def _spelt(coded: Any) -> Any:
    """Returns the texts of a coded column; pandas' own `astype` takes five times as long."""
    return coded.categories.astype("str").array.take(coded.codes.to_numpy())
