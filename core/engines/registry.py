"""Which engines there are, and each of them loaded once."""

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.engines.base import Engine
from core.errors import EngineError
from core.settings import MODELS_DIR

COMPACT_LICENCE = "CC BY-NC-SA 4.0 (research use only); encoder MIT (OpenAI Whisper)"
PRECISIONS = ("auto", "fp32", "bf16")

Loader = Callable[[str], Engine]


@dataclass(frozen=True)
class EngineInfo:
    """What can be said of an engine without loading it.

    Attributes:
        engine_id: name and hash of the weights; None while they are missing.
        reason: why it is not ready, or None.
        size_mb: of the weights, in millions of bytes; None while they are missing.
        dims: dimensions of an embedding.
    """

    name: str
    engine_id: str | None
    ready: bool
    reason: str | None
    size_mb: float | None
    licence: str
    dims: int


class Registry:
    """The engines of this machine; each is loaded when first asked for, and only once."""

    def __init__(self, models_dir: Path = MODELS_DIR) -> None:
        self._models_dir = models_dir
        self._lock = threading.Lock()
        self._loaded: dict[tuple[str, str], Engine] = {}
        self._added: dict[str, Loader] = {}

    def add(self, name: str, loader: Loader) -> None:
        """Adds an engine under a name; `loader` takes a precision and is called once for each."""
        self._added[name] = loader

    def list(self) -> list[EngineInfo]:
        """Returns what engines there are, ready or not, without loading any."""
        return [describe("compact", self._models_dir / "compact")]

    def load(self, name: str = "compact", precision: str = "auto") -> Engine:
        """Returns an engine, safe to share between threads.

        Args:
            name: of `list`, or the path of a model directory.
            precision: `auto`, `fp32` or `bf16`.

        Raises:
            EngineError: there is no such engine, or its files do not pass verification.
        """
        if precision not in PRECISIONS:
            raise EngineError(
                f"There is no precision {precision!r}; choose one of {', '.join(PRECISIONS)}."
            )
        exact = "fp32" if precision == "auto" else precision
        with self._lock:
            key = (name, exact)
            if key not in self._loaded:
                self._loaded[key] = self._loader(name)(exact)
            return self._loaded[key]

    def _loader(self, name: str) -> Loader:
        if name in self._added:
            return self._added[name]
        directory = self._models_dir / "compact" if name == "compact" else Path(name).expanduser()
        if name != "compact" and not directory.is_dir():
            raise EngineError(
                f"There is no engine {name!r}; choose compact, or the path of a model directory."
            )

        def load(precision: str) -> Engine:
            from core.engines.compact import CompactEngine

            return CompactEngine.load(directory, precision)

        return load


def describe(name: str, directory: Path) -> EngineInfo:
    """Returns what can be said of a compact engine's directory without importing torch."""
    weights = directory / "model.safetensors"
    try:
        with weights.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        dims = int(json.loads((directory / "config.json").read_text())["n_dims"])
    except (OSError, ValueError, KeyError, TypeError):
        reason = f"{weights.name} or config.json cannot be read: restore {directory.name} by git."
        return EngineInfo(name, None, False, reason, None, COMPACT_LICENCE, 384)
    size_mb = round(weights.stat().st_size / 1e6, 2)
    return EngineInfo(name, f"{name}-{sha256[:12]}", True, None, size_mb, COMPACT_LICENCE, dims)
