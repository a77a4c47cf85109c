"""Pages while the model works: none of them waits for it."""

import threading

from core.records import Metadata
from core.settings import SAMPLES_DIR
from dashboard import jobs
from tests.fakes import FakeEngine
from tests.pages.conftest import wait_for_job


def test_no_page_waits_for_the_model(open_page, diary, monkeypatch):
    reached, go, run = threading.Event(), threading.Event(), FakeEngine.run

    def held(self, waveforms):
        reached.set()
        assert go.wait(timeout=60)
        return run(self, waveforms)

    monkeypatch.setattr(FakeEngine, "run", held)
    call = SAMPLES_DIR / "synthetic_phone_call.mp3"
    with call.open("rb") as file:
        job = jobs.submit_uploads([(call.name, file)], jobs.Setup(Metadata()))
    try:
        assert reached.wait(timeout=30)
        for name in ("overview", "recording", "map", "export", "engines", "analyze"):
            app = open_page(name)  # of which each has 60 s, and the turn is held for as long
            assert not app.exception, name
        assert not jobs.view(job).finished
    finally:
        go.set()
    wait_for_job(app)
    assert jobs.view(job).state == "done"
