"""Recordings handed in to be analysed, and how their jobs stand."""

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from core.errors import StoreError
from core.jobs import JobView, Request
from core.media_files import MEDIA_SUFFIXES, find_files
from core.records import Metadata
from core.settings import SAMPLES_DIR, Conditioning, Speakers
from dashboard import resources
from dashboard.shared import queue, scope

Submit = Callable[[], str]


@dataclass(frozen=True)
class Setup:
    """How recordings are to be analysed, and what is said of them."""

    metadata: Metadata
    engine: str = "compact"
    conditioning: Conditioning | None = None
    speakers: str = Speakers.NONE


def media_types() -> list[str]:
    """Returns the suffixes of files that can be handed in, without their dots."""
    return sorted(suffix[1:] for suffix in MEDIA_SUFFIXES)


def submit_uploads(files: Sequence[tuple[str, BinaryIO]], setup: Setup) -> str:
    """Starts a job on uploaded files, of which the store keeps copies; returns its name.

    Raises:
        StoreError: the uploads cannot be written to the store's disk.
    """
    incoming = scope().store.root / "incoming"
    requests = []
    try:
        incoming.mkdir(parents=True, exist_ok=True)
        for name, file in files:
            path = incoming / secrets.token_hex(16)
            with path.open("wb") as draft:
                shutil.copyfileobj(file, draft)
            requests.append(Request(path, name, keep=True, discard=True))
    except OSError as error:
        raise StoreError(
            f"The upload could not be written to {incoming} ({error.strerror}); "
            "check the free space of its disk."
        ) from error
    return _submit(requests, setup)


def submit_take(take: BinaryIO, setup: Setup) -> str:
    """Starts a job on a take of the microphone, named by the time; returns the job's name."""
    return submit_uploads([(f"Microphone {datetime.now():%Y-%m-%d %H.%M.%S}.wav", take)], setup)


def submit_folder(folder: Path, setup: Setup) -> str:
    """Starts a job on the media of a folder, which stay where they are; returns its name.

    Raises:
        StoreError: there is no such folder, or no media in it.
    """
    if not folder.is_dir():
        raise StoreError(
            f"There is no folder {str(folder)!r} on the computer that runs Tonescope; "
            "give the full path of one."
        )
    found = find_files([folder])
    if not found.files:
        raise StoreError(f"The folder {str(folder)!r} holds no recordings; choose another one.")
    requests = [Request(path, path.name) for path in found.files]
    return _submit(requests, setup)


def _submit(requests: list[Request], setup: Setup) -> str:
    ready = partial(resources.pipeline, setup.engine, setup.conditioning, setup.speakers)
    return queue().submit(ready, scope().store, requests, setup.metadata)


def submit_samples() -> str:
    """Starts a job on the synthetic samples that come with Tonescope; returns its name."""
    files = [(path.name, BytesIO(path.read_bytes())) for path in sample_files()]
    said = Metadata(session="Samples", tags=("synthetic speech",))
    return submit_uploads(files, Setup(said))


def sample_files() -> list[Path]:
    """Returns the synthetic samples that come with Tonescope."""
    return sorted(SAMPLES_DIR.glob("*.mp3"))


def view(name: str | None) -> JobView | None:
    """Returns how a job stands, or None if it is not known to this process."""
    return queue().view(name) if name else None


def cancel(name: str) -> None:
    """Stops a job; what it has finished stays."""
    queue().cancel(name)


def running_jobs() -> Iterator[JobView]:
    """Yields the jobs that have not finished."""
    return (view for view in queue().views() if not view.finished)
