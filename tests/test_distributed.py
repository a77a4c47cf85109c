"""A batch on a local Ray cluster: whatever dies, every file is there once, or told as failed."""

import gc
import os
import subprocess
from collections import Counter
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from signal import SIGKILL
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from core import distributed
from core.batch import Input
from core.cluster import Crew, crew
from core.errors import ClusterError
from core.provenance import sha256_of
from core.store.check import check
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write

DEADLY = 0.9  # a level of sound that kills the worker which hears it


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """Ray lets go of processes that are still ending, which Python warns of."""
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "__del__", lambda self: None)
        yield
        gc.collect()


class Mortal(FakeEngine):
    """Ends its process like the kernel does when memory runs out, on sound that is very loud."""

    def run(self, waveforms):
        if np.abs(waveforms).max() > DEADLY:
            os.kill(os.getpid(), SIGKILL)
        return super().run(waveforms)


def load(folder: Path, kind: type[FakeEngine] = Mortal) -> FakeEngine:
    """Makes the engine in a worker, and leaves the worker's process number."""
    import core.audio.survey

    core.audio.survey.SpeechDetector = LevelDetector
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch(exist_ok=False)  # once in a process
    return kind()


def started(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir()]


def test_workers_that_die_lose_nothing_and_store_nothing_twice(
    pipeline, store, tmp_path, monkeypatch
):
    monkeypatch.setattr(distributed, "MOST_DEATHS", 2)  # each new worker takes seconds to start
    sounds = [talk([(0.3, 0), (1 + n / 10, 0.3), (0.3, 0)], hz=200 + 10 * n) for n in range(12)]
    files = [write(tmp_path / f"{n}.wav", sound) for n, sound in enumerate(sounds)]
    deadly = write(tmp_path / "deadly.wav", talk([(0.3, 0), (1.0, 0.99), (0.3, 0)]))
    (tmp_path / "bad.wav").write_text("no sound")
    twin = write(tmp_path / "twin.wav", sounds[0])
    given = [*files[:8], deadly, tmp_path / "bad.wav", *files[8:], twin]
    pids, told = tmp_path / "pids", {}
    running = distributed.run(
        pipeline,
        [Input(str(path)) for path in given],
        store,
        address="local",
        load=partial(load, pids),
        workers=2,
        together=3,
    )
    with closing(running):
        for item, ((_, outcome),) in running:
            if not told:
                os.kill(next(pid for pid in started(pids) if psutil.pid_exists(pid)), SIGKILL)
            assert item.place not in told
            told[item.place] = outcome
    assert len(told) == len(given)
    bad = {path: outcome.error for path, outcome in told.items() if outcome.status == "failed"}
    assert set(bad) == {str(deadly), str(tmp_path / "bad.wav")}, bad
    assert "2 workers died on it" in bad[str(deadly)]
    # Two, and one for each that died: the one that was killed may have been at the deadly file.
    assert 3 <= len(started(pids)) <= 5
    assert check(store).ok
    rows = Counter(store.table("tracks")["recording"].to_pylist())
    assert rows == Counter([sha256_of(path) for path in files])
    assert len(store.table("frames")) == len(store.lake.read("frames"))  # no dead one left any
    for path in files:
        stored = pipeline.stored(sha256_of(path), store)
        np.testing.assert_array_equal(stored.track.logits, pipeline.predict(path).track.logits)
    reasons = store.table("failures")["reason"].to_pylist()
    assert len(reasons) == 2


def test_the_command_works_on_a_cluster_and_goes_on_where_it_was(run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        distributed, "load_engine", lambda name, precision: load(tmp_path / "pids", FakeEngine)
    )
    monkeypatch.chdir(tmp_path)
    sounds = [talk([(0.3, 0), (1 + n / 10, 0.3), (0.3, 0)]) for n in range(3)]
    for number, sound in enumerate(sounds):
        write(tmp_path / f"{number}.wav", sound if number else np.stack([sound, sound[::-1]]))
    options = ["--engine", "fake", "--store", tmp_path / "s", "--channels", "each"]
    assert run("analyze", "0.wav", *options).status == 0
    said = run(
        "analyze", "0.wav", "1.wav", "2.wav", *options, "--cluster", "local", "--workers", "1"
    )
    assert said.status == 0
    assert Counter(line["status"] for line in said.lines) == {"done": 2, "skipped": 2}
    assert {line["file"] for line in said.lines} == {"0.wav", "1.wav", "2.wav"}
    assert {line["channel"] for line in said.lines if line["file"] == "0.wav"} == {0, 1}
    assert "3 of 3" in said.stderr


