"""The nine emotions, in the one order used everywhere.

Source: label set of emotion2vec+ (Ma et al., 2023, https://arxiv.org/abs/2312.15185); colours after
Paul Tol's "muted" scheme (https://personal.sron.nl/~pault/).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Emotion(StrEnum):
    """The name of one emotion, as stored, exported and answered."""

    ANGRY = "angry"
    DISGUSTED = "disgusted"
    FEARFUL = "fearful"
    HAPPY = "happy"
    NEUTRAL = "neutral"
    OTHER = "other"
    SAD = "sad"
    SURPRISED = "surprised"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Sign:
    """How one emotion is shown: its Chinese name, emoji, and colour on light and dark ground."""

    chinese: str
    emoji: str
    colour: str
    colour_on_dark: str


EMOTIONS: Final = tuple(Emotion)
N_EMOTIONS: Final = len(EMOTIONS)

SIGNS: Final = {
    Emotion.ANGRY: Sign("愤怒", "😠", "#CC6677", "#CC6677"),
    Emotion.DISGUSTED: Sign("厌恶", "🤢", "#999933", "#999933"),
    Emotion.FEARFUL: Sign("恐惧", "😨", "#AA4499", "#AA4499"),
    Emotion.HAPPY: Sign("快乐", "😊", "#DDCC77", "#DDCC77"),
    Emotion.NEUTRAL: Sign("中性", "😐", "#999999", "#999999"),
    Emotion.OTHER: Sign("其他", "🤔", "#44AA99", "#44AA99"),
    Emotion.SAD: Sign("悲伤", "😢", "#332288", "#8A80DC"),
    Emotion.SURPRISED: Sign("惊讶", "😲", "#88CCEE", "#88CCEE"),
    Emotion.UNKNOWN: Sign("未知", "❓", "#DDDDDD", "#555555"),
}
