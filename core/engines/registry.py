"""Which engines there are, and each of them loaded once."""

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engines.base import Engine
from core.engines.compact_files import trained_on
from core.engines.emotion2vec_files import CONFIG, WEIGHTS, read_files
from core.engines.measured import joined, noted
from core.engines.precision import PRECISIONS
from core.engines.published import COMPACT_LICENCE, EMOTION2VEC_LICENCE, PUBLISHED, UNKNOWN_LICENCE
from core.engines.verified import Note, read_note, remove_note, write_note
from core.engines.weights import Progress, fetch
from core.errors import EngineError
from core.settings import MODELS_DIR, fetched_models

Loader = Callable[[str], Engine]


@dataclass(frozen=True)
class EngineInfo:
    """What can be said of an engine without loading it.

    Attributes:
        engine_id: name and hash of the weights; None while they are missing.
        reason: why it is not ready, or None.
        size_mb: of the weights, in millions of bytes; None while they are missing.
        dims: dimensions of an embedding.
        precision: what `auto` stands for here, `fp32` or `bf16`; None until it was measured, which
            the first loading does.
        agrees: whether its faster way answers what FunASR answers in that precision; None if it has
            none, or was not compared yet.
        remark: why it runs otherwise than the fastest way, in sentences for people, or None.
    """

    name: str
    engine_id: str | None
    ready: bool
    reason: str | None
    size_mb: float | None
    licence: str
    dims: int
    precision: str | None = None
    agrees: bool | None = None
    remark: str | None = None


@dataclass(frozen=True)
class Verification:
    """Whether an engine passed verification, and if not, why."""

    name: str
    ok: bool
    reason: str | None


class Registry:
    """The engines of this machine; each is loaded when first asked for, and only once.

    Args:
        models_dir: holds `compact`.
        fetched_dir: holds what was fetched; by default `TONESCOPE_MODELS`, else `models_dir`.
    """

    def __init__(self, models_dir: Path = MODELS_DIR, fetched_dir: Path | None = None) -> None:
        self._models_dir = models_dir
        self._fetched_dir = fetched_dir or fetched_models(models_dir)
        self._lock = threading.Lock()  # of the tables; loading has one for each name
        self._loading: dict[str, threading.Lock] = {}
        self._loaded: dict[tuple[str, str], Engine] = {}
        self._verified: dict[str, tuple[str, str, int]] = {}
        self._added: dict[str, Loader] = {}

    def add(self, name: str, loader: Loader) -> None:
        """Adds an engine under a name; `loader` takes a precision and is called once for each."""
        self._added[name] = loader

    def list(self) -> list[EngineInfo]:
        """Returns what engines there are, ready or not, without loading any."""
        fetched = [describe_emotion2vec(name, self.directory(name)) for name in PUBLISHED]
        return [describe("compact", self.directory("compact")), *fetched]

    def own(self, name: str) -> EngineInfo | None:
        """Returns what can be said of an emotion2vec directory of the user's own, once verified."""
        with self._lock:
            known = self._verified.get(name)
        weights = self.directory(name) / WEIGHTS
        if known is None or not weights.is_file():
            return None
        engine_id, sha256, dims = known
        return _ready(name, engine_id, sha256, weights, UNKNOWN_LICENCE, dims)

    def directory(self, name: str) -> Path:
        """Returns where the files of an engine are, or will be: by its name, else a path."""
        if name == "compact":
            return self._models_dir / name
        return self._fetched_dir / name if name in PUBLISHED else Path(name).expanduser()

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
        key = (name, precision)
        with self._lock:
            if key in self._loaded:
                return self._loaded[key]
        with self._turn(name):
            with self._lock:
                if key in self._loaded:
                    return self._loaded[key]
            engine = self._loader(name)(precision)
            with self._lock:
                self._loaded[key] = self._loaded.setdefault((name, engine.precision), engine)
                return self._loaded[key]

    def _turn(self, name: str) -> threading.Lock:
        """Returns the lock of loading one engine; meanwhile others are loaded or already there."""
        with self._lock:
            return self._loading.setdefault(name, threading.Lock())

    def trained_on(self, name: str) -> frozenset[str] | None:
        """Returns the SHA-256 of an engine's training files, or None where they are not told.

        Raises:
            EngineError: a compact model's list is missing or was changed.
        """
        directory = self.directory(name)
        if name in self._added or name in PUBLISHED or is_emotion2vec(directory):
            return None
        return trained_on(directory)

    def fetch(
        self,
        name: str,
        hub: str = "ms",
        *,
        address: str | None = None,
        progress: Progress | None = None,
    ) -> Verification:
        """Fetches a published engine and verifies it; from then on it works offline.

        Raises:
            EngineError: it cannot be fetched; see `weights.fetch`.
        """
        fetch(name, self._fetched_dir, hub, address=address, progress=progress)
        with self._turn(name), self._lock:
            self._loaded = {key: e for key, e in self._loaded.items() if key[0] != name}
        return self.verify(name)

    def verify(self, name: str) -> Verification:
        """Loads an engine anew with every check there is; what fails is said, not raised.

        Args:
            name: of `list`, or the path of a model directory.
        """
        try:
            self._verify(name)
        except EngineError as error:
            if name in PUBLISHED:
                remove_note(self.directory(name))
            return Verification(name, ok=False, reason=str(error))
        return Verification(name, ok=True, reason=None)

    def _verify(self, name: str) -> None:
        from core.engines.emotion2vec import Emotion2vecEngine
        from core.engines.sample import sample

        directory = self.directory(name)
        if name in self._added or not (name in PUBLISHED or is_emotion2vec(directory)):
            self._loader(name)("fp32").run(sample()[None])
            return
        self._check_there(name)
        engine = Emotion2vecEngine.verified(directory, name if name in PUBLISHED else None)
        if not engine.agrees_with_funasr(sample()):
            raise EngineError(
                f"{name} does not answer what FunASR answers for the same sound: fetch it again."
            )
        if name in PUBLISHED:
            write_note(directory, Note(engine.sha256, engine.n_dims))
        else:
            with self._lock:
                self._verified[name] = (engine.engine_id, engine.sha256, engine.n_dims)

    def _check_there(self, name: str) -> None:
        """Raises EngineError where an engine has no files."""
        directory = self.directory(name)
        if name in PUBLISHED and not directory.is_dir():
            raise EngineError(
                f"{name} is not fetched yet; run: python -m core engines fetch {name}"
            )
        if name != "compact" and not directory.is_dir():
            raise EngineError(
                f"There is no engine {name!r}; choose compact, {', '.join(PUBLISHED)}, or the path "
                "of a model directory."
            )

    def _loader(self, name: str) -> Loader:
        if name in self._added:
            return self._added[name]
        self._check_there(name)
        directory = self.directory(name)
        if name in PUBLISHED or is_emotion2vec(directory):

            def load(precision: str) -> Engine:
                from core.engines.emotion2vec import Emotion2vecEngine

                chosen = name if name in PUBLISHED else None
                return Emotion2vecEngine.load(directory, precision, chosen)

            return load

        def load_compact(precision: str) -> Engine:
            from core.engines.compact import CompactEngine

            return CompactEngine.load(directory, precision)

        return load_compact


