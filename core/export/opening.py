"""Opening a bundle, which may be a stranger's: whole into a new store, or not at all.

Nothing in it is trusted: members that are compressed (so that small ones could hold much), links, names
that the format does not know, tables of another shape or with more rows than their bytes can hold, and
sound whose bytes are not those of its name are refused, each with a sentence.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import zipfile
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import StoreError
from core.export.bundle import FORMAT, MANIFEST
from core.store.folder import SCHEMA_VERSION
from core.store.migrate import completed
from core.store.schema import TABLES
from core.store.store import Store

_TABLE: Final = re.compile(r"tables/([a-z_]+)\.parquet")
_AUDIO: Final = re.compile(r"audio/([0-9a-f]{2})/(\1[0-9a-f]{62})(\.[a-z0-9]{1,8})?")
_MOST_MEMBERS: Final = 1_000_000
_MOST_MANIFEST: Final = 256 << 20
_ROWS_A_BYTE: Final = 50
_BATCH: Final = 65_536


def open_bundle(path: Path, root: Path, *, own: bool = False) -> int:
    """Makes a store of a bundle or backup; returns how many recordings it holds.

    Args:
        path: the file.
        root: the folder of the new store, which must not be there yet, or be empty.
        own: a backup of one's own, whose paths to files on this machine are kept.

    Raises:
        StoreError: it is no bundle, damaged, or holds what a bundle may not; then nothing is left.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise StoreError(f"{str(root)!r} is not empty; give a new folder for the store.")
    draft = root.with_name(f".{root.name}.opening.{os.getpid()}")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
            draft.mkdir()
            n_recordings = _unpack(archive, members, draft, own)
        if root.exists():
            root.rmdir()
        draft.rename(root)
        return n_recordings
    except (zipfile.BadZipFile, EOFError, NotImplementedError, pa.ArrowException) as error:
        raise _bad(f"it is damaged: {str(error)[:150]}") from error
    except OSError as error:
        raise StoreError(
            f"{str(path)!r} cannot be opened ({error.strerror or error}); check the file, and the "
            "permissions and free space of the store's folder."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _members(archive: zipfile.ZipFile) -> dict[str, dict[str, Any]]:
    """Returns what the manifest tells of each member, after a look at all of them."""
    listed = archive.infolist()
    if len(listed) > _MOST_MEMBERS:
        raise _bad(f"it has {len(listed):,} members")
    for info in listed:
        known = info.filename == MANIFEST or _TABLE.fullmatch(info.filename)
        if not known and not _AUDIO.fullmatch(info.filename):
            raise _bad(f"it holds {info.filename[:80]!r}")
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):  # 0: a ZIP of a system without modes
            raise _bad(f"{info.filename!r} is no plain file")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise _bad(f"{info.filename!r} is compressed")
    names = [info.filename for info in listed]
    if len(set(names)) != len(names) or MANIFEST not in names:
        raise _bad("a member is there twice, or the manifest is missing")
    if archive.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
        raise _bad("its manifest is too large")
    try:
        about = json.loads(archive.read(MANIFEST))
        members: dict[str, dict[str, Any]] = about["members"]
        right = about["format"] == FORMAT and set(members) == set(names) - {MANIFEST}
        right = right and all(isinstance(m["sha256"], str) for m in members.values())
        schema = about["schema"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _bad("its manifest cannot be read") from error
    if not right:
        raise _bad("its manifest does not fit its members")
    if type(schema) is not int or not 1 <= schema <= SCHEMA_VERSION:
        raise StoreError(
            f"The bundle has schema version {schema!r}, this program reads up to {SCHEMA_VERSION}; "
            "open it with the version of Tonescope that wrote it, or a newer one."
        )
    return members


def _unpack(
    archive: zipfile.ZipFile, members: dict[str, dict[str, Any]], root: Path, own: bool
) -> int:
    store = Store(root)
    sounds: dict[str, str] = {}
    for name in members:
        match = _AUDIO.fullmatch(name)
        if match:
            if _write(archive, name, root / name) != match[2]:
                raise _bad(f"the sound {name!r} is not what its name says")
            sounds[match[2]] = name
    for name, told in members.items():
        match = _TABLE.fullmatch(name)
        if match:
            table = match[1]
            if table not in TABLES:
                raise _bad(f"it holds a table {table!r} that is not known")
            file = root / f".{table}.parquet"
            if _write(archive, name, file) != told["sha256"]:
                raise _bad(f"the table {table!r} is not what its manifest says")
            _take(store, table, file, sounds, own)
            file.unlink()
    return len(store.lake.read("recordings", ["recording"]))


def _write(archive: zipfile.ZipFile, name: str, path: Path) -> str:
    """Writes a member; returns the SHA-256 of its bytes."""
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, path.open("xb") as target:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def _take(store: Store, name: str, file: Path, sounds: dict[str, str], own: bool) -> None:
    """Adds the rows of a Parquet file to a table."""
    wanted = TABLES[name].schema
    with pq.ParquetFile(file, memory_map=False) as parquet:
        empty = completed(name, parquet.schema_arrow.empty_table())
        if not empty.schema.equals(wanted):
            raise _bad(f"the table {name!r} has other columns than this program")
        if parquet.metadata.num_rows > 10_000 + _ROWS_A_BYTE * file.stat().st_size:
            raise _bad(f"the table {name!r} has more rows than its bytes can hold")
        for batch in parquet.iter_batches(batch_size=_BATCH):
            rows = completed(name, pa.Table.from_batches([batch]))
            store.lake.append(name, _placed(rows, sounds, own) if name == "recordings" else rows)


def _placed(rows: pa.Table, sounds: dict[str, str], own: bool) -> pa.Table:
    """Returns recordings whose sound lies where this store has it: nothing else is ever read."""
    told = rows.to_pylist()
    for row in told:
        if not re.fullmatch("[0-9a-f]{64}", row["recording"] or ""):
            raise _bad("a recording has no SHA-256")
        row["kept"] = sounds.get(row["recording"])
        row["source"] = row["source"] if own else None
    return pa.Table.from_pylist(told, schema=rows.schema)


def _bad(why: str) -> StoreError:
    return StoreError(
        f"The file is no bundle that can be opened ({why}); get it anew from its maker."
    )
