"""The note that a model's directory passed verification, so that it need not be read each time.

It names the files by size and time of change; whatever changes them makes the note void. It only
tells what to list as ready: loading checks every file again.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engines.emotion2vec_files import MAX_BYTES, REQUIRED

NOTE = "verified.json"


@dataclass(frozen=True)
class Note:
    """What verification found: the SHA-256 of the weights, and the dimensions of an embedding."""

    sha256: str
    dims: int


def write_note(directory: Path, note: Note) -> None:
    """Notes that the files of a directory passed, as they are now; a read-only one gets none."""
    content = {"sha256": note.sha256, "dims": note.dims, "files": _state(directory)}
    draft = directory / f".{NOTE}.{os.getpid()}"
    try:
        draft.write_text(json.dumps(content, indent=2) + "\n")
        draft.replace(directory / NOTE)
    except OSError:
        draft.unlink(missing_ok=True)


def read_note(directory: Path) -> Note | None:
    """Returns the note of a directory, or None if there is none or a file changed since."""
    try:
        with (directory / NOTE).open("rb") as file:
            content = json.loads(file.read(64 << 10))
        if content["files"] != _state(directory):
            return None
        sha256, dims = content["sha256"], content["dims"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    hexadecimal = isinstance(sha256, str) and len(sha256) == 64 and sha256.isalnum()
    return Note(sha256, dims) if hexadecimal and isinstance(dims, int) and dims > 0 else None


def remove_note(directory: Path) -> None:
    """Removes the note of a directory that failed verification."""
    (directory / NOTE).unlink(missing_ok=True)


def _state(directory: Path) -> dict[str, Any]:
    state = {}
    for name in MAX_BYTES:
        path = directory / name
        if name in REQUIRED or path.exists():
            found = path.stat()
            state[name] = [found.st_size, found.st_mtime_ns]
    return state