def is_emotion2vec(directory: Path) -> bool:
    """Whether a directory has the form of an emotion2vec model, and not that of `compact`."""
    compact = (directory / "model.safetensors").exists() or (directory / "SHA256SUMS").exists()
    return not compact and ((directory / CONFIG).exists() or (directory / WEIGHTS).exists())


def describe(name: str, directory: Path) -> EngineInfo:
    """Returns what can be said of a compact engine's directory without importing torch."""
    weights = directory / "model.safetensors"
    try:
        with weights.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        dims = int(json.loads((directory / "config.json").read_text())["n_embedded"])
    except (OSError, ValueError, KeyError, TypeError):
        reason = f"{weights.name} or config.json cannot be read: restore {directory.name} by git."
        return EngineInfo(name, None, False, reason, None, COMPACT_LICENCE, 384)
    return _ready(name, f"{name}-{sha256[:12]}", sha256, weights, COMPACT_LICENCE, dims)


def describe_emotion2vec(name: str, directory: Path) -> EngineInfo:
    """Returns what can be said of a published engine without importing torch or reading weights."""
    dims = PUBLISHED[name].dims

    def missing(reason: str, size_mb: float | None = None) -> EngineInfo:
        return EngineInfo(name, None, False, reason, size_mb, EMOTION2VEC_LICENCE, dims)

    if not directory.is_dir():
        return missing("It is not on this computer; fetch it once, and it works offline.")
    try:
        dims = read_files(directory).n_dims
    except EngineError as error:
        return missing(str(error))
    size_mb = round((directory / WEIGHTS).stat().st_size / 1e6, 2)
    note = read_note(directory)
    if note is None:
        return missing("Its files are not verified, or changed since; verify it.", size_mb)
    engine_id, weights = f"{name}-{note.sha256[:12]}", directory / WEIGHTS
    return _ready(name, engine_id, note.sha256, weights, EMOTION2VEC_LICENCE, dims)


def _ready(
    name: str, engine_id: str, sha256: str, weights: Path, licence: str, dims: int
) -> EngineInfo:
    """Returns what can be said of an engine that is there, with what was measured about it."""
    known = noted(sha256)
    chosen = known.get("precision")
    return EngineInfo(
        name,
        engine_id,
        ready=True,
        reason=None,
        size_mb=round(weights.stat().st_size / 1e6, 2),
        licence=licence,
        dims=dims,
        precision=chosen if chosen in PRECISIONS else None,
        agrees=None if weights.name != WEIGHTS else _agrees(known),
        remark=joined(known.get("remark_bf16"), known.get("remark_fp32")),
    )


def _agrees(known: dict[str, Any]) -> bool | None:
    """Returns whether the faster way passed in the precision that counts here, None if not compared."""
    told = known.get(f"parity_{known.get('precision') or 'fp32'}")
    return bool(told.get("holds")) if isinstance(told, dict) else None
