"""Who, when and what for: session, speaker, date and tags from tables and from file names."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePath
from typing import Final

from core.errors import StudyError
from core.plain import one_line
from core.records import Metadata

MOST_BYTES: Final = 20_000_000
MOST_ROWS: Final = 200_000
MOST_TEXT: Final = 200
MOST_NAME: Final = 300
FIELDS: Final = ("session", "speaker", "date", "tags")
_PARTICIPANT: Final = "participant_id"


@dataclass(frozen=True)
class Grouped:
    """What is said of one file or recording.

    Attributes:
        key: a file name, a path, or the SHA-256 of a recording; of BIDS the name of a participant.
        metadata: only what was given.
    """

    key: str
    metadata: Metadata


def read_table(path: Path) -> tuple[Grouped, ...]:
    """Returns the rows of a CSV, or of a BIDS-style `participants.tsv`.

    A CSV has a column `file` or `recording`, and any of `session`, `speaker`, `date` and `tags` (split
    at semicolons). A TSV with `participant_id` has a row for each person: further columns become tags
    (`sex=F`), and the person's files are those with the name in them as BIDS has it (`sub-01`).

    Raises:
        StudyError: the file cannot be read, lacks a column, or a row makes no sense.
    """
    text = _text(path)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    try:
        columns = [column.strip() for column in reader.fieldnames or []]
        reader.fieldnames = columns
        rows = [row for row, _ in zip(reader, range(MOST_ROWS + 1), strict=False)]
    except csv.Error as error:
        raise StudyError(f"{path.name} cannot be read as a table ({error}).") from error
    if len(rows) > MOST_ROWS:
        raise StudyError(f"{path.name} has over {MOST_ROWS:,} rows; split it.")
    key = next((c for c in ("file", "recording", _PARTICIPANT) if c in columns), None)
    if key is None or len(set(columns)) != len(columns):
        raise StudyError(
            f"{path.name} has the columns {', '.join(columns)[:200] or 'none'}; it needs file, "
            f"recording or {_PARTICIPANT}, each column once."
        )
    found = []
    for number, row in enumerate(rows, 2):
        where = f"{path.name}, line {number}"
        values = {k: one_line(v or "", MOST_TEXT) for k, v in row.items() if isinstance(k, str)}
        name = values.get(key, "")
        if not name:
            raise StudyError(f"{where}: {key} is empty; name what the row is about.")
        if key == _PARTICIPANT:
            found.append(Grouped(name, _participant(values)))
        else:
            found.append(Grouped(name, metadata_of(values, where)))
    return tuple(found)


def _participant(values: Mapping[str, str]) -> Metadata:
    told = {k: v for k, v in values.items() if k != _PARTICIPANT and v not in ("", "n/a")}
    tags = [f"{k}={v}" for k, v in told.items() if k != "session_id"]
    session = told.get("session_id")
    return Metadata(session=session, speaker=values[_PARTICIPANT], tags=tuple(tags))


def metadata_of(values: Mapping[str, str], where: str = "The row") -> Metadata:
    """Returns session, speaker, date and tags from texts; what is empty is not given.

    Raises:
        StudyError: the date is none.
    """
    day = (values.get("date") or values.get("recorded_on") or "").strip()
    digits = re.fullmatch(r"(\d{4})(\d{2})(\d{2})", day)
    try:
        when = date.fromisoformat("-".join(digits.groups()) if digits else day) if day else None
    except ValueError as error:
        raise StudyError(f"{where}: {day[:40]!r} is no date; write it as 2026-01-31.") from error
    tags = dict.fromkeys(one_line(tag, MOST_TEXT) for tag in values.get("tags", "").split(";"))
    return Metadata(
        session=one_line(values.get("session") or "", MOST_TEXT) or None,
        speaker=one_line(values.get("speaker") or "", MOST_TEXT) or None,
        recorded_on=when,
        tags=tuple(tag for tag in tags if tag),
    )


def compiled(pattern: str) -> re.Pattern[str]:
    """Returns a pattern of file names as a regular expression.

    A pattern with `(?P<speaker>…)` is one already; else it is a template such as
    `{speaker}_{session}_{date}`, where `{any}` stands for what does not matter, and each field ends
    where the next character of the template stands.

    Raises:
        StudyError: it has none of the fields, another one, or cannot be understood.
    """
    if len(pattern) > MOST_NAME:
        raise StudyError(f"The pattern has {len(pattern)} characters; {MOST_NAME} are enough.")
    try:
        found = re.compile(pattern if "(?P<" in pattern else _template(pattern))
    except re.error as error:
        raise StudyError(f"The pattern cannot be understood ({error}); mend it.") from error
    strange = set(found.groupindex) - set(FIELDS)
    if strange or not found.groupindex:
        raise StudyError(
            f"A pattern has some of the fields {', '.join(FIELDS)}, each once; this one has "
            f"{', '.join(sorted(found.groupindex)) or 'none'}."
        )
    return found


def _template(pattern: str) -> str:
    parts = re.split(r"\{(\w+)\}", pattern)
    made = ""
    for number, part in enumerate(parts):
        if number % 2 == 0:
            made += re.escape(part)
            continue
        after = parts[number + 1][:1]
        text = rf"[^{re.escape(after)}/\\]+" if after else r"[^/\\]+"
        made += text if part == "any" else f"(?P<{part}>{text})"
    return made


def from_names(pattern: str, names: Iterable[str]) -> list[tuple[str, Metadata | None]]:
    """Returns what a pattern reads from each file name, for a preview; None where it does not fit.

    The whole name must fit, with or without its suffix. A text that is no date where one should be does
    not fit either.

    Raises:
        StudyError: the pattern cannot be understood.
    """
    expression = compiled(pattern)
    return [(name, _from_name(expression, name)) for name in names]


def _from_name(expression: re.Pattern[str], name: str) -> Metadata | None:
    short = PurePath(name).name[:MOST_NAME]
    fits = expression.fullmatch(PurePath(short).stem) or expression.fullmatch(short)
    if fits is None:
        return None
    try:
        return metadata_of({k: v for k, v in fits.groupdict().items() if v})
    except StudyError:
        return None


def matched(
    rows: Sequence[Grouped], recordings: Mapping[str, str]
) -> tuple[dict[str, Metadata], tuple[Grouped, ...]]:
    """Returns which recording each row is about, and the rows that are about none.

    A row names a recording by its SHA-256 (at least 8 digits), by its file name, or by a participant
    that stands in the name as BIDS has it (`sub-01`). A name that several recordings have is none.

    Args:
        rows: of `read_table`.
        recordings: name of each recording, by SHA-256.
    """
    by_name: dict[str, list[str]] = {}
    for recording, name in recordings.items():
        by_name.setdefault(PurePath(name).name, []).append(recording)
    found: dict[str, Metadata] = {}
    left: list[Grouped] = []
    for row in rows:
        mine = by_name.get(PurePath(row.key).name, [])
        if not mine and re.fullmatch(r"[0-9a-f]{8,64}", row.key):
            mine = [recording for recording in recordings if recording.startswith(row.key)]
        several = False
        if not mine and row.key == row.metadata.speaker:
            mine = [r for r, name in recordings.items() if _about(row.key, name)]
            several = True
        if not mine or (len(mine) > 1 and not several):
            left.append(row)
        found |= {recording: row.metadata for recording in mine if several or len(mine) == 1}
    return found, tuple(left)


def _about(participant: str, name: str) -> bool:
    """Whether a participant's name stands in a file's name, as a part of it between `_`, `-`, `.`."""
    label = participant.removeprefix("sub-")
    return bool(re.search(rf"(^|[_/.])sub-{re.escape(label)}([_/.]|$)", name))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise StudyError(f"{path.name} has over {MOST_BYTES:,} bytes; split it.")
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is not in UTF-8"
        raise StudyError(f"{path.name} cannot be read ({said}); give a CSV or TSV.") from error
