"""Compaction: the small files of each table joined, and what no longer counts removed."""

from dataclasses import dataclass

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from core.errors import StoreError
from core.store.forget import resume
from core.store.gate import alone
from core.store.purge import purge
from core.store.schema import TABLES
from core.store.store import Store


@dataclass(frozen=True)
class Compacted:
    """What compaction did.

    Attributes:
        tables: how many were gone through.
        files_before: data files, of all tables.
        bytes_before: of everything in the tables' folders, logs included.
    """

    tables: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int


def compact(store: Store) -> Compacted:
    """Joins small files and removes old ones; the rows of every table stay the same.

    Writers wait meanwhile. A kill leaves every table as it was, or compacted.

    Raises:
        StoreError: others write all the time, or the disk does not take it.
    """
    resume(store)
    before, n_tables = _measure(store), 0
    with alone(store.root):
        for name in TABLES:
            folder = store.root / "tables" / name
            if not DeltaTable.is_deltatable(str(folder)):
                continue
            n_tables += 1
            try:
                store.lake.join(name)
            except (DeltaError, OSError) as error:
                raise StoreError(
                    f"The table {name!r} could not be compacted ({str(error)[:200]}); nothing was "
                    "lost. Check free space and permissions of the store's folder."
                ) from error
            purge(store.lake, name)
    after = _measure(store)
    return Compacted(n_tables, before[0], after[0], before[1], after[1])


def _measure(store: Store) -> tuple[int, int]:
    files = [path for path in (store.root / "tables").rglob("*") if path.is_file()]
    data = [path for path in files if "_delta_log" not in path.parts]
    return len(data), sum(path.stat().st_size for path in files)
