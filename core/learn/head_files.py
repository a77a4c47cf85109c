"""Heads as files that hold no code: a card in JSON beside numbers in safetensors.

A file comes from anybody, so everything in it is bounded and checked before it is believed.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.errors import HeadError
from core.labels.records import MOST_TERM
from core.learn.heads import MOST_CLASSES, Head
from core.plain import file_stem, one_line

CARD: Final = "head.json"
NUMBERS: Final = "head.safetensors"
FORMAT: Final = 1
MOST_NAME: Final = 80
MOST_BYTES: Final = 1 << 20
MOST_DIMS: Final = 8192
_CURE: Final = "export it again where it was made"


def write_head(head: Head, folder: Path) -> tuple[Path, Path]:
    """Writes a head into a folder of its own; returns card and numbers.

    Raises:
        HeadError: the folder cannot be written to, or holds a head already.
    """
    from safetensors.numpy import save

    where = folder / file_stem(head.name, "head")
    says = {
        "format": FORMAT,
        "name": head.name,
        "engine_id": head.engine_id,
        "classes": list(head.classes),
        "temperature": head.temperature,
        "threshold": head.threshold,
        "card": head.card,
    }
    text = json.dumps(says, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    data = save({"weight": head.weight, "bias": head.bias})
    try:
        where.mkdir(parents=True, exist_ok=True)
        with (where / CARD).open("x", encoding="utf-8") as file:
            file.write(text)
        (where / NUMBERS).write_bytes(data)
    except FileExistsError as error:
        raise HeadError(
            f"{where} holds a head already; choose another folder, or remove it first."
        ) from error
    except OSError as error:
        raise HeadError(
            f"The head cannot be written to {where} ({error.strerror}); choose another folder."
        ) from error
    return where / CARD, where / NUMBERS


def read_head(folder: Path) -> Head:
    """Returns the head in a folder, once everything in it has been checked.

    Raises:
        HeadError: a file is missing, too large, or says what no head can be.
    """
    says = _table(_bytes(folder / CARD))
    name = _text(says, "name", MOST_NAME)
    engine_id = _text(says, "engine_id", 200)
    classes = says.get("classes")
    if says.get("format") != FORMAT or not isinstance(classes, list):
        raise HeadError(f"{CARD} is no card of a head of format {FORMAT}; {_CURE}.")
    plain = all(
        isinstance(c, str) and 0 < len(c) <= MOST_TERM and c == one_line(c) for c in classes
    )
    if not plain or not 2 <= len(classes) <= MOST_CLASSES or len(set(classes)) != len(classes):
        raise HeadError(
            f"The head's classes are no list of 2 to {MOST_CLASSES} different words; {_CURE}."
        )
    card = says.get("card")
    if not isinstance(card, dict):
        raise HeadError(f"{CARD} does not say how the head was made; {_CURE}.")
    threshold = None if says.get("threshold") is None else _number(says, "threshold", 0.0, 1.01)
    weight, bias = _numbers(_bytes(folder / NUMBERS, 4 * MOST_CLASSES * (MOST_DIMS + 1) + 4096))
    if weight.shape[0] != len(classes) or bias.shape != (len(classes),):
        raise HeadError(
            f"The head has {len(classes)} classes and numbers of the shapes {weight.shape} and "
            f"{bias.shape}, which do not belong together; {_CURE}."
        )
    temperature = _number(says, "temperature", 1e-3, 1e3)
    return Head(name, engine_id, tuple(classes), weight, bias, temperature, threshold, card)


def _bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    try:
        if not path.is_file():
            raise HeadError(f"{path.parent} holds no {path.name}; give the folder of a head.")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise HeadError(f"{path.name} cannot be read ({error.strerror}); {_CURE}.") from error
    if len(data) > most:
        raise HeadError(f"{path.name} has over {most:,} bytes, which no head needs; {_CURE}.")
    return data


def _table(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise HeadError(f"{CARD} is no JSON that can be read; {_CURE}.") from error
    if not isinstance(found, dict):
        raise HeadError(f"{CARD} is no card of a head; {_CURE}.")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _text(says: Mapping[str, Any], key: str, most: int) -> str:
    found = says.get(key)
    if not isinstance(found, str) or not 0 < len(found) <= most or found != one_line(found):
        raise HeadError(f"The head's {key} is no text of 1 to {most} characters; {_CURE}.")
    return found


def _number(says: Mapping[str, Any], key: str, least: float, most: float) -> float:
    found = says.get(key)
    good = isinstance(found, int | float) and not isinstance(found, bool)
    if not good or not math.isfinite(float(found or 0)) or not least <= float(found or 0) <= most:
        raise HeadError(f"The head's {key} is no number from {least:g} to {most:g}; {_CURE}.")
    return float(found or 0)


def _numbers(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found = load(data)
        weight, bias = found["weight"], found["bias"]
    except (SafetensorError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise HeadError(f"{NUMBERS} holds no numbers of a head; {_CURE}.") from error
    good = weight.dtype == bias.dtype == np.float32 and weight.ndim == 2 and bias.ndim == 1
    if not good or not 1 <= weight.shape[1] <= MOST_DIMS:
        raise HeadError(
            f"{NUMBERS} holds arrays of the kinds {weight.dtype} {weight.shape} and {bias.dtype} "
            f"{bias.shape}; a head has a float32 matrix and a float32 row; {_CURE}."
        )
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise HeadError(f"{NUMBERS} holds values that are no numbers; {_CURE}.")
    return weight, bias
