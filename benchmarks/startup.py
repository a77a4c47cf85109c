"""How long a newcomer waits: for the first page, and for the embedded engine.

    python -m benchmarks.startup [--repeat 3]

Each time is the median of fresh processes. `first_page_s` runs from the start of the server's process
to the heading being visible in a Chromium that is already open.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.served import chromium, dashboard, wait_until_up
from core.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HEAVY = ("torch", "funasr", "umap", "sklearn")

_ENGINE = """
import json, time
start = time.perf_counter()
import torch
imported = time.perf_counter()
from core.engines.registry import Registry
engine = Registry().load("compact")
done = time.perf_counter()
print(json.dumps({"torch_import_s": imported - start, "engine_load_s": done - imported}))
"""

# Python imports a module named `sitecustomize` when it starts: this one tells, when the file `ask`
# appears beside it, which of the heavy modules the process has imported by then.
_SPY = """
import json, os, sys, threading, time
def watch(folder, heavy):
    while not os.path.exists(folder + "/ask"):
        time.sleep(0.02)
    with open(folder + "/draft", "w") as file:
        json.dump([name for name in heavy if name in sys.modules], file)
    os.replace(folder + "/draft", folder + "/answer")
settings = json.loads(os.environ["TONESCOPE_SPY"])
threading.Thread(target=watch, args=settings, daemon=True).start()
"""


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="fresh processes for each time")
    repeat = parser.parse_args().repeat
    pages, heavy = [], 0
    with chromium() as browser:
        for _ in range(repeat):
            seconds, found = _first_page(browser)
            pages.append(seconds)
            heavy = max(heavy, len(found))
    loads = [_engine() for _ in range(repeat)]
    Figure("first_page_s", round(statistics.median(pages), 3), "s", limit=3.0).show()
    for name, limit in (("engine_load_s", 1.0), ("torch_import_s", None)):
        value = statistics.median(load[name] for load in loads)
        Figure(name, round(value, 3), "s", limit=limit).show()
    Figure("heavy_imports", heavy, "modules", limit=0).show()


def _first_page(browser: "Browser") -> tuple[float, list[str]]:
    """Returns the seconds to the heading, and the heavy modules that the server had imported."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text(_SPY)
        extra = {"PYTHONPATH": folder, "TONESCOPE_SPY": json.dumps([folder, HEAVY])}
        page = browser.new_page()
        start_s = time.perf_counter()
        with dashboard(Path(folder) / "store", extra) as address:
            wait_until_up(address)
            page.goto(address)
            page.get_by_role("heading", name="Your recordings").wait_for(state="visible")
            seconds = time.perf_counter() - start_s
            found = _ask(Path(folder))
        page.close()
        return seconds, found


def _ask(folder: Path) -> list[str]:
    """Returns what the spy in the server's process answers."""
    (folder / "ask").touch()
    for _ in range(500):
        if (folder / "answer").exists():
            found: list[str] = json.loads((folder / "answer").read_text())
            return found
        time.sleep(0.02)
    raise TimeoutError("The server's process did not say what it had imported.")


def _engine() -> dict[str, float]:
    """Returns the times of a process that only loads the engine."""
    done = subprocess.run(
        [sys.executable, "-c", _ENGINE],
        cwd=PROJECT_ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    times: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return times


if __name__ == "__main__":
    main()
