"""What names a file, and what made a result."""

import hashlib
import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.errors import AudioError
from core.version import VERSION

_PACKAGES = ("torch", "numpy", "av", "soxr", "silero-vad", "noisereduce")


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, 64 hex digits.

    Raises:
        AudioError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(
            f"{readable(path.name)!r} cannot be read ({error.strerror}); "
            "check its path and permissions."
        ) from error


def readable(name: str | Path) -> str:
    """Returns a file name as text that can be stored: bytes that are no UTF-8 become �."""
    return os.fsencode(name).decode("utf-8", "replace")


@cache
def versions() -> dict[str, str]:
    """Returns the version of each package that has a part in a track."""
    found = {"tonescope": VERSION}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
