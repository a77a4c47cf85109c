"""The files of an emotion2vec directory, read as if a stranger had written them.

FunASR itself would evaluate a string of config.yaml as Python, follow any path that
configuration.json names, and go on with random weights where model.pt is missing. So it is given
none of these files: what they say is checked here, and only what passed reaches it.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.emotions import Emotion
from core.engines.emotion2vec_spec import CURE, TOKENS, check_layers, classes_of, seen
from core.errors import EngineError

WEIGHTS = "model.pt"
CONFIG = "config.yaml"
METAS = "configuration.json"  # ModelScope's; FunASR works without it, and so do we
REQUIRED = (CONFIG, TOKENS, WEIGHTS)
MAX_BYTES = {CONFIG: 64 << 10, TOKENS: 64 << 10, METAS: 64 << 10, WEIGHTS: 8 << 30}

_CODE = frozenset({"remote_code", "trust_remote_code", "plugins", "allow_remote", "requirements"})
_BOUNDS = {  # what a model of this kind can be, with room above the published ones
    "embed_dim": (8, 4096), "depth": (1, 64), "num_heads": (1, 64), "prenet_depth": (0, 64),
    "model_depth": (1, 128), "num_alibi_heads": (1, 64), "num_extra_tokens": (0, 64),
    "conv_pos_width": (1, 512), "conv_pos_depth": (1, 16), "conv_pos_groups": (1, 1024),
    "decoder_dim": (8, 4096), "decoder_layers": (1, 32), "decoder_kernel": (1, 64),
    "decoder_groups": (1, 4096), "projection_layers": (1, 8), "clone_batch": (1, 64),
    "average_top_k_layers": (1, 128), "mlp_ratio": (0.1, 16.0), "projection_ratio": (0.1, 16.0),
    "alibi_max_pos": (1, 4096),
}  # fmt: skip


@dataclass(frozen=True)
class ModelFiles:
    """What a directory says, checked; the weights are still to be read.

    Attributes:
        model_conf: the network's settings, plain numbers, strings, lists and dictionaries.
        tokens: the head's outputs, in its order.
        classes: for each token the emotion it names, or None for one that is not used.
        prefixes: what may stand before the names of the network's tensors in model.pt.
        n_dims: dimensions of an embedding.
        normalize: whether each waveform is normalised to mean 0 and variance 1 first.
    """

    directory: Path
    model_conf: dict[str, Any]
    tokens: tuple[str, ...]
    classes: tuple[Emotion | None, ...]
    prefixes: tuple[str, ...]
    n_dims: int
    normalize: bool


def read_files(directory: Path) -> ModelFiles:
    """Returns what a directory says once all of it has been checked; imports no heavy package.

    Raises:
        EngineError: a file is missing, too large, outside the directory, or says what it must not.
    """
    for name in REQUIRED:
        checked_path(directory, name)
    if (directory / METAS).exists() or (directory / METAS).is_symlink():
        _check_metas(directory, _json(read_small(directory, METAS)))
    config = _yaml(read_small(directory, CONFIG))
    _refuse_code(config, CONFIG)
    if config.get("model") != "Emotion2vec":
        raise EngineError(
            f"{CONFIG} names the model {seen(config.get('model'))}, expected is Emotion2vec: "
            "take a directory of an emotion2vec model."
        )
    model_conf = config.get("model_conf")
    if not isinstance(model_conf, dict):
        raise EngineError(f"{CONFIG} has no model_conf, a model needs one: {CURE}.")
    _check_values(model_conf)
    audio = _audio(model_conf)
    check_layers(audio.get("feature_encoder_spec"))
    tokens = tuple(read_small(directory, TOKENS).decode("utf-8", "replace").split("\n"))
    tokens = tuple(token.strip() for token in tokens if token.strip())
    return ModelFiles(
        directory=directory,
        model_conf=model_conf,
        tokens=tokens,
        classes=classes_of(tokens),
        prefixes=_prefixes(config.get("scope_map", [])),
        n_dims=_whole(model_conf, "embed_dim"),
        normalize=bool(model_conf.get("normalize", False)),
    )


def checked_path(directory: Path, name: str) -> Path:
    """Returns the path of a file that lies in the directory itself and is not too large.

    Raises:
        EngineError: it is missing, no file, reached by a link that leads outside, or too large.
    """
    path = directory / name
    if not path.is_file():
        raise EngineError(f"{directory} has no file {name}, an emotion2vec model needs it: {CURE}.")
    if not path.resolve().is_relative_to(directory.resolve()):
        raise EngineError(
            f"{path} is a link to a file outside its directory, which is not followed: "
            "copy the file itself there."
        )
    if path.stat().st_size > MAX_BYTES[name]:
        raise EngineError(f"{path} is larger than {MAX_BYTES[name]:,} bytes, the most: {CURE}.")
    return path


def read_small(directory: Path, name: str) -> bytes:
    """Returns the bytes of one of the small files.

    Raises:
        EngineError: it is missing, too large, or lies elsewhere.
    """
    path = checked_path(directory, name)
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES[name] + 1)[: MAX_BYTES[name]]
    except OSError as error:
        raise EngineError(
            f"{path} cannot be read ({error.strerror}), an emotion2vec model needs it: {CURE}."
        ) from error


def _check_metas(directory: Path, metas: dict[str, Any]) -> None:
    _refuse_code(metas, METAS)
    for value in _strings(metas.get("file_path_metas", {})):
        if not (directory / value).resolve().is_relative_to(directory.resolve()):
            raise EngineError(
                f"{METAS} points to {seen(value)} outside its directory, which is not followed: "
                f"{CURE}, and mistrust where this one came from."
            )


def _refuse_code(value: object, name: str) -> None:
    for key, held in _pairs(value):
        if key in _CODE and held:
            raise EngineError(
                f"{name} asks for code of its own ({key}), an emotion2vec model needs none and it "
                f"is never run: {CURE}, and mistrust where this one came from."
            )


def _pairs(value: object) -> Iterator[tuple[str, object]]:
    """Yields every key with what it holds, however deep; the depth is bounded by the parsers."""
    if isinstance(value, dict):
        for key, held in value.items():
            yield str(key), held
            yield from _pairs(held)
    elif isinstance(value, list):
        for held in value:
            yield from _pairs(held)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for held in value.values():
            yield from _strings(held)
    elif isinstance(value, list):
        for held in value:
            yield from _strings(held)


def _check_values(value: object, key: str = "model_conf") -> None:
    if isinstance(value, dict):
        for inner, held in value.items():
            if not isinstance(inner, str):
                raise EngineError(f"{CONFIG} has the key {seen(inner)}, no string: {CURE}.")
            _check_values(held, inner)
    elif isinstance(value, list):
        for held in value:
            _check_values(held, key)
    elif isinstance(value, str):
        if "${" in value or len(value) > 500:  # OmegaConf would look it up, even in the environment
            raise EngineError(f"{CONFIG} has {key} as {seen(value)}, no plain text: {CURE}.")
    elif isinstance(value, int | float) and key in _BOUNDS:
        low, high = _BOUNDS[key]
        if isinstance(value, bool) or not low <= value <= high:
            raise EngineError(f"{CONFIG} has {key} {value}, expected is {low} to {high}: {CURE}.")
    elif value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
        raise EngineError(f"{CONFIG} has {key} as {seen(value)}, no plain value: {CURE}.")


def _audio(model_conf: dict[str, Any]) -> dict[str, Any]:
    modalities = model_conf.get("modalities")
    audio = modalities.get("audio") if isinstance(modalities, dict) else None
    if not isinstance(audio, dict):
        raise EngineError(f"{CONFIG} has no modalities.audio, the model needs it: {CURE}.")
    return audio


def _whole(table: dict[str, Any], key: str) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise EngineError(f"{CONFIG} has {key} {seen(value)}, expected is a number: {CURE}.")
    return value


def _prefixes(scope_map: object) -> tuple[str, ...]:
    """Returns the prefixes of `[source, destination, …]`, where a destination is always none."""
    pairs = scope_map if isinstance(scope_map, list) and len(scope_map) <= 16 else [None]
    parts = [part for part in pairs if isinstance(part, str)]
    odd = len(parts) != len(pairs) or len(parts) % 2
    if odd or any(part.lower() != "none" for part in parts[1::2]):
        raise EngineError(f"scope_map is {seen(scope_map)}, expected is prefix, none: {CURE}.")
    return tuple("" if part.lower() == "none" else part for part in parts[::2])


def _json(data: bytes) -> dict[str, Any]:
    try:
        table = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EngineError(f"{METAS} is not JSON, it must be: {CURE}.") from error
    if not isinstance(table, dict):
        raise EngineError(f"{METAS} holds {seen(table)}, expected is an object: {CURE}.")
    return table


def _loader() -> Any:
    """Returns a safe loader that takes `1e-5` for a number, as FunASR's (OmegaConf) does."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """PyYAML's own wants a dot in it."""

    number = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    return Loader


def _check_events(events: Iterator[Any]) -> None:
    """Refuses what makes a small text endless: aliases, and nesting that PyYAML is slow at."""
    depth = 0
    for event in events:
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if kind == "AliasEvent" or depth > 24:
            raise EngineError(
                f"{CONFIG} has aliases or is nested too deeply, a model's settings need neither: "
                f"{CURE}."
            )


def _yaml(data: bytes) -> dict[str, Any]:
    import yaml

    try:
        text = data.decode("utf-8")
        _check_events(yaml.parse(text))
        table = yaml.load(text, _loader())  # noqa: S506 - a SafeLoader with one more kind of number
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise EngineError(f"{CONFIG} is not plain YAML, it must be: {CURE}.") from error
    if not isinstance(table, dict):
        raise EngineError(f"{CONFIG} holds {seen(table)}, expected is a table: {CURE}.")
    return table
