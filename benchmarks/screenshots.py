"""Pictures of pages as a visitor sees them, of recordings of one's own.

    python -m benchmarks.screenshots --out FOLDER FILE... [--engine DIR] [--pages recording,map,...]
    python -m benchmarks.screenshots --out FOLDER --store DIR --pages "" --at NAME=/recording?label=true

Each file is analysed by the embedded engine, and by a second one where `--engine` names it; then every
page is taken at 1440 and 900 pixels, light and dark, and *Recording* for each of the files. `--store`
takes a store that is there, `--at` any address in it: a region, two tracks, labelling.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.served import chromium, dashboard, wait_until_up
from core.api import Tonescope

PAGES = "overview,map,clusters,similar,sessions,flags,evaluate,calibrate,engines,export"
WIDTHS = (1440, 900)
THEMES = ("light", "dark")
_ADDRESS = {"overview": "/"}
_SETTLED = """(on_recording) => {
  const busy = '[data-testid=stStatusWidget], [data-testid=stSkeleton], .tsc:not([data-ready="1"])';
  const said = [...document.querySelectorAll('.tsc-doing, .tsc-note')].map((at) => at.textContent);
  const drawn = !on_recording || document.querySelector('.tsc-plot .main-svg');
  return drawn && !document.querySelector(busy) && !said.join('');
}"""
_HEIGHT = "() => document.querySelector('[data-testid=stMain]').scrollHeight"


def main() -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--engine", help="a second engine, beside the embedded one")
    parser.add_argument("--pages", default=PAGES)
    parser.add_argument("--store", type=Path, metavar="DIR", help="a store that is there")
    parser.add_argument("--at", action="append", default=[], metavar="NAME=ADDRESS")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = options.store or Path(folder) / "store"
        pages = {name: _ADDRESS.get(name, f"/{name}") for name in options.pages.split(",") if name}
        pages |= _recordings(store, options.files, options.engine)
        pages |= dict(text.split("=", 1) for text in options.at)
        with dashboard(store) as address, chromium() as browser:
            wait_until_up(address)
            for width in WIDTHS:
                for theme in THEMES:
                    _take(browser, address, pages, options.out, width, theme)


def _recordings(store: Path, files: list[Path], engine: str | None) -> dict[str, str]:
    """Analyses the files; returns the addresses of their pages by name."""
    scope, found = Tonescope(store), {}
    for path in files:
        outcomes = [scope.analyze(path, engine=name) for name in ("compact", engine) if name]
        bad = next((outcome for outcome in outcomes if outcome.error), None)
        if bad:
            raise SystemExit(bad.error)
        query = {"recording": str(outcomes[0].recording)}
        if engine:
            runs = scope.store.table("runs", query["recording"]).to_pylist()
            first, second = sorted(runs, key=lambda run: run["attempt"])[:2]
            query |= {"track": first["run_key"], "with": second["run_key"]}
        found[f"recording_{path.stem}"] = f"/recording?{urlencode(query)}"
    return found


def _take(
    browser: Any, address: str, pages: dict[str, str], out: Path, width: int, theme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=theme)
    page = context.new_page()
    page.set_default_timeout(120_000)
    for name, path in pages.items():
        page.goto(address + path)
        page.locator("h1").first.wait_for()
        page.wait_for_function(_SETTLED, arg="recording=" in path)
        page.wait_for_timeout(3_000)  # Plotly draws, and fetched spans come in
        page.set_viewport_size({"width": width, "height": min(4000, page.evaluate(_HEIGHT) + 20)})
        page.wait_for_timeout(1_000)
        page.screenshot(path=str(out / f"{name}_{width}_{theme}.png"))
        page.set_viewport_size({"width": width, "height": 1000})
    context.close()


if __name__ == "__main__":
    main()
