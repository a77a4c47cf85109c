"""Stores that several tests begin with, as the fake engine makes them."""

from pathlib import Path

import pytest

from core.pipeline import Pipeline
from core.records import Metadata
from core.store.store import Store
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write


def loud_and_soft(folder: Path) -> Path:
    """Fills a store with 4 recordings of a person each, of 8 segments, every other one loud."""
    store = Store(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        for number in range(4):
            parts = [(1.2, 0.0)]
            for k in range(8):
                parts += [(1.0, (0.4 if k % 2 else 0.05) * (1 + number / 10)), (1.2, 0.0)]
            path = write(folder / f"{number}.wav", talk(parts))
            said = Metadata(speaker=f"P{number}", session=f"s{number % 2}", tags=("=one",))
            assert Pipeline(FakeEngine()).analyze(path, store, said).segments == 8
    return store.root
