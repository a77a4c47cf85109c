"""Work of a model side by side: each piece in a thread of its own, in which torch uses no others."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Final, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

MOST: Final = 8  # more would hold more windows at once than they save time


_IN_ONE: ContextVar[bool] = ContextVar("in one thread", default=False)


@contextmanager
def in_one_thread() -> Iterator[None]:
    """Keeps all pieces in the calling thread, for those who count or profile what it does."""
    token = _IN_ONE.set(True)
    try:
        yield
    finally:
        _IN_ONE.reset(token)


class SingleThreads:
    """As many threads as torch may use, started when first needed, each keeping torch to itself.

    Args:
        n_threads: by default as many as torch has now, at most 8.

    Attributes:
        n_threads: how many pieces are worked on at once.
    """

    def __init__(self, n_threads: int | None = None) -> None:
        import torch

        self.n_threads = n_threads or min(MOST, torch.get_num_threads())
        self._lock = threading.Lock()

    def map(self, work: Callable[[Given], Made], pieces: Iterable[Given]) -> list[Made]:
        """Returns what the work makes of each piece, in their order."""
        if self.n_threads == 1 or _IN_ONE.get():
            return [work(piece) for piece in pieces]
        with self._lock:
            pool = self._pool
        return list(pool.map(work, pieces))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        import torch

        pool = ThreadPoolExecutor(self.n_threads, thread_name_prefix="tonescope-model")
        before, all_there = torch.get_num_threads(), threading.Barrier(self.n_threads)

        def alone() -> None:
            torch.set_num_threads(1)
            torch.get_num_threads()  # a thread that has asked once keeps its number
            all_there.wait()

        for started in [pool.submit(alone) for _ in range(self.n_threads)]:
            started.result()
        torch.set_num_threads(before)  # new threads take over what was set last
        return pool