@pytest.mark.parametrize("address", ["auto", "127.0.0.1:1", "ray://127.0.0.1:1", "no such thing"])
def test_a_cluster_that_is_not_there_is_told_in_a_sentence(run, talk_file, tmp_path, address):
    options = ["--engine", "fake", "--store", tmp_path / "s"]
    said = run("analyze", talk_file, *options, "--cluster", address)
    assert (said.status, said.lines) == (1, [])
    assert "cannot be joined" in said.stderr
    assert "Traceback" not in said.stderr


def test_without_ray_a_sentence_tells_what_to_install(run, talk_file, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    options = ["--engine", "fake", "--store", tmp_path / "s"]
    said = run("analyze", talk_file, *options, "--cluster", "local")
    assert said.status == 1
    assert "pip install -r requirements-cluster.txt" in said.stderr


@pytest.mark.parametrize(
    ("resources", "workers", "expected"),
    [
        ({"CPU": 2.0}, None, Crew(2, 1, 0)),
        ({"CPU": 16.0, "GPU": 2.0}, None, Crew(2, 8, 1)),
        ({"CPU": 16.0}, 4, Crew(4, 4, 0)),
        ({"CPU": 2.0}, 8, Crew(2, 1, 0)),
        ({"CPU": 8.0, "GPU": 1.0}, 4, Crew(4, 2, 0)),
        ({}, None, Crew(1, 1, 0)),
    ],
)
def test_workers_share_the_cores_and_take_a_gpu_each(resources, workers, expected):
    assert crew(resources, workers) == expected


def test_a_worker_analyses_what_is_not_known_with_an_engine_loaded_once(
    pipeline, talk_file, tmp_path
):
    loaded = []
    worker = distributed.Worker(
        lambda: loaded.append(1) or FakeEngine(),
        pipeline.settings,
        False,
        frozenset([bytes.fromhex(sha256_of(talk_file))]),
    )
    assert worker.ready() == (FakeEngine.engine_id, "fp32")
    assert worker.find(Input(str(talk_file)), None, 0) is None
    gone, other = tmp_path / "gone.wav", write(tmp_path / "other.wav", talk([(1.0, 0.3)]))
    assert worker.find(Input(str(gone)), None, 0)[0].outcome.status == "failed"
    (found,) = worker.find(Input(str(other)), None, 0)
    np.testing.assert_array_equal(found.result.track.logits, pipeline.predict(other).track.logits)
    assert loaded == [1]


class InlineRay:
    """As much of Ray as calls for workers: each answers at once, in this process."""

    exceptions = SimpleNamespace(
        RayActorError=type("RayActorError", (Exception,), {}),
        RayTaskError=type("RayTaskError", (Exception,), {"cause": "no weights"}),
    )
    put = staticmethod(lambda value: value)
    cluster_resources = staticmethod(lambda: {"CPU": 1.0})

    def __init__(self, fails: type[Exception] | None = None) -> None:
        self.fails = fails

    def remote(self, kind):
        self.kind = kind
        return SimpleNamespace(options=lambda **options: SimpleNamespace(remote=self._actor))

    def _actor(self, *given):
        worker = self.kind(*given)
        calls = {name: getattr(worker, name) for name in ("ready", "find")}
        return SimpleNamespace(
            **{name: SimpleNamespace(remote=partial(partial, call)) for name, call in calls.items()}
        )

    def wait(self, refs, timeout):
        return refs[:1], refs[1:]

    def get(self, ref):
        if self.fails:
            raise self.fails
        return ref()


@pytest.mark.parametrize(
    ("fails", "words"),
    [
        (InlineRay.exceptions.RayTaskError, "cannot load the engine fake .no weights."),
        (InlineRay.exceptions.RayActorError, "3 workers died while they loaded"),
        (None, "Put the same weights on both"),
    ],
)
def test_workers_that_cannot_do_the_work_end_it_in_a_sentence(
    pipeline, store, talk_file, monkeypatch, fails, words
):
    class Other(FakeEngine):
        engine_id = "fake-111111111111"

    monkeypatch.setattr(distributed, "joined", lambda *_: nullcontext(InlineRay(fails)))
    with pytest.raises(ClusterError, match=words):
        list(distributed.run(pipeline, [Input(str(talk_file))], store, address="local", load=Other))


def test_the_same_results_come_from_workers_as_from_one_machine(
    pipeline, store, talk_file, monkeypatch
):
    monkeypatch.setattr(distributed, "joined", lambda *_: nullcontext(InlineRay()))
    given = [Input(str(talk_file))]
    ((_, ((_, outcome),)),) = distributed.run(
        pipeline, given, store, address="local", load=FakeEngine
    )
    assert outcome.status == "done"
    ((_, ((_, again),)),) = distributed.run(
        pipeline, given, store, address="local", load=FakeEngine
    )
    assert again.status == "skipped"
