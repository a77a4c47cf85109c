"""Published models fetched once: with progress, resumed where it stopped, checked, then in place."""

import hashlib
import shutil
import time
import urllib.error
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.engines.hubs import RemoteFile, list_files, open_url, unreachable
from core.engines.published import PUBLISHED
from core.errors import EngineError

Progress = Callable[[int, int], None]

CHUNK = 1 << 20
MAX_DROPS = 5  # in a row, without a byte in between
_SPARE_BYTES = 64 << 20


def fetch(
    name: str,
    folder: Path,
    hub: str = "ms",
    *,
    address: str | None = None,
    progress: Progress | None = None,
    pause_s: float = 1.0,
) -> Path:
    """Fetches a published model into `folder/name`; returns that directory, not verified yet.

    Drafts stay when it fails or is stopped, and the next call goes on from them.

    Args:
        name: of `PUBLISHED`.
        folder: where models are kept.
        hub: `ms` (ModelScope) or `hf` (Hugging Face).
        address: of the hub, in place of its own.
        progress: called with bytes done and bytes in all; may raise to stop.
        pause_s: before the first new attempt after a dropped connection; doubled each time.

    Raises:
        EngineError: the hub or the disk fails, what came is not what the hub announced, or another
            process fetches the same model.
    """
    if name not in PUBLISHED:
        raise EngineError(f"There is no {name!r} to fetch; choose one of {', '.join(PUBLISHED)}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock", timeout=0):
            files = list_files(PUBLISHED[name], hub, address)
            drafts = folder / f".{name}.part"
            drafts.mkdir(exist_ok=True)
            _check_space(drafts, files)
            _fetch_all(drafts, files, progress or _silent, pause_s)
            _put_in_place(drafts, folder / name, files)
    except Timeout as error:
        raise EngineError(f"{name} is being fetched already; wait until that has ended.") from error
    except OSError as error:
        raise EngineError(
            f"{folder} cannot be written to ({error.strerror or error}); check its permissions and "
            "free space, or set TONESCOPE_MODELS to another folder."
        ) from error
    return folder / name


def _fetch_all(
    drafts: Path, files: tuple[RemoteFile, ...], progress: Progress, pause_s: float
) -> None:
    total = sum(file.size_bytes for file in files)
    before = 0
    for file in files:
        path = drafts / file.name
        start = before

        def report(done: int, start: int = start) -> None:
            progress(start + done, total)

        _fetch_one(path, file, report, pause_s)
        _check_hash(path, file)
        before += file.size_bytes
    progress(total, total)


def _fetch_one(path: Path, file: RemoteFile, report: Callable[[int], None], pause_s: float) -> None:
    drops = 0
    while (have := path.stat().st_size if path.exists() else 0) != file.size_bytes:
        if have > file.size_bytes:
            path.unlink()
            continue
        report(have)
        fault: Exception | None = None
        try:
            _append(path, file, have, report)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the draft does not fit what the hub has now
                path.unlink()
            elif error.code != 429 and error.code < 500:
                raise unreachable(file.url, error) from error
            fault = error
        except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
            fault = error
        if path.exists() and path.stat().st_size > have:
            drops = 0
            continue
        drops += 1
        if drops >= MAX_DROPS:
            raise unreachable(file.url, fault or ConnectionError("it sends nothing"))
        time.sleep(pause_s * 2 ** (drops - 1))


def _append(path: Path, file: RemoteFile, have: int, report: Callable[[int], None]) -> None:
    """Adds what one connection brings to a draft, or begins it anew if the hub sends all of it."""
    with open_url(file.url, have) as answer:
        resumed = have > 0 and answer.status == 206 and _starts_at(answer, have)
        done = have if resumed else 0
        with path.open("ab" if resumed else "wb") as draft:
            while data := _read(answer, min(CHUNK, file.size_bytes - done)):
                draft.write(data)
                done += len(data)
                report(done)


def _read(answer: Any, n_bytes: int) -> bytes:
    """Returns the next bytes as they come, so that progress is seen on a slow line as well."""
    data: bytes = answer.read1(n_bytes) if n_bytes > 0 else b""
    return data


def _starts_at(answer: Any, start: int) -> bool:
    said = str(answer.headers.get("Content-Range", ""))
    return said.startswith(f"bytes {start}-")


def _check_hash(path: Path, file: RemoteFile) -> None:
    """Deletes a draft whose hash is not what the hub announced, and says so."""
    if file.sha256:
        with path.open("rb") as draft:
            came, wanted = hashlib.file_digest(draft, "sha256").hexdigest(), file.sha256.lower()
    elif file.git_sha1:
        data = path.read_bytes()
        blob = b"blob %d\0" % len(data) + data
        came, wanted = hashlib.sha1(blob, usedforsecurity=False).hexdigest(), file.git_sha1.lower()
    else:
        return
    if came != wanted:
        path.unlink()
        raise EngineError(
            f"{file.name} came with the hash {came[:16]}…, the hub announced {wanted[:16]}…: it "
            "was deleted, fetch it again."
        )


def _check_space(drafts: Path, files: tuple[RemoteFile, ...]) -> None:
    there = sum(path.stat().st_size for path in drafts.iterdir() if path.is_file())
    needed = sum(file.size_bytes for file in files) - there + _SPARE_BYTES
    free = shutil.disk_usage(drafts).free
    if free < needed:
        raise EngineError(
            f"The model needs {needed / 1e9:.2f} GB more, {free / 1e9:.2f} GB are free at "
            f"{drafts.parent}: free some, or set TONESCOPE_MODELS to another folder."
        )


def _put_in_place(drafts: Path, target: Path, files: tuple[RemoteFile, ...]) -> None:
    """Moves a complete set of drafts to where engines are loaded from; an older one goes."""
    wanted = {file.name for file in files}
    for path in drafts.iterdir():
        if path.name not in wanted:
            path.unlink()
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    drafts.replace(target)
    shutil.rmtree(old, ignore_errors=True)


def _silent(done: int, total: int) -> None:
    del done, total
