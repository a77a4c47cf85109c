"""Correcting turns by hand, and what follows from them; every function returns new turns."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from core.errors import TurnError
from core.records import Span, Turn

HAND: Final = "hand"
MOST_TURNS: Final = 100_000
MOST_LETTERS: Final = 200
_SNAP: Final = 1e-6

Turns = tuple[Turn, ...]


def checked(turns: Iterable[Turn], duration_s: float) -> Turns:
    """Returns turns in order of time, once each is known to be one.

    Args:
        turns: in any order; those of one speaker that overlap or touch are joined.
        duration_s: of the recording; what reaches beyond its end is cut off there.

    Raises:
        TurnError: a turn has no name, is empty, or lies outside the recording.
    """
    clean: list[Turn] = []
    for turn in turns:
        name = " ".join(turn.speaker.split())
        if not 0 < len(name) <= MOST_LETTERS:
            raise TurnError(
                f"The turn from {turn.start_s:.2f} s names its speaker with {len(name)} letters; "
                f"give each turn a name of 1 to {MOST_LETTERS} letters."
            )
        if not 0 <= turn.start_s < turn.end_s < float("inf"):
            raise TurnError(
                f"The turn of {name!r} goes from {turn.start_s:.2f} to {turn.end_s:.2f} s; its end "
                "must come after its start, and its start not before 0."
            )
        if turn.start_s >= duration_s:
            raise TurnError(
                f"The turn of {name!r} starts at {turn.start_s:.2f} s, but the recording ends at "
                f"{duration_s:.2f} s; check that these are the turns of this recording."
            )
        clean.append(replace(turn, speaker=name, end_s=min(turn.end_s, duration_s)))
    if len(clean) > MOST_TURNS:
        raise TurnError(f"There are {len(clean)} turns; at most {MOST_TURNS} can be taken.")
    return _joined(clean)


def speakers(turns: Iterable[Turn]) -> tuple[str, ...]:
    """Returns the names, in the order in which they first speak."""
    return tuple(dict.fromkeys(turn.speaker for turn in sorted(turns, key=_when)))


def rename(turns: Turns, old: str, new: str) -> Turns:
    """Gives a speaker another name; where somebody has it already, the two become one.

    Raises:
        TurnError: nobody has the old name, or the new one is no name.
    """
    _known(turns, old)
    changed = [
        replace(turn, speaker=new, source=HAND) if turn.speaker == old else turn for turn in turns
    ]
    return checked(changed, _end(turns))


def merge(turns: Turns, one: str, other: str) -> Turns:
    """Makes two speakers one, under the first one's name.

    Raises:
        TurnError: nobody has one of the names.
    """
    _known(turns, one)
    return rename(turns, other, one)


def assign(turns: Turns, number: int, speaker: str) -> Turns:
    """Gives one turn, counted from 0, to a speaker, known or new.

    Raises:
        TurnError: there is no such turn, or this is no name.
    """
    changed = replace(_turn(turns, number), speaker=speaker, source=HAND)
    return checked((*turns[:number], changed, *turns[number + 1 :]), _end(turns))


def split(turns: Turns, number: int, at_s: float, speaker: str | None = None) -> Turns:
    """Splits a turn in two; its second part goes to a speaker, or stays.

    Raises:
        TurnError: there is no such turn, or the time does not lie within it.
    """
    turn = _turn(turns, number)
    if not turn.start_s < at_s < turn.end_s:
        raise TurnError(
            f"The turn of {turn.speaker!r} goes from {turn.start_s:.2f} to {turn.end_s:.2f} s and "
            f"cannot be split at {at_s:.2f} s; choose a time within it."
        )
    first = replace(turn, end_s=at_s, source=HAND)
    second = replace(turn, start_s=at_s, source=HAND, speaker=speaker or turn.speaker)
    return tuple(sorted((*turns[:number], first, second, *turns[number + 1 :]), key=_when))


def give(turns: Turns, span: Span, speaker: str | None, together: bool = False) -> Turns:
    """Gives a stretch to a speaker, known or new; turns that reach into it are cut off there.

    Args:
        turns: who speaks when.
        span: the stretch.
        speaker: whose it is, or None for nobody's.
        together: whether those who speak in it go on, so that several speak at the same time.

    Raises:
        TurnError: this is no name.
    """
    speaker = speaker if speaker is None else " ".join(speaker.split())
    found: list[Turn] = []
    for turn in turns:
        mine = turn.speaker == speaker
        if together or mine or turn.end_s <= span.start_s or turn.start_s >= span.end_s:
            found.append(turn)
            continue
        if turn.start_s < span.start_s:
            found.append(replace(turn, end_s=span.start_s, source=HAND))
        if turn.end_s > span.end_s:
            found.append(replace(turn, start_s=span.end_s, source=HAND))
    if speaker is not None:
        found.append(Turn(speaker, span.start_s, span.end_s, HAND))
    return checked(found, max(_end(turns), span.end_s))


def split_at(turns: Turns, at_s: float, speaker: str) -> Turns:
    """Gives another speaker what of a turn comes after a time.

    Where turns overlap there, it is the one that began last.

    Raises:
        TurnError: nobody speaks then, the turn is that speaker's, or this is no name.
    """
    there = [n for n, turn in enumerate(turns) if turn.start_s < at_s < turn.end_s]
    if not there:
        raise TurnError(f"Nobody's turn goes on at {at_s:.2f} s; choose a time within one.")
    number = there[-1]
    if turns[number].speaker == " ".join(speaker.split()):
        raise TurnError(
            f"The turn at {at_s:.2f} s is that of {turns[number].speaker!r} already; choose who "
            "speaks from there on."
        )
    return checked(split(turns, number, at_s, speaker), _end(turns))


def move_boundary(turns: Turns, number: int, to_s: float) -> Turns:
    """Moves the boundary between a turn and the one after it.

    Both are set to meet there, whether there was a pause or an overlap between them.

    Raises:
        TurnError: there is no turn after it, or one of the two would be left empty.
    """
    before, after = _turn(turns, number), _turn(turns, number + 1)
    if not before.start_s < to_s < after.end_s:
        raise TurnError(
            f"A boundary at {to_s:.2f} s would leave a turn empty; choose a time between "
            f"{before.start_s:.2f} and {after.end_s:.2f} s."
        )
    moved = (replace(before, end_s=to_s, source=HAND), replace(after, start_s=to_s, source=HAND))
    return (*turns[:number], *moved, *turns[number + 2 :])


def overlaps(turns: Sequence[Turn]) -> tuple[Span, ...]:
    """Returns the stretches in which more than one person speaks, in order."""
    return tuple(span for span, _ in together(turns))


def together(turns: Sequence[Turn]) -> tuple[tuple[Span, tuple[str, ...]], ...]:
    """Returns the stretches in which more than one person speaks, in order, with their names."""
    return tuple(
        (span, tuple(sorted(names))) for span, names in _stretches(turns) if len(names) > 1
    )


def by_speaker(
    speech: Sequence[Span], turns: Sequence[Turn]
) -> tuple[tuple[str | None, tuple[Span, ...]], ...]:
    """Returns speech in stretches of one speaker each, in order.

    What several people say at once belongs to none of them and is left out; speech that no turn
    covers comes under None.

    Args:
        speech: stretches of speech, in order, none touching another.
        turns: who speaks when.
    """
    end_s = max((span.end_s for span in speech), default=0.0)
    stretches = _stretches(turns, end_s)
    found: list[tuple[str | None, list[Span]]] = []
    number, boundary = 0, True
    for span in speech:
        while number and stretches[number - 1][0].end_s > span.start_s:
            number -= 1
        while number < len(stretches) and stretches[number][0].start_s < span.end_s:
            stretch, names = stretches[number]
            number += 1
            part = Span(max(span.start_s, stretch.start_s), min(span.end_s, stretch.end_s))
            if part.duration_s <= 0:
                continue
            if len(names) > 1:
                boundary = True
                continue
            who = next(iter(names), None)
            if boundary or found[-1][0] != who:
                found.append((who, []))
            found[-1][1].append(part)
            boundary = False
    return tuple((who, tuple(spans)) for who, spans in found)


def speech_seconds(speech: Sequence[Span], turns: Sequence[Turn]) -> dict[str, float]:
    """Returns how long each person speaks, overlaps counted for each, by name.

    Only what is speech counts: pauses within a turn do not.
    """
    seconds = dict.fromkeys(speakers(turns), 0.0)
    ordered = sorted(turns, key=_when)
    first = 0
    for span in speech:
        while first < len(ordered) and ordered[first].end_s <= span.start_s:
            first += 1
        for turn in ordered[first:]:
            if turn.start_s >= span.end_s:
                break
            shared = min(turn.end_s, span.end_s) - max(turn.start_s, span.start_s)
            seconds[turn.speaker] += max(0.0, shared)
    return seconds


def across(spans: Sequence[Span], speech: Sequence[Span], turns: Sequence[Turn]) -> int:
    """Returns how many of some stretches hold the speech of more than one person.

    Args:
        spans: the stretches, in order, none overlapping another.
        speech: stretches of speech, in order.
        turns: who speaks when; speech that no turn covers counts for nobody.
    """
    parts = [(who, part) for who, found in by_speaker(speech, turns) for part in found]
    first = count = 0
    for span in spans:
        while first < len(parts) and parts[first][1].end_s <= span.start_s + _SNAP:
            first += 1
        names = set()
        for who, part in parts[first:]:
            if part.start_s >= span.end_s - _SNAP:
                break
            names.add(who)
        count += len(names - {None}) > 1
    return count


def _stretches(turns: Sequence[Turn], end_s: float = 0.0) -> list[tuple[Span, frozenset[str]]]:
    """Returns the time from 0 on, cut wherever who speaks changes, with the names."""
    events = sorted(
        [(turn.start_s, 1, turn.speaker) for turn in turns]
        + [(turn.end_s, -1, turn.speaker) for turn in turns]
    )
    times = sorted({0.0, end_s, *(time for time, _, _ in events)})
    counts: dict[str, int] = {}
    found: list[tuple[Span, frozenset[str]]] = []
    at = 0
    for start, end in pairwise(times):
        while at < len(events) and events[at][0] <= start:
            _, change, name = events[at]
            counts[name] = counts.get(name, 0) + change
            at += 1
        names = frozenset(name for name, count in counts.items() if count > 0)
        if found and found[-1][1] == names:
            found[-1] = (Span(found[-1][0].start_s, end), names)
        else:
            found.append((Span(start, end), names))
    return found


def _joined(turns: Sequence[Turn]) -> Turns:
    """Joins what touches or overlaps of one speaker."""
    last: dict[str, int] = {}
    found: list[Turn] = []
    for turn in sorted(turns, key=_when):
        at = last.get(turn.speaker)
        if at is not None and turn.start_s <= found[at].end_s:
            longer = max(found[at].end_s, turn.end_s)
            source = found[at].source if found[at].source == turn.source else HAND
            found[at] = replace(found[at], end_s=longer, source=source)
        else:
            last[turn.speaker] = len(found)
            found.append(turn)
    return tuple(found)


def _when(turn: Turn) -> tuple[float, float]:
    return turn.start_s, turn.end_s


def _end(turns: Turns) -> float:
    return max((turn.end_s for turn in turns), default=0.0)


def _known(turns: Turns, name: str) -> None:
    if name not in speakers(turns):
        there_are = ", ".join(map(repr, speakers(turns))) or "none"
        raise TurnError(f"No turn belongs to {name!r}; the speakers here are {there_are}.")


def _turn(turns: Turns, number: int) -> Turn:
    if not 0 <= number < len(turns):
        raise TurnError(f"There is no turn {number}; these are {len(turns)}, counted from 0.")
    return turns[number]
