"""Maps and clusterings as they are stored: made once, read for ever.

The row of segment -1 heads each: it alone holds the parameters. The other rows are its points.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import StoreError
from core.store.corpus import SEGMENT_KEYS
from core.store.schema import TABLES
from core.store.store import Store

PROJECTION: Final = "projection"
CLUSTERING: Final = "clustering"
_HEAD: Final = {"recording": "", "channel": -1, "run_key": "", "segment": -1}
_VALUES: Final = {PROJECTION: ["x", "y"], CLUSTERING: ["cluster"]}


@dataclass(frozen=True)
class Head:
    """What made a map or a clustering.

    Attributes:
        kind: `projection` or `clustering`.
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
    """Stores a map or a clustering in one commit; nothing happens if there is one under its key.

    Args:
        store: where it goes.
        head: what made it.
        points: a row for each segment, with its keys and `x` and `y`, or `cluster`.
    """
    name = f"{head.kind}s"
    rows = pd.concat([pd.DataFrame([_HEAD]), points[[*SEGMENT_KEYS, *_VALUES[head.kind]]]])
    rows[head.kind] = head.key
    rows["method"], rows["seed"], rows["made_at"] = head.method, head.seed, head.made_at
    parameters = json.dumps(head.parameters, sort_keys=True, allow_nan=False)
    rows["parameters"] = [parameters] + [None] * len(points)
    table = pa.Table.from_pandas(rows, schema=TABLES[name].schema, preserve_index=False)
    store.lake.merge(name, table)


def heads(store: Store, kind: str) -> list[Head]:
    """Returns all maps or clusterings, the newest first."""
    columns = [kind, "method", "seed", "parameters", "made_at"]
    found = store.lake.read(f"{kind}s", columns=columns, where=pc.field("segment") == -1)
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
    """Returns a map or a clustering by its full key, or None if there is none."""
    return next((found for found in heads(store, kind) if found.key == key), None)


def points(store: Store, kind: str, key: str) -> pd.DataFrame:
    """Returns the points of a map or a clustering: keys of segments, and `x`, `y` or `cluster`.

    Raises:
        StoreError: there is none of this key.
    """
    columns = [*SEGMENT_KEYS, *_VALUES[kind]]
    read = store.lake.read(f"{kind}s", columns=columns, where=pc.field(kind) == key)
    if not len(read):
        raise StoreError(f"There is no {kind} {key!r} in the store; make a new one.")
    rows = read.filter(pc.greater_equal(read["segment"], 0)).to_pandas()
    ordered: pd.DataFrame = rows.sort_values(list(SEGMENT_KEYS)).reset_index(drop=True)
    return ordered
