"""Tensors of a PyTorch checkpoint, read without running any code that it may hold."""

import hashlib
import pickle
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.engines.emotion2vec_spec import CURE
from core.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor

_NESTS = ("state_dict", "model_state_dict", "model")  # in FunASR's order


def read_checkpoint(path: Path) -> tuple[str, dict[str, "Tensor"]]:
    """Returns the SHA-256 of a file and its tensors by name, which stay on disk until used.

    `torch.load` is told `weights_only=True`, and so builds tensors and plain containers only; what
    asks for any other object is refused before it is made.

    Raises:
        EngineError: the file is damaged, compressed, changed meanwhile, or holds more than weights.
    """
    import torch

    before = path.stat()
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        zipped = zipfile.is_zipfile(path)
        if zipped:
            _check_zip(path)
        with warnings.catch_warnings():  # PyTorch's about other pickles, before it refuses them
            warnings.simplefilter("ignore")
            table = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped or None)
    except pickle.UnpicklingError as error:
        raise EngineError(
            f"{path} is damaged or holds more than weights, and nothing of it was run: {CURE}, and "
            "mistrust where this one came from."
        ) from error
    except EngineError:
        raise
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise EngineError(
            f"{path} cannot be read as weights ({type(error).__name__}), it is damaged or cut "
            f"short: {CURE}."
        ) from error
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise EngineError(f"{path} changed while it was read: try again when it is complete.")
    return sha256, _tensors(table, path)


def chosen_tensors(
    found: dict[str, "Tensor"], expected: dict[str, "Tensor"], prefixes: Sequence[str], path: Path
) -> dict[str, "Tensor"]:
    """Returns a tensor for each expected name, as float32; none is left to chance.

    Args:
        found: what the file holds; more than is expected is no fault.
        expected: names and shapes that the network has.
        prefixes: what may stand before a name in the file; the last that fits counts, as in FunASR.
        path: the file, for sentences.

    Raises:
        EngineError: a tensor is missing, or has another shape, kind, or values that are no numbers.
    """
    import torch

    chosen = {}
    missing = []
    for key, wanted in expected.items():
        names = [prefix + key for prefix in (*prefixes, "module.") if prefix + key in found]
        name = names[-1] if names else key
        if name not in found:
            missing.append(key)
            continue
        tensor = found[name]
        if tensor.shape != wanted.shape or not tensor.is_floating_point():
            raise EngineError(
                f"{path} has {name} as {tensor.dtype} of shape {tuple(tensor.shape)}, expected is "
                f"float of shape {tuple(wanted.shape)}: {CURE}."
            )
        chosen[key] = tensor.to(torch.float32, copy=True).contiguous()
        if not chosen[key].isfinite().all():
            raise EngineError(f"{path} has values in {name} that are no numbers: {CURE}.")
    if missing:
        raise EngineError(
            f"{path} lacks {missing[0]} ({len(missing)} of {len(expected)} tensors are missing), "
            f"all are needed: {CURE}."
        )
    return chosen


def _check_zip(path: Path) -> None:
    """Refuses an archive that would unpack to more than it is: PyTorch never compresses."""
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise EngineError(f"{path} is compressed, weights never are: {CURE}.")


def _tensors(table: Any, path: Path) -> dict[str, "Tensor"]:
    import torch

    for nest in _NESTS:
        if isinstance(table, dict) and nest in table:
            table = table[nest]
    if not isinstance(table, dict):
        raise EngineError(f"{path} holds {type(table).__name__}, expected are tensors: {CURE}.")
    return {
        name: value
        for name, value in table.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
