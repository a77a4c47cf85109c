"""The two texts of an emotion2vec directory that have a grammar: its convolutions and its tokens."""

import ast
from math import prod
from typing import Final

from core.emotions import EMOTIONS, SIGNS, Emotion
from core.engines.base import HOP_SAMPLES
from core.errors import EngineError

TOKENS: Final = "tokens.txt"
MIN_SAMPLES: Final = 400
CURE: Final = "fetch the model again"

_NAMES = {str(emotion): emotion for emotion in EMOTIONS} | {
    "生气": Emotion.ANGRY, "厌恶": Emotion.DISGUSTED, "恐惧": Emotion.FEARFUL,
    "开心": Emotion.HAPPY, "中立": Emotion.NEUTRAL, "其他": Emotion.OTHER,
    "难过": Emotion.SAD, "吃惊": Emotion.SURPRISED, "<unk>": Emotion.UNKNOWN,
} | {sign.chinese: emotion for emotion, sign in SIGNS.items()}  # fmt: skip


def check_layers(spec: object) -> list[tuple[int, int, int]]:
    """Returns the convolutions that a `feature_encoder_spec` stands for, without evaluating it.

    Args:
        spec: such as `[(512, 10, 5)] + [(512, 3, 2)] * 4`: channels, kernel and stride.

    Raises:
        EngineError: there is anything in it but lists, tuples of small whole numbers, + and *; or
            the layers do not turn 320 samples into a frame of at least 400.
    """
    if not isinstance(spec, str) or len(spec) > 500:
        raise EngineError(f"feature_encoder_spec is {seen(spec)}, expected is a string: {CURE}.")
    try:
        layers = _layers(ast.parse(spec.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise EngineError(f"feature_encoder_spec is no list of layers: {CURE}.") from error
    hop = prod(stride for _, _, stride in layers)
    field, step = 1, 1
    for _, kernel, stride in layers:
        field += (kernel - 1) * step
        step *= stride
    if (hop, field) != (HOP_SAMPLES, MIN_SAMPLES):
        raise EngineError(
            f"feature_encoder_spec gives frames of {field} samples every {hop}, expected are "
            f"{MIN_SAMPLES} every {HOP_SAMPLES} (20 ms at 16 kHz): {CURE}."
        )
    return layers


def _layers(node: ast.expr) -> list[tuple[int, int, int]]:
    if isinstance(node, ast.List):
        found = [_layer(element) for element in node.elts]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        found = _layers(node.left) + _layers(node.right)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        times, repeated = node.right, node.left
        if isinstance(repeated, ast.Constant):
            times, repeated = repeated, times
        found = _layers(repeated) * _small(times, 16)
    else:
        raise _not_a_layer(node)
    if len(found) > 32:
        raise EngineError(f"feature_encoder_spec has {len(found)} layers, 32 are the most: {CURE}.")
    return found


def _layer(node: ast.expr) -> tuple[int, int, int]:
    if not isinstance(node, ast.Tuple) or len(node.elts) != 3:
        raise _not_a_layer(node)
    channels, kernel, stride = node.elts
    return _small(channels, 4096), _small(kernel, 64), _small(stride, 64)


def _small(node: ast.expr, most: int) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int and 1 <= node.value <= most:
        return node.value
    raise _not_a_layer(node)


def _not_a_layer(node: ast.expr) -> EngineError:
    return EngineError(
        f"feature_encoder_spec holds {ast.unparse(node)[:60]!r}, expected are lists and tuples of "
        f"small whole numbers, + and * only: {CURE}, and mistrust where this one came from."
    )


def classes_of(tokens: tuple[str, ...]) -> tuple[Emotion | None, ...]:
    """Returns the emotion that each token names, None for an `unuse_…`; the order is the tokens'.

    Raises:
        EngineError: a token names no emotion, two name the same, or none names any.
    """
    found: list[Emotion | None] = []
    for token in tokens[:64]:
        named = {_NAMES[part] for part in token.lower().split("/") if part in _NAMES}
        if token.startswith("unuse"):
            found.append(None)
        elif len(named) == 1 and not named & set(found):
            found.append(named.pop())
        else:
            raise EngineError(
                f"{TOKENS} holds {seen(token)}, expected is each of the nine emotions at most "
                f"once, by name, or unuse_…: {CURE}."
            )
    if not any(found) or len(tokens) > 64:
        raise EngineError(f"{TOKENS} names {len(tokens)} tokens, expected are up to nine: {CURE}.")
    return tuple(found)


def seen(value: object) -> str:
    """Returns the beginning of what came, for a sentence."""
    return repr(value)[:60]
