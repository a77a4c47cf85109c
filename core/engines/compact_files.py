"""The files of a compact model's directory, read as if a stranger had written them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.emotions import EMOTIONS, Emotion
from core.engines.base import HOP_S, Windowing
from core.errors import EngineError

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
CALIBRATION = "calibration.json"
SUMS = "SHA256SUMS"
TRAINING_FILES = "training_files.sha256"
FORMAT_VERSION = 2
STEPS = "_steps"  # a matrix of whole numbers NAME has the step of each row beside it

MAX_BYTES = {WEIGHTS: 64 << 20, CONFIG: 64 << 10, CALIBRATION: 64 << 10, SUMS: 64 << 10}
MAX_BYTES[TRAINING_FILES] = 64 << 20
CURE = "fetch the directory again, or make it again with training.train"

Numbers = Mapping[str, int]


@dataclass(frozen=True)
class Config:
    """What config.json says, checked.

    Attributes:
        encoder: the whole numbers of the network's shape, by name.
        reads: layers that the embedding is projected from, ascending.
        top, depth: where the log-mel's loudest cell lies and how far below it the log-mel ends.
        classes: the emotions that the head answers, in the order of `EMOTIONS`.
        min_samples: fewest samples that give a frame.
    """

    encoder: Numbers
    reads: tuple[int, ...]
    top: float
    depth: float
    classes: tuple[Emotion, ...]
    windowing: Windowing
    min_samples: int


@dataclass(frozen=True)
class ModelFiles:
    """A verified directory: the weights' bytes with their SHA-256, and the two tables."""

    weights: bytes
    sha256: str
    config: Config
    temperatures: dict[float, float]


def read_files(directory: Path) -> ModelFiles:
    """Returns the directory's content once every checksum and every number has been checked.

    Raises:
        EngineError: a file is missing, too large, changed, or says what no model can be.
    """
    sums = _sums(directory)
    weights, config, calibration = (
        _verified(directory, name, sums) for name in (WEIGHTS, CONFIG, CALIBRATION)
    )
    return ModelFiles(
        weights=weights,
        sha256=sums[WEIGHTS],
        config=_config(_table(config, CONFIG)),
        temperatures=_temperatures(_table(calibration, CALIBRATION)),
    )


def trained_on(directory: Path) -> frozenset[str]:
    """Returns the SHA-256 of every file that the model was trained on.

    Raises:
        EngineError: the directory lists none, or the list is not the one that it was made with.
    """
    listed = _verified(directory, TRAINING_FILES, _sums(directory)).decode(errors="replace")
    return frozenset(line.split(maxsplit=1)[0] for line in listed.splitlines() if line.strip())


def _bytes(directory: Path, name: str) -> bytes:
    path = directory / name
    limit = MAX_BYTES[name]
    if path.exists() and not path.resolve().is_relative_to(directory.resolve()):
        raise EngineError(
            f"{path} is a link to a file outside its directory, which is not followed: "
            "copy the file itself there."
        )
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise EngineError(f"{path} is no plain file, a compact model needs one: {CURE}.")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise EngineError(
            f"{directory} has no readable {name}, a compact model needs one: {CURE}."
        ) from error
    if len(data) > limit:
        raise EngineError(f"{path} is larger than {limit} bytes, the most expected: {CURE}.")
    return data


def _sums(directory: Path) -> dict[str, str]:
    lines = _bytes(directory, SUMS).decode("ascii", errors="replace").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if len(line.split(maxsplit=1)) == 2)
    return {name.strip().removeprefix("*"): sha256 for sha256, name in pairs}


def _verified(directory: Path, name: str, sums: dict[str, str]) -> bytes:
    data = _bytes(directory, name)
    came = hashlib.sha256(data).hexdigest()
    if came != sums.get(name):
        expected = sums.get(name, "none")
        raise EngineError(
            f"{directory / name} has SHA-256 {came}, {SUMS} expects {expected}: {CURE}."
        )
    return data


def _table(data: bytes, name: str) -> dict[str, Any]:
    try:
        table = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EngineError(f"{name} is not JSON, a compact model needs it to be: {CURE}.") from error
    return _dict(table, name)


