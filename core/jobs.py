"""Long work outside the thread that asked for it: progress, time left, cancel, lasting results."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from core.errors import Cancelled, TonescopeError
from core.pipeline import Pipeline
from core.records import Metadata, Outcome
from core.store.store import Store

log = logging.getLogger(__name__)

KEPT_JOBS = 50
AT_ONCE = 2  # files of a lane; while one waits for its turn at the model, another is decoded
LONG_BYTES = 20 << 20  # files from here on have a lane of their own, so that short ones pass them


class State(StrEnum):
    """Where a job or one of its files stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Request:
    """One file to analyse.

    Attributes:
        path: where its bytes are.
        name: what people call it.
        keep: whether the store keeps a copy.
        discard: whether `path` is a draft to be deleted in the end.
    """

    path: Path
    name: str
    keep: bool = False
    discard: bool = False


@dataclass(frozen=True)
class FileProgress:
    """Where one file of a job stands; `share` is the part of its work that is done, 0 to 1."""

    name: str
    size_bytes: int
    state: State = State.WAITING
    share: float = 0.0
    outcome: Outcome | None = None


@dataclass(frozen=True)
class JobView:
    """A job as it stands at one moment.

    Attributes:
        done: files finished, well or not.
        share: part of the whole work that is done, 0 to 1.
        eta_s: seconds left, or None while nothing can be said yet or nothing is left.
    """

    job: str
    state: State
    files: tuple[FileProgress, ...]
    done: int
    share: float
    eta_s: float | None

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.state not in (State.WAITING, State.RUNNING)


@dataclass
class _Job:
    job: str
    files: list[FileProgress]
    requests: list[Request]
    metadata: Metadata
    pipeline: Callable[[], Pipeline]
    store: Store
    stop: threading.Event = field(default_factory=threading.Event)
    state: State = State.WAITING
    started_s: float | None = None
    loaded: Pipeline | None = None
    reason: str = ""
    n_run: int = 0


