"""The files of `compact`: what is missing, changed, forged or not its own is refused in a sentence."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.engines.compact import CompactEngine
from core.errors import EngineError
from tests.engines.test_compact import MODEL


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "compact"))


def resign(directory: Path, name: str) -> None:
    """Writes the checksum that a forger would write."""
    import hashlib

    sums = directory / "SHA256SUMS"
    lines = [line for line in sums.read_text().splitlines() if not line.endswith(f"  {name}")]
    lines.append(f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}")
    sums.write_text("\n".join(lines) + "\n")


def test_files_are_small_and_listed() -> None:
    assert sum(file.stat().st_size for file in MODEL.iterdir()) < 20_000_000
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=MODEL, capture_output=True)
    assert done.returncode == 0


def test_changed_weights_are_refused(copy: Path) -> None:
    path = copy / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(EngineError, match=r"model\.safetensors has SHA-256"):
        CompactEngine.load(copy)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "calibration.json", "SHA256SUMS"]
)
def test_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(EngineError, match=f"no readable {name}"):
        CompactEngine.load(copy)


def test_link_out_of_the_directory_and_pipe_are_not_read(copy: Path, tmp_path: Path) -> None:
    elsewhere = (copy / "config.json").rename(tmp_path / "elsewhere.json")
    (copy / "config.json").symlink_to(elsewhere)
    with pytest.raises(EngineError, match="outside its directory"):
        CompactEngine.load(copy)
    (copy / "config.json").unlink()
    os.mkfifo(copy / "config.json")
    with pytest.raises(EngineError, match="no plain file"):
        CompactEngine.load(copy)


@pytest.mark.parametrize(
    "kind", ["missing", "extra", "shape", "whole", "steps", "stepless", "nan", "garbage"]
)
def test_forged_weights_are_refused(copy: Path, kind: str) -> None:
    path = copy / "model.safetensors"
    tensors = load_file(path)
    if kind == "missing":
        del tensors["conv1.bias"]
    elif kind == "extra":
        tensors["conv9.bias"] = np.zeros(3, np.float32)
    elif kind == "shape":
        tensors["head.weight"] = tensors["head.weight"][:, :7].copy()
    elif kind == "whole":
        tensors["head.bias"] = np.zeros(9, np.int32)
    elif kind == "steps":
        tensors["blocks.0.out.weight_steps"] = np.ones(7, np.float32)
    elif kind == "stepless":
        del tensors["blocks.0.out.weight_steps"]
    elif kind == "nan":
        tensors["head.bias"] = np.full(9, np.nan, np.float32)
    save_file(tensors, path)
    if kind == "garbage":
        path.write_bytes(b"\xff" * 1000)
    resign(copy, path.name)
    with pytest.raises(EngineError, match="safetensors"):
        CompactEngine.load(copy)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("format_version",), 1),
        (("n_dims",), 10**9),
        (("n_dims",), True),
        (("n_embedded",), 0),
        (("encoder", "pairs_from"), -1),
        (("encoder", "n_heads"), 5),
        (("encoder", "reads"), [3, 1]),
        (("encoder", "reads"), [1, 1000]),
        (("mel",), "import os"),
        (("mel", "top"), float("nan")),
        (("windowing", "window_s"), 1e9),
        (("classes",), ["angry", "joyful"]),
        (("min_samples",), 0),
    ],
)
def test_forged_config_is_refused(copy: Path, where: tuple[str, ...], value: object) -> None:
    path = copy / "config.json"
    config = json.loads(path.read_text())
    table = config
    for key in where[:-1]:
        table = table[key]
    table[where[-1]] = value
    path.write_text(json.dumps(config))
    resign(copy, path.name)
    with pytest.raises(EngineError):
        CompactEngine.load(copy)


@pytest.mark.parametrize("text", ['{"widths_s": {"1": 0}}', '{"widths_s": {"a": 1}}', "[1]", "{"])
def test_forged_calibration_is_refused(copy: Path, text: str) -> None:
    (copy / "calibration.json").write_text(text)
    resign(copy, "calibration.json")
    with pytest.raises(EngineError):
        CompactEngine.load(copy)


def test_huge_config_is_not_read(copy: Path) -> None:
    (copy / "config.json").write_text(" " * 100_000)
    with pytest.raises(EngineError, match="larger than"):
        CompactEngine.load(copy)
