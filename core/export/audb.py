"""Tiers as a database in audformat."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from core.emotions import EMOTIONS
from core.engines.published import licence_of
from core.export.sheets import POINTS, Item, Sheet, TierKind
from core.store.store import kept_path
from core.version import VERSION

_ABOUT = (
    "How recordings sound to an engine, and what people say of them. The audio is not part of it."
)


@dataclass(frozen=True)
class _Row:
    file: str
    person: str
    item: Item


def write_audformat(sheets: Iterable[Sheet], folder: Path) -> Iterator[tuple[Path, int]]:
    """Writes one database of all sheets; yields each file with its number of rows.

    Points in time are left out, as audformat has segments alone. A table of it takes a stretch of a
    file once, so what else is said of the same stretch goes on in a further table.
    """
    import audformat

    files: dict[str, dict[str, Any]] = {}
    rows: dict[tuple[TierKind, str, str], list[_Row]] = defaultdict(list)
    engines = set()
    for sheet in sheets:
        known = sheet.recording
        file = kept_path(known.recording, PurePosixPath(known.name).suffix)
        files[file] = {
            "name": known.name,
            "session": known.session,
            "speaker": known.speaker,
            "duration": known.duration_s,
        }
        engines.add(str(sheet.made["engine_id"]))
        for tier in sheet.tiers:
            who = "" if tier.kind is TierKind.ENGINE else tier.person
            where = "" if tier.channel is None else f"-channel{tier.channel}"
            rows[tier.kind, who, where] += [_Row(file, tier.person, item) for item in tier.items]
    database = audformat.Database(
        "tonescope",
        source=f"Tonescope {VERSION}",
        usage=audformat.define.Usage.RESEARCH,
        description=_ABOUT,
        meta={"engines": {engine: licence_of(engine) for engine in sorted(engines)}},
    )
    _add_schemes(database)
    _add_files(database, files)
    counts = {"files": len(files)}
    for name, rater, kind, mine in _tables(rows):
        what = ", ".join(sorted(engines)) if kind is TierKind.ENGINE else mine[0].person
        sort = "machine" if kind is TierKind.ENGINE else "human"
        database.raters[rater] = audformat.Rater(sort, description=what)
        _add_table(database, name, rater, mine, _VALUES[kind](mine))
        counts[name] = len(mine)
    database.save(str(folder), storage_format="parquet")
    yield folder / "db.yaml", len(counts)
    for name, count in counts.items():
        yield folder / f"db.{name}.parquet", count


def _tables(
    rows: Mapping[tuple[TierKind, str, str], list[_Row]],
) -> Iterator[tuple[str, str, TierKind, list[_Row]]]:
    """Yields name, rater, kind and rows of each table; no stretch stands twice in one."""
    people: dict[TierKind, dict[str, int]] = defaultdict(dict)
    for (kind, person, where), mine in sorted(rows.items()):
        if kind in POINTS:
            continue
        numbers = people[kind]
        number = numbers.setdefault(person, len(numbers))
        rater = "engine" if kind is TierKind.ENGINE else f"{_STEMS[kind]}-{number}"
        seen: dict[tuple[str, float, float], int] = defaultdict(int)
        parts: dict[int, list[_Row]] = defaultdict(list)
        for row in mine:
            key = (row.file, row.item.start_s, row.item.end_s)
            seen[key] += 1
            parts[seen[key]].append(row)
        for part, found in parts.items():
            yield f"{rater}{where}" + ("" if part == 1 else f"-{part}"), rater, kind, found


_STEMS: Final = {TierKind.LABEL: "labels", TierKind.TRANSCRIPT: "transcript"}
_VALUES: Final[dict[TierKind, Callable[[list[_Row]], dict[str, list[Any]]]]] = {
    TierKind.ENGINE: lambda rows: {
        "emotion": [row.item.text for row in rows],
        "confidence": [row.item.confidence for row in rows],
        "speaker": [row.person for row in rows],
    },
    TierKind.LABEL: lambda rows: {
        "term": [row.item.text for row in rows],
        "intensity": [row.item.label.intensity if row.item.label else None for row in rows],
        "note": [row.item.label.note if row.item.label else None for row in rows],
    },
    TierKind.TRANSCRIPT: lambda rows: {"text": [row.item.text for row in rows]},
}


def _add_schemes(database: Any) -> None:
    import audformat

    names = [str(emotion) for emotion in EMOTIONS]
    database.schemes["emotion"] = audformat.Scheme(labels=names, description="how it sounds")
    database.schemes["confidence"] = audformat.Scheme(
        "float", minimum=0, maximum=1, description="calibrated by region width; none over 10 s"
    )
    database.schemes["intensity"] = audformat.Scheme("float", minimum=0, maximum=1)
    database.schemes["duration"] = audformat.Scheme("float", description="seconds")
    about = {
        "term": "one of the nine emotions, or a word of the annotator's own",
        "text": "what was said",
        "note": "note of the annotator",
        "speaker": "who speaks",
        "session": "session, as given by the user",
        "name": "file name as it came in",
    }
    for name, meaning in about.items():
        database.schemes[name] = audformat.Scheme("str", description=meaning)


def _add_files(database: Any, files: Mapping[str, Mapping[str, Any]]) -> None:
    import audformat

    table = database["files"] = audformat.Table(audformat.filewise_index(list(files)))
    for column in ("name", "session", "speaker", "duration"):
        table[column] = audformat.Column(scheme_id=column)
        table[column].set([about[column] for about in files.values()])


def _add_table(
    database: Any, name: str, rater: str, rows: list[_Row], values: dict[str, list[Any]]
) -> None:
    import audformat
    import pandas as pd

    index = audformat.segmented_index(
        [row.file for row in rows],
        [pd.Timedelta(round(row.item.start_s * 1e6), "us") for row in rows],
        [pd.Timedelta(round(row.item.end_s * 1e6), "us") for row in rows],
    )
    table = database[name] = audformat.Table(index)
    for column, found in values.items():
        table[column] = audformat.Column(scheme_id=column, rater_id=rater)
        table[column].set(found)
