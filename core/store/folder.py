"""The folder of a store: which it is, and whether anything was ever stored in it."""

import json
import os
import time
from pathlib import Path
from typing import Final

from core.errors import StoreError

SCHEMA_VERSION: Final = 2
VERSION_FILE = "tonescope.json"
# What may lie there before: by whoever else starts the store, or a choice made before it.
_OWN = {VERSION_FILE, "tables", "attempts", "audio", "incoming", "indexes", "preferences.json"}


def is_unused(root: Path) -> bool:
    """Returns whether a folder is free for a store and none was started in it.

    This reads no table and imports no library, so it is fit for the first page.
    """
    try:
        return not (root / VERSION_FILE).exists() and not _strangers(root)
    except OSError:
        return False


def open_folder(root: Path) -> int:
    """Returns the schema version of a store; starts a new one in an empty folder.

    Raises:
        StoreError: the folder is no store, is of a newer version, or cannot be used.
    """
    version_file = root / VERSION_FILE
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not version_file.exists():
            if _strangers(root):
                raise StoreError(
                    f"The folder {root} holds other files and no store; "
                    "choose an empty or new folder for the store."
                )
            write_version(root, SCHEMA_VERSION)
        found = json.loads(version_file.read_text())
        schema = found["schema"]
    except OSError as error:
        raise StoreError(
            f"The store's folder {root} cannot be used ({error.strerror}); "
            "choose a folder that you may write to."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The file {version_file} is damaged; restore it from a backup of the store."
        ) from error
    if type(schema) is not int or not 1 <= schema <= SCHEMA_VERSION:
        raise StoreError(
            f"The store {root} has schema version {schema!r}, this program reads up to version "
            f"{SCHEMA_VERSION}; use the version of Tonescope that wrote it, or a newer one."
        )
    return schema


def write_version(root: Path, version: int) -> None:
    """Notes the schema version of a store; raises what the disk raises."""
    _write_whole(root / VERSION_FILE, json.dumps({"format": "tonescope", "schema": version}))


def _strangers(root: Path) -> list[str]:
    if not root.exists():
        return []
    return [e.name for e in root.iterdir() if e.name not in _OWN and e.name[0] != "."]


def _write_whole(path: Path, text: str) -> None:
    """Writes a small file so that a reader sees it whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    draft.write_text(text)
    draft.replace(path)
