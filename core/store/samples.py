"""Draws of segments as they are stored: what was to be labelled, how it was picked, out of how many.

The row of number -1 heads each draw and holds its parameters; the others are its segments, in the order
in which they are to be labelled.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import StoreError
from core.plain import one_line
from core.store.attempts import new_number
from core.store.corpus import SEGMENT_KEYS
from core.store.schema import TABLES
from core.store.store import Store

_HEAD: Final = -1
_PLACE: Final = [*SEGMENT_KEYS, "start_s", "end_s"]


@dataclass(frozen=True)
class Sample:
    """A draw of segments.

    Attributes:
        sample: its number, which grows with time.
        name: what it is for.
        parameters: `engine_id`, `way` (`random`, `uncertain`, `diverse`), `seed`, `n_of`: out of how
            many it was drawn; and what else belongs to it.
        segments: a row for each: keys, `start_s` and `end_s`, in the order of labelling.
        made_at: UTC.
    """

    sample: int
    name: str
    parameters: dict[str, Any]
    segments: pd.DataFrame
    made_at: datetime


def write_sample(
    store: Store, name: str, parameters: dict[str, Any], segments: pd.DataFrame
) -> int:
    """Stores a draw in one commit; returns its number.

    Args:
        store: where it goes.
        name: what it is for.
        parameters: how it was made.
        segments: a row for each, with the keys of a segment, `start_s` and `end_s`.
    """
    number = new_number()
    now = datetime.now(UTC)
    blank = {"recording": "", "channel": -1, "run_key": "", "segment": -1}
    head = pd.DataFrame([blank | {"start_s": 0.0, "end_s": 0.0}])
    rows = pd.concat([head, segments[_PLACE]], ignore_index=True)
    rows["sample"], rows["name"], rows["made_at"] = number, one_line(name, 80), now
    rows["number"] = range(_HEAD, len(segments))
    told = json.dumps(parameters, sort_keys=True, allow_nan=False)
    rows["parameters"] = [told] + [None] * len(segments)
    table = pa.Table.from_pandas(rows, schema=TABLES["samples"].schema, preserve_index=False)
    store.lake.append("samples", table)
    store.lake.tidy("samples")
    return number


def samples(store: Store, engine_id: str | None = None) -> list[Sample]:
    """Returns all draws, the newest first.

    Args:
        store: where they are.
        engine_id: only those of this engine's segments.
    """
    rows = store.lake.read("samples").to_pandas()
    found = []
    for number, mine in rows.groupby("sample"):
        ordered = mine.sort_values("number").reset_index(drop=True)
        parameters = json.loads(str(ordered["parameters"].iloc[0]))
        if engine_id is None or parameters.get("engine_id") == engine_id:
            found.append(
                Sample(
                    sample=int(str(number)),
                    name=str(ordered["name"].iloc[0]),
                    parameters=parameters,
                    segments=ordered.loc[1:, _PLACE].reset_index(drop=True),
                    made_at=ordered["made_at"].iloc[0].to_pydatetime(),
                )
            )
    return sorted(found, key=lambda sample: sample.sample, reverse=True)


def sample(store: Store, number: int) -> Sample:
    """Returns a draw.

    Raises:
        StoreError: there is none of this number.
    """
    if len(store.lake.read("samples", ["sample"], pc.field("sample") == number)):
        return next(found for found in samples(store) if found.sample == number)
    raise StoreError(f"There is no sample {number} in the store; draw a new one.")
