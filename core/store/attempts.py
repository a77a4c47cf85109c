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
    with open_attempts(folder, 1) as numbers:
        yield numbers[0]


@contextmanager
def open_attempts(folder: Path, n: int) -> Iterator[range]:
    """Holds new attempts open by one lock; yields their numbers, which follow one another.

    Raises:
        StoreError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numbers, path, lock = _locked(folder, n)
    except OSError as error:
        raise StoreError(
            f"The store's folder {folder.parent} cannot be written to ({error.strerror}); "
            "check its permissions and free space."
        ) from error
    try:
        yield numbers
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _locked(folder: Path, n: int) -> tuple[range, Path, FileLock]:
    """Returns numbers that nobody else holds, and their file, which this process has locked."""
    while True:
        first = new_number()
        numbers = range(first, first + n)
        path = folder / (f"{first}.lock" if n == 1 else f"{first}-{n}.lock")
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:  # `alive` looked at the file before it was locked
            continue
        others = (_numbers(other) for other in folder.glob("*.lock") if other != path)
        mine = not any(numbers.start < o.stop and o.start < numbers.stop for o in others)
        if mine and path.exists():
            return numbers, path, lock
        if not mine:
            path.unlink(missing_ok=True)
        lock.release()  # or `alive` took it for a dead writer's and cleared it away


def _numbers(path: Path) -> range:
    """Returns the attempts that a file stands for."""
    first, _, n = path.stem.partition("-")
    return range(int(first), int(first) + int(n or 1))


def alive(folder: Path) -> set[int]:
    """Returns the attempts whose writers live; clears away the files of dead ones."""
    found: set[int] = set()
    for path in folder.glob("*.lock") if folder.is_dir() else ():
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            found.update(_numbers(path))
            continue
        path.unlink(missing_ok=True)
        lock.release()
    return found
