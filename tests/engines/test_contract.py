"""The contract suite over every engine there is."""

from collections.abc import Callable

import pytest

from core.engines.base import Engine
from core.engines.registry import Registry
from core.settings import MODELS_DIR
from tests.engines.contract import CHECKS, check_no_trace_is_left
from tests.fakes import FakeEngine

WEIGHTS = MODELS_DIR / "compact" / "model.safetensors"
needs_compact = pytest.mark.skipif(
    not WEIGHTS.is_file(), reason="the weights of compact are not in data/models/compact"
)


def load_compact(precision: str) -> Callable[[], Engine]:
    return lambda: Registry().load("compact", precision)


MAKERS: dict[str, Callable[[], Engine]] = {
    "fake": FakeEngine,
    "compact-fp32": load_compact("fp32"),
    "compact-bf16": load_compact("bf16"),
}
ENGINES = [
    pytest.param(name, marks=needs_compact if name.startswith("compact") else ()) for name in MAKERS
]
ENGINES += ["emotion2vec-fp32"]


@pytest.fixture
def make(name: str, request: pytest.FixtureRequest) -> Callable[[], Engine]:
    """What loads an engine anew; emotion2vec from a generated directory."""
    if name in MAKERS:
        return MAKERS[name]
    directory = str(request.getfixturevalue("emotion2vec_dir"))
    return lambda: Registry().load(directory, name.split("-")[1])


@pytest.fixture(scope="module")
def loaded() -> dict[str, Engine]:
    """The engines, each loaded once for the whole module."""
    return {}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ENGINES)
def test_engine_keeps_the_contract(name, make, check, loaded):
    if name not in loaded:
        loaded[name] = make()
    check(loaded[name])


@pytest.mark.parametrize("name", ENGINES)
def test_loading_and_running_leaves_no_trace_in_the_process(name, make):
    check_no_trace_is_left(make)
