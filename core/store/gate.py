"""The gate of a store: any number of writers at once, or one that rewrites it and is alone.

Whoever removes files that no commit names must know that nobody is about to commit them. So each
write holds the gate shared, and what rewrites the store (`forget`, `compact`, `backup`) holds it
alone. The kernel lets go of it when a process dies.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.errors import StoreError

FILE: Final = ".gate"
_POLL_S: Final = 0.05
_held = threading.local()


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Holds the gate of a store shared; waits while somebody rewrites it.

    Raises:
        OSError: the folder cannot be written to.
    """
    if _alone(root):
        with _no_panic():
            yield
        return
    descriptor = os.open(root / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with _no_panic():
            yield
    finally:
        os.close(descriptor)


@contextmanager
def alone(root: Path, wait_s: float = 60.0) -> Iterator[None]:
    """Holds the gate of a store alone, in this thread.

    Args:
        root: the folder of the store.
        wait_s: how long to wait for those who write.

    Raises:
        StoreError: others still write, or the folder cannot be written to.
    """
    if _alone(root):
        yield
        return
    try:
        descriptor = os.open(root / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise StoreError(
            f"The store's folder {root} cannot be written to ({error.strerror}); "
            "check its permissions and free space."
        ) from error
    try:
        _wait(descriptor, time.monotonic() + wait_s)
        _mine().add(root.resolve())
        with _no_panic():
            yield
    except _DiskError as error:
        raise StoreError(
            f"The store {root} cannot be rewritten ({error}); what counted before still counts. Free "
            "space on its disk, then give the same command again."
        ) from error
    finally:
        _mine().discard(root.resolve())
        os.close(descriptor)


class _DiskError(OSError):
    """Delta's native code gave up."""


@contextmanager
def _no_panic() -> Iterator[None]:
    """Has a panic of Delta's native code count as an error of the disk: a full one makes it panic."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # pyo3's, which cannot be imported
            raise
        raise _DiskError(f"the disk does not take it: {error}") from error


def _wait(descriptor: int, until_s: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > until_s:
                raise StoreError(
                    "Others are writing to the store all the time; stop their analyses, then try "
                    "again. Nothing was changed."
                ) from error
            time.sleep(_POLL_S)


def _mine() -> set[Path]:
    if not hasattr(_held, "roots"):
        _held.roots = set()
    found: set[Path] = _held.roots
    return found


def _alone(root: Path) -> bool:
    return root.resolve() in _mine()
