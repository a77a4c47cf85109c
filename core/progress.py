"""How far work is, as a share from 0 to 1, told by parts of it."""

from collections.abc import Callable

Progress = Callable[[float], None]


def silent(share: float) -> None:
    """Tells nobody."""
    del share


def part(progress: Progress, start: float, end: float) -> Progress:
    """Returns what tells the progress of a part of the work, itself from 0 to 1.

    Args:
        progress: of the whole; may raise to stop.
        start: the share of the whole at which the part begins.
        end: the share at which it ends.
    """
    return lambda share: progress(start + (end - start) * min(1.0, max(0.0, share)))


def of_file(progress: Progress) -> Callable[[float, float | None], None]:
    """Turns seconds done into a share, as far as a file declares its length."""
    return lambda done_s, declared_s: progress(done_s / declared_s if declared_s else 0.5)
