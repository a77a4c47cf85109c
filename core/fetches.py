"""Fetching and verifying engines outside the thread that asked: progress, time left, cancel."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from core.engines.registry import Registry, Verification
from core.errors import Cancelled, TonescopeError
from core.jobs import State

log = logging.getLogger(__name__)

FETCHING: Final = "Fetching"
VERIFYING: Final = "Verifying"


@dataclass(frozen=True)
class FetchView:
    """How the fetching or verifying of one engine stands at one moment.

    Attributes:
        doing: `Fetching` or `Verifying`.
        done_bytes, total_bytes: of the fetch; 0 until the hub has told.
        eta_s: seconds left, or None while nothing can be said.
        reason: why it failed, or None.
    """

    name: str
    doing: str
    state: State
    done_bytes: int
    total_bytes: int
    eta_s: float | None
    reason: str | None

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.state not in (State.WAITING, State.RUNNING)


@dataclass
class _Work:
    name: str
    hub: str | None
    doing: str
    state: State = State.WAITING
    done_bytes: int = 0
    total_bytes: int = 0
    first_bytes: int | None = None
    started_s: float = 0.0
    reason: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)


class FetchQueue:
    """Fetches and verifies engines, one after the other, in a thread of its own."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._works: dict[str, _Work] = {}
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="tonescope-fetch")

    def fetch(self, name: str, hub: str) -> None:
        """Starts to fetch a published engine, unless it is under way already."""
        self._start(_Work(name, hub, FETCHING))

    def verify(self, name: str) -> None:
        """Starts to verify an engine, unless it is under way already."""
        self._start(_Work(name, None, VERIFYING))

    def view(self, name: str) -> FetchView | None:
        """Returns how the last work on an engine stands, or None if there was none."""
        with self._lock:
            work = self._works.get(name)
            return None if work is None else _view(work)

    def cancel(self, name: str) -> None:
        """Stops a fetch at its next piece; what has come is kept, and a new fetch goes on."""
        with self._lock:
            if name in self._works:
                self._works[name].stop.set()

    def close(self) -> None:
        """Stops everything and the thread."""
        with self._lock:
            for work in self._works.values():
                work.stop.set()
        self._worker.shutdown(wait=True)

    def _start(self, work: _Work) -> None:
        with self._lock:
            known = self._works.get(work.name)
            if known is None or _view(known).finished:
                self._works[work.name] = work
                self._worker.submit(self._run, work)

    def _run(self, work: _Work) -> None:
        with self._lock:
            work.state, work.started_s = State.RUNNING, time.monotonic()
        try:
            if work.stop.is_set():
                raise Cancelled("Stopped by the user.")
            found = self._done(work)
        except Cancelled:
            self._end(work, State.CANCELLED, None)
        except TonescopeError as error:
            self._end(work, State.FAILED, str(error))
        except Exception as error:  # the thread must survive, and the page say what happened
            log.exception("work on %s failed", work.name)
            reason = f"Unexpected {type(error).__name__}; this is a fault of the program."
            self._end(work, State.FAILED, reason)
        else:
            self._end(work, State.DONE if found.ok else State.FAILED, found.reason)

    def _done(self, work: _Work) -> Verification:
        if work.hub is None:
            return self._registry.verify(work.name)

        def progress(done: int, total: int) -> None:
            if work.stop.is_set():
                raise Cancelled("Stopped by the user.")
            with self._lock:
                if work.first_bytes is None:  # what an earlier attempt left took no time now
                    work.first_bytes, work.started_s = done, time.monotonic()
                work.done_bytes, work.total_bytes = done, total
                work.doing = VERIFYING if done == total else FETCHING

        return self._registry.fetch(work.name, work.hub, progress=progress)

    def _end(self, work: _Work, state: State, reason: str | None) -> None:
        with self._lock:
            work.state, work.reason = state, reason


def _view(work: _Work) -> FetchView:
    eta_s = None
    came = work.done_bytes - (work.first_bytes or 0)
    if work.state is State.RUNNING and work.doing == FETCHING and came > 0:
        left = work.total_bytes - work.done_bytes
        eta_s = (time.monotonic() - work.started_s) * left / came
    return FetchView(
        work.name, work.doing, work.state, work.done_bytes, work.total_bytes, eta_s, work.reason
    )
