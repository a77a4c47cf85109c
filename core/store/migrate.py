"""Stores of older schema versions, brought to this one when they are opened.

A step only adds: columns, and properties of tables. No row is lost and none is written anew but those
that get a value. The version is written last, so what is killed on the way is done again; what was
done already is left alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError

from core.errors import StoreError
from core.store.folder import SCHEMA_VERSION, open_folder, write_version
from core.store.gate import alone
from core.store.layout import SHORT_LOG, properties
from core.store.schema import TABLES


@dataclass(frozen=True)
class Added:
    """A column that a version added to a table.

    Attributes:
        value: what older rows have there, or None for nothing.
    """

    table: str
    column: str
    value: int | None = None


STEPS: Final[dict[int, tuple[Added, ...]]] = {
    2: (
        Added("tracks", "quality"),
        Added("projections", "channel", -1),  # the mix of all
        Added("clusterings", "channel", -1),
    ),
}


def migrate(root: Path) -> None:
    """Brings a store to the schema version of this program; writers wait meanwhile.

    Raises:
        StoreError: others write all the time, or the folder cannot be written to.
    """
    with alone(root):
        found = open_folder(root)  # another process may have been first
        try:
            for version in range(found + 1, SCHEMA_VERSION + 1):
                for added in STEPS[version]:
                    _add(root, added)
                for name in TABLES:
                    _configure(root, name)
                write_version(root, version)
        except (DeltaError, OSError) as error:
            raise StoreError(
                f"The store {root} is of schema version {found} and could not be brought to version "
                f"{SCHEMA_VERSION} ({str(error)[:200]}); nothing was lost. Check free space and "
                "permissions of its folder, then open it again."
            ) from error


def completed(name: str, rows: pa.Table) -> pa.Table:
    """Returns rows as this version has them, with what older ones lack; other columns stay lacking."""
    for added in (added for step in STEPS.values() for added in step if added.table == name):
        if added.column not in rows.column_names:
            kind = TABLES[name].schema.field(added.column).type
            column = pa.repeat(pa.scalar(added.value, kind), len(rows))
            rows = rows.append_column(added.column, column)
    wanted = [column for column in TABLES[name].schema.names if column in rows.column_names]
    return rows.select(wanted) if len(wanted) == len(rows.column_names) else rows


def _add(root: Path, added: Added) -> None:
    table = _opened(root, added.table)
    if table is None:
        return
    if added.column not in (field.name for field in table.schema().fields):
        wanted = Schema.from_arrow(TABLES[added.table].schema)
        kinds = {field.name: field.type for field in wanted.fields}
        table.alter.add_columns([Field(added.column, kinds[added.column], nullable=True)])
    if added.value is not None:
        DeltaTable(root / "tables" / added.table).update(
            updates={added.column: str(added.value)},
            predicate=f"{added.column} IS NULL",
            writer_properties=properties(TABLES[added.table]),
        )


def _configure(root: Path, name: str) -> None:
    """Lets old entries of a table's log go by themselves.

    Nothing is said of statistics: where a table declares some that its older files lack, Delta takes
    those files to hold nothing.
    """
    table = _opened(root, name)
    if table is not None and not SHORT_LOG.items() <= table.metadata().configuration.items():
        table.alter.set_table_properties(SHORT_LOG)


def _opened(root: Path, name: str) -> DeltaTable | None:
    path = root / "tables" / name
    return DeltaTable(path) if DeltaTable.is_deltatable(str(path)) else None
