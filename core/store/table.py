"""What a table of the store is, and columns that several have."""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

TIME: Final = pa.timestamp("us", tz="UTC")
TEXTS: Final = pa.list_(pa.string())
SEGMENT: Final = [
    ("recording", pa.string()),
    ("channel", pa.int32()),
    ("run_key", pa.string()),
    ("segment", pa.int32()),
]


@dataclass(frozen=True)
class Table:
    """One Delta table.

    Attributes:
        keys: columns that together name a row, or none where rows are only appended.
        statistics: the numeric columns whose least and greatest values each file declares.
        vectors: list columns, written byte by byte without a dictionary (a third less, read faster).
        floats: columns written byte by byte without a dictionary (a third less, read in half the time).
        row_group: rows that are read together at least, where few of many are read.
    """

    schema: pa.Schema
    keys: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    floats: tuple[str, ...] = ()
    row_group: int | None = None
