"""Words of other label sets, and which of the nine emotions they are usually mapped to."""

from collections.abc import Iterable, Mapping
from typing import Final

from core.emotions import EMOTIONS, Emotion
from core.labels.records import term_of

_USUAL: Final = {
    Emotion.ANGRY: ("anger", "ang", "a", "hot anger"),
    Emotion.DISGUSTED: ("disgust", "dis", "d"),
    Emotion.FEARFUL: ("fear", "fea", "afraid", "anxiety", "f"),
    Emotion.HAPPY: ("happiness", "hap", "joy", "joyful", "h"),
    Emotion.NEUTRAL: ("neu", "neutrality", "n"),
    Emotion.OTHER: ("oth", "o"),
    Emotion.SAD: ("sadness", "s"),
    Emotion.SURPRISED: ("surprise", "sur", "ps", "pleasant surprise", "u"),
    Emotion.UNKNOWN: ("<unk>", "xxx", "x"),
}
_WORDS: Final[Mapping[str, Emotion]] = {
    word: emotion for emotion, words in _USUAL.items() for word in words
}


def suggested(words: Iterable[str]) -> dict[str, Emotion | None]:
    """Returns what words of a label set may stand for; None where nothing is suggested.

    A suggestion is to be looked at by a person. Words such as `calm`, `frustrated` or `bored` stand
    for none of the nine, and nothing is suggested for them.
    """
    found: dict[str, Emotion | None] = {}
    for word in words:
        term = term_of(word)
        known = Emotion(term) if term in tuple(EMOTIONS) else None
        found[word] = known or _WORDS.get(term.casefold())
    return found
