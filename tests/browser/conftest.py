"""Browser tests: the real dashboard with the embedded engine, in headless Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.served import dashboard, wait_until_up
from core.api import Tonescope
from core.records import Metadata
from core.settings import SAMPLES_DIR

VISITOR = {"viewport": {"width": 1440, "height": 1000}, "accept_downloads": True}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard over an empty store."""
    with dashboard(tmp_path_factory.mktemp("served") / "store") as found:
        wait_until_up(found)
        yield found


@pytest.fixture(scope="session")
def samples_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the two synthetic samples, analysed by the embedded engine."""
    folder = tmp_path_factory.mktemp("samples") / "store"
    scope = Tonescope(folder)
    for path in sorted(SAMPLES_DIR.glob("*.mp3")):
        assert scope.analyze(path, Metadata(session="Samples")).status == "done"
    return folder


@pytest.fixture(scope="session")
def samples_address(samples_store: Path) -> Iterator[str]:
    """The address of a dashboard over the samples, for all tests that leave the analyses as they are."""
    with dashboard(samples_store) as found:
        wait_until_up(found)
        yield found


@pytest.fixture(scope="session")
def visitor(browser) -> Iterator[object]:
    """What all pages share: a browser's cache, so that scripts are fetched once."""
    context = browser.new_context(**VISITOR)
    yield context
    context.close()


@contextmanager
def visit(visitor) -> Iterator[object]:
    """Yields a page without cookies; fails if it asks another host, or a script of it fails."""
    visitor.clear_cookies()
    opened = visitor.new_page()
    opened.set_default_timeout(60_000)
    strangers: list[str] = []
    opened.on("request", lambda r: strangers.append(r.url) if _leaves(r.url) else None)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert strangers == [], "the page asked other hosts"
    assert errors == [], "scripts of the page failed"


@pytest.fixture
def page(visitor) -> Iterator[object]:
    """A page of a new visitor, which fails the test if anything is asked of another host."""
    before = set(visitor.pages)
    with visit(visitor) as opened:
        yield opened
        for other in set(visitor.pages) - before - {opened}:
            other.close()


def _leaves(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
