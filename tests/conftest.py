"""What tests of several parts share."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from benchmarks.served import CHROMIUM_NAMES, chromium, chromium_path
from core.cli import main
from core.contract import answer_of, schema
from core.engines.registry import Registry
from core.pipeline import Pipeline
from core.store.store import Store
from tests.emotion2vec import write_directory
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write


@pytest.fixture(scope="session", autouse=True)
def measurements(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keeps what tests measure out of the user's own folder."""
    folder = tmp_path_factory.mktemp("measurements")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TONESCOPE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def emotion2vec_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated emotion2vec directory, written once."""
    pytest.importorskip("funasr", reason="FunASR is not installed")
    return write_directory(tmp_path_factory.mktemp("emotion2vec") / "generated")


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Gives back the main module, whose file a new child process runs again.

    Streamlit puts the script that it runs into its place and leaves it there.
    """
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A new store."""
    return Store(tmp_path / "store")


@pytest.fixture
def loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes what is loud for speech, as Silero VAD does not fire on generated sound."""
    monkeypatch.setattr("core.audio.survey.SpeechDetector", LevelDetector)


@pytest.fixture
def pipeline(loud_is_speech: None) -> Pipeline:
    """A pipeline with the fake engine and default settings."""
    return Pipeline(FakeEngine())


@pytest.fixture
def talk_file(tmp_path: Path) -> Path:
    """A recording of 7 s: two utterances, the second one loud."""
    parts = [(1.0, 0.0), (2.0, 0.05), (1.0, 0.0), (2.5, 0.6), (0.5, 0.0)]
    return write(tmp_path / "talk.wav", talk(parts))


@pytest.fixture
def make_talk(tmp_path: Path) -> Callable[..., Path]:
    """Makes recordings that differ from one another by their pitch."""

    def make(name: str, hz: float = 200.0, seconds: float = 1.5, level: float = 0.3) -> Path:
        return write(tmp_path / name, talk([(0.5, 0.0), (seconds, level), (0.5, 0.0)], hz=hz))

    return make


@pytest.fixture
def fake_registry(tmp_path: Path) -> Registry:
    """The embedded engine and the fake one; nothing is fetched."""
    registry = Registry(fetched_dir=tmp_path / "models")
    registry.add("fake", lambda precision: FakeEngine())
    return registry


@dataclass(frozen=True)
class Said:
    """What a command answered: exit status, the JSON lines of stdout, and stderr."""

    status: int
    lines: list[Any]
    stderr: str


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fake_registry: Registry,
    loud_is_speech: None,
) -> Callable[..., Said]:
    """Runs a command in this process, where an engine named `fake` is known.

    Whatever it answers is held against the schema of the contract.
    """
    monkeypatch.setattr("core.api.Registry", lambda: fake_registry)

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's own way out
            status = end.code
        found = capsys.readouterr()
        lines = [json.loads(line, parse_constant=_refuse) for line in found.out.splitlines()]
        _answer_the_contract([str(argument) for argument in arguments], lines)
        return Said(status, lines, found.err)

    return call


def _answer_the_contract(arguments: list[str], lines: list[Any]) -> None:
    name = answer_of(arguments)
    if name is not None and lines:
        validator = Draft202012Validator(
            schema(name), format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        for line in lines:
            validator.validate(line)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium; without one the test skips, but not where CI would then hide a failure."""
    if chromium_path() is None:
        reason = f"no Chromium: none of {', '.join(CHROMIUM_NAMES)} is installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with chromium() as found:
        yield found