def _dict(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EngineError(f"{name} holds {_seen(value)}, expected is an object: {CURE}.")
    return value


def _config(table: dict[str, Any]) -> Config:
    if table.get("format_version") != FORMAT_VERSION:
        raise EngineError(
            f"{CONFIG} has format_version {_seen(table.get('format_version'))}, this version reads "
            f"{FORMAT_VERSION}: update the program, or take a directory made for it."
        )
    encoder = _dict(table.get("encoder"), "encoder")
    mel = _dict(table.get("mel"), "mel")
    windowing = _dict(table.get("windowing"), "windowing")
    numbers = {
        "n_dims": _whole(table, "n_dims", 8, 1024),
        "n_embedded": _whole(table, "n_embedded", 8, 1024),
        "n_heads": _whole(encoder, "n_heads", 1, 32),
        "n_ffn": _whole(encoder, "n_ffn", 8, 8192),
        "pairs_from": _whole(encoder, "pairs_from", 0, 32),
        "n_positions": _whole(encoder, "n_positions", 1, 4096),
        "n_mels": _whole(mel, "n_mels", 1, 256),
        "n_fft": _whole(mel, "n_fft", 16, 4096),
        "hop_samples": _whole(mel, "hop_samples", 160, 160),
    }
    if numbers["n_dims"] % numbers["n_heads"]:
        raise EngineError(f"{CONFIG} has n_dims no multiple of n_heads, it must be one: {CURE}.")
    window_s = _number(windowing, "window_s", HOP_S, numbers["n_positions"] * HOP_S)
    return Config(
        encoder=numbers,
        reads=_reads(encoder.get("reads")),
        top=_number(mel, "top", -10.0, 10.0),
        depth=_number(mel, "depth", 1.0, 12.0),
        classes=_classes(table.get("classes")),
        windowing=Windowing(window_s, _number(windowing, "overlap_s", 0.0, window_s / 2)),
        min_samples=_whole(table, "min_samples", numbers["n_fft"] // 2 + 1, 16_000),
    )


def _reads(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= 32:
        raise EngineError(f"reads is {_seen(value)}, expected is a list of 1 to 32: {CURE}.")
    known = range(33)
    whole = all(isinstance(v, int) and not isinstance(v, bool) and v in known for v in value)
    if not whole or sorted(set(value)) != value:
        raise EngineError(f"reads is {_seen(value)}, expected are ascending layers: {CURE}.")
    return tuple(value)


def _classes(value: object) -> tuple[Emotion, ...]:
    classes = tuple(e for e in EMOTIONS if isinstance(value, list) and e in value)
    if not classes or list(classes) != value:
        raise EngineError(
            f"classes is {_seen(value)}, expected are names of the nine emotions in order: {CURE}."
        )
    return classes


def _temperatures(table: dict[str, Any]) -> dict[float, float]:
    widths = _dict(table.get("widths_s"), "widths_s")
    if not 1 <= len(widths) <= 100:
        raise EngineError(f"widths_s has {len(widths)} entries, expected are 1 to 100: {CURE}.")
    try:
        found = {float(width): _number(widths, width, 0.01, 100.0) for width in widths}
    except ValueError as error:
        raise EngineError(f"widths_s has a key that is no number of seconds: {CURE}.") from error
    if not all(0.0 < width <= 3600.0 for width in found):
        raise EngineError(f"widths_s has a width outside 0 to 3600 s: {CURE}.")
    return dict(sorted(found.items()))


def _number(table: dict[str, Any], key: str, low: float, high: float) -> float:
    value = table.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise EngineError(f"{key} is {_seen(value)}, expected is {low} to {high}: {CURE}.")


def _whole(table: dict[str, Any], key: str, low: int, high: int) -> int:
    value = _number(table, key, low, high)
    if not value.is_integer():
        raise EngineError(f"{key} is {value}, expected is a whole number: {CURE}.")
    return int(value)


def _seen(value: object) -> str:
    return repr(value)[:60]
