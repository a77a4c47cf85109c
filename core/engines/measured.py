"""What was measured once on this machine about an engine's weights, kept as a small file.

A file is named by the SHA-256 of the weights and holds numbers and short texts only. What another
machine, CUDA device, PyTorch or FunASR measured is not taken.
"""

import json
import os
import platform
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.engines.devices import device_name
from core.settings import digest, measurements


def noted(sha256: str) -> dict[str, Any]:
    """Returns what is known of weights on this machine, empty if nothing is; imports no torch.

    Keys: `precision` (what `auto` stands for), `bf16_gain` (bfloat16's speed by float32's) and, for
    each precision asked for, `parity_fp32` and `parity_bf16` (see `parity.Parity`), `remark_fp32` and
    `remark_bf16` (why the engine runs otherwise, or None). Where torch is not imported, the device is
    not asked for: what was measured last counts.
    """
    try:
        with _path(sha256).open("rb") as file:
            content = json.loads(file.read(64 << 10))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("machine") != _machine():
        return {}
    if "torch" in sys.modules and content.get("device") != device_name():
        return {}
    return content


def note(sha256: str, **found: Any) -> None:
    """Adds what was found to what is known; where nothing can be written it is measured again."""
    path, device = _path(sha256), device_name()
    known = noted(sha256)
    content = known | found | {"machine": _machine(), "device": device}
    if content == known:
        return
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(content, indent=2) + "\n")
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()


def joined(*remarks: object) -> str | None:
    """Returns the remarks there are as one text, each once, or None."""
    said = dict.fromkeys(remark for remark in remarks if remark and isinstance(remark, str))
    return " ".join(said) or None


def forget(sha256: str) -> None:
    """Removes what is known of weights, so that it is measured again."""
    with suppress(OSError):
        _path(sha256).unlink()


def _path(sha256: str) -> Path:
    return measurements() / f"{sha256[:32]}.json"


@cache
def _machine() -> str:
    """Names what a measurement depends on."""
    parts = {"cores": str(os.cpu_count()), "processor": _processor()}
    for package in ("torch", "funasr"):
        try:
            parts[package] = version(package)
        except PackageNotFoundError:
            parts[package] = ""
    return digest(parts)


def _processor() -> str:
    """Returns the model and the abilities of the processor, as far as the system tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return " ".join(sorted(told)) or platform.machine()
