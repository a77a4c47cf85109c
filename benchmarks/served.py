"""The dashboard as a newcomer meets it: a server of its own and a headless Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def chromium_path() -> str | None:
    """Returns the path of a Chromium or Chrome on this machine, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Yields a headless Chromium.

    Raises:
        RuntimeError: there is none on this machine.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launched(playwright.chromium)
        try:
            yield browser
        finally:
            browser.close()


def launched(kind: "BrowserType", *more: str) -> "Browser":
    """Returns a headless Chromium with more options, to be closed by the caller.

    Raises:
        RuntimeError: there is none on this machine.
    """
    path = chromium_path()
    if path is None:
        raise RuntimeError(f"None of {', '.join(CHROMIUM_NAMES)} is installed.")
    return kind.launch(executable_path=path, args=[*_FLAGS, *more])


@contextmanager
def dashboard(store: Path, extra: dict[str, str] | None = None) -> Iterator[str]:
    """Starts the dashboard as `make run` does, on a free port; yields its address at once.

    Args:
        store: the folder of its store.
        extra: more variables for its environment.
    """
    port = free_port()
    environment = os.environ | {"TONESCOPE_STORE": str(store)} | (extra or {})
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py"]
    process = subprocess.Popen(
        [*command, "--server.port", str(port)],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(address: str, timeout_s: float = 60.0) -> None:
    """Waits until the server answers.

    Raises:
        TimeoutError: it does not within `timeout_s` seconds.
    """
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"{address} did not answer within {timeout_s:.0f} s.")


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


_AUDIO_STATE = """() => {
  const find = (root) => {
    for (const e of root.querySelectorAll("*")) {
      if (e.tagName === "AUDIO" || e.tagName === "VIDEO") return e;
      const inner = e.shadowRoot && find(e.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  const a = find(document);
  return a && {duration_s: a.duration, time_s: a.currentTime, paused: a.paused};
}"""


def audio_state(page: Any) -> dict[str, Any] | None:
    """Returns duration, time and pause of the page's audio or video element, or None without one."""
    state: dict[str, Any] | None = page.evaluate(_AUDIO_STATE)
    return state
