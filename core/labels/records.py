"""What people say of a stretch of a recording."""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from core.emotions import EMOTIONS, SIGNS
from core.errors import LabelError
from core.plain import one_line

MOST_TERM: Final = 100
MOST_TRANSCRIPT: Final = 5_000
MOST_NOTE: Final = 2_000
MOST_NAME: Final = 80
SHORTEST_S: Final = 0.001  # the formats that labels are exchanged in count milliseconds
_PAST_THE_END_S: Final = 0.1  # players and engines differ on where a file ends


class Kind(StrEnum):
    """What a label is: a judgement of emotion, or what was said."""

    EMOTION = "emotion"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A label as it is handed in.

    Attributes:
        recording: SHA-256 of its bytes.
        start_s: from the start of the recording.
        term: one of the nine emotions, or a word of one's own; of a transcript what was said.
        annotator: whose judgement it is; of a transcript who speaks.
        channel: from 0, or None for all.
        intensity: from 0 to 1, or None where it was not given.
        blind: whether the engine's results were hidden from the annotator; None if not known.
        origin: name of the file it came from, or None where it was made here.
    """

    recording: str
    start_s: float
    end_s: float
    term: str
    annotator: str
    channel: int | None = None
    intensity: float | None = None
    note: str | None = None
    kind: Kind = Kind.EMOTION
    blind: bool | None = None
    origin: str | None = None


@dataclass(frozen=True, kw_only=True)
class Label(Draft):
    """A label as it stands.

    Attributes:
        label: names it for ever, whatever it is changed to.
        by: who made or imported it.
        created_at: when it got its present form, UTC.
    """

    label: int
    by: str
    created_at: datetime


def term_of(word: str) -> str:
    """Returns a word as a term: one of the nine emotions where it is one's name, or as it is.

    The English and Chinese names count in upper and lower case; nothing else is guessed.
    """
    word = one_line(word)
    return _NAMES.get(word.casefold(), word)


_NAMES: Final = {str(emotion): str(emotion) for emotion in EMOTIONS} | {
    SIGNS[emotion].chinese: str(emotion) for emotion in EMOTIONS
}


def checked(draft: Draft, duration_s: float) -> Draft:
    """Returns a draft in the form in which it is kept.

    Args:
        draft: of anybody.
        duration_s: of its recording.

    Raises:
        LabelError: it cannot be kept.
    """
    annotator = one_line(draft.annotator)
    if not 0 < len(annotator) <= MOST_NAME:
        raise LabelError(
            f"A label needs its annotator's name, of at most {MOST_NAME} characters; give one."
        )
    most = MOST_TRANSCRIPT if draft.kind is Kind.TRANSCRIPT else MOST_TERM
    term = one_line(draft.term) if draft.kind is Kind.TRANSCRIPT else term_of(draft.term)
    if not 0 < len(term) <= most:
        raise LabelError(
            f"A label has {len(term)} characters; give it one of the nine emotions or a term of "
            f"your own, of 1 to {most} characters."
        )
    if draft.intensity is not None and not 0 <= draft.intensity <= 1:
        raise LabelError(f"The intensity {draft.intensity:g} lies outside 0 to 1; give one inside.")
    note = one_line(draft.note or "", MOST_NOTE) or None
    start_s, end_s = _bounds(draft, duration_s)
    channel = draft.channel
    if channel is not None and channel < 0:
        raise LabelError(f"There is no channel {channel}; give one from 0, or none for all.")
    return replace(draft, annotator=annotator, term=term, note=note, start_s=start_s, end_s=end_s)


def _bounds(draft: Draft, duration_s: float) -> tuple[float, float]:
    """Returns start and end to the microsecond, within the recording."""
    start_s, end_s = draft.start_s, draft.end_s
    inside = math.isfinite(start_s) and math.isfinite(end_s)
    inside = inside and start_s >= 0 and end_s <= duration_s + _PAST_THE_END_S
    start_s, end_s = round(start_s, 6) if inside else 0.0, min(end_s, duration_s)
    if not inside or end_s - start_s < SHORTEST_S - 1e-9:
        raise LabelError(
            f"A label from {draft.start_s:g} to {draft.end_s:g} s is no stretch of this recording; "
            f"give a start and a later end between 0 and {duration_s:g} s."
        )
    return start_s, round(end_s, 6)
