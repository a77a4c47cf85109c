"""Turns from other programs: RTTM, CSV and ELAN; files are read as if a stranger had written them."""

import contextlib
import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import TurnError
from core.records import Turn
from core.speakers.turns import checked, overlaps, speakers

IMPORT: Final = "import"
MAX_BYTES: Final = 20 << 20
FORMATS: Final = (".rttm", ".csv", ".tsv", ".eaf")
MANY: Final = 12  # speakers; more are mostly tiers that are none
_STARTS: Final = ("start_s", "start", "begin", "onset", "tmin")
_ENDS: Final = ("end_s", "end", "offset", "tmax")
_NAMES: Final = ("speaker", "name", "participant", "label", "tier")


@dataclass(frozen=True)
class TurnFile:
    """What a file of turns holds.

    Attributes:
        turns: in order of time; those of one speaker that overlap or touch are joined.
        warnings: sentences on what a person should look at before the turns are used.
    """

    turns: tuple[Turn, ...]
    warnings: tuple[str, ...]


def read_turns(
    path: Path, duration_s: float, tiers: Sequence[str] = (), name: str | None = None
) -> TurnFile:
    """Returns the turns of a file, and what is odd about them.

    Args:
        path: `.rttm`; `.csv` or `.tsv` with the columns `start_s`, `end_s`, `speaker`; or `.eaf`.
        duration_s: of the recording that they belong to.
        tiers: of ELAN, the tiers to take; by default all that have times of their own.
        name: what errors call the file; by default its own name.

    Raises:
        TurnError: the file cannot be read, holds no turns, or none of this recording.
    """
    name = name or path.name
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise TurnError(
            f"{name!r} is no file of turns that can be read; give one that ends in "
            f"{', '.join(FORMATS)}."
        )
    data = _bytes(path, name)
    if kind == ".eaf":
        found = _elan(path, tiers, name)
    elif kind == ".rttm":
        found = list(_rttm(_text(data, name), name))
    else:
        found = list(_table(_text(data, name), name))
    if not found:
        raise TurnError(f"{name!r} holds no turns; check that it is the right file.")
    turns = checked(found, duration_s)
    return TurnFile(turns, tuple(_warnings(found, turns, duration_s)))


def _warnings(found: Sequence[Turn], turns: Sequence[Turn], duration_s: float) -> Iterator[str]:
    n_late = sum(turn.end_s > duration_s + 0.05 for turn in found)
    if n_late:
        yield (
            f"What lies beyond the end of the recording ({duration_s:.2f} s) will be cut off "
            f"({_counted(n_late, 'turn')})."
        )
    if len(turns) < len(found):
        yield (
            f"{_counted(len(found), 'turn')} of the file become {len(turns):,}, as those of one "
            "speaker that overlap or touch are joined."
        )
    both_s = sum(span.duration_s for span in overlaps(turns))
    if both_s:
        yield f"For {both_s:.1f} s more than one person speaks; that will be in no segment."
    n_speakers = len(speakers(turns))
    if n_speakers > MANY:
        yield f"There are {n_speakers} speakers; check that each of them is a person."


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _bytes(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TurnError(
            f"{name!r} cannot be read ({error.strerror}); check its path and permissions."
        ) from error
    if len(data) > MAX_BYTES:
        raise TurnError(
            f"{name!r} is larger than {MAX_BYTES >> 20} MB, too much for turns; give the turns "
            "of one recording."
        )
    return data


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TurnError(f"{name!r} is no text in UTF-8; save it as such.") from error


def _rttm(text: str, name: str) -> Iterator[Turn]:
    """Yields the SPEAKER lines of RTTM; those of several recordings are refused."""
    recordings = set()
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        if len(fields) < 8:
            raise TurnError(
                f"Line {number} of {name!r} has {len(fields)} fields; SPEAKER lines of RTTM have at "
                "least 8, of which the fourth is the start, the fifth the duration, the eighth the "
                "speaker."
            )
        recordings.add((fields[1], fields[2]))
        if len(recordings) > 1:
            raise TurnError(f"{name!r} holds the turns of several recordings; give those of one.")
        start_s, duration_s = (_number(fields[i], number, name) for i in (3, 4))
        if duration_s > 0:
            yield Turn(fields[7], start_s, start_s + duration_s, IMPORT)


def _table(text: str, name: str) -> Iterator[Turn]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        header = [column.strip().lower() for column in next(rows, [])]
        columns = [_column(header, names, name) for names in (_STARTS, _ENDS, _NAMES)]
        for number, row in enumerate(rows, 2):
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= max(columns):
                raise TurnError(
                    f"Line {number} of {name!r} has {len(row)} columns, its header {len(header)}; "
                    "give each line all columns."
                )
            start, end, speaker = (row[i].strip() for i in columns)
            yield Turn(speaker, _number(start, number, name), _number(end, number, name), IMPORT)
    except csv.Error as error:
        raise TurnError(
            f"{name!r} is no table that can be read ({error}); save it anew."
        ) from error


def _column(header: list[str], names: Sequence[str], file: str) -> int:
    for wanted in names:
        if wanted in header:
            return header.index(wanted)
    raise TurnError(
        f"{file!r} has no column {names[0]!r}; its first line must name the columns start_s, end_s "
        "and speaker."
    )


def _number(text: str, line: int, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TurnError(
            f"Line {line} of {name!r} has {text[:40]!r} where a time in seconds must be; mend it."
        )
    return value


def _elan(path: Path, tiers: Sequence[str], name: str) -> list[Turn]:
    """Returns the annotations of tiers with times of their own, under the participant's name."""
    from pympi.Elan import Eaf

    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            eaf = Eaf(str(path))
        found = [
            Turn(_who(eaf, tier), start_ms / 1000, end_ms / 1000, IMPORT)
            for tier in (tiers or eaf.get_tier_names())
            for start_ms, end_ms, *_ in _aligned(eaf, tier, name)
        ]
    except TurnError:
        raise
    except Exception as error:  # the package raises whatever a damaged file leads to
        raise TurnError(
            f"{name!r} is no ELAN file that can be read ({type(error).__name__}); open it in "
            "ELAN and save it anew."
        ) from error
    return [turn for turn in found if turn.start_s < turn.end_s]


def _aligned(eaf: object, tier: str, name: str) -> list[tuple[int, int, str]]:
    known: dict[str, tuple[dict[str, tuple[str, str, str, str]], object, object, object]] = (
        eaf.tiers  # type: ignore[attr-defined]
    )
    slots: dict[str, int] = eaf.timeslots  # type: ignore[attr-defined]
    if tier not in known:
        raise TurnError(
            f"{name!r} has no tier {tier!r}; its tiers are {', '.join(map(repr, known))}."
        )
    times = [(slots.get(row[0]), slots.get(row[1])) for row in known[tier][0].values()]
    return [(int(a), int(b), "") for a, b in times if a is not None and b is not None]


def _who(eaf: object, tier: str) -> str:
    said = eaf.tiers[tier][2].get("PARTICIPANT")  # type: ignore[attr-defined]
    return str(said).strip() if said and str(said).strip() else tier
