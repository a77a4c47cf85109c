"""The contract suite over every engine there is."""

from collections.abc import Callable
from functools import cache

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


@cache
def engine_of(name: str) -> Engine:
    """Returns an engine, loaded once for the whole module."""
    return MAKERS[name]()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ENGINES)
def test_engine_keeps_the_contract(name, check):
    check(engine_of(name))


@pytest.mark.parametrize("name", ENGINES)
def test_loading_and_running_leaves_no_trace_in_the_process(name):
    check_no_trace_is_left(MAKERS[name])
