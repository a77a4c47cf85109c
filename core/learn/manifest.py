"""A manifest of reference labels: which recording, or stretch of it, is said to sound how."""

import csv
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.emotions import EMOTIONS, Emotion
from core.errors import ManifestError
from core.plain import one_line
from core.records import Span

MAX_ROWS = 1_000_000
_TAKEN = ("file", "emotion", "speaker", "start_s", "end_s", "tags")


@dataclass(frozen=True)
class Item:
    """One labelled recording, or a stretch of it.

    Attributes:
        row: its line in the manifest, the header being line 1.
        span: the stretch that the label is about; None for the whole recording.
        tags: of the recording, for figures of parts.
    """

    row: int
    file: Path
    emotion: Emotion
    speaker: str | None
    span: Span | None
    tags: tuple[str, ...] = ()


def read_manifest(
    path: Path,
    mapping: Mapping[str, Emotion | None] | None = None,
    locate: Callable[[str], Path | None] | None = None,
) -> tuple[Item, ...]:
    """Returns the rows of a CSV with the columns `file, emotion[, speaker][, start_s, end_s][, tags]`.

    Tags are split at semicolons. Paths are relative to the manifest; further columns are passed over.

    Args:
        path: of the CSV.
        mapping: what words of another label set stand for; rows of a word that stands for None are
            left out.
        locate: finds the file that a row names, in place of its path; rows without one are left out.

    Raises:
        ManifestError: the file cannot be read, lacks a column or a row, or a row makes no sense.
    """
    words = mapping or {}
    items = []
    for line, given in _rows(path):
        where = f"{path.name}, line {line}"
        if not given["file"]:
            raise ManifestError(
                f"{where}: no file is named; give its path relative to the manifest."
            )
        emotion = words.get(given["emotion"], given["emotion"])
        file = locate(given["file"]) if locate else path.parent / given["file"]
        if emotion is not None and file is not None:
            items.append(_item(where, line, file, emotion, given))
    if not items:
        raise ManifestError(f"{path.name} has no row that can be used; map its labels, or mend it.")
    return tuple(items)


def terms_of_manifest(path: Path) -> dict[str, int]:
    """Returns how often each word stands as a label in a manifest, whatever label set it is of.

    Raises:
        ManifestError: the file cannot be read, or lacks a column or a row.
    """
    return dict(Counter(given["emotion"] for _, given in _rows(path)))


def files_of_manifest(path: Path) -> tuple[str, ...]:
    """Returns each file that a manifest names, once, as it is written there.

    Raises:
        ManifestError: the file cannot be read, or lacks a column or a row.
    """
    return tuple(dict.fromkeys(given["file"] for _, given in _rows(path)))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Returns the last line of each row and what it says in the columns that count."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            for needed in ("file", "emotion"):
                if needed not in columns:
                    raise ManifestError(
                        f"{path.name} has the columns {', '.join(columns)[:200] or 'none'}; it needs "
                        "file and emotion, and may have speaker, start_s and end_s."
                    )
            found = []
            for row in reader:
                found.append((reader.line_num, {k: (row.get(k) or "").strip() for k in _TAKEN}))
                if len(found) > MAX_ROWS:
                    raise ManifestError(f"{path.name} has over {MAX_ROWS:,} rows; split it.")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(
            f"{path.name} cannot be read as a table ({_said(error)}); expected is a CSV in UTF-8."
        ) from error
    if not found:
        raise ManifestError(f"{path.name} has no rows; give one for each labelled recording.")
    return found


def _item(where: str, line: int, file: Path, word: str, given: dict[str, str]) -> Item:
    try:
        emotion = Emotion(word)
    except ValueError as error:
        raise ManifestError(
            f"{where}: {word[:60]!r} is no label that can be compared; use {', '.join(EMOTIONS)}."
        ) from error
    tags = dict.fromkeys(one_line(tag) for tag in given["tags"].split(";"))
    told = tuple(tag for tag in tags if tag)
    return Item(line, file, emotion, given["speaker"] or None, _span(given, where), told)


def _span(given: dict[str, str], where: str) -> Span | None:
    texts = given["start_s"], given["end_s"]
    if texts == ("", ""):
        return None
    try:
        start_s, end_s = (float(text) for text in texts)
    except ValueError as error:
        raise ManifestError(
            f"{where}: start_s and end_s are {texts[0]!r} and {texts[1]!r}; give both as seconds, or "
            "neither for the whole recording."
        ) from error
    if not 0 <= start_s < end_s or not math.isfinite(end_s):
        raise ManifestError(
            f"{where}: the stretch {start_s:g} to {end_s:g} s is empty or reversed; its end must "
            "come after its start, and its start not before 0."
        )
    return Span(start_s, end_s)


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
