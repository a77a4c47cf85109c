"""Long computations beside the pages, so that a page never waits and can be left.

One thread does what somebody asked for, another what a page looks into by itself.
Files are analysed by `core.jobs`; this is for what is computed from results that are stored.
"""

import logging
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cache
from queue import SimpleQueue
from typing import Any

from core.errors import TonescopeError

Report = Callable[[str], None]
Action = Callable[[Report], Any]
_KEPT = 32
_ALL: "weakref.WeakSet[Background]" = weakref.WeakSet()
_log = logging.getLogger(__name__)


@dataclass
class Task:
    """One computation as it goes.

    Attributes:
        title: what it is for, such as "Making a map".
        doing: what is being done now.
        error: the sentence that says why it failed, or None.
    """

    title: str
    doing: str = "Waiting for another computation to end"
    result: Any = None
    error: str | None = None
    finished: bool = False
    started_s: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long ago it was asked for."""
        return time.monotonic() - self.started_s


class Background:
    """Computations by the names they were given; the last few that finished are remembered."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[Hashable, Task] = OrderedDict()
        self._waiting: dict[bool, SimpleQueue[tuple[Task, Action]]] = {}
        self._lock = threading.Lock()
        _ALL.add(self)

    def start(self, key: Hashable, title: str, action: Action, *, unasked: bool = False) -> Task:
        """Starts a computation; if one of this name is under way, it is that one.

        Args:
            key: names it.
            title: what it is for.
            action: is given a function by which it says what it is doing.
            unasked: whether nobody asked for it; then nothing that was asked for waits for it.
        """
        with self._lock:
            known = self._tasks.get(key)
            if known is not None and not known.finished:
                return known
            task = self._tasks[key] = Task(title)
            self._tasks.move_to_end(key)
            done = [name for name, other in self._tasks.items() if other.finished]
            for name in done[: max(0, len(self._tasks) - _KEPT)]:
                del self._tasks[name]
            if unasked not in self._waiting:
                waiting = self._waiting[unasked] = SimpleQueue()
                # A daemon: nothing it has half done is ever stored.
                threading.Thread(
                    target=_work, args=(waiting,), daemon=True, name="background"
                ).start()
            self._waiting[unasked].put((task, action))
        return task

    def view(self, key: Hashable) -> Task | None:
        """Returns how a computation stands, or None if it was not asked for."""
        with self._lock:
            return self._tasks.get(key)

    def forget(self, key: Hashable) -> None:
        """Forgets a computation that has finished."""
        with self._lock:
            if key in self._tasks and self._tasks[key].finished:
                del self._tasks[key]


def forget_results() -> None:
    """Forgets every computation of the process that has finished, and the files that hang on it."""
    for among in list(_ALL):
        for key in list(among._tasks):  # a task that ends meanwhile is of the data of today
            among.forget(key)


def _work(waiting: "SimpleQueue[tuple[Task, Action]]") -> None:
    while True:
        _carry_out(*waiting.get())


def _carry_out(task: Task, action: Action) -> None:
    def report(doing: str) -> None:
        task.doing = doing

    try:
        task.result = action(report)
    except TonescopeError as error:
        task.error = str(error)
    except Exception as error:  # noqa: BLE001 - one failure may not end the thread
        _log.exception("%s failed", task.title)
        task.error = (
            f"{task.title} failed ({type(error).__name__}). It is a fault of the program, and its "
            "log has the details; what is stored is unharmed."
        )
    finally:
        task.finished = True


@cache
def background() -> Background:
    """Returns the computations of this process."""
    return Background()
