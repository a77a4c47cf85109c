"""Segments, labels, turning points and peaks as files of other annotation programs, with a codebook.

Times are written to the millisecond or finer. Every text is one line without control characters;
what else a format cannot hold is written as the format asks (entities in XML and WebVTT, doubled
quotes in a TextGrid, `_` for spaces in RTTM).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from core.errors import StoreError
from core.export import codebook, eaf, textgrid
from core.export.audb import write_audformat
from core.export.eaf import POINT_MS
from core.export.plain_tiers import write_audacity, write_rttm, write_webvtt
from core.export.points import stored_points
from core.export.pseudonyms import NOTE, Pseudonyms
from core.export.sheets import Point, Sheet, TierKind, sheets
from core.store.store import Store
from core.timeline.turning_points import FALSE_PER_HOUR


class AnnotationFormat(StrEnum):
    """The formats in which tiers are written."""

    EAF = "eaf"
    TEXTGRID = "textgrid"
    AUDACITY = "audacity"
    WEBVTT = "webvtt"
    RTTM = "rttm"
    AUDFORMAT = "audformat"


Writer = Callable[[Sheet, Path], Iterator[tuple[Path, int]]]
_WITH_POINTS: Final = (
    AnnotationFormat.EAF,
    AnnotationFormat.TEXTGRID,
    AnnotationFormat.AUDACITY,
)
_POINTS: Final = str(TierKind.TURNING_POINTS)
_PEAKS: Final = f"{TierKind.PEAKS}: EMOTION"
_ENGINE: Final = "segments of a speaker: the emotion they sound like to the engine"
_TIERS: Final = {
    "engine: SPEAKER": _ENGINE,
    "label: ANNOTATOR": "what a person said of a stretch: one of the nine emotions or an own term; "
    "labels that overlap go on in a tier of the same name with a number",
    "transcript: SPEAKER": "what was said, as imported",
    _POINTS: "where it sounds different to the engine from then on, as points in time; one recording "
    f"of a single emotion would show {FALSE_PER_HOUR:g} an hour by chance with the engine compact; for "
    "other engines that was not measured",
    _PEAKS: "the moments, at most three, at which an emotion's score over 2 s stands out most, with "
    "that score",
}
_HOW: Final = {
    AnnotationFormat.EAF: "a file for each recording, times in whole milliseconds; the vocabulary "
    "`emotions` lists the nine",
    AnnotationFormat.TEXTGRID: "a file for each recording, times in seconds",
    AnnotationFormat.AUDACITY: "a label track for each tier: start, end and text, times in seconds",
    AnnotationFormat.WEBVTT: "a file for each recording; the voice of a cue is its tier",
    AnnotationFormat.RTTM: "who speaks when; of the engine's tiers the speakers alone, spaces in "
    "names written as _, channels from 1",
    AnnotationFormat.AUDFORMAT: "one database of all recordings: tables `files`, `engine`, and "
    "labels-N and transcript-N for each annotator or speaker, named by their raters",
}


def export_annotations(
    store: Store,
    folder: Path,
    kind: AnnotationFormat,
    recording: str | None = None,
    turning_points: Callable[[str], Iterable[Point]] | None = None,
    *,
    pseudonyms: bool = False,
) -> Iterator[tuple[Path, int]]:
    """Writes segments, labels, transcripts and turning points; yields each file with its entries.

    Args:
        store: where they are.
        folder: where the files go; it is made if need be.
        kind: the format.
        recording: only this one, or None for all.
        turning_points: gives turning points and peaks of a recording by its SHA-256; asked only
            where a format has a tier for them. By default they are looked for in the stored tracks.
        pseudonyms: whether all recordings go under pseudonyms; those that have one always do.

    Raises:
        StoreError: there is nothing to export, or the folder cannot be written to.
    """
    points = turning_points or partial(stored_points, store)
    names = Pseudonyms(store, everybody=pseudonyms)
    found = sheets(store, recording, points if kind in _WITH_POINTS else None, names)
    first = next(found)
    made: list[Mapping[str, Any]] = []

    def noted() -> Iterator[Sheet]:
        for sheet in (first, *found):
            made.append({**sheet.made, "file": sheet.stem, "name": sheet.recording.name})
            yield sheet

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if kind is AnnotationFormat.AUDFORMAT:
            yield from write_audformat(noted(), folder)
        else:
            for sheet in noted():
                yield from _WRITERS[kind](sheet, folder)
        files = [
            {key: row[key] for key in ("file", "name", "recording", "run_key", "segmentation")}
            for row in made
        ]
        book = codebook.content(
            pd.DataFrame(made), format=str(kind), how=_HOW[kind], tiers=tiers(kind), files=files
        )
        if any(names.hides(row["recording"]) for row in files):
            book["pseudonyms"] = NOTE
        yield codebook.write(folder, book), len(book["tiers"])
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be written to ({error.strerror}); "
            "check its permissions and free space, or choose another one."
        ) from error


def tiers(kind: AnnotationFormat) -> dict[str, str]:
    """Returns what each tier that a format has means."""
    if kind is AnnotationFormat.RTTM:
        return {"SPEAKER": "a segment of speech, with who speaks"}
    known = dict(_TIERS)
    if kind not in _WITH_POINTS:
        del known[_POINTS], known[_PEAKS]
    elif kind is AnnotationFormat.EAF:
        for name in (_POINTS, _PEAKS):
            known[name] += (
                f"; ELAN has no points: each is drawn {POINT_MS} ms long, its start counts"
            )
    return known


_WRITERS: Final[dict[AnnotationFormat, Writer]] = {
    AnnotationFormat.EAF: eaf.write,
    AnnotationFormat.TEXTGRID: textgrid.write,
    AnnotationFormat.AUDACITY: write_audacity,
    AnnotationFormat.WEBVTT: write_webvtt,
    AnnotationFormat.RTTM: write_rttm,
}
