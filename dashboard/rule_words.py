"""Rules in words, and their settings by name."""

from typing import Final

from core.studies.rules import (
    POSTPROCESSING,
    Condition,
    EmotionHolds,
    LevelOver,
    Match,
    PostProcessing,
    Rule,
)

OWN: Final = "own settings"
SETTINGS: Final = (*POSTPROCESSING, OWN)
CONDITION: Final = (
    "Emotion: its raw score is at least so high. Level: the sound is louder than so many dB relative "
    "to full scale. Turning points: so many times the speech turns to an emotion."
)
AT_LEAST: Final = (
    "Raw score from 0 to 1, all nine together 1. A score is no confidence: try the rule on your "
    "recordings and listen."
)
POST: Final = (
    "What is done to the scores before the rule looks at them; stored frames stay as they are. Off: "
    "frames of 0.02 s, which flicker. Smoothed: read out over 1 s. Steady: over 2 s, goes on until the "
    "score is 0.1 below the bound, gaps up to 0.5 s are closed. Only sure: over 2 s, only where the "
    "calibrated confidence is at least 0.6, gaps closed."
)
HYSTERESIS: Final = (
    "A stretch that has begun goes on until the score falls this far below the bound."
)
TOGETHER: Final = (
    "How far apart the conditions may lie and still come together; 0: at the same time."
)
FOLLOWING: Final = (
    "How long after the end of one condition the next may begin; 0: before that one ends."
)
REVIEW: Final = (
    "Half of the moments were flagged by the rule, the others were drawn at random from speech that "
    "was not. Which is which stays hidden, so that it does not lead you."
)
PRECISION: Final = (
    "Of what the rule flags, the share that is right, with a 95% interval over speakers: moments of "
    "one speaker are not independent, so many of few speakers tell little."
)
RECALL: Final = (
    "Of what the rule looks for, the share that it flags. Unflagged moments count for all the speech "
    "that they were drawn from, so a few of them decide much: the interval is wide for good reason."
)


def sentence(rule: Rule) -> str:
    """Returns what a rule looks for, such as "angry at least 0.60 for at least 3 s".

    What stands between scores and conditions follows, where anything does.
    """
    settings = _settings(rule.post)
    return f"{_conditions(rule)}; {', '.join(settings)}" if settings else _conditions(rule)


def _settings(post: PostProcessing) -> list[str]:
    told = (
        (post.smoothing_s, f"scores smoothed over {post.smoothing_s:g} s"),
        (post.min_confidence, f"confidence at least {post.min_confidence:.2f}"),
        (post.hysteresis, f"goes on until {post.hysteresis:.2f} below the bound"),
        (post.merge_s, f"gaps up to {post.merge_s:g} s closed"),
        (post.min_duration_s, f"shorter than {post.min_duration_s:g} s left out"),
    )
    return [words for value, words in told if value]


def _conditions(rule: Rule) -> str:
    parts = [_condition(condition) for condition in rule.conditions]
    if len(parts) == 1:
        return parts[0]
    if rule.match is Match.ANY:
        return " or ".join(parts)
    if rule.match is Match.THEN:
        soon = f"at most {rule.within_s:g} s after" if rule.within_s else "before"
        return f"{', then '.join(parts)}, each beginning {soon} the one before it ends"
    near = f"within {rule.within_s:g} s" if rule.within_s else "at the same time"
    return f"{' and '.join(parts)}, {near}"


def settings_of(post: PostProcessing) -> str:
    """Returns the name of settings."""
    return next((name for name, known in POSTPROCESSING.items() if known == post), OWN)


def _condition(condition: Condition) -> str:
    if isinstance(condition, EmotionHolds):
        said = f"{condition.emotion} at least {condition.at_least:.2f}{_lasting(condition.for_s)}"
    elif isinstance(condition, LevelOver):
        said = f"level over {condition.over_db:g} dB{_lasting(condition.for_s)}"
    else:
        points = "1 turning point" if condition.count == 1 else f"{condition.count} turning points"
        said = f"{points} to {condition.emotion}"
        said += f" within {condition.within_s:g} s" if condition.count > 1 else ""
    return said if condition.speaker is None else f"{said} while {condition.speaker} speaks"


def _lasting(for_s: float) -> str:
    return f" for at least {for_s:g} s" if for_s else ""
