"""What the HTTP API does under many clients at once.

    python -m benchmarks.api_load [--clients 50] [--seconds 30]

The server is `python -m core serve` in a process of its own, on a store with the project's samples. Each
client asks in turn, one request at a time and a new one as soon as it was answered: mostly lists and
segments, a prediction of a short sound in each tenth request. 429 is no error but is counted on stderr;
a client then waits a second, less than `Retry-After` asks, to keep up the load. Times are those of
requests that were answered with what was asked for; `requests_per_s` too, beside one client alone in
the same run. `memory_growth_mb` is the server's resident memory at the end less that at one third.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from benchmarks.figures import Figure
from benchmarks.served import free_port
from core.settings import PROJECT_ROOT, SAMPLES_DIR

LEAST_ALONE_S = 3.0


@dataclass
class Told:
    """What clients were answered: times of what was answered well, how often each status came."""

    times_s: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        """Answers of 5xx and broken connections."""
        return sum(n for status, n in self.statuses.items() if not status.startswith(("2", "4")))


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (address, process):
        measure(address, process, options.clients, options.seconds)


def measure(address: str, process: psutil.Process, n_clients: int, seconds: float) -> Told:
    """Prints the figures of a server that is up; returns what clients were answered."""
    sound = min(SAMPLES_DIR.glob("*.mp3"), key=lambda path: path.stat().st_size).read_bytes()
    alone = ask(address, sound, 1, max(LEAST_ALONE_S, seconds / 5))
    before = ask(address, sound, n_clients, seconds / 3)
    start_mb = process.memory_info().rss / 1e6
    after = ask(address, sound, n_clients, seconds * 2 / 3)
    growth_mb = process.memory_info().rss / 1e6 - start_mb
    told = Told(before.times_s + after.times_s, before.statuses + after.statuses)
    rate = len(told.times_s) / seconds
    alone_rate = len(alone.times_s) / max(LEAST_ALONE_S, seconds / 5)
    Figure(
        "requests_per_s",
        round(rate, 1),
        "1/s",
        f"one client: {alone_rate:.1f} 1/s",
        round(rate / alone_rate, 2) if alone_rate else None,
        n_clients,
    ).show()
    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
        value, one = percentile(told.times_s, share), percentile(alone.times_s, share)
        against = f"one client: {one:.0f} ms"
        Figure(name, round(value, 1), "ms", against, round(one / value, 3), n_clients).show()
    Figure("errors", told.errors + alone.errors, "5xx and broken connections", limit=0).show()
    Figure("memory_growth_mb", round(growth_mb, 1), "MB", f"before: {start_mb:.0f} MB").show()
    print(f"answers: {dict(told.statuses)}", file=sys.stderr, flush=True)
    return told


def percentile(times_s: list[float], share: float) -> float:
    """Returns what a share of times does not exceed, in ms."""
    if len(times_s) < 2:
        raise RuntimeError("Hardly any request was answered; give more --seconds.")
    return statistics.quantiles(times_s, n=100, method="inclusive")[round(share * 100) - 1] * 1000


def ask(address: str, sound: bytes, n_clients: int, seconds: float) -> Told:
    """Lets clients ask for some seconds; returns what they were answered."""
    each = [Told() for _ in range(n_clients)]
    until_s = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_client, args=(address, sound, number, until_s, told))
        for number, told in enumerate(each)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses: Counter[str] = Counter()
    for told in each:
        statuses += told.statuses
    return Told([time_s for told in each for time_s in told.times_s], statuses)


def _client(address: str, sound: bytes, number: int, until_s: float, told: Told) -> None:
    with httpx.Client(base_url=address, timeout=120) as client:
        known = client.get("/v1/recordings").json()
        names = [line["recording"] for line in known.get("recordings", [])]
        turn = number
        while time.monotonic() < until_s:
            turn += 1
            start_s = time.perf_counter()
            try:
                answer = _request(client, turn, sound, names)
            except httpx.TransportError as error:
                told.statuses[type(error).__name__] += 1
                continue
            told.statuses[str(answer.status_code)] += 1
            if answer.status_code == 429:
                time.sleep(min(1.0, float(answer.headers["retry-after"])))
            elif answer.is_success:
                told.times_s.append(time.perf_counter() - start_s)


def _request(client: httpx.Client, turn: int, sound: bytes, names: list[str]) -> httpx.Response:
    if turn % 10 == 0:
        return client.post("/v1/predict", files={"file": ("short.mp3", sound)})
    if turn % 3 == 0 and names:
        return client.get(f"/v1/recordings/{names[turn % len(names)]}/segments")
    return client.get(("/v1/recordings", "/v1/engines", "/healthz")[turn % 3])


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Yields the address and the process of a server on a store with the samples."""
    store = folder / "store"
    environment = {k: v for k, v in os.environ.items() if k != "TONESCOPE_TOKEN"}
    command = [sys.executable, "-m", "core"]
    subprocess.run(
        [*command, "analyze", str(SAMPLES_DIR), "--store", str(store)],
        cwd=PROJECT_ROOT,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    port = free_port()
    process = subprocess.Popen(
        [*command, "serve", "--port", str(port), "--store", str(store)],
        cwd=PROJECT_ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(address: str, timeout_s: float = 120.0) -> None:
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        try:
            if httpx.get(f"{address}/healthz", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"{address} did not answer within {timeout_s:.0f} s.")


if __name__ == "__main__":
    main()
