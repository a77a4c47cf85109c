"""Pages run by Streamlit's AppTest over a store of their own, with the fake engine as `compact`."""

import base64
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from core.pipeline import Pipeline
from core.settings import PROJECT_ROOT, SAMPLES_DIR, Conditioning
from core.store.store import Store
from dashboard import resources, shared
from tests import stores
from tests.fakes import FakeEngine

# As `dashboard/app.py` does: half a second for each page that a test opens.
manifest_scanner.scan_component_manifests = list
DIARY = SAMPLES_DIR / "synthetic_diary.mp3"


@pytest.fixture
def shared_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Gives the process an empty store, the fake engine and an empty queue."""
    monkeypatch.setenv("TONESCOPE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TONESCOPE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("dashboard.changes.HEAD_START_S", 0.0)
    _forget()
    shared.scope().registry.add("compact", lambda _: FakeEngine())
    yield
    shared.fetches().close()
    shared.queue().close()
    _forget()


def _forget() -> None:
    shared.scope.cache_clear()
    shared.queue.cache_clear()
    shared.fetches.cache_clear()
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def open_page(shared_state: None) -> Callable[..., AppTest]:
    """Opens a page as a visitor would, by the entry first; raises on nothing, shows all."""

    def open_one(name: str = "overview", **query: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT_ROOT / "dashboard" / "main.py"), default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        return app if name == "overview" else app.switch_page(f"../pages/{name}.py").run()

    return open_one


@pytest.fixture(scope="session")
def diary_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with a sample that the fake engine analysed, and the recording; tests get copies."""
    folder = tmp_path_factory.mktemp("diary") / "store"
    outcome = Pipeline(FakeEngine()).analyze(DIARY, Store(folder))
    assert outcome.status == "done", outcome.error
    assert outcome.recording is not None
    return folder, outcome.recording


@pytest.fixture
def diary(shared_state: None, diary_store: tuple[Path, str]) -> str:
    """Puts the sample into the store; returns the recording."""
    folder, recording = diary_store
    shutil.copytree(folder, shared.scope().folder, dirs_exist_ok=True)
    return recording


@pytest.fixture(scope="session")
def loud_and_soft_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of generated talk; tests get copies."""
    return stores.loud_and_soft(tmp_path_factory.mktemp("loud_and_soft"))


@pytest.fixture
def loud_and_soft(shared_state: None, loud_and_soft_store: Path) -> None:
    """Puts 4 recordings of a person each into the store, of 8 segments, every other one loud."""
    shutil.copytree(loud_and_soft_store, shared.scope().folder, dirs_exist_ok=True)


def wait_for_job(app: AppTest) -> AppTest:
    """Waits until no job runs any more, then runs the page again."""
    end_s = time.monotonic() + 60
    while not all(view.finished for view in shared.queue().views()):
        assert time.monotonic() < end_s, "the job does not end"
        time.sleep(0.02)
    return app.run()


@pytest.fixture
def choice(diary: str) -> resources.Choice:
    """Returns the run of the diary, as a page opens it."""
    return resources.choice_of(resources.catalogue().iloc[0])


def two_tracks() -> pd.DataFrame:
    """Analyses the diary with less noise too; returns the rows of both."""
    library = shared.scope()
    pipeline = library.pipeline("compact")
    other = type(pipeline)(
        pipeline.engine,
        type(pipeline.settings)(conditioning=Conditioning(noise_reduction=True)),
    )
    assert other.analyze(DIARY, library.store).status == "done"
    return resources.catalogue()


def numbers(values: Any) -> Any:
    """Returns the numbers of a figure's JSON, which Plotly packs where there are many."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return values
