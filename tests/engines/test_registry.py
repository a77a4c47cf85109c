"""The registry: what there is, and each engine loaded once."""

import hashlib
import json
import threading
import time

import numpy as np
import pytest

from core.engines.registry import Registry, _agrees, describe
from core.errors import EngineError
from tests.fakes import FakeEngine


def test_engine_is_loaded_once_for_each_precision():
    registry, loaded = Registry(), []

    def load(precision: str) -> FakeEngine:
        loaded.append(precision)
        return FakeEngine()

    registry.add("fake", load)
    assert registry.load("fake") is registry.load("fake", "fp32")
    assert registry.load("fake", "bf16") is registry.load("fake", "bf16")
    assert loaded == ["auto", "bf16"]


def test_engine_is_loaded_once_however_many_ask():
    registry, loaded, found = Registry(), [], []

    def load(precision: str) -> FakeEngine:
        loaded.append(1)
        time.sleep(0.05)
        return FakeEngine()

    registry.add("fake", load)
    threads = [
        threading.Thread(target=lambda: found.append(registry.load("fake"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 1
    assert len(set(map(id, found))) == 1
    assert len(found) == 8


def test_loading_one_engine_keeps_nobody_from_another():
    registry, started, go_on = Registry(), threading.Event(), threading.Event()

    def slow(precision: str) -> FakeEngine:
        started.set()
        assert go_on.wait(timeout=20)
        return FakeEngine()

    registry.add("slow", slow)
    registry.add("fake", lambda precision: FakeEngine())
    here = registry.load("fake")
    thread = threading.Thread(target=registry.load, args=("slow",))
    thread.start()
    try:
        assert started.wait(timeout=20)
        found = []
        other = threading.Thread(target=lambda: found.append(registry.load("fake")), daemon=True)
        other.start()
        other.join(timeout=10)
        assert found == [here]
    finally:
        go_on.set()
        thread.join()


def test_loading_that_failed_may_be_tried_again():
    registry, turns = Registry(), iter([EngineError("not yet"), FakeEngine()])

    def load(precision: str) -> FakeEngine:
        turn = next(turns)
        if isinstance(turn, EngineError):
            raise turn
        return turn

    registry.add("fake", load)
    with pytest.raises(EngineError, match="not yet"):
        registry.load("fake")
    assert registry.load("fake").name == "fake"


@pytest.mark.parametrize(
    ("known", "agrees"),
    [
        ({"precision": "bf16", "parity_fp32": {"holds": True}}, None),  # bf16 is not compared yet
        ({"precision": "bf16", "parity_bf16": {"holds": True}}, True),
        ({"precision": "fp32", "parity_fp32": {"holds": False}}, False),
        ({"parity_fp32": {"holds": True}}, True),
        ({"parity_fp32": "yes"}, None),
        ({}, None),
    ],
)
def test_agreement_is_told_of_the_precision_that_counts(known, agrees):
    assert _agrees(known) is agrees


@pytest.mark.parametrize("name", ["guess", "", "/no/such/folder", "a\nb"])
def test_unknown_engine_is_explained(name):
    with pytest.raises(EngineError):
        Registry().load(name)


def test_unknown_precision_is_explained():
    with pytest.raises(EngineError, match=r"no precision 'fp8'; choose one of auto, fp32, bf16"):
        Registry().load("compact", "fp8")


def test_engine_is_described_without_loading_it(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"w" * 2_500_000)
    (tmp_path / "config.json").write_text(json.dumps({"n_embedded": 17}))
    info = describe("compact", tmp_path)
    digest = hashlib.sha256(b"w" * 2_500_000).hexdigest()[:12]
    assert (info.engine_id, info.ready, info.reason) == (f"compact-{digest}", True, None)
    assert (info.size_mb, info.dims) == (2.5, 17)


def test_listed_dimensions_are_those_of_the_embeddings():
    info = Registry().list()[0]
    (found,) = Registry().load("compact", "fp32").run(np.zeros((1, 16_000), np.float32))
    assert info.dims == found.embeddings.shape[1] == 384


@pytest.mark.parametrize("config", [None, "{", "[]", "{}", '{"n_embedded": null}', "7"])
def test_damaged_engine_is_told_and_not_ready(tmp_path, config):
    (tmp_path / "model.safetensors").write_bytes(b"w")
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    info = describe("compact", tmp_path)
    assert not info.ready
    assert info.engine_id is None
    assert "cannot be read" in info.reason


def test_missing_weights_are_told(tmp_path):
    info = Registry(tmp_path).list()[0]
    assert (info.name, info.ready, info.size_mb) == ("compact", False, None)
    assert "model.safetensors" in info.reason