class JobQueue:
    """Runs jobs in threads of its own, file by file in turn.

    A small job does not wait for a large one, and a short file not for long ones, however many are
    before it: files of 20 MB and more have a lane of their own. At the model the windows of all take
    turns. The files of one job run in their order.

    Args:
        at_once: files of a lane that are analysed at the same time.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._short = ThreadPoolExecutor(at_once, thread_name_prefix="tonescope-job")
        self._long = ThreadPoolExecutor(at_once, thread_name_prefix="tonescope-long-job")

    def submit(
        self,
        pipeline: Callable[[], Pipeline],
        store: Store,
        requests: list[Request],
        metadata: Metadata | None = None,
    ) -> str:
        """Starts a job; returns its name.

        Args:
            pipeline: makes the pipeline, in the job's thread, as it may load an engine.
            store: where results go.
            requests: the files.
            metadata: what is said of all of them.
        """
        files = [FileProgress(r.name, _size(r.path)) for r in requests]
        name = secrets.token_urlsafe(8)
        job = _Job(name, files, requests, metadata or Metadata(), pipeline, store)
        with self._lock:
            for old in list(self._jobs)[: max(0, len(self._jobs) - KEPT_JOBS + 1)]:
                if self._jobs[old].state not in (State.WAITING, State.RUNNING):
                    del self._jobs[old]
            self._jobs[name] = job
        self._lane(job).submit(self._run, job)
        return name

    def view(self, job: str) -> JobView | None:
        """Returns how a job stands, or None if there is none of this name."""
        with self._lock:
            found = self._jobs.get(job)
            return None if found is None else _view(found)

    def views(self) -> list[JobView]:
        """Returns how every known job stands, the newest first."""
        with self._lock:
            return [_view(job) for job in reversed(self._jobs.values())]

    def cancel(self, job: str) -> None:
        """Stops a job at its next step; what it has finished stays."""
        with self._lock:
            if job in self._jobs:
                self._jobs[job].stop.set()

    def close(self) -> None:
        """Stops all jobs and the threads."""
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()
        self._short.shutdown(wait=True)
        self._long.shutdown(wait=True)

    def _run(self, job: _Job) -> None:
        """Runs the next file of a job, and puts the job behind those that wait."""
        if job.started_s is None:
            self._start(job)
        while job.n_run < len(job.requests):
            number = job.n_run
            request = job.requests[number]
            try:
                self._run_file(job, number, request, job.loaded, job.reason)
            finally:
                job.n_run += 1
                if request.discard:
                    _discard(request.path)
            if job.n_run < len(job.requests) and self._again(job):
                return
        with self._lock:
            states = {file.state for file in job.files}
            if State.CANCELLED in states:
                job.state = State.CANCELLED
            elif states == {State.FAILED}:
                job.state = State.FAILED
            else:
                job.state = State.DONE

    def _start(self, job: _Job) -> None:
        with self._lock:
            job.state, job.started_s = State.RUNNING, time.monotonic()
        try:
            job.loaded = None if job.stop.is_set() else job.pipeline()
        except Exception as error:  # without an engine every file fails, each with the reason
            log.exception("the engine of job %s could not be loaded", job.job)
            job.reason = _reason(error)

    def _lane(self, job: _Job) -> ThreadPoolExecutor:
        """Returns the threads that run a job's next file."""
        left = job.files[job.n_run :]
        return self._long if left and left[0].size_bytes >= LONG_BYTES else self._short

    def _again(self, job: _Job) -> bool:
        """Puts a job behind the others; returns False where the queue closes."""
        try:
            self._lane(job).submit(self._run, job)
        except RuntimeError:
            return False
        return True

    def _run_file(
        self, job: _Job, number: int, request: Request, pipeline: Pipeline | None, reason: str
    ) -> None:
        if job.stop.is_set():
            self._set(job, number, state=State.CANCELLED)
            return
        if pipeline is None:
            outcome = Outcome(request.name, None, State.FAILED, error=reason)
            self._set(job, number, state=State.FAILED, outcome=outcome)
            return
        self._set(job, number, state=State.RUNNING)

        def progress(share: float) -> None:
            if job.stop.is_set():
                raise Cancelled("Stopped by the user.")
            self._set(job, number, share=share)

        try:
            outcome = pipeline.analyze(
                request.path,
                job.store,
                job.metadata,
                name=request.name,
                keep=request.keep,
                progress=progress,
            )
        except Cancelled:
            self._set(job, number, state=State.CANCELLED)
        except Exception as error:  # the thread must survive any one file
            log.exception("job %s failed on %s", job.job, request.name)
            outcome = Outcome(request.name, None, State.FAILED, error=_reason(error))
            self._set(job, number, state=State.FAILED, outcome=outcome)
        else:
            self._set(job, number, state=State(outcome.status), share=1.0, outcome=outcome)

    def _set(self, job: _Job, number: int, **changes: object) -> None:
        with self._lock:
            job.files[number] = replace(job.files[number], **changes)  # type: ignore[arg-type]


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        log.exception("the draft %s could not be removed", path)


def _view(job: _Job) -> JobView:
    ended = (State.DONE, State.SKIPPED, State.FAILED, State.CANCELLED)
    done = sum(file.state in ended for file in job.files)
    total = sum(max(1, file.size_bytes) for file in job.files)
    ready = sum(
        max(1, file.size_bytes) * (1.0 if file.state in ended else file.share) for file in job.files
    )
    share = ready / total if total else 1.0
    eta_s = None
    if job.state is State.RUNNING and job.started_s is not None and share > 0.02:
        eta_s = (time.monotonic() - job.started_s) * (1 - share) / share
    return JobView(job.job, job.state, tuple(job.files), done, share, eta_s)


def _reason(error: Exception) -> str:
    if isinstance(error, TonescopeError):
        return str(error)
    return f"Unexpected {type(error).__name__}; this is a fault of the program, see its log."


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
