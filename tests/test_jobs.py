"""Jobs: progress that only rises, cancel, results that last, and files that cost only themselves."""

import threading
import time

import pytest

from core.errors import EngineError
from core.jobs import KEPT_JOBS, JobQueue, Request, State
from core.pipeline import Pipeline
from core.records import Metadata
from tests.fakes import FakeEngine


@pytest.fixture
def queue():
    made = JobQueue()
    yield made
    made.close()


def finished(queue: JobQueue, job: str, timeout_s: float = 20.0):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        view = queue.view(job)
        if view.finished:
            return view
        time.sleep(0.005)
    raise AssertionError(f"job did not end: {queue.view(job)}")


class Gated(FakeEngine):
    """Waits in its first batch until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def run(self, waveforms):
        self.reached.set()
        assert self.go.wait(timeout=20)
        return super().run(waveforms)


def requests_for(paths, **options):
    return [Request(path, path.name, **options) for path in paths]


def test_job_analyses_its_files_and_keeps_their_results(queue, pipeline, make_talk, store):
    paths = [make_talk(f"{hz}.wav", hz) for hz in (200, 300)]
    job = queue.submit(lambda: pipeline, store, requests_for(paths), Metadata(speaker="Anna"))
    view = finished(queue, job)
    assert (view.state, view.done, view.share, view.eta_s) == (State.DONE, 2, 1.0, None)
    assert [file.outcome.status for file in view.files] == ["done", "done"]
    assert [file.name for file in view.files] == ["200.wav", "300.wav"]
    assert queue.view(job) == view  # and they last
    assert len(store.table("tracks")) == 2
    assert set(store.table("recordings")["speaker"].to_pylist()) == {"Anna"}


def test_known_file_is_skipped_and_bad_one_fails_alone(queue, pipeline, make_talk, store, tmp_path):
    good = make_talk("good.wav")
    pipeline.analyze(good, store)
    (tmp_path / "bad.wav").write_bytes(b"")
    job = queue.submit(
        lambda: pipeline,
        store,
        requests_for([tmp_path / "bad.wav", tmp_path / "gone.wav", good]),
    )
    view = finished(queue, job)
    assert view.state is State.DONE
    assert [file.state for file in view.files] == [State.FAILED, State.FAILED, State.SKIPPED]
    assert "is empty" in view.files[0].outcome.error
    assert "No such file" in view.files[1].outcome.error


def test_progress_only_rises_and_time_left_is_told(queue, loud_is_speech, make_talk, store):
    class Slow(FakeEngine):
        def run(self, waveforms):
            time.sleep(0.05)
            return super().run(waveforms)

    paths = [make_talk(f"{hz}.wav", hz, seconds=12.0) for hz in (200, 300, 400)]
    job = queue.submit(lambda: Pipeline(Slow()), store, requests_for(paths))
    seen = []
    while not (view := queue.view(job)).finished:
        seen.append(view)
        time.sleep(0.002)
    shares = [view.share for view in seen]
    assert shares == sorted(shares)
    assert [view.done for view in seen] == sorted(view.done for view in seen)
    assert all(0 <= share <= 1 for share in shares)
    assert len({round(share, 2) for share in shares}) > 5
    etas = [view.eta_s for view in seen if view.share > 0.05]
    assert etas
    assert all(eta is not None and eta >= 0 for eta in etas)
    assert finished(queue, job).share == 1.0


def test_cancel_keeps_what_is_finished_and_nothing_of_the_rest(
    queue, loud_is_speech, make_talk, store, tmp_path
):
    paths = [make_talk(f"{hz}.wav", hz) for hz in (200, 300, 400)]
    Pipeline(FakeEngine()).analyze(paths[0], store)
    engine = Gated()
    job = queue.submit(lambda: Pipeline(engine), store, requests_for(paths))
    assert engine.reached.wait(timeout=20)  # the first is skipped, the second at work
    assert queue.view(job).state is State.RUNNING
    queue.cancel(job)
    engine.go.set()
    view = finished(queue, job)
    assert view.state is State.CANCELLED
    assert [file.state for file in view.files] == ["skipped", "cancelled", "cancelled"]
    assert len(store.lake.read("tracks")) == len(store.lake.read("recordings")) == 1
    assert len(store.lake.read("failures")) == 0


def test_waiting_job_can_be_cancelled_and_never_loads_its_engine(loud_is_speech, make_talk, store):
    queue = JobQueue(at_once=1)
    engine = Gated()
    first = queue.submit(lambda: Pipeline(engine), store, requests_for([make_talk("a.wav")]))
    loaded = []
    second = queue.submit(lambda: loaded.append(1), store, requests_for([make_talk("b.wav", 300)]))
    assert engine.reached.wait(timeout=20)
    assert queue.view(second).state is State.WAITING
    queue.cancel(second)
    engine.go.set()
    assert finished(queue, first).state is State.DONE
    assert finished(queue, second).state is State.CANCELLED
    assert loaded == []
    queue.close()


def test_small_job_does_not_wait_for_a_large_one(pipeline, make_talk, store):
    queue = JobQueue(at_once=1)
    large = [make_talk(f"{hz}.wav", hz) for hz in range(200, 1_000, 100)]
    first = queue.submit(lambda: pipeline, store, requests_for(large))
    second = queue.submit(lambda: pipeline, store, requests_for([make_talk("small.wav", 1_500)]))
    assert finished(queue, second).state is State.DONE
    assert queue.view(first).done < len(large) / 2
    assert finished(queue, first).done == len(large)
    queue.close()


def test_short_file_passes_long_ones_however_many_there_are(
    pipeline, make_talk, store, tmp_path, monkeypatch
):
    short = make_talk("short.wav", 500)
    long = tmp_path / "long.wav"
    long.write_bytes(short.read_bytes() + bytes(1000))
    monkeypatch.setattr("core.jobs.LONG_BYTES", long.stat().st_size)
    queue, go = JobQueue(at_once=1), threading.Event()

    def held():
        assert go.wait(timeout=20)
        return pipeline

    before = [queue.submit(held, store, requests_for([long])) for _ in range(3)]
    assert finished(queue, queue.submit(lambda: pipeline, store, requests_for([short]))).done == 1
    assert not any(queue.view(job).finished for job in before)
    go.set()
    assert {finished(queue, job).state for job in before} <= {State.DONE, State.SKIPPED}
    queue.close()


def test_engine_that_cannot_be_loaded_fails_each_file_with_its_reason(
    queue, make_talk, store, tmp_path
):
    def load():
        raise EngineError("The weights are missing; restore them by git.")

    paths = [make_talk("a.wav"), make_talk("b.wav", 300)]
    view = finished(queue, queue.submit(load, store, requests_for(paths, discard=True)))
    assert view.state is State.FAILED
    assert [file.outcome.error for file in view.files] == [
        "The weights are missing; restore them by git."
    ] * 2
    assert not any(path.exists() for path in paths)


def test_fault_in_loading_does_not_end_the_queue(queue, pipeline, make_talk, store):
    view = finished(queue, queue.submit(lambda: 1 / 0, store, requests_for([make_talk("a.wav")])))
    assert "ZeroDivisionError" in view.files[0].outcome.error
    job = queue.submit(lambda: pipeline, store, requests_for([make_talk("b.wav")]))
    assert finished(queue, job).state is State.DONE


def test_draft_is_discarded_and_its_copy_kept(queue, pipeline, make_talk, store):
    path = make_talk("upload.part.wav")
    data = path.read_bytes()
    request = Request(path, "interview.wav", keep=True, discard=True)
    view = finished(queue, queue.submit(lambda: pipeline, store, [request]))
    recording = store.recording(view.files[0].outcome.recording)
    assert not path.exists()
    assert recording.name == "interview.wav"
    assert store.audio_path(recording).read_bytes() == data


def test_job_without_files_is_done(queue, pipeline, store):
    view = finished(queue, queue.submit(lambda: pipeline, store, []))
    assert (view.state, view.share, view.files) == (State.DONE, 1.0, ())


def test_unknown_job_is_none_and_may_be_cancelled(queue):
    assert queue.view("none") is None
    queue.cancel("none")


def test_newest_job_comes_first_and_the_oldest_are_forgotten(queue, pipeline, store):
    jobs = []
    for _ in range(KEPT_JOBS + 5):
        jobs.append(queue.submit(lambda: pipeline, store, []))
        finished(queue, jobs[-1])
    assert [view.job for view in queue.views()] == jobs[::-1][:KEPT_JOBS]


def test_closing_ends_every_job_and_discards_every_draft(loud_is_speech, make_talk, store):
    queue = JobQueue()
    engine = Gated()
    paths = [make_talk("a.wav"), make_talk("b.wav", 300)]
    jobs = [
        queue.submit(lambda: Pipeline(engine), store, requests_for([path], discard=True))
        for path in paths
    ]
    assert engine.reached.wait(timeout=20)
    threading.Timer(0.1, engine.go.set).start()
    queue.close()
    assert [queue.view(job).state for job in jobs] == [State.CANCELLED, State.CANCELLED]
    assert not any(path.exists() for path in paths)


def test_draft_that_cannot_be_deleted_does_not_leave_the_job_running(
    queue, pipeline, make_talk, store, monkeypatch
):
    path = make_talk("a.wav")
    unlink = type(path).unlink

    def refuse(self, missing_ok=False):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(type(path), "unlink", refuse)
    job = queue.submit(lambda: pipeline, store, requests_for([path], discard=True))
    assert finished(queue, job, 5.0).state is State.DONE
