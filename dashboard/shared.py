"""The library and the queue of jobs: one of each for the whole process, whoever asks."""

from datetime import UTC, datetime
from functools import cache

from core.api import Tonescope
from core.fetches import FetchQueue
from core.jobs import JobQueue


@cache
def scope() -> Tonescope:
    """Returns the library with its store and engines."""
    return Tonescope()


def allowed() -> tuple[object, ...]:
    """Returns what changes with the consents: their table, and the day on which they end."""
    return (scope().store.lake.version("consents"), datetime.now(UTC).date())


@cache
def queue() -> JobQueue:
    """Returns the queue of jobs."""
    return JobQueue()


@cache
def fetches() -> FetchQueue:
    """Returns the queue of engines to be fetched or verified."""
    return FetchQueue(scope().registry)
