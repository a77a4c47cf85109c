"""Whether visitors wait while the model works: pages, and a short recording behind a long one.

    python -m benchmarks.responsiveness [--minutes 20] [--pages 10]

The analysis is that of the server: a job of `core.jobs` in the process in which the pages' scripts run,
`compact` as the engine. `page_busy_s` is the longest of some runs of *Overview* and *Recording* while a
long recording is analysed, the model at work and not only the search for speech; beside it the longest
of as many with nothing else going on. `short_job_s` is the time from handing in a short recording to its
result while the long one is analysed, beside the same alone.
"""

import argparse
import importlib
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.long_recording import write_talk
from core.pipeline import SURVEY_SHARE
from core.settings import PROJECT_ROOT, SAMPLES_DIR

LIMIT_S = 1.0


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the long recording")
    parser.add_argument("--pages", type=int, default=10, help="runs of each page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TONESCOPE_STORE"] = str(Path(folder) / "store")
        importlib.import_module("dashboard.app")
        measure(Path(folder), options.minutes, options.pages)


def measure(folder: Path, minutes: float, n_runs: int) -> None:
    """Prints the figures of an empty store."""
    from dashboard import shared

    shared.scope().analyze(SAMPLES_DIR / "synthetic_diary.mp3")
    visit()  # imports
    idle = [seconds for _ in range(n_runs) for seconds in visit()]
    alone_s = finished(start(write_talk(folder / "first.wav", 0.5)))
    long = start(write_talk(folder / "long.wav", minutes))
    until_model_works(long)
    short = start(write_talk(folder / "second.wav", 0.6))
    short_s = finished(short) * 0.5 / 0.6
    behind = still_runs(long)
    busy: list[float] = []
    for _ in range(n_runs):
        seconds = visit()
        if not still_runs(long):
            break
        busy += seconds
    shared.queue().cancel(long)
    finished(long)
    if not behind or not busy:
        raise SystemExit("The long recording ended too early: give more --minutes.")
    against = "the same pages, nothing else going on"
    for name, of in (("page_busy_s", max), ("page_busy_median_s", statistics.median)):
        value = of(busy)
        limit = LIMIT_S if of is max else len(busy)
        Figure(name, round(value, 3), "s", against, round(of(idle) / value, 3), limit).show()
    ratio = round(alone_s / short_s, 3)
    Figure("short_job_s", round(short_s, 3), "s", "the same job alone", ratio).show()


def visit() -> tuple[float, float]:
    """Returns the seconds that the scripts of *Overview* and *Recording* take."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(PROJECT_ROOT / "dashboard" / "main.py"), default_timeout=60)
    started_s = time.perf_counter()
    app.run()
    overview_s = time.perf_counter() - started_s
    app.switch_page("../pages/recording.py").run()
    recording_s = time.perf_counter() - started_s - overview_s
    if app.exception:
        raise RuntimeError(f"The page failed: {app.exception[0].value}")
    return overview_s, recording_s


def start(path: Path) -> str:
    """Hands a file in as the page *Analyse* does; returns the name of its job."""
    from core.records import Metadata
    from dashboard import jobs

    with path.open("rb") as file:
        return jobs.submit_uploads([(path.name, file)], jobs.Setup(Metadata()))


def finished(job: str) -> float:
    """Waits for a job; returns how long that took, in seconds."""
    started_s = time.perf_counter()
    while still_runs(job):
        time.sleep(0.01)
    return time.perf_counter() - started_s


def until_model_works(job: str) -> None:
    """Waits until the search for speech is over."""
    from dashboard import jobs

    while still_runs(job):
        view = jobs.view(job)
        if view is not None and view.share > SURVEY_SHARE:
            return
        time.sleep(0.01)


def still_runs(job: str) -> bool:
    """Whether a job has not finished."""
    from dashboard import jobs

    view = jobs.view(job)
    return view is not None and not view.finished


if __name__ == "__main__":
    main()
