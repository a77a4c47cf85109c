"""Attempts: the numbers under which a writer puts down its rows before they count.

An attempt is alive as long as its writer holds the lock on its file, which the kernel lets go when
the process dies. Numbers grow with time, so files of the store hold narrow ranges of them.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import StoreError

_EPOCH_MS = 1_577_836_800_000  # 2020-01-01
_RANDOM_BITS = 22


def new_number() -> int:
    """Returns a number of 63 bits: milliseconds since 2020, then 22 random bits."""
    elapsed_ms = time.time_ns() // 1_000_000 - _EPOCH_MS
    return (elapsed_ms << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)


@contextmanager
def open_attempt(folder: Path) -> Iterator[int]:
    """Holds a new attempt open; yields its number.

    Raises:
        StoreError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number, path, lock = _locked(folder)
    except OSError as error:
        raise StoreError(
            f"The store's folder {folder.parent} cannot be written to ({error.strerror}); "
            "check its permissions and free space."
        ) from error
    try:
        yield number
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _locked(folder: Path) -> tuple[int, Path, FileLock]:
    """Returns a number whose file exists and is locked by this process."""
    while True:
        number = new_number()
        path = folder / f"{number}.lock"
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:  # `alive` looked at the file before it was locked
            continue
        if path.exists():
            return number, path, lock
        lock.release()  # `alive` took it for a dead writer's and cleared it away


def alive(folder: Path) -> set[int]:
    """Returns the attempts whose writers live; clears away the files of dead ones."""
    found = set()
    for path in folder.glob("*.lock") if folder.is_dir() else ():
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            found.add(int(path.stem))
            continue
        path.unlink(missing_ok=True)
        lock.release()
    return found
