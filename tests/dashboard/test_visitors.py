"""Twenty visitors at once: their jobs take turns, all end, and nobody gets what is another's."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.api import Tonescope
from core.jobs import JobQueue
from core.records import Metadata
from dashboard import jobs, resources
from tests.fakes import FakeEngine

N_VISITORS = 20


class Counting(FakeEngine):
    """Tells how many were at it at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = self.most = 0

    def run(self, waveforms):
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return super().run(waveforms)
        finally:
            with self._lock:
                self._now -= 1


@pytest.mark.usefixtures("loud_is_speech")
def test_jobs_of_twenty_visitors_take_turns_and_all_end(
    monkeypatch, fake_registry, make_talk, tmp_path
):
    engine, queue = Counting(), JobQueue()
    fake_registry.add("counting", lambda precision: engine)
    scope = Tonescope(tmp_path / "store", registry=fake_registry)
    monkeypatch.setattr(resources, "scope", lambda: scope)
    monkeypatch.setattr(jobs, "scope", lambda: scope)
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    resources.pipeline.clear()
    paths = [make_talk(f"{n}.wav", hz=200 + 5 * n, seconds=0.6) for n in range(N_VISITORS)]

    def hand_in(number: int) -> str:
        with paths[number].open("rb") as file:
            setup = jobs.Setup(Metadata(speaker=f"P{number}"), engine="counting")
            return jobs.submit_uploads([(f"{number}.wav", file)], setup)

    with ThreadPoolExecutor(N_VISITORS) as threads:
        names = list(threads.map(hand_in, range(N_VISITORS)))
    try:
        assert len(set(names)) == N_VISITORS
        done = threading.Event()
        while not all(jobs.view(name).finished for name in names):
            done.wait(0.05)
        for number, name in enumerate(names):
            view = jobs.view(name)
            assert [(f.name, f.outcome.status) for f in view.files] == [(f"{number}.wav", "done")]
        assert engine.most <= 4  # two lanes of two threads
        rows = scope.store.table("recordings").to_pylist()
        assert {r["name"]: r["speaker"] for r in rows} == {
            f"{n}.wav": f"P{n}" for n in range(N_VISITORS)
        }
    finally:
        queue.close()
        resources.pipeline.clear()
