"""Rules that people write without code: what is looked for, as plain data that can be checked."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final

from core.emotions import EMOTIONS, Emotion
from core.errors import RuleError
from core.plain import one_line

FORMAT: Final = 1
MOST_CONDITIONS: Final = 10
MOST_BYTES: Final = 20_000
MOST_NAME: Final = 80


class Match(StrEnum):
    """Whether all conditions of a rule must come together, any is enough, or one follows another."""

    ALL = "all"
    ANY = "any"
    THEN = "then"


@dataclass(frozen=True)
class PostProcessing:
    """Settings between the curves and a rule; all off by default. Stored frames stay as they are.

    Attributes:
        smoothing_s: scores are read out over this width round each frame; 0 takes the frames.
        hysteresis: a stretch that has begun goes on until the score falls this far below the bound.
        min_duration_s: shorter stretches are dropped.
        min_confidence: frames under this calibrated confidence match nothing.
        merge_s: stretches with a gap up to this are joined, before the shortest are dropped.
    """

    smoothing_s: float = 0.0
    hysteresis: float = 0.0
    min_duration_s: float = 0.0
    min_confidence: float = 0.0
    merge_s: float = 0.0


POSTPROCESSING: Final[Mapping[str, PostProcessing]] = {
    "off": PostProcessing(),
    "smoothed": PostProcessing(smoothing_s=1.0),
    "steady": PostProcessing(smoothing_s=2.0, hysteresis=0.1, merge_s=0.5),
    "only sure": PostProcessing(smoothing_s=2.0, min_confidence=0.6, merge_s=0.5),
}


@dataclass(frozen=True)
class EmotionHolds:
    """An emotion's score is at least so high for at least so long.

    Attributes:
        speaker: only while this one speaks; None for anybody.
    """

    emotion: Emotion
    at_least: float
    for_s: float
    speaker: str | None = None


@dataclass(frozen=True)
class LevelOver:
    """The level is over so many dB (relative to full scale) for at least so long."""

    over_db: float
    for_s: float
    speaker: str | None = None


@dataclass(frozen=True)
class TurnsTo:
    """So many turning points to an emotion lie within so many seconds."""

    emotion: Emotion
    count: int
    within_s: float
    speaker: str | None = None


Condition = EmotionHolds | LevelOver | TurnsTo
_KINDS: Final[Mapping[str, type[Condition]]] = {
    "emotion": EmotionHolds,
    "level": LevelOver,
    "turning_points": TurnsTo,
}
_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "at_least": (0.0, 1.0),
    "for_s": (0.0, 86_400.0),
    "within_s": (0.0, 86_400.0),
    "over_db": (-120.0, 20.0),
    "count": (1, 1000),
    "smoothing_s": (0.0, 60.0),
    "hysteresis": (0.0, 1.0),
    "min_duration_s": (0.0, 3600.0),
    "min_confidence": (0.0, 1.0),
    "merge_s": (0.0, 3600.0),
}


@dataclass(frozen=True)
class Rule:
    """What is looked for.

    Attributes:
        name: given by a person.
        conditions: 1 to 10.
        match: how they belong together.
        within_s: where all must come together, how far apart they may lie; where they follow one
            another, how long after the end of one the next may begin.
        post: settings between curves and conditions.
    """

    name: str
    conditions: tuple[Condition, ...]
    match: Match = Match.ALL
    within_s: float = 0.0
    post: PostProcessing = PostProcessing()


def to_json(rule: Rule) -> str:
    """Returns a rule as JSON text, always the same for the same rule."""
    kinds = {kind: name for name, kind in _KINDS.items()}
    says = {
        "format": FORMAT,
        "name": rule.name,
        "match": str(rule.match),
        "within_s": rule.within_s,
        "conditions": [{"kind": kinds[type(c)], **asdict(c)} for c in rule.conditions],
        "postprocessing": asdict(rule.post),
    }
    return json.dumps(says, sort_keys=True, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Rule:
    """Returns a checked rule.

    Raises:
        RuleError: the text is no rule, or a rule that makes no sense.
    """
    if len(text) > MOST_BYTES:
        raise RuleError(
            f"The rule has {len(text):,} characters; {MOST_BYTES:,} are enough for any."
        )
    try:
        says = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RuleError("The rule is no JSON that can be read; write it anew.") from error
    known = {"format", "name", "match", "within_s", "conditions", "postprocessing"}
    _known(says, known, "A rule")
    if says.get("format", FORMAT) != FORMAT:
        raise RuleError(f"The rule is of another format than {FORMAT}; update Tonescope.")
    conditions = says.get("conditions")
    if not isinstance(conditions, list) or not 1 <= len(conditions) <= MOST_CONDITIONS:
        raise RuleError(f"A rule has 1 to {MOST_CONDITIONS} conditions; give a list of them.")
    match = says.get("match", "all")
    if match not in tuple(Match):
        raise RuleError(
            f"A rule matches 'all' or 'any' of its conditions, or one 'then' another, not {match!r:.30}."
        )
    post = says.get("postprocessing", {})
    _known(post, {field.name for field in fields(PostProcessing)}, "The post-processing")
    return Rule(
        name=_name(says.get("name")),
        conditions=tuple(_condition(condition) for condition in conditions),
        match=Match(match),
        within_s=_number("within_s", says.get("within_s", 0.0)),
        post=PostProcessing(**{key: _number(key, value) for key, value in post.items()}),
    )


def _condition(says: Any) -> Condition:
    kind = says.get("kind") if isinstance(says, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise RuleError(
            f"A condition is of the kind {', '.join(_KINDS)}; this one is {kind!r:.40}."
        )
    wanted = [field.name for field in fields(_KINDS[kind])]
    _known(says, {"kind", *wanted}, f"A condition of the kind {kind!r}")
    values: dict[str, Any] = {}
    for key in wanted:
        value = says.get(key)
        if key == "emotion":
            if value not in tuple(EMOTIONS):
                raise RuleError(f"{value!r:.40} is none of the emotions {', '.join(EMOTIONS)}.")
            values[key] = Emotion(value)
        elif key == "speaker":
            values[key] = None if value is None else _name(value)
        else:
            values[key] = _number(key, value)
    if "count" in values:
        values["count"] = round(values["count"])
    return _KINDS[kind](**values)


def _number(key: str, value: Any) -> float:
    low, high = _BOUNDS[key]
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high:
        raise RuleError(f"{key} is {value!r:.40}; give a number from {low:g} to {high:g}.")
    return float(value)


def _name(value: Any) -> str:
    clean = one_line(value) if isinstance(value, str) else ""
    if not 0 < len(clean) <= MOST_NAME:
        raise RuleError(f"A rule or speaker needs a name of 1 to {MOST_NAME} characters; give one.")
    return clean


def _known(says: Any, keys: set[str], what: str) -> None:
    if not isinstance(says, dict):
        raise RuleError(f"{what} is an object with {', '.join(sorted(keys))}; write it anew.")
    strange = sorted(str(key)[:40] for key in set(says) - keys)
    if strange:
        raise RuleError(f"{what} has no {', '.join(strange[:5])}; use {', '.join(sorted(keys))}.")
