"""A table without its past: what was deleted is in no data file and no entry of its log.

Delta's log keeps every commit, with the predicates that deleted and the files that held the rows. So
the table gets one more commit that says nothing, a checkpoint of what stands, and loses all entries
before it and all files that no longer count. Version numbers go on. A kill at any moment leaves a
table that reads as it should; doing it again ends the work.
"""

from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from core.errors import StoreError
from core.store.gate import alone
from core.store.lake import Lake


def purge(lake: Lake, name: str) -> int:
    """Removes the past of a table; returns how many files went.

    Raises:
        StoreError: others write all the time, or the folder cannot be written to.
    """
    folder = lake.root / "tables" / name
    with alone(lake.root):
        if not DeltaTable.is_deltatable(str(folder)):
            return 0
        try:
            return _purge(folder)
        except (DeltaError, OSError) as error:
            raise StoreError(
                f"What was deleted from the table {name!r} may still lie in its old files "
                f"({str(error).splitlines()[0][:200]}); free space on the store's disk, check its "
                "permissions, then give the same command again."
            ) from error


def _purge(folder: Path) -> int:
    table = DeltaTable(folder)
    table.alter.set_table_properties(dict(table.metadata().configuration))
    table = DeltaTable(folder)
    table.create_checkpoint()
    last = f"{table.version():020d}"
    counts = {Path(uri).name for uri in table.file_uris()}
    gone = 0
    for path in (folder / "_delta_log").iterdir():
        if path.name[:20].isdigit() and path.name[:20] < last:
            path.unlink()
    for path in folder.rglob("*"):
        mine = "_delta_log" not in path.relative_to(folder).parts and path.is_file()
        if mine and path.name not in counts:
            path.unlink()
            gone += 1
    for path in (folder / "_delta_log").iterdir():  # drafts of commits that were killed
        if path.name[:20] != last and path.name != "_last_checkpoint" and path.is_file():
            path.unlink()
    return gone
