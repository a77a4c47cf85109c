"""What the server does beside its pages."""

import gc
import threading
import weakref

from dashboard.lifecycle import _collect


class Ring:
    """Refers to itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.mine = self


def test_what_pages_left_behind_is_freed_though_python_would_keep_it():
    ring, freed, stopped = Ring(), threading.Event(), threading.Event()
    weakref.finalize(ring, freed.set)
    gc.disable()
    try:
        gc.collect(1)  # what lives longer than this, smaller collections pass over
        del ring
        collector = threading.Thread(target=_collect, args=(stopped, 0.01), daemon=True)
        collector.start()
        assert freed.wait(5)
    finally:
        gc.enable()
        stopped.set()
    collector.join(5)
    assert not collector.is_alive()
