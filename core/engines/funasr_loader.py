"""FunASR, imported only when used, and kept from changing what belongs to the whole process.

Its import takes seconds, prints, and sets up logging; `AutoModel` seeds every random generator,
sets torch's threads and asks PyPI for updates. All of it is undone here.
"""

import importlib
import importlib.util
import io
import logging
import os
import random
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np

from core.engines.base import Floats
from core.engines.emotion2vec_files import ModelFiles
from core.errors import EngineError

log = logging.getLogger(__name__)

_LOCK = threading.RLock()


def build(files: ModelFiles) -> Any:
    """Returns FunASR's `AutoModel` of a checked directory, its network still without any weights.

    The network is made on torch's meta device, where tensors have shapes and no values: a tensor
    that is not loaded later cannot hold random numbers, it fails.

    Raises:
        EngineError: FunASR is not installed, cannot be imported, or does not take the settings.
    """
    with quiet_process():
        import torch

        auto_model = _auto_model()
        try:
            with torch.device("meta"):
                return auto_model(
                    model="Emotion2vec",
                    model_conf=files.model_conf,
                    tokenizer="CharTokenizer",
                    tokenizer_conf={
                        "token_list": list(files.tokens),
                        "unk_symbol": files.tokens[-1],
                    },
                    device="meta",
                    ncpu=torch.get_num_threads(),
                    disable_update=True,
                    disable_pbar=True,
                    log_level="ERROR",
                )
        except Exception as error:
            log.debug("FunASR refused %s", files.directory, exc_info=True)
            raise EngineError(
                f"FunASR cannot build the model of {files.directory} ({type(error).__name__}: "
                f"{_first_line(error)}): fetch the model again."
            ) from error


def generate(model: Any, waveform: Floats) -> dict[str, Any]:
    """Returns FunASR's own answer for a clip of `(n_samples,)`: labels, scores, mean features.

    Raises:
        EngineError: FunASR fails on it.
    """
    with quiet_process():
        import torch

        try:
            with torch.inference_mode():
                answer: dict[str, Any] = model.generate(
                    np.array(waveform, np.float32), granularity="utterance", disable_pbar=True
                )[0]
        except Exception as error:
            log.debug("FunASR failed", exc_info=True)
            raise EngineError(
                f"FunASR failed on a sound ({type(error).__name__}: {_first_line(error)}): fetch "
                "the model again, or use compact."
            ) from error
        return answer


@contextmanager
def quiet_process() -> Iterator[None]:
    """Puts back seeds, threads, logging, warnings, environment and streams when it ends."""
    import torch

    with _LOCK:
        root = logging.getLogger()
        handlers, level, disabled = list(root.handlers), root.level, logging.root.manager.disable
        seeds = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
        threads = torch.get_num_threads()
        environment, path = dict(os.environ), list(sys.path)
        said = io.StringIO()
        try:
            with warnings.catch_warnings(), redirect_stdout(said), redirect_stderr(said):
                warnings.simplefilter("ignore")
                yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
            logging.disable(disabled)
            random.setstate(seeds[0])
            np.random.set_state(seeds[1])
            torch.random.set_rng_state(seeds[2])
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
            for key in os.environ.keys() - environment.keys():
                del os.environ[key]
            os.environ.update(environment)
            sys.path[:] = path
        if said.getvalue():
            log.debug("FunASR said: %s", said.getvalue())


def _auto_model() -> Any:
    try:
        with _without_broken_torchaudio():
            return importlib.import_module("funasr.auto.auto_model").AutoModel
    except ModuleNotFoundError as error:
        if error.name == "funasr":
            raise EngineError(
                "FunASR is not installed, emotion2vec needs it: install funasr, or use compact."
            ) from error
        raise _cannot_import(error) from error
    except Exception as error:
        raise _cannot_import(error) from error


def _cannot_import(error: Exception) -> EngineError:
    log.debug("FunASR cannot be imported", exc_info=error)
    return EngineError(
        f"FunASR cannot be imported ({type(error).__name__}: {_first_line(error)}), emotion2vec "
        "needs it: install the pinned requirements again, or use compact."
    )


@contextmanager
def _without_broken_torchaudio() -> Iterator[None]:
    """Hides a torchaudio that is installed but fails to load, while FunASR is imported.

    FunASR does without torchaudio when it is absent, but catches only ImportError; a build that
    does not match torch raises OSError.
    """
    if "torchaudio" in sys.modules or not _fails("torchaudio"):
        yield
        return
    sys.modules["torchaudio"] = None  # type: ignore[assignment]  # makes its import an ImportError
    try:
        yield
    finally:
        sys.modules.pop("torchaudio", None)


def _fails(package: str) -> bool:
    """Whether a package is there and does not load; of a failed import nothing is left behind."""
    before = set(sys.modules)
    try:
        if importlib.util.find_spec(package) is None:
            return False
        importlib.import_module(package)
    except Exception as error:  # whatever it raises, FunASR must not meet it
        log.warning("%s is installed but does not load, so it is left out (%s)", package, error)
        for name in set(sys.modules) - before:
            if name == package or name.startswith(f"{package}."):
                del sys.modules[name]
        return True
    return False


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]
