"""What is said of a recording as tiers over time, before any format: by the engine and by people."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import pandas as pd
import pyarrow.compute as pc

from core.errors import StoreError
from core.export.pseudonyms import Pseudonyms
from core.labels import history
from core.labels.records import Kind, Label
from core.plain import file_stem, one_line
from core.records import Recording
from core.store import consent
from core.store.consent import Use
from core.store.corpus import newest_runs
from core.store.rows import MIX
from core.store.store import Store


class TierKind(StrEnum):
    """Who says what a tier holds, and of what."""

    ENGINE = "engine"
    LABEL = "label"
    TRANSCRIPT = "transcript"
    TURNING_POINTS = "turning points"
    PEAKS = "peaks"


POINTS: Final = frozenset({TierKind.TURNING_POINTS, TierKind.PEAKS})


@dataclass(frozen=True)
class Point:
    """A turning point or a peak of a recording, or of one of its channels.

    Attributes:
        tier: the name of its tier.
    """

    time_s: float
    text: str
    channel: int | None = None
    kind: TierKind = TierKind.TURNING_POINTS
    tier: str = str(TierKind.TURNING_POINTS)


@dataclass(frozen=True)
class Item:
    """A stretch of a tier; a point where it ends as it starts.

    Attributes:
        confidence: of the engine, calibrated, or None.
        label: what a person said, in full, or None.
    """

    start_s: float
    end_s: float
    text: str
    confidence: float | None = None
    label: Label | None = None


@dataclass(frozen=True)
class SheetTier:
    """A row of stretches of which no two overlap.

    Attributes:
        name: unique on its sheet, on one line.
        person: the speaker, or the annotator.
        channel: from 0, or None for all.
    """

    name: str
    kind: TierKind
    person: str
    items: tuple[Item, ...]
    channel: int | None = None


@dataclass(frozen=True)
class Sheet:
    """All tiers of a recording.

    Attributes:
        stem: begins the names of its files; unique in an export.
        made: what made the engine's tiers: engine, weights, settings.
    """

    recording: Recording
    stem: str
    tiers: tuple[SheetTier, ...]
    made: Mapping[str, Any]


def sheets(
    store: Store,
    recording: str | None = None,
    turning_points: Callable[[str], Iterable[Point]] | None = None,
    names: Pseudonyms | None = None,
) -> Iterator[Sheet]:
    """Yields the sheet of each recording; of the engine's results the newest analysis counts.

    Args:
        store: where results and labels are.
        recording: only this one, by its SHA-256 or the first digits of it, or None for all.
        turning_points: gives those of a recording, by its SHA-256.
        names: which recordings go under pseudonyms; by default those that have one.

    Raises:
        StoreError: there is nothing to export.
    """
    wanted = None if recording is None else store.recording(recording).recording
    if wanted is not None:
        consent.check(store, wanted, Use.PUBLISH)
    runs = newest_runs(store, wanted)
    runs = runs[~runs["recording"].isin(consent.withheld(store, Use.PUBLISH))]
    if runs.empty:
        raise StoreError("The store holds nothing to export; analyse a recording first.")
    names = names or Pseudonyms(store)
    for name, mine in runs.groupby("recording", sort=False):
        points = () if turning_points is None else turning_points(str(name))
        yield _sheet(store, str(name), mine, points, names)


def made(store: Store, runs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Returns the settings of runs: a row for each, with engine, windows and segmentation."""
    rows = pd.DataFrame(list(runs))[["recording", "channel", "track_key", "run_key"]]
    track = ["recording", "channel", "track_key", "engine_id", "precision", "windowing"]
    track += ["conditioning", "versions"]
    tracks = store.lake.read("tracks", columns=track).to_pandas()
    run = ["recording", "channel", "run_key", "segmentation"]
    settings = store.lake.read("runs", columns=run).to_pandas()
    rows = rows.merge(tracks, on=["recording", "channel", "track_key"])
    return rows.merge(settings, on=["recording", "channel", "run_key"])


def _sheet(
    store: Store, recording: str, runs: pd.DataFrame, points: Iterable[Point], names: Pseudonyms
) -> Sheet:
    known = store.recording(recording)
    rows = [{str(key): value for key, value in row.items()} for row in runs.to_dict("records")]
    settings = {str(key): value for key, value in made(store, rows).iloc[0].items()}
    tiers: dict[tuple[TierKind, str, int | None], list[Item]] = defaultdict(list)
    for row in rows:
        channel = None if row["channel"] == MIX else int(row["channel"])
        for person, item in _segments(store, row, known, names):
            tiers[TierKind.ENGINE, person, channel].append(item)
    known = names.recording(known)
    for label in names.labels(history.of(store, recording)):
        kind = TierKind.TRANSCRIPT if label.kind is Kind.TRANSCRIPT else TierKind.LABEL
        item = Item(label.start_s, label.end_s, label.term, label=label)
        tiers[kind, label.annotator, label.channel].append(item)
    found = [tier for key, items in tiers.items() for tier in _layers(key, items)]
    marks: dict[tuple[TierKind, str, int | None], list[Item]] = defaultdict(list)
    for point in sorted(points, key=lambda point: point.time_s):
        mark = Item(point.time_s, point.time_s, one_line(point.text))
        marks[point.kind, point.tier, point.channel].append(mark)
    for (kind, name, where), items in marks.items():
        found.append(SheetTier(f"{name}{_channel(where)}", kind, "engine", tuple(items), where))
    stem = f"{file_stem(known.name)}_{recording[:8]}"
    return Sheet(known, stem, tuple(_unique(found)), settings)


def _segments(
    store: Store, run: Mapping[str, Any], known: Recording, names: Pseudonyms
) -> Iterator[tuple[str, Item]]:
    """Yields the segments of a run, each with its speaker."""
    columns = ["segment", "start_s", "end_s", "speaker", "emotion", "confidence"]
    mine = pc.field("attempt") == run["attempt"]
    for row in store.lake.read("segments", columns, mine).sort_by("segment").to_pylist():
        said = row["speaker"] or known.speaker
        if names.hides(known.recording):
            said = names.person(said, known.recording)
        speaker = one_line(said or "", 80) or "speaker"
        yield speaker, Item(row["start_s"], row["end_s"], row["emotion"], row["confidence"])


def _layers(key: tuple[TierKind, str, int | None], items: Sequence[Item]) -> Iterator[SheetTier]:
    """Yields tiers without overlaps: as few as will do."""
    kind, person, channel = key
    layers: list[list[Item]] = []
    for item in sorted(items, key=lambda item: (item.start_s, item.end_s)):
        free = next((row for row in layers if row[-1].end_s <= item.start_s + 5e-7), None)
        if free is None:
            layers.append([item])
        else:
            free.append(item)
    for row in layers:
        yield SheetTier(f"{kind}: {person}{_channel(channel)}", kind, person, tuple(row), channel)


def _channel(channel: int | None) -> str:
    return "" if channel is None else f", channel {channel}"


def _unique(tiers: Iterable[SheetTier]) -> Iterator[SheetTier]:
    seen: dict[str, int] = defaultdict(int)
    for tier in tiers:
        seen[tier.name] += 1
        number = seen[tier.name]
        name = tier.name if number == 1 else f"{tier.name} ({number})"
        yield SheetTier(name, tier.kind, tier.person, tier.items, tier.channel)
