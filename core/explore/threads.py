"""How many threads the numerical libraries get."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FEW_POINTS: Final = 2_000


@contextmanager
def threads_for(n_points: int) -> Iterator[None]:
    """Holds OpenMP to one thread while there are few points.

    With 60 points and both cores busy, t-SNE took 6.3 s on two threads that wait for each other, and
    0.3 s on one.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1 if n_points < FEW_POINTS else None, user_api="openmp"):
        yield
