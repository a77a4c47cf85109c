"""Delta tables in a folder: append, merge and read, each either done whole or not at all."""

import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from pyarrow.dataset import Dataset, ParquetReadOptions
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from core.errors import StoreError
from core.store.folder import SCHEMA_VERSION, open_folder
from core.store.gate import writing
from core.store.keyed import Keyed
from core.store.layout import configuration, properties
from core.store.migrate import migrate
from core.store.schema import TABLES

_RETRIES = 12
_TIDY_EVERY = 32  # commits
_LEAST_JOINED, _MOST_JOINED = 1 << 18, 256 << 20  # bytes of a file that small ones are joined to
_AT_ONCE = 1 << 15  # rows of a part
_SORTED_BYTES = 2 << 30  # held at once while a table is sorted; the rest goes to temporary files
_Commit = tuple[str, int, int]  # name of its file, when it was written, its inode

Result = TypeVar("Result")


class Lake:
    """The tables of one store.

    Raises:
        StoreError: the folder is no store, of a newer version, or cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened: dict[str, tuple[_Commit, DeltaTable, Dataset]] = {}
        self._keyed: dict[str, tuple[Dataset, Keyed]] = {}
        if open_folder(root) < SCHEMA_VERSION:
            migrate(root)

    def read(
        self,
        name: str,
        columns: list[str] | None = None,
        where: Any | None = None,
        coded: Sequence[str] = (),
    ) -> pa.Table:
        """Returns rows of a table.

        Args:
            name: a key of `TABLES`.
            columns: which columns, by default all.
            where: a `pyarrow.compute` expression that the rows must fulfil.
            coded: columns of texts that repeat, given as Arrow's dictionaries; read in a third of
                the time.
        """

        def scan() -> pa.Table:
            dataset = self._coded(name, coded) if coded else self._open(name)[1]
            try:
                return dataset.to_table(columns=columns, filter=where)
            except (
                pa.ArrowNotImplementedError
            ):  # see `layout.properties`: an earlier version's file
                found = dataset.to_table().filter(where)
                return found if columns is None else found.select(columns)

        return self._read(name, columns, scan)

    def pick(self, name: str, where: Any, columns: list[str] | None = None) -> pa.Table:
        """Returns the rows whose keys fulfil a condition; for few rows, found by their keys alone.

        Args:
            name: a table with keys.
            where: a `pyarrow.compute` expression over the keys.
            columns: which columns, by default all.
        """

        def picked() -> pa.Table:
            dataset = self._open(name)[1]
            known = self._keyed.get(name)
            if known is None or known[0] is not dataset:
                known = self._keyed[name] = dataset, Keyed(dataset, TABLES[name].keys)
            return known[1].rows(where, columns)

        return self._read(name, columns, picked)

    def batches(self, name: str, columns: list[str], where: Any) -> Iterator[pa.RecordBatch]:
        """Yields rows of a table part by part, so that few are in memory at once.

        Args:
            name: a key of `TABLES`.
            columns: which columns.
            where: a `pyarrow.compute` expression on numbers that the rows must fulfil.
        """
        told = f"read the table {name!r}"
        ahead = {"batch_size": _AT_ONCE, "batch_readahead": 2, "fragment_readahead": 1}
        with suppress(TableNotFoundError):
            dataset = _guarded(lambda: self._open(name)[1], told)
            parts = dataset.to_batches(columns=columns, filter=where, **ahead)
            while (part := _guarded(lambda: next(parts, None), told)) is not None:
                yield part

    def append(self, name: str, rows: pa.Table) -> None:
        """Adds rows in one commit."""
        self._write(name, rows, "append")

    def merge(self, name: str, rows: pa.Table, update: Iterable[str] = ()) -> int:
        """Inserts the rows whose keys are new; returns how many were.

        Args:
            name: a table with keys.
            rows: no two with the same keys.
            update: columns that are set anew where the keys are known already.
        """
        table = TABLES[name]
        same = " AND ".join(f"target.{key} = source.{key}" for key in table.keys)

        def merge() -> int:
            with writing(self.root):
                self._create(name)
                merger = self._table(name).merge(
                    rows.cast(table.schema),
                    predicate=same,
                    source_alias="source",
                    target_alias="target",
                    writer_properties=properties(table),
                )
                changes = {column: f"source.{column}" for column in update}
                if changes:
                    merger = merger.when_matched_update(changes)
                done = merger.when_not_matched_insert_all().execute()
                return int(done["num_target_rows_inserted"])

        inserted = _guarded(merge, f"write to the table {name!r}", made=True)
        self._tidy_at_times(name)
        return inserted

    def delete(self, name: str, predicate: str) -> int:
        """Deletes rows by an SQL predicate; returns how many. The predicate must be trusted."""

        def delete() -> int:
            try:
                with writing(self.root):
                    done = self._table(name).delete(
                        predicate, writer_properties=properties(TABLES[name])
                    )
                return int(done["num_deleted_rows"])
            except TableNotFoundError:
                return 0

        return _guarded(delete, f"remove rows from the table {name!r}")

    def replace(self, name: str, rows: pa.Table) -> None:
        """Puts rows in the place of all rows of a table, in one commit; fit for small tables."""
        self._write(name, rows, "overwrite")

    def tidy(self, name: str, most_files: int = 24) -> None:
        """Joins small files of a table where there are many; its rows stay the same.

        Reading 200 files took over a second. Only files much smaller than most are joined, up to
        sixteen times the middle size, so that each row is written anew a few times and not at each
        turn. It does not disturb writers and readers; where another process was first nothing
        happens. What it replaced goes an hour later, when no reader is at it any more.
        """
        with suppress(DeltaError, OSError), writing(self.root):
            table = self._table(name)
            sizes = pa.table(table.get_add_actions())["size_bytes"].to_pylist()
            if len(sizes) < most_files:
                return
            target = min(max(16 * statistics.median_low(sizes), _LEAST_JOINED), _MOST_JOINED)
            table.optimize.compact(target_size=target, writer_properties=properties(TABLES[name]))
            table.vacuum(retention_hours=1, enforce_retention_duration=False, dry_run=False)
            table.create_checkpoint()

    def join(self, name: str) -> None:
        """Joins the files of a table; raises what Delta raises.

        What is looked for by its attempt is sorted by it: joining alone mixes rows of neighbouring
        files, so that a reader of one recording had to read eight times as many.
        """
        table, written = self._table(name), properties(TABLES[name])
        if TABLES[name].statistics[:1] == ("attempt",) and not TABLES[name].keys:
            table.optimize.z_order(
                ["attempt"], max_spill_size=_SORTED_BYTES, writer_properties=written
            )
        else:
            table.optimize.compact(writer_properties=written)

    def version(self, name: str) -> int:
        """Returns the number of the last commit, or -1 for a table never written."""
        try:
            return _guarded(lambda: self._open(name)[0].version(), f"read the table {name!r}")
        except TableNotFoundError:
            return -1

    def forget(self) -> None:
        """Lets go of what was opened to read."""
        self._opened.clear()
        self._keyed.clear()

    def _write(self, name: str, rows: pa.Table, mode: Literal["append", "overwrite"]) -> None:
        table = TABLES[name]

        def write() -> None:
            with writing(self.root):
                write_deltalake(
                    self._path(name),
                    rows.cast(table.schema),
                    mode=mode,
                    configuration=configuration(table),
                    writer_properties=properties(table),
                )

        _guarded(write, f"write to the table {name!r}", made=True)
        self._tidy_at_times(name)

    def _tidy_at_times(self, name: str) -> None:
        newest = _newest_commit(self._path(name) / "_delta_log")
        if newest is not None and int(newest[0].partition(".")[0]) % _TIDY_EVERY == 0:
            self.tidy(name)

    def _read(self, name: str, columns: list[str] | None, scan: Callable[[], pa.Table]) -> pa.Table:
        try:
            return _guarded(scan, f"read the table {name!r}")
        except TableNotFoundError:
            schema = TABLES[name].schema
            wanted = schema if columns is None else pa.schema([schema.field(c) for c in columns])
            return wanted.empty_table()

    def _path(self, name: str) -> Path:
        return self.root / "tables" / name

    def _table(self, name: str) -> DeltaTable:
        return DeltaTable(self._path(name))

    def _open(self, name: str) -> tuple[DeltaTable, Dataset]:
        """Returns a table to read, as of its newest commit; opened anew only after another one."""
        newest = _newest_commit(self._path(name) / "_delta_log")
        known = self._opened.get(name)
        if known is None or newest is None or known[0] != newest:
            # Through a filesystem of its own Delta would call Python from Arrow's threads, which
            # can abort a process that is about to end.
            files = SubTreeFileSystem(str(self._path(name)), LocalFileSystem())
            table = self._table(name)
            dataset = table.to_pyarrow_dataset(filesystem=files)
            if newest is None:  # nothing tells when it changes
                return table, dataset
            known = self._opened[name] = (newest, table, dataset)
        return known[1:]

    def _coded(self, name: str, columns: Sequence[str]) -> Dataset:
        options = ParquetReadOptions(dictionary_columns=list(columns))
        table, dataset = self._open(name)
        return table.to_pyarrow_dataset(filesystem=dataset.filesystem, parquet_read_options=options)

    def _create(self, name: str) -> None:
        if not DeltaTable.is_deltatable(str(self._path(name))):
            table = TABLES[name]
            DeltaTable.create(
                self._path(name),
                schema=table.schema,
                mode="ignore",
                configuration=configuration(table),
            )


def _newest_commit(log: Path) -> _Commit | None:
    """Returns the newest commit of a table as its file tells it, or None where there is none."""
    try:
        with os.scandir(log) as entries:
            written = (entry for entry in entries if entry.name.endswith(".json"))
            newest = max(written, key=lambda entry: entry.name)
        told = newest.stat()
    except (OSError, ValueError):
        return None
    return newest.name, told.st_mtime_ns, told.st_ino


def _guarded(action: Callable[[], Result], what: str, *, made: bool = False) -> Result:
    """Runs an action; retries when another writer was first, and explains what fails.

    Args:
        action: reads or writes a table.
        what: it does, in words.
        made: whether the action makes the table where it is missing, so that it cannot be.
    """
    for attempt in range(_RETRIES):
        try:
            return action()
        except TableNotFoundError as error:
            if not made:
                raise
            raise StoreError(_refused(what, error)) from error
        except CommitFailedError as error:
            if attempt == _RETRIES - 1:
                raise StoreError(
                    f"Could not {what}: other writers were faster {_RETRIES} times in a row; "
                    "try again when they have finished."
                ) from error
            time.sleep(0.01 * 2 ** min(attempt, 6))
        except (DeltaError, OSError) as error:
            raise StoreError(_refused(what, error)) from error
    raise AssertionError("unreachable")


def _refused(what: str, error: Exception) -> str:
    return (
        f"Could not {what} ({_first_line(error)}); what was stored before is unharmed. "
        "Check free space and permissions of the store's folder, then try again."
    )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
