"""How the tables of the store are laid out in files and what Delta is told of them."""

from typing import Final

import pyarrow as pa
from deltalake import ColumnProperties, WriterProperties

from core.store.table import Table

SHORT_LOG: Final = {"delta.logRetentionDuration": "interval 1 hours"}


def configuration(table: Table) -> dict[str, str]:
    """Returns a table's properties; old entries of its log go by themselves."""
    if table.statistics:
        return SHORT_LOG | {"delta.dataSkippingStatsColumns": ",".join(table.statistics)}
    return SHORT_LOG | {"delta.dataSkippingNumIndexedCols": "0"}


def properties(table: Table) -> WriterProperties:
    """Returns how a table is written.

    Texts have no statistics in the files either. Merging writes them as Arrow's `string_view`, and
    pyarrow 26 cannot compare their least and greatest values with a text that is looked for.
    """
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    lists = [field.name for field in table.schema if pa.types.is_list(field.type)]
    blind = ColumnProperties(statistics_enabled="NONE")
    split = ColumnProperties(dictionary_enabled=False, encoding="BYTE_STREAM_SPLIT")
    columns = dict.fromkeys(table.floats, split) | dict.fromkeys(texts, blind)
    only_vectors = bool(lists) and set(lists) == set(table.vectors)
    if only_vectors:  # what lies within a list can only be told by telling it of all columns
        flat = ColumnProperties(dictionary_enabled=False, encoding="PLAIN")
        text = ColumnProperties(
            dictionary_enabled=False, encoding="PLAIN", statistics_enabled="NONE"
        )
        columns = dict.fromkeys(set(table.schema.names) - set(lists), flat)
        columns |= dict.fromkeys(texts, text)
    return WriterProperties(
        compression="ZSTD",
        max_row_group_size=table.row_group,
        column_properties=columns or None,
        default_column_properties=split if only_vectors else None,
    )
