"""Files of labels and transcripts: ELAN, Praat TextGrid, Audacity, WebVTT and CSV.

A file is a stranger's. It is bounded, read as plain data, and whatever a parser raises becomes one
sentence; nothing in it is run, fetched or used as a path.
"""

import csv
import io
import math
import re
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import LabelError
from core.plain import one_line

MOST_MB: Final = 32
MOST_INTERVALS: Final = 100_000
MOST_TIERS: Final = 1_000
SUFFIXES: Final = ("eaf", "textgrid", "txt", "csv", "tsv", "vtt")
_FORMATS: Final = "ELAN (.eaf), TextGrid, Audacity labels (.txt), WebVTT (.vtt) or CSV"
_GUARDS: Final = ("=", "+", "-", "@")  # what a spreadsheet may take for a formula


@dataclass(frozen=True)
class Interval:
    """A stretch of time with what a file says of it."""

    start_s: float
    end_s: float
    text: str
    intensity: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class Tier:
    """A row of intervals as a file has it.

    Attributes:
        name: as the file has it, on one line.
        person: who annotated or speaks, where the file says so.
        kind: as the file has it, `emotion`, `transcript` or `engine`, or None.
    """

    name: str
    intervals: tuple[Interval, ...]
    person: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        tiers: those that hold anything.
        left_out: how many entries have no text, or are points in time and not stretches.
    """

    tiers: tuple[Tier, ...]
    left_out: int


def read(name: str, data: bytes) -> Content:
    """Returns what a file of labels holds.

    Args:
        name: of the file, whose suffix says the format.
        data: its bytes.

    Raises:
        LabelError: it is no such file, is damaged, too large, or holds no interval.
    """
    shown = one_line(name, 100)
    suffix = name.lower().rsplit(".", 1)[-1]
    reader = _READERS.get(suffix)
    if reader is None:
        raise LabelError(f"{shown!r} is no file of labels that can be read; give {_FORMATS}.")
    if len(data) > MOST_MB << 20:
        raise LabelError(
            f"{shown!r} has {len(data) / 2**20:.0f} MB, and a file of labels at most {MOST_MB}; "
            "give one with fewer tiers."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # parsers warn of versions that they do not know
            tiers = list(reader(data))
    except LabelError as error:
        raise LabelError(f"{shown!r} cannot be read: {error}") from error
    except Exception as error:
        raise LabelError(
            f"{shown!r} cannot be read as {_KINDS[suffix]} ({type(error).__name__}); open it in the "
            "program that made it, save it again, and try that file."
        ) from error
    return _bounded(shown, tiers)


def _bounded(shown: str, tiers: list[Tier]) -> Content:
    n_read = sum(len(tier.intervals) for tier in tiers)
    if n_read > MOST_INTERVALS or len(tiers) > MOST_TIERS:
        raise LabelError(
            f"{shown!r} holds {n_read:,} intervals in {len(tiers):,} tiers, and at most "
            f"{MOST_INTERVALS:,} in {MOST_TIERS:,} are taken; give a part of it."
        )
    kept, n_kept = [], 0
    for tier in tiers:
        good = tuple(
            Interval(i.start_s, i.end_s, text, i.intensity, i.note)
            for i in tier.intervals
            if (text := one_line(i.text)) and i.end_s > i.start_s
        )
        n_kept += len(good)
        if good:
            kept.append(_told(one_line(tier.name, 120) or "labels", good, tier))
    if not kept:
        raise LabelError(
            f"{shown!r} holds no stretch of time with a text; give a file with at least one."
        )
    return Content(tuple(kept), n_read - n_kept)


def _told(name: str, intervals: tuple[Interval, ...], tier: Tier) -> Tier:
    """Returns a tier with what its name tells where Tonescope wrote it."""
    person, kind = one_line(tier.person or "", 80) or None, tier.kind
    if re.fullmatch(r"(turning points|peaks: [a-z]+)(, channel \d+)?", name):
        kind = "engine"
    ours = re.fullmatch(r"(engine|label|transcript): (.+?)(, channel \d+)?( \(\d+\))?", name)
    if ours:
        kind = {"label": "emotion"}.get(ours[1], ours[1])
        person = person if person and person != name else ours[2]
    return Tier(name, intervals, person, kind)


def _eaf(data: bytes) -> Iterable[Tier]:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise LabelError("it declares entities, which ELAN never does; save it anew in ELAN.")
    from pympi.Elan import Eaf

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.eaf"
        path.write_bytes(data)
        found = Eaf(str(path), suppress_version_warning=True)
    for name in found.get_tier_names():
        about = found.get_parameters_for_tier(name)
        if about.get("PARENT_REF") and found.tiers[name][1]:
            rows = found.get_ref_annotation_data_for_tier(name)
        else:
            aligned, slots = found.tiers[name][0].values(), found.timeslots
            rows = [(slots[a], slots[b], text) for a, b, text, _ in aligned]
        timed = [Interval(r[0] / 1000, r[1] / 1000, r[2]) for r in rows if None not in r[:2]]
        untimed = [Interval(0.0, 0.0, r[2]) for r in rows if None in r[:2]]
        person = about.get("ANNOTATOR") or about.get("PARTICIPANT")
        kind = about.get("LINGUISTIC_TYPE_REF", "").lower()
        yield Tier(name, (*timed, *untimed), person, kind if kind in _KIND_NAMES else None)


_TOKEN: Final = re.compile(
    r'"((?:[^"]|"")*)"|(?<!\S)(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\S)|(?<!\S)!.*'
)


def _textgrid(data: bytes) -> Iterable[Tier]:
    """Reads the long and the short form.

    praatio splits the long form at words such as `item [`, also where they stand in a label, so the
    rule of the format is followed here: strings in quotes and numbers that stand free count.

    Source: Praat manual, TextGrid file formats,
        https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
    """
    found = (m for m in _TOKEN.finditer(_text(data)) if m[1] is not None or m[2] is not None)

    def text() -> str:
        return str(next(found)[1]).replace('""', '"')

    def number() -> float:
        return float(next(found)[2])

    if (text(), text()) != ("ooTextFile", "TextGrid"):
        raise LabelError("it does not begin as a TextGrid saved as text; save it so in Praat.")
    number(), number()
    for _ in range(int(number())):
        kind, name = text(), text()
        number(), number()
        rows = []
        for _ in range(int(number())):
            start_s = number()
            end_s = number() if kind == "IntervalTier" else start_s
            said = text()
            if said.strip():  # between labels a tier has stretches without text
                rows.append(Interval(start_s, end_s, said))
        yield Tier(name, tuple(rows))


def _audacity(data: bytes) -> Iterable[Tier]:
    rows = []
    for number, line in enumerate(_text(data).splitlines(), 1):
        if not line.strip() or line.startswith("\\"):  # the frequencies of the label above
            continue
        parts = line.split("\t")
        if len(parts) < 2:
            raise LabelError(f"line {number} has no tab between start and end, as Audacity writes.")
        text = parts[2] if len(parts) > 2 else ""
        rows.append(Interval(_seconds(parts[0], number), _seconds(parts[1], number), text))
    yield Tier("labels", tuple(rows))


def _webvtt(data: bytes) -> Iterable[Tier]:
    import webvtt

    text = _text(data)
    if not text.startswith("WEBVTT"):
        raise LabelError("it does not begin with WEBVTT, as every such file does.")
    voices: dict[str, list[Interval]] = defaultdict(list)
    for cue in webvtt.from_string(text).captions:
        row = Interval(_seconds(cue.start, 0), _seconds(cue.end, 0), _unescaped(cue.text))
        voices[_unescaped(cue.voice or "")].append(row)
    for voice, rows in voices.items():
        yield Tier(voice or "transcript", tuple(rows), voice or None, "transcript")


def _unescaped(text: str) -> str:
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def _csv(data: bytes) -> Iterable[Tier]:
    text = _text(data)
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    names = {_column(name): name for name in rows.fieldnames or () if name}
    lacking = [name for name in ("start_s", "end_s", "term") if name not in names]
    if lacking:
        raise LabelError(
            f"it has no column {', '.join(lacking)}; name columns start_s, end_s and label, and "
            "if you like intensity, note, annotator and tier."
        )
    tiers: dict[tuple[str, str, str], list[Interval]] = defaultdict(list)
    for number, row in enumerate(rows, 2):

        def cell(name: str, row: dict[str, str | None] = row) -> str:
            return _unguarded(row.get(names.get(name, "")) or "")

        interval = Interval(
            _seconds(cell("start_s"), number),
            _seconds(cell("end_s"), number),
            cell("term"),
            _number(cell("intensity"), number) if cell("intensity").strip() else None,
            cell("note") or None,
        )
        tiers[cell("tier"), cell("annotator"), cell("kind").lower()].append(interval)
    for (tier, person, kind), found in tiers.items():
        known = next((k for k in (kind, tier.lower()) if k in _KIND_NAMES), None)
        yield Tier(tier or person or "labels", tuple(found), person or None, known)


_KIND_NAMES: Final = ("emotion", "transcript")
_COLUMNS: Final = {
    "start_s": ("start_s", "start", "begin", "onset", "starttime", "start_time", "from"),
    "end_s": ("end_s", "end", "stop", "offset", "endtime", "end_time", "to"),
    "term": ("term", "label", "emotion", "text", "value", "annotation", "transcript"),
    "intensity": ("intensity", "strength"),
    "note": ("note", "notes", "comment"),
    "annotator": ("annotator", "rater", "coder", "speaker"),
    "tier": ("tier", "layer"),
    "kind": ("kind",),
}


def _column(name: str) -> str:
    plain = name.strip().lower().replace(" ", "_")
    return next((ours for ours, theirs in _COLUMNS.items() if plain in theirs), plain)


def _unguarded(cell: str) -> str:
    """Returns a cell without the sign that keeps a spreadsheet from taking it for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _GUARDS else cell


def _text(data: bytes) -> str:
    """Returns bytes as text: UTF-16 where they begin so, else UTF-8, else Windows-1252."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _number(text: str, line: int) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LabelError(f"line {line} has {one_line(text, 40)!r} where a number should stand.")
    return value


def _seconds(text: str, line: int) -> float:
    """Returns a time given in seconds, or as hours, minutes and seconds with colons."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + _number(part, line)
    return seconds


_READERS: Final[dict[str, Callable[[bytes], Iterable[Tier]]]] = {
    "eaf": _eaf,
    "textgrid": _textgrid,
    "txt": _audacity,
    "csv": _csv,
    "tsv": _csv,
    "vtt": _webvtt,
}
_KINDS: Final = {
    "eaf": "an ELAN file",
    "textgrid": "a TextGrid",
    "txt": "a label track of Audacity",
    "csv": "CSV",
    "tsv": "CSV",
    "vtt": "WebVTT",
}
