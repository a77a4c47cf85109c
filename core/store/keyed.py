"""The keys of a table's rows in memory, with the place of each row: one is found without a scan.

Texts have no statistics (see `core.store.schema`), so looking for one row reads that column of every
file. This is done once for a commit; then a row costs the few rows that are stored together with it.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow.dataset import Dataset

_ROW: Final = "__row"


class Keyed:
    """Rows of a table as of one commit.

    Args:
        dataset: its files.
        keys: columns that together name a row.
    """

    def __init__(self, dataset: Dataset, keys: tuple[str, ...]) -> None:
        self._schema = dataset.schema
        self._groups = [
            group for fragment in dataset.get_fragments() for group in fragment.split_by_row_group()
        ]
        parts = [group.to_table(schema=self._schema, columns=list(keys)) for group in self._groups]
        self._starts = np.cumsum([0, *map(len, parts)])
        schema = pa.schema([self._schema.field(key) for key in keys])
        found = pa.concat_tables(parts) if parts else schema.empty_table()
        self._keys = found.append_column(_ROW, pa.array(np.arange(len(found))))

    def rows(self, where: Any, columns: list[str] | None = None) -> pa.Table:
        """Returns the rows whose keys fulfil a `pyarrow.compute` expression, in the table's order."""
        numbers = self._keys.filter(where)[_ROW].to_numpy()
        of_group = np.searchsorted(self._starts, numbers, "right") - 1
        parts = [
            self._groups[g]
            .to_table(schema=self._schema, columns=columns)
            .take(numbers[of_group == g] - self._starts[g])
            for g in np.unique(of_group)
        ]
        if parts:
            return pa.concat_tables(parts)
        names = self._schema.names if columns is None else columns
        return pa.schema([self._schema.field(name) for name in names]).empty_table()
