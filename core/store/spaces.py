"""Spaces as they are stored: fitted once, so that what comes later is put into the very same one.

The row of part -1 heads each: it alone holds the parameters. Part 0 is the mean of the corpus, part 1
the matrix that whitens, the others are of a speaker each.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.records import Floats
from core.store.schema import TABLES
from core.store.store import Store

MEAN: Final = 0
MATRIX: Final = 1
_HEAD: Final = -1
_FIRST_SPEAKER: Final = 2


@dataclass(frozen=True)
class StoredSpace:
    """A space as numbers.

    Attributes:
        key: names engine, settings and data version.
        parameters: everything needed to make it again.
        mean: shape `(n_dims,)`.
        matrix: shape `(n_dims, n_dims)`, or None.
        speakers: vector of shape `(n_dims,)` and number of segments, by speaker.
        made_at: UTC.
    """

    key: str
    parameters: dict[str, Any]
    mean: Floats
    matrix: Floats | None
    speakers: Mapping[str, tuple[Floats, int]]
    made_at: datetime


def write(store: Store, space: StoredSpace) -> None:
    """Stores a space in one commit; nothing happens if there is one under its key."""
    parameters = json.dumps(space.parameters, sort_keys=True, allow_nan=False)
    rows = [
        {"part": _HEAD, "parameters": parameters},
        {"part": MEAN, "vector": space.mean.tolist()},
    ]
    if space.matrix is not None:
        rows.append({"part": MATRIX, "vector": space.matrix.ravel().tolist()})
    for part, (name, (vector, n)) in enumerate(space.speakers.items(), _FIRST_SPEAKER):
        rows.append({"part": part, "speaker": name, "n_segments": n, "vector": vector.tolist()})
    common = {"space": space.key, "made_at": space.made_at}
    table = pa.Table.from_pylist([row | common for row in rows], schema=TABLES["spaces"].schema)
    store.lake.merge("spaces", table)


def heads(store: Store) -> list[tuple[str, dict[str, Any]]]:
    """Returns key and parameters of all spaces, the newest first."""
    columns = ["space", "parameters", "made_at"]
    read = store.lake.read("spaces", columns=columns, where=pc.field("part") == _HEAD)
    found = sorted(read.to_pylist(), key=lambda row: (row["made_at"], row["space"]), reverse=True)
    return [(row["space"], json.loads(row["parameters"])) for row in found]


def made_at(store: Store, key: str) -> datetime | None:
    """Returns when a space was made, UTC, or None if there is none of this key."""
    where = (pc.field("space") == key) & (pc.field("part") == _HEAD)
    found = store.lake.read("spaces", columns=["made_at"], where=where).to_pylist()
    return found[0]["made_at"] if found else None


def read(store: Store, key: str) -> StoredSpace | None:
    """Returns a space by its key, or None if there is none."""
    rows = store.lake.read("spaces", where=pc.field("space") == key).to_pylist()
    parts = {row["part"]: row for row in rows}
    if _HEAD not in parts:
        return None
    mean = np.array(parts[MEAN]["vector"], np.float32)
    matrix = None
    if MATRIX in parts:
        matrix = np.array(parts[MATRIX]["vector"], np.float32).reshape(len(mean), len(mean))
    return StoredSpace(
        key=key,
        parameters=json.loads(parts[_HEAD]["parameters"]),
        mean=mean,
        matrix=matrix,
        speakers={
            row["speaker"]: (np.array(row["vector"], np.float32), row["n_segments"])
            for part, row in sorted(parts.items())
            if part >= _FIRST_SPEAKER
        },
        made_at=parts[_HEAD]["made_at"],
    )
